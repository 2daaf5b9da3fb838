/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "namespaces/idrange.h"

#include <ctype.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "runtime/base/fd.h"
#include "runtime/base/file.h"
#include "runtime/base/text.h"

/*
 * A line: the holder's name, blanks, a newline; a free one is blank. Four lines share a disk sector and none crosses
 * one. The file grows by whole chunks, so that taking a range is nearly always one write within the file, which
 * fdatasync(2) brings to disk without a journal's commit (0.1 ms instead of several).
 */
#define LINE_BYTES  (IDRANGE_HOLDER_BYTES + 1)
#define LINES_TOTAL ((IDRANGE_END - IDRANGE_FIRST) / IDRANGE_SIZE)
#define CHUNK_LINES 64

_Static_assert(512 % LINE_BYTES == 0, "a line must not cross a disk sector");

struct table {
	int fd; /* open and locked */
	char *lines;
	size_t count;
};

static void table_close(struct table *table)
{
	scope_fd(&table->fd);
	free(table->lines);
}
#define CLEANUP_TABLE CLEANUP(table_close)

static int line_write(const struct table *table, size_t line, const char *holder, bool durably, const char *file,
		      struct err *err)
{
	char words[LINE_BYTES];

	memset(words, ' ', sizeof(words));
	memcpy(words, holder, strlen(holder)); /* a line, no string: NOLINT(bugprone-not-null-terminated-result) */
	words[LINE_BYTES - 1] = '\n';
	if (pwrite(table->fd, words, sizeof(words), (off_t)(line * LINE_BYTES)) != (ssize_t)sizeof(words))
		return err_set(err, errno ? errno : EIO, "writing '%s'", file);
	if (durably && fdatasync(table->fd) < 0)
		return err_set(err, errno, "writing '%s'", file);
	return 0;
}

static bool line_is(const struct table *table, size_t line, const char *holder)
{
	const char *words = table->lines + line * LINE_BYTES;
	size_t len = strlen(holder);

	return memcmp(words, holder, len) == 0 && (words[len] == ' ' || words[len] == '\n');
}

static bool line_is_free(const struct table *table, size_t line)
{
	return table->lines[line * LINE_BYTES] == ' ';
}

/* The name in a line, its blanks cut off. */
static void line_holder(const struct table *table, size_t line, char to[static LINE_BYTES])
{
	memcpy(to, table->lines + line * LINE_BYTES, LINE_BYTES);
	to[strcspn(to, " \n")] = '\0';
}

/* A file that a crash cut short ends with an incomplete chunk, which was never used: only whole lines count. */
static int table_read(struct table *table, const char *file, struct err *err)
{
	struct stat info;
	size_t bytes;

	if (fstat(table->fd, &info) < 0)
		return err_set(err, errno, "'%s'", file);
	table->count = (size_t)info.st_size / LINE_BYTES;
	if (!S_ISREG(info.st_mode) || table->count > LINES_TOTAL)
		return err_say(err, EINVAL, "'%s' is not a table of id ranges", file);
	bytes = table->count * LINE_BYTES;
	table->lines = malloc(bytes + 1);
	if (!table->lines)
		return err_set(err, ENOMEM, "'%s'", file);
	if (pread(table->fd, table->lines, bytes, 0) != (ssize_t)bytes)
		return err_set(err, errno ? errno : EIO, "reading '%s'", file);
	for (size_t line = 0; line < table->count; line++)
		if (table->lines[line * LINE_BYTES + LINE_BYTES - 1] != '\n')
			return err_say(err, EINVAL, "'%s' is damaged at line %zu", file, line + 1);
	return 0;
}

static int table_open(struct table *ret, const char *file, int open_flags, int lock, struct err *err)
{
	CLEANUP_TABLE struct table table = {.fd = open(file, open_flags | O_CLOEXEC | O_NOFOLLOW, 0600)};
	int r;

	if (table.fd < 0)
		return errno == ENOENT && !(open_flags & O_CREAT) ? -ENOENT : err_set(err, errno, "open '%s'", file);
	while (flock(table.fd, lock) < 0)
		if (errno != EINTR)
			return err_set(err, errno, "locking '%s'", file);
	r = table_read(&table, file, err);
	if (r < 0)
		return r;
	*ret = table;
	table = (struct table){.fd = -1};
	return 0;
}

static uint32_t base_of(size_t line)
{
	return IDRANGE_FIRST + (uint32_t)line * IDRANGE_SIZE;
}

static void fill_line(struct table *table, size_t line, const struct idrange_witness *witness)
{
	const char *holder = witness ? witness->holder_of(base_of(line), witness->context) : NULL;
	char *words = table->lines + line * LINE_BYTES;

	memset(words, ' ', LINE_BYTES);
	words[LINE_BYTES - 1] = '\n';
	if (holder && strlen(holder) <= IDRANGE_HOLDER_BYTES)
		for (size_t i = 0; holder[i]; i++)
			words[i] = holder[i];
}

/* Adds a chunk of lines, free as far as anybody knows. The whole of it is durable before any line of it is used. */
static int table_grow(struct table *table, const char *file, const struct idrange_witness *witness, struct err *err)
{
	size_t count = table->count + CHUNK_LINES < LINES_TOTAL ? table->count + CHUNK_LINES : LINES_TOTAL;
	char *lines = realloc(table->lines, count * LINE_BYTES + 1);

	if (!lines)
		return err_set(err, ENOMEM, "'%s'", file);
	table->lines = lines;
	for (size_t line = table->count; line < count; line++)
		fill_line(table, line, witness);
	if (lseek(table->fd, (off_t)(table->count * LINE_BYTES), SEEK_SET) < 0)
		return err_set(err, errno, "writing '%s'", file);
	if (fd_write_all(table->fd, lines + table->count * LINE_BYTES, (count - table->count) * LINE_BYTES) < 0 ||
	    fsync(table->fd) < 0)
		return err_set(err, errno, "writing '%s'", file);
	table->count = count;
	return 0;
}

static int check_holder(const char *holder, struct err *err)
{
	size_t len = strlen(holder);

	for (size_t i = 0; i < len; i++)
		if (!isgraph((unsigned char)holder[i]))
			len = 0;
	if (len == 0 || len > IDRANGE_HOLDER_BYTES)
		return err_say(err, EINVAL, "the name of an id range's holder must have 1 to %d printable characters",
			       IDRANGE_HOLDER_BYTES);
	return 0;
}

/* The holder's line, or the first free one; the table's count when there is neither. */
static size_t find_line(const struct table *table, const char *holder)
{
	size_t free_line = table->count;

	for (size_t line = 0; line < table->count; line++) {
		if (line_is(table, line, holder))
			return line;
		if (free_line == table->count && line_is_free(table, line))
			free_line = line;
	}
	return free_line;
}

int idrange_take(const char *file, const char *holder, enum file_durability durability,
		 const struct idrange_witness *witness, uint32_t *ret_base, struct err *err)
{
	CLEANUP_TABLE struct table table = {.fd = -1};
	size_t line = 0;
	int r = check_holder(holder, err);

	if (r == 0)
		r = table_open(&table, file, O_RDWR | O_CREAT, LOCK_EX, err);
	while (r == 0 && (line = find_line(&table, holder)) == table.count) {
		if (line == LINES_TOTAL)
			return err_say(err, ENOSPC, "all %u ranges of ids are held", LINES_TOTAL);
		r = table_grow(&table, file, witness, err);
	}
	if (r == 0 && line_is_free(&table, line))
		r = line_write(&table, line, holder, durability == FILE_DURABLE, file, err);
	if (r == 0)
		*ret_base = base_of(line);
	return r;
}

int idrange_find(const char *file, const char *holder, uint32_t *ret_base, struct err *err)
{
	CLEANUP_TABLE struct table table = {.fd = -1};
	int r = check_holder(holder, err);

	if (r == 0)
		r = table_open(&table, file, O_RDONLY, LOCK_SH, err);
	if (r < 0)
		return r;
	for (size_t line = 0; line < table.count; line++)
		if (line_is(&table, line, holder)) {
			*ret_base = base_of(line);
			return 0;
		}
	return -ENOENT;
}

static bool is_not(const char *holder, void *context)
{
	return strcmp(holder, context) != 0;
}

int idrange_release(const char *file, const char *holder, struct err *err)
{
	char name[LINE_BYTES];
	int r = check_holder(holder, err);

	if (r < 0)
		return r;
	(void)text_copy(name, sizeof(name), holder);
	r = idrange_collect(file, is_not, name, err);
	return r < 0 ? r : 0;
}

/* Not brought to disk: a range that comes back after a power loss as still held is found by the next collection. */
int idrange_collect(const char *file, bool (*is_held)(const char *holder, void *context), void *context,
		    struct err *err)
{
	CLEANUP_TABLE struct table table = {.fd = -1};
	char holder[LINE_BYTES];
	int freed = 0;
	int r = table_open(&table, file, O_RDWR, LOCK_EX, err);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	for (size_t line = 0; line < table.count; line++) {
		if (line_is_free(&table, line))
			continue;
		line_holder(&table, line, holder);
		if (is_held(holder, context))
			continue;
		r = line_write(&table, line, "", false, file, err);
		if (r < 0)
			return r;
		freed++;
	}
	return freed;
}

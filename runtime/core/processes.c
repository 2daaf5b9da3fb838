// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/core/processes.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/base/file.h"
#include "runtime/spec/field_rows.h"

#define PROC_MAX_BYTES	  ((size_t)64 << 10)
#define COMMAND_MAX_BYTES ((size_t)4 << 10) /* a command line may be longer: then it is cut */
#define MAP_MAX_RANGES	  340		    /* the kernel's own bound */

/* --- /proc/PID ---------------------------------------------------------------------------------------------------- */

/* The words behind "NAME:" in a file of such lines. */
static const char *line_of(const char *file, const char *name)
{
	size_t len = strlen(name);

	for (const char *line = file; line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL)
		if (strncmp(line, name, len) == 0 && line[len] == ':')
			return line + len + 1;
	return NULL;
}

/*
 * What the process's own user namespace calls a user of ours: "inside outside count" a line. Whoever is in none stays.
 */
static uint32_t uid_inside(int folder, uint32_t uid)
{
	char map[4096], *at = map;
	uint32_t inside, outside, count;

	if (file_read_line(folder, "uid_map", map, sizeof(map)) < 0)
		return uid;
	for (int used = 0, i = 0; i < MAP_MAX_RANGES && sscanf(at, " %" SCNu32 " %" SCNu32 " %" SCNu32 "%n", &inside,
							       &outside, &count, &used) == 3;
	     at += used, i++)
		if (uid >= outside && uid - outside < count)
			return uid - outside + inside;
	return uid;
}

static int read_status(struct arena *arena, int folder, struct process_row *ret)
{
	const char *uid, *numbers;
	size_t len;
	char *file;
	struct err ignored = ERR_INIT;

	if (file_read(arena, folder, "status", PROC_MAX_BYTES, &file, &len, &ignored) < 0)
		return -ESRCH;
	uid = line_of(file, "Uid");
	numbers = line_of(file, "NSpid");
	if (!uid || !numbers || sscanf(uid, "%" SCNu32, &ret->uid) != 1)
		return -ESRCH;
	ret->uid = uid_inside(folder, ret->uid);
	for (int used = 0; sscanf(numbers, "%" SCNu32 "%n", &ret->pid, &used) == 1 && numbers[used] == '\t';)
		numbers += used;
	return 0;
}

/* Fields 14 and 15 of stat: behind the program's name, which may hold anything but is the last in parentheses. */
static int read_time(int folder, struct process_row *ret)
{
	char line[1024];
	const char *fields;
	uint64_t user, system;

	if (file_read_line(folder, "stat", line, sizeof(line)) < 0 || !(fields = strrchr(line, ')')))
		return -ESRCH;
	if (sscanf(fields + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %" SCNu64 " %" SCNu64, &user, &system) !=
	    2)
		return -ESRCH;
	ret->cpu_seconds = (user + system) / (uint64_t)sysconf(_SC_CLK_TCK);
	return 0;
}

/* The arguments with spaces between; a process without any (a zombie) is called by its name. */
static int read_command(struct arena *arena, int folder, struct process_row *ret)
{
	char words[COMMAND_MAX_BYTES], name[32];
	CLEANUP_FD int fd = openat(folder, "cmdline", O_RDONLY | O_CLOEXEC);
	ssize_t len = fd < 0 ? -1 : read(fd, words, sizeof(words));

	if (len < 0)
		return -ESRCH;
	while (len > 0 && !words[len - 1])
		len--;
	for (ssize_t i = 0; i < len; i++)
		words[i] = words[i] ? words[i] : ' ';
	ret->command = arena_strndup(arena, words, (size_t)len);
	if (len > 0)
		return 0;
	if (file_read_line(folder, "comm", name, sizeof(name)) < 0)
		return -ESRCH;
	ret->command = arena_printf(arena, "[%s]", name);
	return 0;
}

/* -ESRCH when it has ended meanwhile. The descriptor is the same process's to the end. */
static int read_process(struct arena *arena, pid_t pid, struct process_row *ret)
{
	char path[32];
	struct err ignored = ERR_INIT;

	(void)snprintf(path, sizeof(path), "/proc/%d", pid);
	CLEANUP_FD int folder = file_open_dir(AT_FDCWD, path, &ignored);

	*ret = (struct process_row){.host_pid = pid};
	if (folder < 0 || read_status(arena, folder, ret) < 0 || read_time(folder, ret) < 0 ||
	    read_command(arena, folder, ret) < 0)
		return -ESRCH;
	return 0;
}

int processes_read(struct arena *arena, const pid_t *pids, size_t count, process_rows *ret, struct err *err)
{
	*ret = (process_rows){0};
	for (size_t i = 0; i < count; i++) {
		struct process_row process, *row;

		if (read_process(arena, pids[i], &process) < 0)
			continue;
		row = LIST_ADD(arena, ret);
		if (!row)
			return arena_check(arena, err);
		*row = process;
	}
	return arena_check(arena, err);
}

/* --- Whose numbers they are --------------------------------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
	pid_t left = *(const pid_t *)a, right = *(const pid_t *)b;

	return (left > right) - (left < right);
}

bool processes_have(const pid_t *pids, size_t count, pid_t pid)
{
	return count > 0 && bsearch(&pid, pids, count, sizeof(*pids), compare);
}

size_t processes_in_both(pid_t *pids, size_t count, pid_t *later, size_t later_count)
{
	size_t kept = 0;

	if (count == 0 || later_count == 0)
		return 0;
	qsort(pids, count, sizeof(*pids), compare);
	qsort(later, later_count, sizeof(*later), compare);
	for (size_t i = 0; i < count; i++)
		if (processes_have(later, later_count, pids[i]))
			pids[kept++] = pids[i];
	return kept;
}

/* --- As lines ----------------------------------------------------------------------------------------------------- */

#define TYPE struct process_row
static const struct field process_fields[] = {
	ROW("uid", FIELD_U32, uid, REQUIRED),
	ROW("pid", FIELD_U32, pid, REQUIRED),
	ROW("cpuSeconds", FIELD_U64, cpu_seconds, REQUIRED),
	ROW("command", FIELD_STRING, command, REQUIRED),
};
TABLE(process_table, process_fields);
#undef TYPE

void processes_write(const process_rows *rows, struct text *out)
{
	for (size_t i = 0; i < rows->count; i++) {
		struct json_writer writer = {.out = out};

		fields_write(&writer, NULL, &process_table, &rows->items[i]);
		text_add(out, "\n");
	}
}

int processes_parse(struct arena *arena, char *lines, process_rows *ret, struct err *err)
{
	const struct field_reading reading = {.arena = arena, .refuse_unknown = true};
	char *rest = NULL;

	*ret = (process_rows){0};
	for (char *line; (line = strtok_r(lines, "\n", &rest)); lines = NULL) {
		struct process_row *row = LIST_ADD(arena, ret);
		const struct json *document;
		int result = row ? json_parse(arena, line, strlen(line), "a process", &document, err)
				 : arena_check(arena, err);

		if (result >= 0)
			result = fields_read(&reading, &process_table, document, row, err);
		if (result < 0)
			return result;
	}
	return 0;
}

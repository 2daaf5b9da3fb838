/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime/base/file.h"

#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/base/text.h"

/* Where the size is not known: most of that is a line of the kernel's. */
#define READ_FIRST_BYTES 2048
/* How often a lock file may be removed under us before we give up. */
#define LOCK_TRIES 1000
#define TEMP_TRIES 100

/* --- reading --- */

/*
 * Reads to the end. Not into an arena, which cannot give back what a growing buffer leaves behind: the size of a pipe
 * or a proc file is not known before. 0, -EFBIG with more than max_bytes, or the error.
 */
static int read_to_end(int fd, size_t size_hint, size_t max_bytes, struct text *to)
{
	/* One byte more than there should be: where that stays free, it is all. */
	size_t room = size_hint < READ_FIRST_BYTES ? READ_FIRST_BYTES : size_hint + 1;

	to->max_bytes = max_bytes + 1;
	for (;;) {
		char *end;
		ssize_t n;

		if (room > to->max_bytes - to->len)
			room = to->max_bytes - to->len;
		end = text_room(to, room);
		if (!end)
			return -ENOMEM;
		n = read(fd, end, room);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : 0;
		text_grow(to, (size_t)n);
		if (to->len > max_bytes)
			return -EFBIG;
		room = room > (size_t)n ? room - (size_t)n : to->len;
	}
}

int file_read_fd(struct arena *arena, int fd, const char *what, size_t max_bytes, char **ret_data, size_t *ret_len,
		 struct err *err)
{
	CLEANUP_TEXT struct text all = TEXT_INIT;
	struct stat st;
	char *copy;
	int r;

	if (max_bytes > SSIZE_MAX / 4)
		return err_say(err, EINVAL, "read '%s': a bound of %zu bytes is none", what, max_bytes);
	if (fstat(fd, &st) < 0)
		return err_set(err, errno, "read '%s'", what);
	/* Known before a byte is read, for a regular file. Elsewhere the size is 0 and says nothing. */
	if (S_ISREG(st.st_mode) && (uintmax_t)st.st_size > max_bytes)
		r = -EFBIG;
	else
		r = read_to_end(fd, (size_t)(S_ISREG(st.st_mode) ? st.st_size : 0), max_bytes, &all);
	if (r == -EFBIG)
		return err_say(err, EFBIG, "read '%s': it has more than %zu bytes", what, max_bytes);
	if (r < 0)
		return err_set(err, -r, "read '%s'", what);
	copy = arena_strndup(arena, text_get(&all), all.len);
	if (!copy)
		return err_set(err, ENOMEM, "read '%s'", what);
	*ret_data = copy;
	if (ret_len)
		*ret_len = all.len;
	return 0;
}

int file_read(struct arena *arena, int dirfd, const char *name, size_t max_bytes, char **ret_data, size_t *ret_len,
	      struct err *err)
{
	/*
	 * A FIFO that nobody writes to would keep the opening waiting for ever; so opened, it is empty. What has a
	 * writer is waited for.
	 */
	CLEANUP_FD int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	int result;

	if (fd < 0)
		return err_set(err, errno, "open '%s'", name);
	result = fd_set_nonblock(fd, false);
	if (result < 0)
		return err_set(err, -result, "open '%s'", name);
	return file_read_fd(arena, fd, name, max_bytes, ret_data, ret_len, err);
}

int file_open_regular(const char *path, int flags, struct err *err)
{
	CLEANUP_FD int there = open(path, O_PATH | O_CLOEXEC);
	struct stat found;
	int fd;

	if (there < 0 || fstat(there, &found) < 0)
		return err_set(err, errno, "'%s'", path);
	if (!S_ISREG(found.st_mode))
		return err_say(err, EINVAL, "'%s': it is no regular file", path);
	fd = open(fd_name(there).path, flags | O_CLOEXEC);
	return fd < 0 ? err_set(err, errno, "'%s'", path) : fd;
}

ssize_t file_read_line(int dirfd, const char *name, char *to, size_t to_bytes)
{
	CLEANUP_FD int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	size_t len = 0;
	ssize_t n = 1;

	if (fd < 0)
		return -errno;
	while (len < to_bytes && n != 0) {
		n = read(fd, to + len, to_bytes - len);
		if (n < 0 && errno != EINTR)
			return -errno;
		len += n > 0 ? (size_t)n : 0;
	}
	/* With the array full nothing is left for the terminator, and half a value would be a wrong value. */
	if (len >= to_bytes)
		return -EFBIG;
	if (len > 0 && to[len - 1] == '\n')
		len--;
	to[len] = '\0';
	return (ssize_t)len;
}

bool file_is_there(int dirfd, const char *name)
{
	struct stat st;

	return fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 || (errno != ENOENT && errno != ENOTDIR);
}

int file_write_value(int dirfd, const char *name, const char *value)
{
	CLEANUP_FD int fd = openat(dirfd, name, O_WRONLY | O_CLOEXEC | O_NOCTTY);
	size_t len = strlen(value);
	ssize_t n;

	if (fd < 0)
		return -errno;
	do {
		n = write(fd, value, len);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	/* The rest in a second write would be a second value. */
	return (size_t)n == len ? 0 : -EIO;
}

/* --- replacing --- */

uint64_t file_unique_digits(void)
{
	uint64_t digits;
	struct timespec now;

	if (getrandom(&digits, sizeof(digits), GRND_INSECURE) == (ssize_t)sizeof(digits))
		return digits;
	/* Before Linux 5.6 there is no such question. */
	if (getrandom(&digits, sizeof(digits), GRND_NONBLOCK) == (ssize_t)sizeof(digits))
		return digits;
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return ((uint64_t)now.tv_nsec << 32 ^ (uint64_t)now.tv_sec ^ (uint64_t)getpid()) * 0x9e3779b97f4a7c15;
}

static int create_temp(int folder, char name[static 32])
{
	for (unsigned tries = 0; tries < TEMP_TRIES; tries++) {
		int fd;

		(void)snprintf(name, 32, FILE_TEMP_PREFIX "%016" PRIx64, file_unique_digits());
		fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (fd >= 0)
			return fd;
		if (errno != EEXIST)
			return -errno;
	}
	return -EEXIST;
}

static int fill_temp(int fd, const void *data, size_t len, mode_t mode, enum file_durability durability)
{
	int r = fd_write_all(fd, data, len);

	if (r < 0)
		return r;
	if (fchmod(fd, mode) < 0)
		return -errno;
	/* Before the rename: else a power loss may leave the new name with no contents. */
	if (durability == FILE_DURABLE && fsync(fd) < 0)
		return -errno;
	return 0;
}

/*
 * ext4 begins to write out a file that is renamed over another, so that a power loss leaves one of the two; who removes
 * the file soon after then waits for the disk: a millisecond for a short container's record, where /run is on one.
 * Names that are exchanged are not waited for.
 */
static int put_volatile(int folder, const char *temp, const char *name)
{
	int code;

	if (renameat2(folder, temp, folder, name, RENAME_EXCHANGE) < 0)
		return renameat(folder, temp, folder, name) < 0 ? -errno : 0;
	if (unlinkat(folder, temp, 0) == 0)
		return 0;
	/* What was there is no file, which a rename would have found out. */
	code = errno;
	return renameat2(folder, temp, folder, name, RENAME_EXCHANGE) < 0 ? -errno : -code;
}

static int put_durable(int folder, const char *temp, const char *name)
{
	return renameat(folder, temp, folder, name) < 0 ? -errno : 0;
}

int file_replace(int dirfd, const char *name, const void *data, size_t len, mode_t mode,
		 enum file_durability durability, struct err *err)
{
	const char *base;
	CLEANUP_FD int folder = file_open_folder_of(dirfd, name, &base, err);
	CLEANUP_FD int fd = -1;
	char temp[32];
	int r;

	if (folder < 0) {
		(void)err_wrap(err, "replace '%s'", name); /* there may be no err to know the code */
		return folder;
	}
	fd = create_temp(folder, temp);
	if (fd < 0)
		return err_set(err, -fd, "replace '%s': make a temporary file beside it", name);
	r = fill_temp(fd, data, len, mode, durability);
	if (r == 0)
		r = durability == FILE_DURABLE ? put_durable(folder, temp, base) : put_volatile(folder, temp, base);
	if (r < 0) {
		(void)unlinkat(folder, temp, 0);
		return err_set(err, -r, "replace '%s'", name);
	}
	if (durability == FILE_DURABLE && fsync(folder) < 0)
		return err_set(err, errno, "replace '%s': sync its folder", name);
	return 0;
}

/* --- locks --- */

/* Whether the name still leads to the file behind `fd`: one who held the lock may have removed it. */
static bool is_current(int fd, int dirfd, const char *name)
{
	struct stat held, named;

	return fstat(fd, &held) == 0 && fstatat(dirfd, name, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
	       held.st_dev == named.st_dev && held.st_ino == named.st_ino;
}

static int lock(int dirfd, const char *name, int operation, struct err *err)
{
	for (unsigned tries = 0; tries < LOCK_TRIES; tries++) {
		CLEANUP_FD int fd = openat(dirfd, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
		int r;

		if (fd < 0)
			return err_set(err, errno, "open lock file '%s'", name);
		do {
			r = flock(fd, operation);
		} while (r < 0 && errno == EINTR);
		if (r < 0 && errno == EWOULDBLOCK)
			return err_say(err, EWOULDBLOCK, "'%s' is locked by another process", name);
		if (r < 0)
			return err_set(err, errno, "lock '%s'", name);
		if (is_current(fd, dirfd, name))
			return fd_take(&fd);
	}
	return err_say(err, EAGAIN, "lock '%s': the file is removed again and again", name);
}

int file_lock(int dirfd, const char *name, enum file_lock kind, struct err *err)
{
	return lock(dirfd, name, kind == FILE_LOCK_SHARED ? LOCK_SH : LOCK_EX, err);
}

int file_try_lock(int dirfd, const char *name, enum file_lock kind, struct err *err)
{
	return lock(dirfd, name, (kind == FILE_LOCK_SHARED ? LOCK_SH : LOCK_EX) | LOCK_NB, err);
}

/* --- folders --- */

int file_make_dirs(const char *path, mode_t mode, struct err *err)
{
	char prefix[PATH_MAX];
	struct stat st;

	if (text_is_empty(path))
		return err_set(err, ENOENT, "make folder ''");
	if (text_copy(prefix, sizeof(prefix), path) < 0)
		return err_set(err, ENAMETOOLONG, "make folder '%s'", path);
	for (char *end = prefix; *end;) {
		char kept;

		end += strspn(end, "/");
		end += strcspn(end, "/");
		kept = *end;
		*end = '\0';
		/* What is there may refuse first (a read-only file system): only its absence matters. */
		if (mkdir(prefix, mode) < 0 && errno != EEXIST) {
			int code = errno;

			if (stat(prefix, &st) < 0)
				return err_set(err, code, "make folder '%s'", prefix);
		}
		*end = kept;
	}
	if (stat(path, &st) < 0)
		return err_set(err, errno, "make folder '%s'", path);
	if (!S_ISDIR(st.st_mode))
		return err_set(err, ENOTDIR, "make folder '%s'", path);
	return 0;
}

int file_open_dir(int dirfd, const char *name, struct err *err)
{
	int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? err_set(err, errno, "open folder '%s'", name) : fd;
}

int file_open_folder_of(int dirfd, const char *name, const char **ret_base, struct err *err)
{
	const char *slash = strrchr(name, '/');
	char folder[PATH_MAX];
	size_t len;

	*ret_base = slash ? slash + 1 : name;
	if (!slash)
		return file_open_dir(dirfd, ".", err);
	len = slash == name ? 1 : (size_t)(slash - name);
	if (len >= sizeof(folder))
		return err_set(err, ENAMETOOLONG, "open the folder of '%s'", name);
	memcpy(folder, name, len);
	folder[len] = '\0';
	return file_open_dir(dirfd, folder, err);
}

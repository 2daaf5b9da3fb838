// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/core/stdio.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "namespaces/mount.h"
#include "runtime/base/fd.h"

#define MEMORY_DEVICES 1 /* major number of /dev/null and its kin */

/*
 * A program with the host's ids could change the node that it has as a descriptor: `chmod 0 /proc/self/fd/0` would take
 * /dev/null from the host. Not through a read-only mount. Other programs do not own the node.
 */
static int open_null(bool host_ids, struct err *err)
{
	static const struct mount_change readonly = {.set = MOUNT_ATTR_RDONLY};
	CLEANUP_FD int view = -1;
	int fd, result;

	if (host_ids) {
		view = mount_clone(AT_FDCWD, "/dev/null", 0, err);
		result = view < 0 ? view : mount_change(view, false, &readonly, 0, "/dev/null", err);
		if (result < 0)
			return result;
	}
	fd = open(view < 0 ? "/dev/null" : fd_name(view).path, O_RDWR | O_CLOEXEC);
	return fd < 0 ? err_set(err, errno, "open /dev/null") : fd;
}

static int settle_one(int wanted, int lowest, bool host_ids, struct err *err)
{
	CLEANUP_FD int null = -1;
	int fd = wanted, result;

	if (wanted < 0) {
		fd = null = open_null(host_ids, err);
		if (null < 0)
			return null;
	}
	result = fd_dup(fd, lowest);
	return result < 0 ? err_set(err, -result, "duplicate descriptor %d", fd) : result;
}

int stdio_settle(const int wanted[static 3], unsigned preserve_fds, bool host_ids, struct stdio *ret, struct err *err)
{
	int lowest = 3 + (int)preserve_fds;

	for (int number = 0; number < 3; number++) {
		ret->fds[number] = wanted[number];
		if (wanted[number] == number || wanted[number] >= lowest)
			continue;
		ret->held[number] = settle_one(wanted[number], lowest, host_ids, err);
		if (ret->held[number] < 0)
			return ret->held[number];
		ret->fds[number] = ret->held[number];
	}
	return 0;
}

/* Sockets are nobody's to replace. */
static bool is_replaceable(const struct statx *what)
{
	return S_ISREG(what->stx_mode) || S_ISFIFO(what->stx_mode) ||
	       (S_ISCHR(what->stx_mode) && what->stx_rdev_major == MEMORY_DEVICES);
}

/* What CRIU calls it; NULL: nothing that it could leave to others. */
static const char *key_of(int fd, const struct statx *what, struct arena *arena)
{
	if (is_replaceable(what) && (what->stx_mask & STATX_MNT_ID))
		return arena_printf(arena, "file[%llx:%llx]", what->stx_mnt_id, what->stx_ino);
	if (S_ISCHR(what->stx_mode) && isatty(fd))
		return arena_printf(arena, "tty[%llx:%llx]",
				    (unsigned long long)makedev(what->stx_rdev_major, what->stx_rdev_minor),
				    (unsigned long long)makedev(what->stx_dev_major, what->stx_dev_minor));
	return NULL;
}

/* A start does not fail for what only a checkpoint wants to know. */
static int describe_one(int fd, struct arena *arena, struct record_stream *ret, struct err *err)
{
	struct fd_name name = fd_name(fd);
	char link[PATH_MAX];
	ssize_t len = readlink(name.path, link, sizeof(link));
	struct statx what;

	ret->link = arena_strndup(arena, link, len < 0 ? 0 : (size_t)len);
	if (ret->link && text_starts(ret->link, "pipe:"))
		ret->key = ret->link;
	else if (statx(fd, "", AT_EMPTY_PATH, STATX_TYPE | STATX_INO | STATX_MNT_ID, &what) == 0)
		ret->key = key_of(fd, &what, arena);
	return arena_check(arena, err);
}

int stdio_describe(const int fds[static 3], struct arena *arena, struct record *ret, struct err *err)
{
	int result = 0;

	for (int number = 0; number < 3 && result >= 0; number++) {
		struct record_stream *stream = LIST_ADD(arena, &ret->streams);

		result = stream ? describe_one(fds[number], arena, stream, err) : arena_check(arena, err);
	}
	return result;
}

void stdio_close(struct stdio *stdio)
{
	for (int number = 0; number < 3; number++) {
		scope_fd(&stdio->held[number]);
		stdio->held[number] = -1;
	}
}

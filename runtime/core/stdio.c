// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/core/stdio.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>

#include "namespaces/mount.h"
#include "runtime/base/fd.h"

/*
 * A program with the host's ids could change the node that it has as a descriptor: `chmod 0 /proc/self/fd/0` would take /dev/null from the host. Not
 * through a read-only mount. Other programs do not own the node.
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

void stdio_close(struct stdio *stdio)
{
	for (int number = 0; number < 3; number++) {
		scope_fd(&stdio->held[number]);
		stdio->held[number] = -1;
	}
}

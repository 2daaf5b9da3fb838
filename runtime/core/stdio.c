// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/core/stdio.h"

#include <errno.h>
#include <fcntl.h>

#include "runtime/base/fd.h"

static int settle_one(int wanted, int lowest, struct err *err)
{
	CLEANUP_FD int null = -1;
	int fd = wanted, result;

	if (wanted < 0) {
		fd = null = open("/dev/null", O_RDWR | O_CLOEXEC);
		if (null < 0)
			return err_set(err, errno, "open /dev/null");
	}
	result = fd_dup(fd, lowest);
	return result < 0 ? err_set(err, -result, "duplicate descriptor %d", fd) : result;
}

int stdio_settle(const int wanted[static 3], unsigned preserve_fds, struct stdio *ret, struct err *err)
{
	int lowest = 3 + (int)preserve_fds;

	for (int number = 0; number < 3; number++) {
		ret->fds[number] = wanted[number];
		if (wanted[number] == number || wanted[number] >= lowest)
			continue;
		ret->held[number] = settle_one(wanted[number], lowest, err);
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

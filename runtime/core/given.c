// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/core/given.h"

#include <errno.h>
#include <unistd.h>

#include "runtime/base/fd.h"

int given_add(struct given *given, int fd, struct err *err)
{
	CLEANUP_FD int taken = fd;
	int number;

	if (given->count == GIVEN_MAX)
		return err_say(err, EMFILE, "a machine takes %d descriptors at most", GIVEN_MAX);
	number = taken > GIVEN_FIRST_FD ? fd_take(&taken) : fd_dup(taken, GIVEN_FIRST_FD + 1);
	if (number < 0)
		return err_set(err, -number, "duplicate a descriptor");
	given->fds[given->count++] = number;
	return number;
}

void given_close(struct given *given)
{
	scope_fd(&given->program_fd);
	for (size_t i = 0; i < given->count; i++)
		scope_fd(&given->fds[i]);
	*given = GIVEN_INIT;
}

// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/core/streams.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/core/keeper_spawn.h"

static const char *const fifo_names[3] = {NULL, KEEPER_STDOUT, KEEPER_STDERR};

static int open_for_keeper(int state_fd, const char *name, struct err *err)
{
	int fd = openat(state_fd, name, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);

	return fd < 0 ? err_set(err, errno, "open the FIFO '%s'", name) : fd;
}

static int make_fifo(int state_fd, const char *name, uid_t uid, gid_t gid, struct err *err)
{
	int fd;

	if (mkfifoat(state_fd, name, 0600) < 0)
		return err_set(err, errno, "make the FIFO '%s'", name);
	if ((uid != 0 || gid != 0) && fchownat(state_fd, name, uid, gid, AT_SYMLINK_NOFOLLOW) < 0)
		return err_set(err, errno, "give away the FIFO '%s'", name);
	fd = openat(state_fd, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	return fd < 0 ? err_set(err, errno, "open the FIFO '%s'", name) : fd;
}

static int make_input(uid_t uid, gid_t gid, struct streams *streams, struct err *err)
{
	int input[2];

	if (pipe2(input, O_CLOEXEC) < 0)
		return err_set(err, errno, "make a pipe for input");
	streams->program[0] = input[0];
	streams->keeper_in = input[1];
	if ((uid != 0 || gid != 0) && fchown(input[0], uid, gid) < 0)
		return err_set(err, errno, "give away the pipe for input");
	return 0;
}

int streams_make(int state_fd, uid_t uid, gid_t gid, bool with_input, struct streams *ret, struct err *err)
{
	CLEANUP_STREAMS struct streams streams = STREAMS_INIT;
	int *const keeper[3] = {NULL, &streams.keeper_out, &streams.keeper_err};

	for (int number = 1; number < 3; number++) {
		streams.program[number] = make_fifo(state_fd, fifo_names[number], uid, gid, err);
		if (streams.program[number] < 0)
			return streams.program[number];
		*keeper[number] = open_for_keeper(state_fd, fifo_names[number], err);
		if (*keeper[number] < 0)
			return *keeper[number];
	}
	if (with_input) {
		int result = make_input(uid, gid, &streams, err);

		if (result < 0)
			return result;
	}
	*ret = streams;
	streams = STREAMS_INIT; /* handed over */
	return 0;
}

void streams_close(struct streams *streams)
{
	for (int number = 0; number < 3; number++)
		scope_fd(&streams->program[number]);
	scope_fd(&streams->keeper_in);
	scope_fd(&streams->keeper_out);
	scope_fd(&streams->keeper_err);
	*streams = STREAMS_INIT;
}

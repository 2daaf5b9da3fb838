// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/core/streams.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const fifo_names[3] = {NULL, "stdout", "stderr"};

static int open_for_keeper(int state_fd, const char *name, struct err *err)
{
	int fd = openat(state_fd, name, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);

	return fd < 0 ? err_set(err, errno, "open the FIFO '%s'", name) : fd;
}

int streams_reopen(int state_fd, struct streams *ret, struct err *err)
{
	CLEANUP_FD int out = open_for_keeper(state_fd, fifo_names[1], err);
	CLEANUP_FD int error = out < 0 ? -1 : open_for_keeper(state_fd, fifo_names[2], err);

	if (out < 0 || error < 0)
		return out < 0 ? out : error;
	*ret = STREAMS_INIT;
	ret->keeper_out = fd_take(&out);
	ret->keeper_err = fd_take(&error);
	return 0;
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

int streams_make(int state_fd, uid_t uid, gid_t gid, bool with_input, struct streams *ret, struct err *err)
{
	CLEANUP_STREAMS struct streams streams = STREAMS_INIT;
	struct streams ours;
	int input[2], result;

	for (int number = 1; number < 3; number++) {
		streams.program[number] = make_fifo(state_fd, fifo_names[number], uid, gid, err);
		if (streams.program[number] < 0)
			return streams.program[number];
	}
	if (with_input) {
		if (pipe2(input, O_CLOEXEC) < 0)
			return err_set(err, errno, "make a pipe for input");
		streams.program[0] = input[0];
		streams.keeper_in = input[1];
		if ((uid != 0 || gid != 0) && fchown(input[0], uid, gid) < 0)
			return err_set(err, errno, "give away the pipe for input");
	}
	result = streams_reopen(state_fd, &ours, err);
	if (result < 0)
		return result;
	*ret = streams;
	ret->keeper_out = ours.keeper_out;
	ret->keeper_err = ours.keeper_err;
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

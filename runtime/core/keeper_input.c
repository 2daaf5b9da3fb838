/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime/core/keeper.h"

#include <errno.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/base/scope.h"

/*
 * Clients take turns, frame by frame: one whose frame is half written owns the input until the rest is taken. The
 * descriptor is watched for room as long as anybody waits for it, and for nothing else: who still has to wait behind
 * this event watches it again.
 */
static void input_ready(struct loop *loop, struct loop_source *source, uint32_t epoll_events)
{
	(void)epoll_events;
	loop_forget(loop, source);
}

bool keeper_input_has_room(const struct keeper *keeper)
{
	return !keeper->input.registered;
}

bool keeper_input_turn(struct keeper *keeper, const struct keeper_client *client)
{
	if (keeper->input_owner)
		return keeper->input_owner == client;
	return keeper_input_has_room(keeper);
}

void keeper_input_wait(struct keeper *keeper)
{
	/* Not to be watched: then nobody can be waited for. */
	if (keeper->input.fd >= 0 && loop_watch(&keeper->loop, &keeper->input, EPOLLOUT, NULL) < 0)
		keeper->input_is_gone = true;
}

size_t keeper_input_write(struct keeper *keeper, struct keeper_client *client, const void *bytes, size_t len)
{
	ssize_t n;

	keeper->input_owner = NULL;
	if (keeper->input.fd < 0 || keeper->input_is_gone)
		return len;
	do
		n = write(keeper->input.fd, bytes, len);
	while (n < 0 && errno == EINTR);
	/* A terminal may be opened again; a pipe's reader does not come back. */
	if (n < 0 && errno != EAGAIN) {
		keeper->input_is_gone = keeper->args.tty < 0;
		return len;
	}
	if (n == (ssize_t)len)
		return len;
	keeper->input_owner = client;
	return n < 0 ? 0 : (size_t)n;
}

void keeper_input_end(struct keeper *keeper)
{
	if (keeper->args.tty >= 0)
		return;
	loop_forget(&keeper->loop, &keeper->input);
	scope_fd(&keeper->input.fd);
	keeper->input.fd = -1;
}

void keeper_input_resize(struct keeper *keeper, const struct attach_resize *size)
{
	struct winsize window = {.ws_row = size->rows, .ws_col = size->columns};

	if (keeper->args.tty >= 0 && keeper->input.fd >= 0)
		(void)ioctl(keeper->input.fd, TIOCSWINSZ, &window);
}

void keeper_input_forget(struct keeper *keeper, const struct keeper_client *client)
{
	if (keeper->input_owner == client)
		keeper->input_owner = NULL;
}

int keeper_input_open(struct keeper *keeper, struct err *err)
{
	const struct keeper_args *args = &keeper->args;
	/* A descriptor of its own for the terminal: a loop knows a source by it, and output is another source. */
	int fd = args->tty >= 0 ? fd_dup(args->tty, 3) : args->stdin_fd;
	int r;

	keeper->input = (struct loop_source){.fd = fd, .ready = input_ready};
	if (args->tty >= 0 && fd < 0)
		return err_set(err, -fd, "duplicate the terminal");
	r = fd < 0 ? 0 : fd_set_nonblock(fd, true);
	return r < 0 ? err_set(err, -r, "make the input non-blocking") : 0;
}

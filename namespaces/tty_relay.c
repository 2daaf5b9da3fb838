// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The relay between the user's terminal and a program's.
 *
 *     input --(detach keys)--> pending --> master        read only while nothing is pending; master is non-blocking
 *     master ------------------------------> output      written to the end before more is read
 *
 * So at most one buffer is held in each direction, and who does not read stops the other side.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "namespaces/tty.h"
#include "runtime/base/fd.h"
#include "runtime/base/scope.h"

#define RELAY_OF(pointer, member) CONTAINER_OF(pointer, struct tty_relay, member)

void tty_relay_stop(struct loop *loop, struct tty_relay *relay)
{
	if (relay->has_ended)
		return;
	relay->has_ended = true;
	loop_forget(loop, &relay->master);
	loop_forget(loop, &relay->input);
	if (relay->has_resize)
		loop_signals_close(loop, &relay->resize);
	relay->has_resize = false;
}

static void end(struct loop *loop, struct tty_relay *relay, enum tty_end how)
{
	tty_relay_stop(loop, relay);
	if (relay->request.ended)
		relay->request.ended(loop, relay, how);
}

/* What is listened to follows from what is pending. */
static void watch(struct loop *loop, struct tty_relay *relay)
{
	bool is_pending = relay->pending_done < relay->pending_len;

	(void)loop_watch(loop, &relay->master, is_pending ? EPOLLIN | EPOLLOUT : EPOLLIN, NULL);
	if (relay->input.fd < 0)
		return;
	if (is_pending)
		loop_forget(loop, &relay->input);
	else
		(void)loop_watch(loop, &relay->input, EPOLLIN, NULL);
}

static void write_pending(struct loop *loop, struct tty_relay *relay)
{
	while (relay->pending_done < relay->pending_len) {
		ssize_t n = write(relay->master.fd, relay->pending + relay->pending_done,
				  relay->pending_len - relay->pending_done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			break;
		if (n < 0) {
			/* Nobody will read it any more; the hang-up is seen, and said, by reading. */
			relay->pending_done = relay->pending_len;
			break;
		}
		relay->pending_done += (size_t)n;
	}
	if (relay->detach_after_pending && relay->pending_done == relay->pending_len)
		end(loop, relay, TTY_END_DETACHED);
	else
		watch(loop, relay);
}

/* One buffer from the program to the user. False: it has ended. */
static bool read_master(struct loop *loop, struct tty_relay *relay)
{
	unsigned char bytes[TTY_RELAY_BYTES];
	ssize_t n = read(relay->master.fd, bytes, sizeof(bytes));

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	/* EIO: the last descriptor of the program's side has been closed, and all that was written has been read. */
	if (n <= 0) {
		end(loop, relay, TTY_END_HANGUP);
		return false;
	}
	if (fd_write_all(relay->request.output, bytes, (size_t)n) < 0) {
		end(loop, relay, TTY_END_OUTPUT);
		return false;
	}
	return true;
}

static void master_ready(struct loop *loop, struct loop_source *source, uint32_t events)
{
	struct tty_relay *relay = RELAY_OF(source, master);

	if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) && !read_master(loop, relay))
		return;
	if (events & EPOLLOUT)
		write_pending(loop, relay);
}

static void input_ready(struct loop *loop, struct loop_source *source, uint32_t events)
{
	struct tty_relay *relay = RELAY_OF(source, input);
	unsigned char bytes[TTY_RELAY_BYTES];
	ssize_t n = read(source->fd, bytes, sizeof(bytes));

	(void)events;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		loop_forget(loop, source);
		source->fd = -1;
		return;
	}
	relay->pending_done = 0;
	relay->detach_after_pending =
		tty_keys_feed(&relay->keys, bytes, (size_t)n, relay->pending, &relay->pending_len);
	write_pending(loop, relay);
}

static void follow_size(struct tty_relay *relay)
{
	struct tty_size size;

	if (tty_get_size(relay->request.size_from, &size, NULL) == 0)
		(void)tty_set_size(relay->request.master, size, NULL);
}

static void resized(struct loop *loop, struct loop_signals *signals, int signo)
{
	(void)loop;
	(void)signo;
	follow_size(RELAY_OF(signals, resize));
}

static int watch_resize(struct loop *loop, struct tty_relay *relay, struct err *err)
{
	sigset_t set;
	int r;

	sigemptyset(&set);
	sigaddset(&set, SIGWINCH);
	relay->resize.arrived = resized;
	r = loop_signals_open(loop, &relay->resize, &set, err);
	if (r < 0)
		return r;
	relay->has_resize = true;
	/* Only now: a resize between asking and listening would be missed. */
	follow_size(relay);
	return 0;
}

static int watch_input(struct loop *loop, struct tty_relay *relay, struct err *err)
{
	int r = loop_watch(loop, &relay->input, EPOLLIN, err);

	if (r != -EPERM)
		return r;
	err_clear(err);
	return err_say(err, EINVAL,
		       "terminal: standard input is a file: a terminal cannot read from it, use -i without -t");
}

int tty_relay_start(struct loop *loop, struct tty_relay *relay, const struct tty_relay_request *request,
		    struct err *err)
{
	int r = fd_set_nonblock(request->master, true);

	if (r < 0)
		return err_set(err, -r, "terminal: do not wait for it");
	*relay = (struct tty_relay){.request = *request,
				    .master = {.fd = request->master, .ready = master_ready},
				    .input = {.fd = request->input, .ready = input_ready}};
	if (request->keys)
		relay->keys = *request->keys;
	r = loop_watch(loop, &relay->master, EPOLLIN, err);
	if (r >= 0 && request->input >= 0)
		r = watch_input(loop, relay, err);
	if (r >= 0 && request->size_from >= 0)
		r = watch_resize(loop, relay, err);
	if (r < 0)
		tty_relay_stop(loop, relay);
	return r;
}

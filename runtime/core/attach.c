/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime/core/attach.h"

#include <endian.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "namespaces/tty.h"
#include "runtime/base/loop.h"
#include "runtime/base/scope.h"
#include "runtime/base/socket.h"

#define ATTACH_OF(pointer, member) CONTAINER_OF(pointer, struct attach, member)

/*
 * As runtime/base/socket.h has it. Written here because a user who types must not stop us from reading: nothing is sent
 * blocking.
 */
struct header {
	uint32_t len;
	uint16_t type;
	uint16_t zero;
};
#define HEADER_BYTES sizeof(struct header)
#define FRAME_BYTES  (HEADER_BYTES + ATTACH_CHUNK_BYTES)
/* What the detach keys held back comes on top of what is read. */
#define INPUT_BYTES (ATTACH_CHUNK_BYTES - TTY_KEYS_MAX)

struct attach {
	const struct attach_request *request;
	struct attach_result *result;
	struct err *err;
	struct loop loop;
	struct loop_source keeper, input;
	struct loop_signals signals;
	struct tty_saved saved;
	struct tty_keys keys;
	bool has_terminal;  /* both sides have one */
	bool reads_input;   /* the program takes input, and ours has not ended */
	bool input_is_file; /* always readable, which epoll does not say of files */
	/* To be sent as soon as nothing else is under way. */
	bool owes_size, owes_end, owes_detach;
	size_t in_len, out_len, out_sent;
	unsigned char in[FRAME_BYTES], out[FRAME_BYTES];
};

int attach_connect(int state_fd, struct err *err)
{
	int fd = sock_connect(state_fd, ATTACH_SOCKET, err);

	return fd < 0 ? err_wrap(err, "attach") : fd;
}

/* --- To the keeper --- */

static void put_frame(struct attach *attach, enum attach_frame type, const void *payload, size_t len)
{
	struct header header = {.len = htole32((uint32_t)len), .type = htole16(type)};

	memcpy(attach->out, &header, HEADER_BYTES);
	if (payload)
		memcpy(attach->out + HEADER_BYTES, payload, len);
	attach->out_len = HEADER_BYTES + len;
	attach->out_sent = 0;
}

/* The keeper is gone: what it still said is read, and its end is found there. */
static void stop_sending(struct attach *attach)
{
	attach->reads_input = attach->owes_size = attach->owes_end = false;
	attach->out_len = attach->out_sent = 0;
}

/* True: all is sent. */
static bool send_out(struct attach *attach)
{
	while (attach->out_sent < attach->out_len) {
		ssize_t n = send(attach->keeper.fd, attach->out + attach->out_sent, attach->out_len - attach->out_sent,
				 MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return false;
		if (n < 0) {
			stop_sending(attach);
			return true;
		}
		attach->out_sent += (size_t)n;
	}
	attach->out_len = attach->out_sent = 0;
	return true;
}

static void put_size(struct attach *attach)
{
	struct attach_resize words;
	struct tty_size size;

	attach->owes_size = false;
	if (tty_get_size(attach->request->terminal, &size, NULL) < 0)
		return;
	words = (struct attach_resize){.rows = htole16(size.rows), .columns = htole16(size.columns)};
	put_frame(attach, ATTACH_RESIZE, &words, sizeof(words));
}

/* Reads what the user typed into a frame. False: nothing came (yet, or any more). */
static bool put_input(struct attach *attach)
{
	unsigned char typed[INPUT_BYTES];
	ssize_t n = read(attach->input.fd, typed, sizeof(typed));
	size_t len = n > 0 ? (size_t)n : 0;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	/* An error (a terminal that hung up) is the end of the input too. */
	if (n <= 0) {
		attach->reads_input = false;
		attach->owes_end = true;
		return true;
	}
	if (attach->has_terminal)
		attach->owes_detach = tty_keys_feed(&attach->keys, typed, (size_t)n, attach->out + HEADER_BYTES, &len);
	else
		memcpy(attach->out + HEADER_BYTES, typed, len);
	if (len)
		put_frame(attach, ATTACH_STDIN, NULL, len);
	return true;
}

/* Sends all that can be sent now, and arranges to be called again for the rest. */
static void send_what_is_owed(struct attach *attach, bool input_ready)
{
	uint32_t events = EPOLLIN;

	while (send_out(attach)) {
		if (attach->owes_detach) {
			attach->result->detached = true;
			loop_stop(&attach->loop, 0);
			return;
		}
		if (attach->owes_size) {
			put_size(attach);
		} else if (attach->owes_end) {
			attach->owes_end = false;
			put_frame(attach, ATTACH_STDIN_END, NULL, 0);
		} else if (attach->reads_input && (input_ready || attach->input_is_file)) {
			input_ready = false;
			if (!put_input(attach))
				break;
		} else {
			break;
		}
	}
	if (!attach->reads_input || attach->out_len || attach->input_is_file)
		loop_forget(&attach->loop, &attach->input);
	else
		attach->input_is_file = loop_watch(&attach->loop, &attach->input, EPOLLIN, NULL) < 0;
	if (attach->out_len || (attach->reads_input && attach->input_is_file))
		events |= EPOLLOUT;
	if (loop_watch(&attach->loop, &attach->keeper, events, attach->err) < 0)
		loop_stop(&attach->loop, -EIO);
}

static void input_ready(struct loop *loop, struct loop_source *source, uint32_t epoll_events)
{
	(void)loop, (void)epoll_events;
	send_what_is_owed(ATTACH_OF(source, input), true);
}

/* --- From the keeper --- */

/* Whole, also when somebody has made the descriptor non-blocking. -errno. */
static int write_output(int fd, const unsigned char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, bytes, len);
		struct pollfd room = {.fd = fd, .events = POLLOUT};

		if (n < 0 && errno == EAGAIN)
			(void)poll(&room, 1, -1);
		else if (n < 0 && errno != EINTR)
			return -errno;
		bytes += n > 0 ? n : 0;
		len -= n > 0 ? (size_t)n : 0;
	}
	return 0;
}

static int take_ready(struct attach *attach, const unsigned char *payload)
{
	const struct attach_request *request = attach->request;
	struct attach_hello ready;
	uint32_t has;

	memcpy(&ready, payload, sizeof(ready));
	has = le32toh(ready.flags);
	if (le32toh(ready.version) != ATTACH_VERSION)
		return err_say(attach->err, EPROTO, "attach: the keeper speaks version %u, this hull %u",
			       le32toh(ready.version), ATTACH_VERSION);
	attach->reads_input = request->input >= 0 && (has & ATTACH_HAS_STDIN);
	attach->has_terminal = request->terminal >= 0 && (has & ATTACH_HAS_TERMINAL);
	attach->owes_size = attach->has_terminal;
	/* Raw only when somebody takes the keys: else Ctrl-C could not even end this program. */
	if (attach->has_terminal && attach->reads_input)
		return tty_raw(request->terminal, &attach->saved, attach->err);
	return 0;
}

static int take_exit(struct attach *attach, const unsigned char *payload)
{
	struct attach_exit words;

	memcpy(&words, payload, sizeof(words));
	*attach->result = (struct attach_result){
		.known = le32toh(words.known) != 0,
		.code = (int32_t)le32toh((uint32_t)words.code),
		.signal = (int32_t)le32toh((uint32_t)words.signal),
	};
	loop_stop(&attach->loop, 0);
	return 0;
}

static int take_output(struct attach *attach, int fd, const unsigned char *bytes, size_t len)
{
	int r = fd < 0 ? 0 : write_output(fd, bytes, len);

	return r < 0 ? err_set(attach->err, -r, "attach: write the program's output") : 0;
}

static int take_frame(struct attach *attach, unsigned type, const unsigned char *payload, size_t len)
{
	if (type == ATTACH_OUT)
		return take_output(attach, attach->request->output, payload, len);
	if (type == ATTACH_ERR)
		return take_output(attach, attach->request->error, payload, len);
	if (type == ATTACH_READY && len == sizeof(struct attach_hello))
		return take_ready(attach, payload);
	if (type == ATTACH_EXIT && len == sizeof(struct attach_exit))
		return take_exit(attach, payload);
	return err_say(attach->err, EPROTO, "attach: the keeper sent a frame of type %u with %zu bytes", type, len);
}

/* Takes the frames that have arrived whole. 0 or -errno. */
static int take_frames(struct attach *attach)
{
	unsigned char *at = attach->in;
	size_t left = attach->in_len;
	int r = 0;

	while (r == 0 && left >= HEADER_BYTES && !attach->loop.stop) {
		struct header header;
		size_t len;

		memcpy(&header, at, HEADER_BYTES);
		len = le32toh(header.len);
		if (header.zero || len > ATTACH_CHUNK_BYTES)
			return err_say(attach->err, EPROTO, "attach: the keeper sent a malformed frame");
		if (left < HEADER_BYTES + len)
			break;
		r = take_frame(attach, le16toh(header.type), at + HEADER_BYTES, len);
		at += HEADER_BYTES + len;
		left -= HEADER_BYTES + len;
	}
	memmove(attach->in, at, left);
	attach->in_len = left;
	return r;
}

static void keeper_ready(struct loop *loop, struct loop_source *source, uint32_t epoll_events)
{
	struct attach *attach = ATTACH_OF(source, keeper);
	ssize_t n = 0;
	int r = 0;

	if (epoll_events & ~(uint32_t)EPOLLOUT) {
		n = recv(source->fd, attach->in + attach->in_len, sizeof(attach->in) - attach->in_len, MSG_DONTWAIT);
		if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
			loop_stop(loop, err_say(attach->err, ECONNRESET, "attach: the instance's keeper went away"));
			return;
		}
		attach->in_len += n > 0 ? (size_t)n : 0;
		r = take_frames(attach);
	}
	if (r < 0)
		loop_stop(loop, r);
	else if (!loop->stop)
		send_what_is_owed(attach, false);
}

/* --- Signals --- */

static void signal_arrived(struct loop *loop, struct loop_signals *signals, int signo)
{
	struct attach *attach = ATTACH_OF(signals, signals);

	(void)loop;
	if (signo == SIGWINCH) {
		attach->owes_size = attach->has_terminal;
		send_what_is_owed(attach, false);
	} else {
		attach->request->signalled(attach->request->user, signo);
	}
}

static int catch_signals(struct attach *attach)
{
	static const int passed_on[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2};
	sigset_t set;

	sigemptyset(&set);
	if (attach->request->terminal >= 0)
		sigaddset(&set, SIGWINCH);
	for (size_t i = 0; attach->request->signalled && i < ARRAY_SIZE(passed_on); i++)
		sigaddset(&set, passed_on[i]);
	attach->signals.arrived = signal_arrived;
	return loop_signals_open(&attach->loop, &attach->signals, &set, attach->err);
}

/* --- All of it --- */

static int relay(struct attach *attach)
{
	const struct attach_request *request = attach->request;
	uint32_t wants =
		(request->input >= 0 ? ATTACH_WANTS_STDIN : 0) | (request->output >= 0 ? ATTACH_WANTS_STDOUT : 0) |
		(request->error >= 0 ? ATTACH_WANTS_STDERR : 0) | (request->takes_over ? ATTACH_TAKES_OVER : 0);
	struct attach_hello hello = {.version = htole32(ATTACH_VERSION), .flags = htole32(wants)};
	int r = catch_signals(attach);

	if (r < 0)
		return r;
	put_frame(attach, ATTACH_HELLO, &hello, sizeof(hello));
	r = loop_watch(&attach->loop, &attach->keeper, EPOLLIN | EPOLLOUT, attach->err);
	if (r == 0)
		r = loop_run(&attach->loop, attach->err);
	tty_restore(&attach->saved);
	loop_signals_close(&attach->loop, &attach->signals);
	return r;
}

int attach_run(const struct attach_request *request, struct attach_result *ret, struct err *err)
{
	struct sigaction ignore = {.sa_handler = SIG_IGN}, before;
	struct attach attach = {
		.request = request,
		.result = ret,
		.err = err,
		.keeper = {.fd = request->fd, .ready = keeper_ready},
		.input = {.fd = request->input, .ready = input_ready},
		.saved = TTY_SAVED_INIT,
	};
	const char *keys = request->detach_keys ? request->detach_keys : TTY_KEYS_DEFAULT;
	int r = request->terminal >= 0 ? tty_keys_parse(keys, &attach.keys, err) : 0;

	*ret = (struct attach_result){0};
	if (r < 0)
		return r;
	r = loop_open(&attach.loop, err);
	if (r < 0)
		return r;
	/* An output that nobody reads is an error with words, not the end of this program. */
	(void)sigaction(SIGPIPE, &ignore, &before);
	r = relay(&attach);
	(void)sigaction(SIGPIPE, &before, NULL);
	loop_close(&attach.loop);
	return r;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime/base/sync.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/base/socket.h"
#include "runtime/base/text.h"

#define SYNC_MAGIC	 0x4c4c5548u /* "HULL" */
#define SYNC_STAGE_ERROR 0	     /* the users' stages begin at 1 */

/* Both ends are the same program on the same machine: the machine's own byte order will do. */
struct sync_header {
	uint32_t magic;
	uint32_t stage;
	uint32_t len; /* bytes of words; the packet's length must agree */
};

struct sync_packet {
	struct sync_header header;
	char words[SYNC_MAX_WORDS];
};
_Static_assert(sizeof(struct err) <= SYNC_MAX_WORDS, "an error is one message");

/* A received packet and the descriptors that came along; what nobody has taken is closed with it. */
struct sync_received {
	struct sync_packet packet;
	int fds[SYNC_MAX_FDS];
	unsigned fd_count;
};

static void received_drop(struct sync_received *received)
{
	for (unsigned i = 0; i < received->fd_count; i++)
		(void)close(received->fds[i]);
	received->fd_count = 0;
}

static const char *stage_name(const struct sync *sync, unsigned stage)
{
	if (stage < sync->name_count && sync->names[stage])
		return sync->names[stage];
	return "unnamed stage";
}

int sync_pair(struct sync *ret_parent, struct sync *ret_child, const char *const *names, unsigned name_count,
	      struct err *err)
{
	int fds[2];

	/* Packets keep their borders: a message is whole or is not there, and its descriptors belong to it alone. */
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
		return err_set(err, errno, "create a socket pair");
	*ret_parent = (struct sync){.fd = fds[0], .names = names, .name_count = name_count, .peer = "child process"};
	*ret_child = (struct sync){.fd = fds[1], .names = names, .name_count = name_count, .peer = "parent process"};
	return 0;
}

static int by_socket(int fd, struct sync *ret, const char *const *names, unsigned name_count)
{
	*ret = (struct sync){.fd = fd < 0 ? -1 : fd,
			     .names = names,
			     .name_count = name_count,
			     .peer = "process at the other end"};
	return fd < 0 ? fd : 0;
}

int sync_listen(int dirfd, const char *name, struct err *err)
{
	return sock_listen_packets(dirfd, name, err);
}

int sync_accept(int listen_fd, struct sync *ret, const char *const *names, unsigned name_count, struct err *err)
{
	return by_socket(sock_accept(listen_fd, err), ret, names, name_count);
}

int sync_connect(int dirfd, const char *name, struct sync *ret, const char *const *names, unsigned name_count,
		 struct err *err)
{
	return by_socket(sock_connect_packets(dirfd, name, err), ret, names, name_count);
}

void sync_close(struct sync *sync)
{
	scope_fd(&sync->fd);
	sync->fd = -1;
}

/* --- Receiving --- */

static ssize_t receive_packet(struct sync *sync, struct sync_received *received, struct err *err)
{
	received->fd_count = SYNC_MAX_FDS;
	return sock_recv_fds(sync->fd, &received->packet, sizeof(received->packet), received->fds, &received->fd_count,
			     err);
}

/* Receives one packet. 1, 0 at the end of the stream, or -errno. */
static int receive(struct sync *sync, struct sync_received *received, struct err *err)
{
	const struct sync_header *header = &received->packet.header;
	struct err reason = ERR_INIT;
	ssize_t len = receive_packet(sync, received, &reason);

	/*
	 * A peer that ended without reading all we had sent shows as a reset first, and only the next call gives what
	 * it had left for us: most likely the error that it ended with.
	 */
	if (len == -ECONNRESET)
		len = receive_packet(sync, received, &reason);
	if (len == 0 || len == -ECONNRESET)
		return 0;
	if (len < 0) {
		if (err)
			*err = reason;
		(void)err_wrap(err, "%s", sync->peer);
		return (int)len;
	}
	if ((size_t)len < sizeof(*header) || header->magic != SYNC_MAGIC ||
	    header->len != (size_t)len - sizeof(*header)) {
		received_drop(received);
		return err_say(err, EPROTO, "%s sent a malformed message", sync->peer);
	}
	return 1;
}

/* Copies the peer's error. The peer may be half-made and its memory wrong: nothing in it is taken as it is. */
static int take_error(const struct sync *sync, const struct sync_packet *packet, struct err *err)
{
	struct err failure;

	if (packet->header.len != sizeof(failure))
		return err_say(err, EPROTO, "%s sent a malformed error", sync->peer);
	memcpy(&failure, packet->words, sizeof(failure));
	failure.msg[sizeof(failure.msg) - 1] = '\0';
	if (failure.code <= 0)
		failure.code = EIO;
	if (failure.exit_code < 0 || failure.exit_code > 255)
		failure.exit_code = ERR_EXIT_DEFAULT;
	if (err) {
		err->code = failure.code;
		err->exit_code = failure.exit_code;
		text_escape(err->msg, sizeof(err->msg), failure.msg);
	}
	return -failure.code;
}

/* Receives the packet of `stage`, and nothing else. */
static int expect(struct sync *sync, unsigned stage, struct sync_received *received, struct err *err)
{
	int r = receive(sync, received, err);

	if (r < 0)
		return r;
	if (r == 0)
		return err_say(err, ECONNRESET, "%s ended before '%s'", sync->peer, stage_name(sync, stage));
	if (received->packet.header.stage == stage)
		return 0;

	received_drop(received);
	if (received->packet.header.stage == SYNC_STAGE_ERROR)
		return take_error(sync, &received->packet, err);
	return err_say(err, EPROTO, "%s sent '%s' where '%s' was expected", sync->peer,
		       stage_name(sync, received->packet.header.stage), stage_name(sync, stage));
}

int sync_wait_data(struct sync *sync, unsigned stage, void *to, size_t *len, int *ret_fds, unsigned *fd_count,
		   struct err *err)
{
	struct sync_received received;
	size_t room = len ? *len : 0;
	unsigned fd_room = fd_count ? *fd_count : 0;
	int r;

	if (len)
		*len = 0;
	if (fd_count)
		*fd_count = 0;
	r = expect(sync, stage, &received, err);
	if (r < 0)
		return r;
	if (received.packet.header.len > room || received.fd_count > fd_room) {
		received_drop(&received);
		return err_say(err, EPROTO, "%s sent more than expected with '%s'", sync->peer,
			       stage_name(sync, stage));
	}
	if (len) {
		*len = received.packet.header.len;
		if (*len > 0)
			memcpy(to, received.packet.words, *len);
	}
	if (fd_count) {
		*fd_count = received.fd_count;
		if (*fd_count > 0)
			memcpy(ret_fds, received.fds, *fd_count * sizeof(int));
	}
	return 0;
}

int sync_wait(struct sync *sync, unsigned stage, struct err *err)
{
	return sync_wait_data(sync, stage, NULL, NULL, NULL, NULL, err);
}

int sync_wait_closed(struct sync *sync, struct err *err)
{
	struct sync_received received;
	int r = receive(sync, &received, err);

	if (r <= 0)
		return r;
	received_drop(&received);
	if (received.packet.header.stage == SYNC_STAGE_ERROR)
		return take_error(sync, &received.packet, err);
	return err_say(err, EPROTO, "%s sent '%s' where its end was expected", sync->peer,
		       stage_name(sync, received.packet.header.stage));
}

/* --- Sending --- */

static int send_packet(struct sync *sync, unsigned stage, const void *data, size_t len, const int *fds,
		       unsigned fd_count, struct err *err)
{
	struct sync_packet packet = {.header = {.magic = SYNC_MAGIC, .stage = stage, .len = (uint32_t)len}};

	if (len > 0)
		memcpy(packet.words, data, len);
	return sock_send_fds(sync->fd, &packet, sizeof(packet.header) + len, fds, fd_count, err);
}

/*
 * The peer does not read any more. Why, it may have said before it went; then that is the error, not the broken pipe.
 */
static int peer_gone(struct sync *sync, unsigned stage, struct err *err)
{
	struct pollfd end = {.fd = sync->fd, .events = POLLIN};
	struct sync_received received;

	/*
	 * Every turn takes a packet away, and nobody adds one: at the end of the stream, or where nothing is left, this
	 * ends.
	 */
	while (poll(&end, 1, 0) > 0 && receive(sync, &received, err) > 0) {
		received_drop(&received);
		if (received.packet.header.stage == SYNC_STAGE_ERROR)
			return take_error(sync, &received.packet, err);
	}
	return err_say(err, ECONNRESET, "%s ended before it could be told '%s'", sync->peer, stage_name(sync, stage));
}

int sync_send_data(struct sync *sync, unsigned stage, const void *data, size_t len, const int *fds, unsigned fd_count,
		   struct err *err)
{
	int r;

	if (stage == SYNC_STAGE_ERROR || len > SYNC_MAX_WORDS || fd_count > SYNC_MAX_FDS)
		return err_say(err, EINVAL, "tell %s '%s': %zu bytes and %u descriptors", sync->peer,
			       stage_name(sync, stage), len, fd_count);
	r = send_packet(sync, stage, data, len, fds, fd_count, err);
	if (r == -EPIPE || r == -ECONNRESET)
		return peer_gone(sync, stage, err);
	if (r < 0)
		(void)err_wrap(err, "tell %s '%s'", sync->peer, stage_name(sync, stage));
	return r;
}

int sync_send(struct sync *sync, unsigned stage, struct err *err)
{
	return sync_send_data(sync, stage, NULL, 0, NULL, 0, err);
}

void sync_send_err(struct sync *sync, const struct err *failure)
{
	(void)send_packet(sync, SYNC_STAGE_ERROR, failure, sizeof(*failure), NULL, 0, NULL);
}

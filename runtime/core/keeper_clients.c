/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime/core/keeper.h"

#include <endian.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/base/scope.h"
#include "runtime/base/socket.h"

#define HEADER_BYTES sizeof(struct keeper_frame)

static struct keeper_frame frame_of(enum attach_frame type, size_t len)
{
	return (struct keeper_frame){.len = htole32((uint32_t)len), .type = htole16(type)};
}

/* --- The life of a connection --- */

static void client_drop(struct keeper *keeper, struct keeper_client *client)
{
	keeper_input_forget(keeper, client);
	loop_forget(&keeper->loop, &client->source);
	scope_fd(&client->source.fd);
	client->source.fd = -1;
	client->is_used = false;
}

/* Watches for what can go on: reading unless its input has to wait, writing when something is left over. */
static void client_watch(struct keeper *keeper, struct keeper_client *client)
{
	uint32_t events = (client->waits_for_input ? 0 : EPOLLIN) | (client->out_len ? EPOLLOUT : 0);

	if (!client->is_used)
		return;
	/*
	 * A hang-up is told of whatever the events are, again and again: with nothing to do the client is not watched
	 * at all.
	 */
	if (!events)
		loop_forget(&keeper->loop, &client->source);
	else if (loop_watch(&keeper->loop, &client->source, events, NULL) < 0)
		client_drop(keeper, client);
}

/* --- To the client --- */

/* 0: all is sent, or the rest waits for room. -errno: the client is gone. */
static int client_flush(struct keeper_client *client)
{
	while (client->out_sent < client->out_len) {
		ssize_t n = send(client->source.fd, client->out + client->out_sent, client->out_len - client->out_sent,
				 MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0)
			return errno == EAGAIN || errno == EINTR ? 0 : -errno;
		client->out_sent += (size_t)n;
	}
	client->out_len = client->out_sent = 0;
	return 0;
}

/*
 * Straight from the caller's bytes; only what the socket does not take is copied. Nothing may be left over from before.
 */
static int client_send(struct keeper_client *client, enum attach_frame type, const void *bytes, size_t len)
{
	struct keeper_frame header = frame_of(type, len);
	struct iovec parts[2] = {{&header, HEADER_BYTES}, {(void *)(uintptr_t)bytes, len}};
	struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
	ssize_t n = sendmsg(client->source.fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n < 0 && errno != EAGAIN && errno != EINTR)
		return -errno;
	if (n == (ssize_t)(HEADER_BYTES + len))
		return 0;
	memcpy(client->out, &header, HEADER_BYTES);
	memcpy(client->out + HEADER_BYTES, bytes, len);
	client->out_len = HEADER_BYTES + len;
	client->out_sent = n < 0 ? 0 : (size_t)n;
	return 0;
}

bool keeper_clients_block(const struct keeper *keeper)
{
	for (size_t i = 0; i < KEEPER_CLIENTS; i++) {
		const struct keeper_client *client = &keeper->clients[i];

		if (client->is_used && (client->out_len || (client->is_expected && !client->is_greeted)))
			return true;
	}
	return false;
}

void keeper_clients_send(struct keeper *keeper, enum attach_wants wanted, const void *bytes, size_t len)
{
	enum attach_frame type = wanted == ATTACH_WANTS_STDOUT ? ATTACH_OUT : ATTACH_ERR;

	for (size_t i = 0; i < KEEPER_CLIENTS; i++) {
		struct keeper_client *client = &keeper->clients[i];

		if (!client->is_used || !client->is_greeted || !(client->wants & wanted))
			continue;
		if (client_send(client, type, bytes, len) < 0)
			client_drop(keeper, client);
		else if (client->out_len)
			client_watch(keeper, client);
	}
}

/* --- The rest, after the end --- */

void keeper_rest_add(struct keeper *keeper, enum attach_frame type, const void *bytes, size_t len)
{
	struct keeper_frame header = frame_of(type, len);

	/* Without memory the clients get no rest and no EXIT: they see the connection end, and ask the record. */
	if (keeper->rest_fd < 0 || fd_write_all(keeper->rest_fd, &header, HEADER_BYTES) < 0 ||
	    fd_write_all(keeper->rest_fd, bytes, len) < 0)
		return;
	if (type == ATTACH_EXIT)
		keeper->rest_exit_at = keeper->rest_len;
	keeper->rest_len += (off_t)(HEADER_BYTES + len);
}

static bool client_wants(const struct keeper_client *client, enum attach_frame type)
{
	switch (type) {
	case ATTACH_OUT:
		return client->wants & ATTACH_WANTS_STDOUT;
	case ATTACH_ERR:
		return client->wants & ATTACH_WANTS_STDERR;
	default:
		return true;
	}
}

/* Fetches the next frame of the rest that the client wants into its empty `out`. False when there is none. */
static bool client_next(const struct keeper *keeper, struct keeper_client *client)
{
	while (client->rest_at < keeper->rest_len) {
		ssize_t n = pread(keeper->rest_fd, client->out, sizeof(client->out), client->rest_at);
		struct keeper_frame header;
		size_t len;

		if (n < (ssize_t)HEADER_BYTES)
			return false;
		memcpy(&header, client->out, HEADER_BYTES);
		len = HEADER_BYTES + le32toh(header.len);
		client->rest_at += (off_t)len;
		if (client_wants(client, le16toh(header.type))) {
			client->out_len = len;
			return true;
		}
	}
	return false;
}

static void client_finish(struct keeper *keeper, struct keeper_client *client)
{
	while (client->is_used && client->is_greeted && (client->out_len || client_next(keeper, client))) {
		if (client_flush(client) < 0)
			client_drop(keeper, client);
		else if (client->out_len)
			break;
	}
	client_watch(keeper, client);
}

static bool client_lacks_rest(const struct keeper *keeper, const struct keeper_client *client)
{
	if (!client->is_used)
		return false;
	if (!client->is_greeted)
		return client->is_expected;
	return client->out_len || client->rest_at < keeper->rest_len;
}

void keeper_clients_finish(struct keeper *keeper)
{
	bool all_have_it = true;

	for (size_t i = 0; i < KEEPER_CLIENTS; i++) {
		client_finish(keeper, &keeper->clients[i]);
		if (client_lacks_rest(keeper, &keeper->clients[i]))
			all_have_it = false;
	}
	if (all_have_it)
		loop_stop(&keeper->loop, 0);
}

void keeper_clients_hurry(struct keeper *keeper)
{
	for (size_t i = 0; i < KEEPER_CLIENTS; i++) {
		struct keeper_client *client = &keeper->clients[i];

		if (client_lacks_rest(keeper, client) && !(client->wants & ATTACH_TAKES_OVER))
			client_drop(keeper, client);
	}
}

bool keeper_clients_take_over(const struct keeper *keeper)
{
	for (size_t i = 0; i < KEEPER_CLIENTS; i++)
		if (keeper->clients[i].is_used && (keeper->clients[i].wants & ATTACH_TAKES_OVER))
			return true;
	return false;
}

/* --- From the client --- */

enum verdict { TAKEN, WAITS, MALFORMED };

static enum verdict take_hello(struct keeper *keeper, struct keeper_client *client, const void *payload, size_t len)
{
	struct attach_hello hello, ready = {.version = htole32(ATTACH_VERSION)};
	uint32_t has = (keeper->input.fd >= 0 && !keeper->input_is_gone ? ATTACH_HAS_STDIN : 0) |
		       (keeper->args.tty >= 0 ? ATTACH_HAS_TERMINAL : 0);

	memcpy(&hello, payload, len);
	client->wants = le32toh(hello.flags);
	if (client->is_greeted || le32toh(hello.version) != ATTACH_VERSION || (client->wants & ~ATTACH_WANTS_ALL))
		return MALFORMED;
	client->is_greeted = true;
	/* Who comes after the end is told of the end alone. */
	if (keeper->has_ended && !client->is_expected)
		client->rest_at = keeper->rest_exit_at;
	ready.flags = htole32(has);
	return client_send(client, ATTACH_READY, &ready, sizeof(ready)) < 0 ? MALFORMED : TAKEN;
}

static enum verdict take_stdin(struct keeper *keeper, struct keeper_client *client, const void *payload, size_t len)
{
	const char *rest = (const char *)payload + client->in_taken;

	if (!(client->wants & ATTACH_WANTS_STDIN))
		return MALFORMED;
	if (!keeper_input_turn(keeper, client))
		return WAITS;
	client->in_taken += keeper_input_write(keeper, client, rest, len - client->in_taken);
	return client->in_taken < len ? WAITS : TAKEN;
}

static enum verdict take_stdin_end(struct keeper *keeper, struct keeper_client *client, const void *payload, size_t len)
{
	(void)payload, (void)len;
	if (!(client->wants & ATTACH_WANTS_STDIN))
		return MALFORMED;
	if (!keeper_input_turn(keeper, client))
		return WAITS;
	keeper_input_end(keeper);
	return TAKEN;
}

static enum verdict take_resize(struct keeper *keeper, struct keeper_client *client, const void *payload, size_t len)
{
	struct attach_resize size;

	(void)client;
	memcpy(&size, payload, len);
	size = (struct attach_resize){.rows = le16toh(size.rows), .columns = le16toh(size.columns)};
	keeper_input_resize(keeper, &size);
	return TAKEN;
}

/* What a client may say, and how long it may be. */
static const struct {
	size_t min_len, max_len;
	enum verdict (*take)(struct keeper *, struct keeper_client *, const void *payload, size_t len);
} frames[] = {
	[ATTACH_HELLO] = {sizeof(struct attach_hello), sizeof(struct attach_hello), take_hello},
	[ATTACH_STDIN] = {0, ATTACH_CHUNK_BYTES, take_stdin},
	[ATTACH_STDIN_END] = {0, 0, take_stdin_end},
	[ATTACH_RESIZE] = {sizeof(struct attach_resize), sizeof(struct attach_resize), take_resize},
};

/* Takes the first frame of what was received. WAITS also when it has not arrived whole. */
static enum verdict client_take(struct keeper *keeper, struct keeper_client *client)
{
	struct keeper_frame header;
	enum verdict verdict;
	size_t len, type;

	if (client->in_len < HEADER_BYTES)
		return WAITS;
	memcpy(&header, client->in, HEADER_BYTES);
	len = le32toh(header.len);
	type = le16toh(header.type);
	if (header.zero || type >= ARRAY_SIZE(frames) || !frames[type].take || len < frames[type].min_len ||
	    len > frames[type].max_len || (!client->is_greeted && type != ATTACH_HELLO))
		return MALFORMED;
	if (client->in_len < HEADER_BYTES + len)
		return WAITS;
	verdict = frames[type].take(keeper, client, client->in + HEADER_BYTES, len);
	if (verdict == WAITS) {
		client->waits_for_input = true;
		keeper_input_wait(keeper);
	}
	if (verdict != TAKEN)
		return verdict;
	client->in_taken = 0;
	client->in_len -= HEADER_BYTES + len;
	memmove(client->in, client->in + HEADER_BYTES + len, client->in_len);
	return TAKEN;
}

/* Takes what was received, as far as it goes. */
static void client_go_on(struct keeper *keeper, struct keeper_client *client)
{
	enum verdict verdict;

	client->waits_for_input = false;
	do
		verdict = client_take(keeper, client);
	while (verdict == TAKEN);
	if (verdict == MALFORMED)
		client_drop(keeper, client);
	else
		client_watch(keeper, client);
}

void keeper_clients_resume(struct keeper *keeper)
{
	if (keeper->input_owner && keeper_input_has_room(keeper))
		client_go_on(keeper, keeper->input_owner);
	for (size_t i = 0; i < KEEPER_CLIENTS && keeper_input_has_room(keeper); i++) {
		struct keeper_client *client = &keeper->clients[i];

		if (client->is_used && client->waits_for_input)
			client_go_on(keeper, client);
	}
}

static void client_receive(struct keeper *keeper, struct keeper_client *client)
{
	ssize_t n =
		recv(client->source.fd, client->in + client->in_len, sizeof(client->in) - client->in_len, MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		client_drop(keeper, client);
		return;
	}
	client->in_len += (size_t)n;
	client_go_on(keeper, client);
}

static void client_ready(struct loop *loop, struct loop_source *source, uint32_t epoll_events)
{
	struct keeper_client *client = CONTAINER_OF(source, struct keeper_client, source);
	struct keeper *keeper = CONTAINER_OF(loop, struct keeper, loop);

	if (client->out_len) {
		if (client_flush(client) < 0)
			client_drop(keeper, client);
		else
			client_watch(keeper, client);
	}
	if (client->is_used && !client->waits_for_input && (epoll_events & ~(uint32_t)EPOLLOUT))
		client_receive(keeper, client);
}

/* --- Connections --- */

/* The descriptor is the keeper's from now on. */
static void client_add(struct keeper *keeper, int fd, bool is_expected)
{
	for (size_t i = 0; i < KEEPER_CLIENTS; i++) {
		struct keeper_client *client = &keeper->clients[i];

		if (client->is_used)
			continue;
		/* Not the whole struct at once: its buffers need no zeroes, and untouched they cost nothing. */
		client->source = (struct loop_source){.fd = fd, .ready = client_ready};
		client->is_expected = is_expected;
		client->is_greeted = client->waits_for_input = false;
		client->wants = 0;
		client->rest_at = 0;
		client->in_len = client->in_taken = client->out_len = client->out_sent = 0;
		client->is_used = true;
		client_watch(keeper, client);
		return;
	}
	(void)close(fd);
}

static void listener_ready(struct loop *loop, struct loop_source *source, uint32_t epoll_events)
{
	struct keeper *keeper = CONTAINER_OF(loop, struct keeper, loop);
	int fd = sock_accept(source->fd, NULL);
	uid_t uid;

	(void)epoll_events;
	if (fd < 0)
		return;
	/* The folder keeps others out already; a descriptor of the socket may have been passed on. */
	if (sock_peer_uid(fd, &uid) < 0 || (uid != 0 && uid != geteuid()))
		(void)close(fd);
	else
		client_add(keeper, fd, false);
}

int keeper_clients_open(struct keeper *keeper, struct err *err)
{
	int r = fd_set_nonblock(keeper->args.listen, true);

	if (r < 0)
		return err_set(err, -r, "make the listening socket non-blocking");
	keeper->listener = (struct loop_source){.fd = keeper->args.listen, .ready = listener_ready};
	if (keeper->args.client >= 0)
		client_add(keeper, keeper->args.client, true);
	return loop_watch(&keeper->loop, &keeper->listener, EPOLLIN, err);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From the sockets to the guest: what connections have to say, what they carry, and what is asked of their sockets
 * meanwhile.
 */
#include <errno.h>
#include <string.h>
#include <sys/uio.h>

#include "runtime/base/scope.h"
#include "runtime/vm/vsock.h"
#include "runtime/vm/vsock_parts.h"

/* The guest hears of room in the buffer when half of it is new. */
#define TELL_ROOM_BYTES (VSOCK_WINDOW_BYTES / 2)

struct vsock_connection *vsock_find(struct vsock *vsock, uint32_t guest_port, uint32_t host_port)
{
	for (unsigned i = 0; i < VSOCK_MAX_CONNECTIONS; i++) {
		struct vsock_connection *at = &vsock->connections[i];

		if (at->state != VSOCK_FREE && at->guest_port == guest_port && at->host_port == host_port)
			return at;
	}
	return NULL;
}

struct vsock_connection *vsock_find_free(struct vsock *vsock)
{
	for (unsigned i = 0; i < VSOCK_MAX_CONNECTIONS; i++)
		if (vsock->connections[i].state == VSOCK_FREE)
			return &vsock->connections[i];
	return NULL;
}

/* --- to the guest ------------------------------------------------------------------------------------------------- */

static struct virtio_vsock_hdr header_of(const struct vsock *vsock, struct vsock_connection *connection, uint16_t op)
{
	connection->forwarded_told = connection->forwarded;
	return (struct virtio_vsock_hdr){
		.src_cid = VSOCK_HOST_CID,
		.dst_cid = vsock->config.guest_cid,
		.src_port = connection->host_port,
		.dst_port = connection->guest_port,
		.type = VIRTIO_VSOCK_TYPE_STREAM,
		.op = op,
		.flags = op == VIRTIO_VSOCK_OP_SHUTDOWN ? connection->host_shutdown : 0,
		.buf_alloc = VSOCK_WINDOW_BYTES,
		.fwd_cnt = connection->forwarded,
	};
}

/* A buffer of the guest's, with room for a header at least. */
static bool take_buffer(struct vsock *vsock, struct vq_chain *chain)
{
	if (!virtio_pop(&vsock->device, VSOCK_RX, chain))
		return false;
	if (chain->writable_bytes >= VSOCK_HEADER_BYTES)
		return true;
	virtio_break(&vsock->device, VSOCK_RX, "a buffer too small for a packet's header");
	return false;
}

static void put_header(struct vsock *vsock, const struct vq_chain *chain, const struct virtio_vsock_hdr *header)
{
	vq_chain_write(chain, 0, header, sizeof(*header));
	vq_push(&vsock->queues[VSOCK_RX], chain->head, (uint32_t)VSOCK_HEADER_BYTES + header->len);
}

/* The next thing that this connection has to say, in the order in which it is to be heard. */
static int next_op(const struct vsock_connection *connection)
{
	static const uint16_t order[] = {VIRTIO_VSOCK_OP_REQUEST, VIRTIO_VSOCK_OP_RESPONSE,
					 VIRTIO_VSOCK_OP_CREDIT_UPDATE, VIRTIO_VSOCK_OP_SHUTDOWN, VIRTIO_VSOCK_OP_RST};

	for (size_t i = 0; i < ARRAY_SIZE(order); i++)
		if (connection->to_say & VSOCK_OP_BIT(order[i]))
			return order[i];
	return -1;
}

static bool say_resets(struct vsock *vsock)
{
	struct vq_chain chain;

	while (vsock->reset_count > 0) {
		if (!take_buffer(vsock, &chain))
			return false;
		put_header(vsock, &chain, &vsock->resets[--vsock->reset_count]);
	}
	return true;
}

/*
 * All that is to be said without data, as far as the guest has buffers. A connection whose reset was said is no more.
 */
static bool say(struct vsock *vsock)
{
	struct vq_chain chain;

	if (!say_resets(vsock))
		return false;
	for (unsigned turn = 0; turn < VSOCK_MAX_CONNECTIONS; turn++) {
		struct vsock_connection *at = &vsock->connections[vsock->next_turn];
		int op;

		while (at->state != VSOCK_FREE && (op = next_op(at)) >= 0) {
			if (!take_buffer(vsock, &chain))
				return false;

			struct virtio_vsock_hdr header = header_of(vsock, at, (uint16_t)op);

			put_header(vsock, &chain, &header);
			at->to_say &= ~VSOCK_OP_BIT(op);
			if (op == VIRTIO_VSOCK_OP_RST)
				vsock_connection_drop(at);
		}
		vsock->next_turn = (vsock->next_turn + 1) % VSOCK_MAX_CONNECTIONS;
	}
	return true;
}

void vsock_end(struct vsock_connection *connection)
{
	virtio_forget(&connection->source);
	scope_fd(&connection->fd);
	connection->fd = -1;
	connection->to_say = VSOCK_OP_BIT(VIRTIO_VSOCK_OP_RST);
}

/* --- the socket --------------------------------------------------------------------------------------------------- */

static void socket_ready(struct virtio_device *device, struct virtio_source *source, uint32_t epoll_events);

/* No data before the answer to the guest's request, which may wait for a buffer that has come only now. */
static bool wants_input(struct vsock *vsock, const struct vsock_connection *connection)
{
	return connection->state == VSOCK_OPEN && !(connection->to_say & VSOCK_OP_BIT(VIRTIO_VSOCK_OP_RESPONSE)) &&
	       vsock_connection_credit(connection) > 0 && !(connection->host_shutdown & VIRTIO_VSOCK_SHUTDOWN_SEND) &&
	       !(connection->guest_shutdown & VIRTIO_VSOCK_SHUTDOWN_RCV) && vq_has_more(&vsock->queues[VSOCK_RX]);
}

void vsock_watch(struct vsock *vsock, struct vsock_connection *connection)
{
	uint32_t events = 0;
	struct err err = ERR_INIT;

	if (connection->fd < 0)
		return;
	if (wants_input(vsock, connection))
		events |= EPOLLIN;
	if (connection->received != connection->forwarded)
		events |= EPOLLOUT;
	if (virtio_watch(&vsock->device, &connection->source, connection->fd, socket_ready, events, &err) < 0)
		vsock_end(connection);
}

/* Both sides have said all: RST is how a connection's end is confirmed (5.10.6.6). */
void vsock_settle(struct vsock *vsock, struct vsock_connection *connection)
{
	bool waits = connection->received != connection->forwarded;

	if (connection->fd < 0)
		return;
	if ((connection->guest_shutdown & VSOCK_SHUTDOWN_BOTH) == VSOCK_SHUTDOWN_BOTH && !waits)
		vsock_end(connection);
	else if (connection->forwarded - connection->forwarded_told >= TELL_ROOM_BYTES)
		connection->to_say |= VSOCK_OP_BIT(VIRTIO_VSOCK_OP_CREDIT_UPDATE);
	vsock_watch(vsock, connection);
}

void vsock_go_on(struct vsock *vsock)
{
	struct virtqueue *queue = &vsock->queues[VSOCK_RX];

	/* Without buffers the next ones are to be heard of; some may have come before that was said. */
	do
		(void)say(vsock);
	while (!vq_has_more(queue) && vq_kicks_on(queue));
	vq_notify(queue);
	for (unsigned i = 0; i < VSOCK_MAX_CONNECTIONS; i++)
		if (vsock->connections[i].state != VSOCK_FREE)
			vsock_watch(vsock, &vsock->connections[i]);
}

/* The socket's next bytes straight into a buffer of the guest's. False: it has none now, or its end has come. */
static bool forward(struct vsock *vsock, struct vsock_connection *connection)
{
	struct iovec parts[VQ_MAX_SIZE];
	struct virtio_vsock_hdr header;
	struct vq_chain chain;
	unsigned count;
	ssize_t n;

	if (!wants_input(vsock, connection) || !take_buffer(vsock, &chain))
		return false;
	count = vq_slice(vq_writable(&chain), chain.writable_count, VSOCK_HEADER_BYTES,
			 vsock_connection_credit(connection), parts, ARRAY_SIZE(parts));
	n = count > 0 ? readv(connection->fd, parts, (int)count) : -1;
	if (n > 0) {
		header = header_of(vsock, connection, VIRTIO_VSOCK_OP_RW);
		header.len = (uint32_t)n;
		connection->sent += (uint32_t)n;
		put_header(vsock, &chain, &header);
		return true;
	}
	vq_unpop(&vsock->queues[VSOCK_RX]);
	if (count == 0)
		virtio_break(&vsock->device, VSOCK_RX, "a buffer too small for a packet's data");
	else if (n == 0) {
		connection->host_shutdown |= VIRTIO_VSOCK_SHUTDOWN_SEND;
		connection->to_say |= VSOCK_OP_BIT(VIRTIO_VSOCK_OP_SHUTDOWN);
	} else if (errno != EAGAIN && errno != EINTR) {
		vsock_end(connection);
	}
	return false;
}

static void socket_ready(struct virtio_device *device, struct virtio_source *source, uint32_t epoll_events)
{
	struct vsock_connection *connection = CONTAINER_OF(source, struct vsock_connection, source);
	struct vsock *vsock = vsock_of(device);

	if ((epoll_events & EPOLLOUT) && vsock_connection_flush(connection) < 0)
		vsock_end(connection);
	/* A few at a time: other connections have their turn. */
	for (int i = 0; i < 8 && connection->fd >= 0 && (epoll_events & (EPOLLIN | EPOLLHUP)); i++)
		if (!forward(vsock, connection))
			break;
	/* The other end is closed altogether: nobody will read what the guest sends. */
	if (connection->fd >= 0 && (epoll_events & EPOLLHUP) &&
	    (connection->host_shutdown & VIRTIO_VSOCK_SHUTDOWN_SEND)) {
		connection->host_shutdown = VSOCK_SHUTDOWN_BOTH;
		connection->to_say |= VSOCK_OP_BIT(VIRTIO_VSOCK_OP_SHUTDOWN);
	}
	if ((epoll_events & EPOLLERR) && !(epoll_events & EPOLLIN))
		vsock_end(connection);
	vsock_settle(vsock, connection);
	vsock_go_on(vsock);
}

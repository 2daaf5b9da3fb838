/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime/vm/vsock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/base/scope.h"
#include "runtime/vm/vsock_connection.h"

#define HEADER_BYTES	sizeof(struct virtio_vsock_hdr)
#define SHUTDOWN_BOTH	(VIRTIO_VSOCK_SHUTDOWN_RCV | VIRTIO_VSOCK_SHUTDOWN_SEND)
#define FIRST_HOST_PORT (1U << 30)
#define MIN_GUEST_CID	UINT64_C(3)
#define OP_BIT(op)	(1U << (op))
/* The guest hears of room in the buffer when half of it is new. */
#define TELL_ROOM_BYTES (VSOCK_WINDOW_BYTES / 2)

static struct vsock *vsock_of(struct virtio_device *device)
{
	return (struct vsock *)(void *)device;
}

static struct vsock_connection *find(struct vsock *vsock, uint32_t guest_port, uint32_t host_port)
{
	for (unsigned i = 0; i < VSOCK_MAX_CONNECTIONS; i++) {
		struct vsock_connection *at = &vsock->connections[i];

		if (at->state != VSOCK_FREE && at->guest_port == guest_port && at->host_port == host_port)
			return at;
	}
	return NULL;
}

static struct vsock_connection *find_free(struct vsock *vsock)
{
	for (unsigned i = 0; i < VSOCK_MAX_CONNECTIONS; i++)
		if (vsock->connections[i].state == VSOCK_FREE)
			return &vsock->connections[i];
	return NULL;
}

/* --- to the guest ------------------------------------------------------------------------------------------------------------------ */

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
	if (chain->writable_bytes >= HEADER_BYTES)
		return true;
	virtio_break(&vsock->device, VSOCK_RX, "a buffer too small for a packet's header");
	return false;
}

static void put_header(struct vsock *vsock, const struct vq_chain *chain, const struct virtio_vsock_hdr *header)
{
	vq_chain_write(chain, 0, header, sizeof(*header));
	vq_push(&vsock->queues[VSOCK_RX], chain->head, (uint32_t)HEADER_BYTES + header->len);
}

/* The next thing that this connection has to say, in the order in which it is to be heard. */
static int next_op(const struct vsock_connection *connection)
{
	static const uint16_t order[] = {VIRTIO_VSOCK_OP_REQUEST, VIRTIO_VSOCK_OP_RESPONSE,
					 VIRTIO_VSOCK_OP_CREDIT_UPDATE, VIRTIO_VSOCK_OP_SHUTDOWN, VIRTIO_VSOCK_OP_RST};

	for (size_t i = 0; i < ARRAY_SIZE(order); i++)
		if (connection->to_say & OP_BIT(order[i]))
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

/* All that is to be said without data, as far as the guest has buffers. A connection whose reset was said is no more. */
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
			at->to_say &= ~OP_BIT(op);
			if (op == VIRTIO_VSOCK_OP_RST)
				vsock_connection_drop(at);
		}
		vsock->next_turn = (vsock->next_turn + 1) % VSOCK_MAX_CONNECTIONS;
	}
	return true;
}

/* The connection ends: the guest is told, and after that it is gone. Nothing more goes to the socket or comes from it. */
static void end(struct vsock_connection *connection)
{
	virtio_forget(&connection->source);
	scope_fd(&connection->fd);
	connection->fd = -1;
	connection->to_say = OP_BIT(VIRTIO_VSOCK_OP_RST);
}

/* --- the socket -------------------------------------------------------------------------------------------------------------------- */

static void socket_ready(struct virtio_device *device, struct virtio_source *source, uint32_t epoll_events);

/* No data before the answer to the guest's request, which may wait for a buffer that has come only now. */
static bool wants_input(struct vsock *vsock, const struct vsock_connection *connection)
{
	return connection->state == VSOCK_OPEN && !(connection->to_say & OP_BIT(VIRTIO_VSOCK_OP_RESPONSE)) &&
	       vsock_connection_credit(connection) > 0 && !(connection->host_shutdown & VIRTIO_VSOCK_SHUTDOWN_SEND) &&
	       !(connection->guest_shutdown & VIRTIO_VSOCK_SHUTDOWN_RCV) && vq_has_more(&vsock->queues[VSOCK_RX]);
}

/* Asks the socket for what can be dealt with now, and for nothing else: who is not asked does not keep the loop busy. */
static void watch(struct vsock *vsock, struct vsock_connection *connection)
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
		end(connection);
}

/* Both sides have said all: RST is how a connection's end is confirmed (5.10.6.6). */
static void settle(struct vsock *vsock, struct vsock_connection *connection)
{
	bool waits = connection->received != connection->forwarded;

	if (connection->fd < 0)
		return;
	if ((connection->guest_shutdown & SHUTDOWN_BOTH) == SHUTDOWN_BOTH && !waits)
		end(connection);
	else if (connection->forwarded - connection->forwarded_told >= TELL_ROOM_BYTES)
		connection->to_say |= OP_BIT(VIRTIO_VSOCK_OP_CREDIT_UPDATE);
	watch(vsock, connection);
}

/* Says what is to be said, and asks the sockets anew: the guest has given buffers, or has none left. */
static void go_on(struct vsock *vsock)
{
	struct virtqueue *queue = &vsock->queues[VSOCK_RX];

	/* Without buffers the next ones are to be heard of; some may have come before that was said. */
	do
		(void)say(vsock);
	while (!vq_has_more(queue) && vq_kicks_on(queue));
	vq_notify(queue);
	for (unsigned i = 0; i < VSOCK_MAX_CONNECTIONS; i++)
		if (vsock->connections[i].state != VSOCK_FREE)
			watch(vsock, &vsock->connections[i]);
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
	count = vq_slice(vq_writable(&chain), chain.writable_count, HEADER_BYTES, vsock_connection_credit(connection),
			 parts, ARRAY_SIZE(parts));
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
		connection->to_say |= OP_BIT(VIRTIO_VSOCK_OP_SHUTDOWN);
	} else if (errno != EAGAIN && errno != EINTR) {
		end(connection);
	}
	return false;
}

static void socket_ready(struct virtio_device *device, struct virtio_source *source, uint32_t epoll_events)
{
	struct vsock_connection *connection = (void *)((char *)source - offsetof(struct vsock_connection, source));
	struct vsock *vsock = vsock_of(device);

	if ((epoll_events & EPOLLOUT) && vsock_connection_flush(connection) < 0)
		end(connection);
	/* A few at a time: other connections have their turn. */
	for (int i = 0; i < 8 && connection->fd >= 0 && (epoll_events & (EPOLLIN | EPOLLHUP)); i++)
		if (!forward(vsock, connection))
			break;
	/* The other end is closed altogether: nobody will read what the guest sends. */
	if (connection->fd >= 0 && (epoll_events & EPOLLHUP) &&
	    (connection->host_shutdown & VIRTIO_VSOCK_SHUTDOWN_SEND)) {
		connection->host_shutdown = SHUTDOWN_BOTH;
		connection->to_say |= OP_BIT(VIRTIO_VSOCK_OP_SHUTDOWN);
	}
	if ((epoll_events & EPOLLERR) && !(epoll_events & EPOLLIN))
		end(connection);
	settle(vsock, connection);
	go_on(vsock);
}

/* --- from the guest ---------------------------------------------------------------------------------------------------------------- */

/* Nobody is there: says so. Never in answer to a reset. */
static void refuse(struct vsock *vsock, const struct virtio_vsock_hdr *header)
{
	if (header->op == VIRTIO_VSOCK_OP_RST || vsock->reset_count == ARRAY_SIZE(vsock->resets))
		return;
	vsock->resets[vsock->reset_count++] = (struct virtio_vsock_hdr){
		.src_cid = header->dst_cid,
		.dst_cid = header->src_cid,
		.src_port = header->dst_port,
		.dst_port = header->src_port,
		.type = header->type,
		.op = VIRTIO_VSOCK_OP_RST,
	};
}

static void accept_request(struct vsock *vsock, const struct virtio_vsock_hdr *header)
{
	struct vsock_connection *connection = find_free(vsock);
	int fd = connection ? vsock->config.connect(vsock->config.data, header->dst_port) : -ENFILE;

	if (fd < 0) {
		refuse(vsock, header);
		return;
	}
	(void)fd_set_nonblock(fd, true);
	*connection = (struct vsock_connection){
		.state = VSOCK_OPEN,
		.guest_port = header->src_port,
		.host_port = header->dst_port,
		.fd = fd,
		.guest_alloc = header->buf_alloc,
		.guest_forwarded = header->fwd_cnt,
		.to_say = OP_BIT(VIRTIO_VSOCK_OP_RESPONSE),
	};
	watch(vsock, connection);
}

typedef void packet_handler(struct vsock_connection *connection, const struct virtio_vsock_hdr *header,
			    const struct vq_chain *chain);

static void on_response(struct vsock_connection *connection, const struct virtio_vsock_hdr *header,
			const struct vq_chain *chain)
{
	(void)header;
	(void)chain;
	if (connection->state == VSOCK_CONNECTING)
		connection->state = VSOCK_OPEN;
	else
		end(connection);
}

static void on_data(struct vsock_connection *connection, const struct virtio_vsock_hdr *header,
		    const struct vq_chain *chain)
{
	bool may = connection->state == VSOCK_OPEN && !(connection->guest_shutdown & VIRTIO_VSOCK_SHUTDOWN_SEND);

	if (!may || header->len > vsock_connection_window(connection) ||
	    vsock_connection_take(connection, chain, header->len) < 0)
		end(connection);
}

static void on_shutdown(struct vsock_connection *connection, const struct virtio_vsock_hdr *header,
			const struct vq_chain *chain)
{
	(void)chain;
	connection->guest_shutdown |= header->flags & SHUTDOWN_BOTH;
	if (connection->guest_shutdown & VIRTIO_VSOCK_SHUTDOWN_RCV)
		(void)shutdown(connection->fd, SHUT_RD);
	if (vsock_connection_flush(connection) < 0)
		end(connection);
}

static void on_credit_request(struct vsock_connection *connection, const struct virtio_vsock_hdr *header,
			      const struct vq_chain *chain)
{
	(void)header;
	(void)chain;
	connection->to_say |= OP_BIT(VIRTIO_VSOCK_OP_CREDIT_UPDATE);
}

static void on_credit_update(struct vsock_connection *connection, const struct virtio_vsock_hdr *header,
			     const struct vq_chain *chain)
{
	(void)connection;
	(void)header;
	(void)chain;
}

/* What may come on a connection that there is. REQUEST and RST are not among them; what is not here ends it. */
static packet_handler *const handlers[] = {
	[VIRTIO_VSOCK_OP_RESPONSE] = on_response,
	[VIRTIO_VSOCK_OP_SHUTDOWN] = on_shutdown,
	[VIRTIO_VSOCK_OP_RW] = on_data,
	[VIRTIO_VSOCK_OP_CREDIT_UPDATE] = on_credit_update,
	[VIRTIO_VSOCK_OP_CREDIT_REQUEST] = on_credit_request,
};

static void take_packet(struct vsock *vsock, const struct virtio_vsock_hdr *header, const struct vq_chain *chain)
{
	struct vsock_connection *connection = find(vsock, header->src_port, header->dst_port);

	if (!connection) {
		if (header->op == VIRTIO_VSOCK_OP_REQUEST)
			accept_request(vsock, header);
		else
			refuse(vsock, header);
		return;
	}
	/* It is ending, and the guest does not know yet: it will. */
	if (connection->fd < 0) {
		if (header->op == VIRTIO_VSOCK_OP_RST)
			vsock_connection_drop(connection);
		return;
	}
	if (header->op == VIRTIO_VSOCK_OP_RST) {
		vsock_connection_drop(connection);
		return;
	}
	connection->guest_alloc = header->buf_alloc;
	connection->guest_forwarded = header->fwd_cnt;
	if (header->op < ARRAY_SIZE(handlers) && handlers[header->op])
		handlers[header->op](connection, header, chain);
	else
		end(connection);
	settle(vsock, connection);
}

/* A header is judged as it was copied; its length counts only as far as the chain goes. */
static bool serve_packet(struct virtio_device *device, struct virtqueue *queue, const struct vq_chain *chain)
{
	struct vsock *vsock = vsock_of(device);
	struct virtio_vsock_hdr header;

	if (vq_chain_read(chain, 0, &header, sizeof(header)) < sizeof(header)) {
		virtio_break(device, VSOCK_TX, "a packet without a whole header");
		return true;
	}
	if (header.src_cid == vsock->config.guest_cid && header.dst_cid == VSOCK_HOST_CID) {
		bool whole = header.len <= chain->readable_bytes - HEADER_BYTES;

		if (whole && header.type == VIRTIO_VSOCK_TYPE_STREAM)
			take_packet(vsock, &header, chain);
		else
			refuse(vsock, &header);
	}
	vq_push(queue, chain->head, 0);
	return true;
}

/* --- the device -------------------------------------------------------------------------------------------------------------------- */

static int activate(struct virtio_device *device, struct err *err)
{
	(void)device;
	(void)err;
	return 0;
}

static void reset(struct virtio_device *device)
{
	struct vsock *vsock = vsock_of(device);

	for (unsigned i = 0; i < VSOCK_MAX_CONNECTIONS; i++)
		if (vsock->connections[i].state != VSOCK_FREE)
			vsock_connection_drop(&vsock->connections[i]);
	vsock->reset_count = 0;
}

static void kick(struct virtio_device *device, unsigned queue)
{
	struct vsock *vsock = vsock_of(device);

	/* The event queue's buffers stay with the device: it has no event to tell. */
	if (queue == VSOCK_EVENT)
		return;
	if (queue == VSOCK_TX)
		virtio_serve(device, VSOCK_TX, serve_packet);
	go_on(vsock);
}

static void config_read(struct virtio_device *device, uint32_t offset, void *to, size_t len)
{
	struct virtio_vsock_config config = {.guest_cid = vsock_of(device)->config.guest_cid};

	virtio_config_copy(&config, sizeof(config), offset, to, len);
}

static const struct virtio_ops ops = {
	.id = VIRTIO_ID_VSOCK,
	.name = "vsock",
	.queues = VSOCK_QUEUES,
	.queue_size = 128,
	.activate = activate,
	.reset = reset,
	.kick = kick,
	.config_read = config_read,
};

int vsock_open(struct vsock *vsock, const struct vsock_config *config, struct loop *loop,
	       const struct guest_memory *memory, struct err *err)
{
	if (config->guest_cid < MIN_GUEST_CID || config->guest_cid >= UINT32_MAX)
		return err_say(err, EINVAL, "vsock: a guest cannot have the number %llu",
			       (unsigned long long)config->guest_cid);
	*vsock = (struct vsock){.config = *config, .next_host_port = FIRST_HOST_PORT};
	vsock->connections = calloc(VSOCK_MAX_CONNECTIONS, sizeof(*vsock->connections));
	if (!vsock->connections)
		return err_set(err, ENOMEM, "vsock");
	virtio_device_init(&vsock->device, &ops, vsock->queues, loop, memory);
	return 0;
}

void vsock_close(struct vsock *vsock)
{
	if (!vsock->connections)
		return;
	virtio_device_close(&vsock->device);
	free(PTR_TAKE(vsock->connections));
}

static int start_connection(struct vsock *vsock, uint32_t guest_port, int fd)
{
	struct vsock_connection *connection = find_free(vsock);

	if (!vsock->device.active || !connection)
		return connection ? -ENOTCONN : -ENFILE;
	/* Ports of the last 2^30 connections of the host's making, of which 64 can be there, are not used again. */
	while (find(vsock, guest_port, vsock->next_host_port))
		vsock->next_host_port++;
	*connection = (struct vsock_connection){
		.state = VSOCK_CONNECTING,
		.guest_port = guest_port,
		.host_port = vsock->next_host_port,
		.fd = fd,
		.to_say = OP_BIT(VIRTIO_VSOCK_OP_REQUEST),
	};
	vsock->next_host_port = vsock->next_host_port == UINT32_MAX - 1 ? FIRST_HOST_PORT : vsock->next_host_port + 1;
	go_on(vsock);
	return 0;
}

int vsock_connect(struct vsock *vsock, uint32_t guest_port, int fd)
{
	int r;

	(void)fd_set_nonblock(fd, true);
	(void)pthread_mutex_lock(&vsock->device.lock);
	r = start_connection(vsock, guest_port, fd);
	(void)pthread_mutex_unlock(&vsock->device.lock);
	if (r < 0)
		(void)close(fd);
	return r;
}

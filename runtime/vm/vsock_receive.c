/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From the guest to the sockets: a packet is judged, and what it says is done. */
#include <errno.h>
#include <sys/socket.h>

#include "runtime/base/fd.h"
#include "runtime/vm/vsock.h"
#include "runtime/vm/vsock_parts.h"

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
	struct vsock_connection *connection = vsock_find_free(vsock);
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
		.to_say = VSOCK_OP_BIT(VIRTIO_VSOCK_OP_RESPONSE),
	};
	vsock_watch(vsock, connection);
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
		vsock_end(connection);
}

static void on_data(struct vsock_connection *connection, const struct virtio_vsock_hdr *header,
		    const struct vq_chain *chain)
{
	bool may = connection->state == VSOCK_OPEN && !(connection->guest_shutdown & VIRTIO_VSOCK_SHUTDOWN_SEND);

	if (!may || header->len > vsock_connection_window(connection) ||
	    vsock_connection_take(connection, chain, header->len) < 0)
		vsock_end(connection);
}

static void on_shutdown(struct vsock_connection *connection, const struct virtio_vsock_hdr *header,
			const struct vq_chain *chain)
{
	(void)chain;
	connection->guest_shutdown |= header->flags & VSOCK_SHUTDOWN_BOTH;
	if (connection->guest_shutdown & VIRTIO_VSOCK_SHUTDOWN_RCV)
		(void)shutdown(connection->fd, SHUT_RD);
	if (vsock_connection_flush(connection) < 0)
		vsock_end(connection);
}

static void on_credit_request(struct vsock_connection *connection, const struct virtio_vsock_hdr *header,
			      const struct vq_chain *chain)
{
	(void)header;
	(void)chain;
	connection->to_say |= VSOCK_OP_BIT(VIRTIO_VSOCK_OP_CREDIT_UPDATE);
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
	struct vsock_connection *connection = vsock_find(vsock, header->src_port, header->dst_port);

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
		vsock_end(connection);
	vsock_settle(vsock, connection);
}

/* A header is judged as it was copied; its length counts only as far as the chain goes. */
bool vsock_serve_packet(struct virtio_device *device, struct virtqueue *queue, const struct vq_chain *chain)
{
	struct vsock *vsock = vsock_of(device);
	struct virtio_vsock_hdr header;

	if (vq_chain_read(chain, 0, &header, sizeof(header)) < sizeof(header)) {
		virtio_break(device, VSOCK_TX, "a packet without a whole header");
		return true;
	}
	if (header.src_cid == vsock->config.guest_cid && header.dst_cid == VSOCK_HOST_CID) {
		bool whole = header.len <= chain->readable_bytes - VSOCK_HEADER_BYTES;

		if (whole && header.type == VIRTIO_VSOCK_TYPE_STREAM)
			take_packet(vsock, &header, chain);
		else
			refuse(vsock, &header);
	}
	vq_push(queue, chain->head, 0);
	return true;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the parts of the vsock device offer one another. For the vsock*.c files only.
 *
 *     vsock.c               the device: its queues, its beginning and end, connections of the host's making
 *     vsock_receive.c       what the guest sends
 *     vsock_stream.c        what goes to the guest
 *     vsock_connection.c    one connection's socket and credit
 */
#ifndef HULL_RUNTIME_VM_VSOCK_PARTS_H
#define HULL_RUNTIME_VM_VSOCK_PARTS_H

#include "runtime/vm/vsock_connection.h"

struct vsock;

#define VSOCK_HEADER_BYTES  sizeof(struct virtio_vsock_hdr)
#define VSOCK_SHUTDOWN_BOTH (VIRTIO_VSOCK_SHUTDOWN_RCV | VIRTIO_VSOCK_SHUTDOWN_SEND)
/* A connection's to_say. */
#define VSOCK_OP_BIT(op) (1U << (op))

static inline struct vsock *vsock_of(struct virtio_device *device)
{
	return (struct vsock *)(void *)device;
}

/* NULL: there is none. */
struct vsock_connection *vsock_find(struct vsock *vsock, uint32_t guest_port, uint32_t host_port);
struct vsock_connection *vsock_find_free(struct vsock *vsock);

/*
 * The connection ends: the guest is told, and after that it is gone. Nothing more goes to the socket or comes from it.
 */
void vsock_end(struct vsock_connection *connection);
/*
 * Asks the socket for what can be dealt with now, and for nothing else: who is not asked does not keep the loop busy.
 */
void vsock_watch(struct vsock *vsock, struct vsock_connection *connection);
/* Behind what has changed a connection: whether it is over, and what its socket is asked for. */
void vsock_settle(struct vsock *vsock, struct vsock_connection *connection);
/* Says what is to be said, and asks the sockets anew: the guest has given buffers, or has none left. */
void vsock_go_on(struct vsock *vsock);

/* A packet of the guest's, for virtio_serve(). */
bool vsock_serve_packet(struct virtio_device *device, struct virtqueue *queue, const struct vq_chain *chain);

#endif

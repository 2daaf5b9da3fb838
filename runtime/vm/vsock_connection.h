/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One vsock connection's side on the host: a socket, what the guest sent ahead of it, and both ways' credit (virtio
 * 1.2, 5.10.6.3). Knows nothing of queues and packets.
 */
#ifndef HULL_RUNTIME_VM_VSOCK_CONNECTION_H
#define HULL_RUNTIME_VM_VSOCK_CONNECTION_H

#include <linux/virtio_vsock.h>

#include "runtime/vm/virtio.h"

/* What the guest may send ahead on one connection. */
#define VSOCK_WINDOW_BYTES 65536U

enum vsock_state {
	VSOCK_FREE,
	VSOCK_CONNECTING, /* the guest was asked */
	VSOCK_OPEN,
};

struct vsock_connection {
	enum vsock_state state;
	uint32_t guest_port, host_port;
	struct virtio_source source; /* the socket, while something is expected of it */
	int fd;
	/* What the guest is to be told: a bit for each VIRTIO_VSOCK_OP_*. */
	uint32_t to_say;
	uint32_t guest_shutdown; /* VIRTIO_VSOCK_SHUTDOWN_*: what the guest will no longer do */
	uint32_t host_shutdown;	 /* ... and the host */
	/* Towards the guest: bytes sent, and what it said of its own buffer. Counters wrap. */
	uint32_t sent, guest_alloc, guest_forwarded;
	/* From the guest: bytes taken, those of them that the socket has, and what the guest was told of that. */
	uint32_t received, forwarded, forwarded_told;
	/*
	 * received - forwarded bytes: a ring of VSOCK_WINDOW_BYTES, made when the socket first takes less than it is
	 * given.
	 */
	uint8_t *ring;
};

/* How much the guest has room for. */
uint32_t vsock_connection_credit(const struct vsock_connection *connection);
/* How much the guest may still send. */
uint32_t vsock_connection_window(const struct vsock_connection *connection);

/*
 * Takes `len` bytes of the chain behind its header; no more than the window. 0; -errno: the socket is of no use any
 * more.
 */
int vsock_connection_take(struct vsock_connection *connection, const struct vq_chain *chain, uint32_t len);
/*
 * Gives the socket what it takes of what waits. When nothing is left and the guest sends no more, the socket is told.
 * As above.
 */
int vsock_connection_flush(struct vsock_connection *connection);

/* Closes the socket; the slot is free. */
void vsock_connection_drop(struct vsock_connection *connection);

#endif

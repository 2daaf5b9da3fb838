/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virtio-vsock in the monitor (virtio 1.2, section 5.10), streams only: each connection is a stream socket on this
 * side. The guest connects to a port of the host, and the owner of the device gives a socket for it; the host connects
 * to a port of the guest with a socket of its own.
 *
 * The guest is hostile: a packet that names no connection, or breaks its credit, is answered with a reset; a header is
 * copied once and its length is bounded by the chain it came in; connections are bounded, and so is what is buffered
 * for each. Who does not read stops only his own connection.
 */
#ifndef HULL_RUNTIME_VM_VSOCK_H
#define HULL_RUNTIME_VM_VSOCK_H

#include <linux/virtio_vsock.h>

#include "runtime/vm/virtio.h"

enum { VSOCK_RX, VSOCK_TX, VSOCK_EVENT, VSOCK_QUEUES };

#define VSOCK_MAX_CONNECTIONS 64U
#define VSOCK_HOST_CID	      2U

struct vsock;
struct vsock_connection;

struct vsock_config {
	uint64_t guest_cid; /* 3..UINT32_MAX-1 */
	/*
	 * The guest connects to `host_port`: returns a stream socket, which the device owns, or -errno: the guest's
	 * connect fails. Called in the loop thread with the device's lock held.
	 */
	int (*connect)(void *data, uint32_t host_port);
	void *data;
};

struct vsock {
	struct virtio_device device;
	struct virtqueue queues[VSOCK_QUEUES];
	struct vsock_config config;
	struct vsock_connection *connections; /* VSOCK_MAX_CONNECTIONS */
	uint32_t next_host_port;
	unsigned next_turn; /* whose turn it is to fill the guest's buffers */
	/*
	 * Resets for packets that belong to no connection: a few, the rest is dropped; a driver that sends such gets
	 * what it deserves.
	 */
	struct virtio_vsock_hdr resets[16];
	unsigned reset_count;
};

int vsock_open(struct vsock *vsock, const struct vsock_config *config, struct loop *loop,
	       const struct guest_memory *memory, struct err *err);
/* After the transport was closed. */
void vsock_close(struct vsock *vsock);

/*
 * The host connects to `guest_port` with `fd`, a stream socket that the device owns from now on, also when this fails.
 * What the guest refuses shows as the end of the stream. From the loop thread, without the device's lock. -ENOTCONN
 * while the guest has no driver, -ENFILE at the bound.
 */
int vsock_connect(struct vsock *vsock, uint32_t guest_port, int fd);

#endif

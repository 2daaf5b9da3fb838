/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A vhost-user back end: queues of a device whose front end (a monitor) is another process. Maps the guest's memory by
 * the descriptors that come with the table of it, takes chains when it is kicked, and interrupts the guest itself.
 *
 * The front end is trusted no further than the guest is, as a guest may have taken it over: numbers, sizes and
 * addresses are checked, and a message that breaks the protocol ends the connection.
 */
#ifndef HULL_RUNTIME_VM_VHOST_USER_BACKEND_H
#define HULL_RUNTIME_VM_VHOST_USER_BACKEND_H

#include "runtime/base/loop.h"
#include "runtime/vm/memory.h"
#include "runtime/vm/vhost_user.h"
#include "runtime/vm/virtqueue.h"

#define VHOST_USER_MAX_QUEUES 4U

struct vhost_user_backend;

struct vhost_user_queue {
	struct virtqueue queue;
	struct vq_interrupt interrupt;
	struct vhost_user_vring_addresses addresses;
	bool addressed; /* `addresses` were told */
	bool enabled;
	uint16_t size, base;
	int error_fd;
	struct loop_source kick;
	struct vhost_user_backend *backend;
};

struct vhost_user_ops {
	unsigned queues;
	uint64_t features; /* of the device; the transport's and the protocol's are added */
	/* Answers one chain; returns the bytes written into it. */
	uint32_t (*serve)(struct vhost_user_backend *backend, const struct vq_chain *chain);
	/* The front end is gone (`failure` is NULL), or was dropped. Everything is given back by then. */
	void (*gone)(struct vhost_user_backend *backend, const struct err *failure);
};

struct vhost_user_backend {
	const struct vhost_user_ops *ops;
	struct loop *loop;
	struct loop_source socket;
	uint64_t features, protocol_features; /* as negotiated */
	struct guest_memory memory;
	struct vhost_user_region regions[VHOST_USER_MAX_REGIONS]; /* of `memory`, as the front end named them */
	struct vhost_user_queue queues[VHOST_USER_MAX_QUEUES];
};

/* `socket_fd` is owned from now on, also when this fails. `backend` outlives it. */
int vhost_user_backend_open(struct vhost_user_backend *backend, const struct vhost_user_ops *ops, int socket_fd,
			    struct loop *loop, struct err *err);
/* Does not call `gone`. Closing twice is fine. */
void vhost_user_backend_close(struct vhost_user_backend *backend);

/*
 * Takes the next message from the socket, and answers it; what the loop calls when one is there. False: the connection
 * has ended, and `gone` was called.
 */
bool vhost_user_backend_turn(struct vhost_user_backend *backend);

#endif

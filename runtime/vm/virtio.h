/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A virtio device (virtio 1.2), whatever transport carries it: numbers of the standard, what a device is, and what it
 * may call.
 *
 * Threads: devices work in the machine's one loop thread; a driver's access to the transport's registers comes from any
 * vCPU thread. Each device has one lock: every function of `struct virtio_ops` is called with it held, and so is every
 * callback of a struct virtio_source. A device therefore takes no lock, and needs to know only that a reset may come
 * between two callbacks.
 *
 * A device embeds struct virtio_device as its first member and its queues as an array.
 */
#ifndef HULL_RUNTIME_VM_VIRTIO_H
#define HULL_RUNTIME_VM_VIRTIO_H

#include <linux/virtio_config.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_ring.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/err.h"
#include "runtime/base/loop.h"
#include "runtime/vm/virtqueue.h"

/*
 * Numbers of the standard are the kernel's: VIRTIO_ID_*, VIRTIO_CONFIG_S_* (status), VIRTIO_F_* and the devices' own
 * VIRTIO_xxx_F_*, which are numbers of bits. Sets of features are masks.
 */
#define VIRTIO_BIT(number) (UINT64_C(1) << (number))

/* What the transport offers for every device. */
#define VIRTIO_FEATURES_ALWAYS \
	(VIRTIO_BIT(VIRTIO_RING_F_INDIRECT_DESC) | VIRTIO_BIT(VIRTIO_RING_F_EVENT_IDX) | VIRTIO_BIT(VIRTIO_F_VERSION_1))

struct virtio_device;

struct virtio_ops {
	uint32_t id; /* VIRTIO_ID_* */
	const char *name;
	unsigned queues;     /* how many, at most; a device may set fewer in virtio_device.queue_count */
	uint16_t queue_size; /* slots of each: a power of two of at most VQ_MAX_SIZE */
	uint64_t features;   /* of the device's own; a device may clear some in virtio_device.offered */
	/*
	 * The queues are served elsewhere (vhost, vhost-user): the transport makes the descriptors for kicks but does
	 * not watch them, and the interrupt's status always claims used buffers, since it cannot know.
	 */
	bool served_elsewhere;
	/*
	 * The driver is ready (DRIVER_OK): features are final, queues that are ready stay so. A failure makes the
	 * device need a reset.
	 */
	int (*activate)(struct virtio_device *device, struct err *err);
	/*
	 * The driver resets the device, or the machine ends; the queues are still as they were. When it returns,
	 * nothing in this process touches guest memory for this device any more: requests in flight have ended or are
	 * cancelled. Also called when not active.
	 */
	void (*reset)(struct virtio_device *device);
	/* The driver has put something into a queue. Only while active. */
	void (*kick)(struct virtio_device *device, unsigned queue);
	/*
	 * The configuration space; NULL: there is none. The range may lie anywhere, also outside of what the device
	 * has: that reads as 0, and writes there, and where nothing is writable, are dropped. `len` is 1, 2, 4 or 8.
	 */
	void (*config_read)(struct virtio_device *device, uint32_t offset, void *to, size_t len);
	void (*config_write)(struct virtio_device *device, uint32_t offset, const void *from, size_t len);
};

struct virtio_device {
	const struct virtio_ops *ops;
	struct loop *loop;
	const struct guest_memory *memory;
	struct virtqueue *queues; /* the device's own array */
	unsigned queue_count;
	int *kick_fds;	   /* the transport's, of queue_count: while active the eventfd of each ready queue, else -1 */
	uint64_t offered;  /* features, with the transport's */
	uint64_t features; /* negotiated: 0 before FEATURES_OK */
	uint8_t status;	   /* VIRTIO_CONFIG_S_* */
	uint32_t config_generation;
	bool active; /* DRIVER_OK, and not reset since */
	struct vq_interrupt interrupt;
	pthread_mutex_t lock;
};

/*
 * Fills in everything from `ops`; `queues` has room for ops->queues. `loop` and `memory` outlive the device.
 * virtio_device_close() frees.
 */
void virtio_device_init(struct virtio_device *device, const struct virtio_ops *ops, struct virtqueue *queues,
			struct loop *loop, const struct guest_memory *memory);
/* Resets the device and gives back what this module holds for it. The transport has been closed before. */
void virtio_device_close(struct virtio_device *device);

static inline bool virtio_has(const struct virtio_device *device, unsigned feature_bit)
{
	return (device->features & VIRTIO_BIT(feature_bit)) != 0;
}

/* Reads of config space by a device that keeps it as a plain struct: copies what lies inside, zeroes the rest. */
void virtio_config_copy(const void *config, size_t config_bytes, uint32_t offset, void *to, size_t len);

/* --- what a device calls, with its lock held ---------------------------------------------------------------------- */

/*
 * vq_pop(), and where that finds the queue broken, the device needs a reset. True: there is a chain. False as well
 * while the device is not active.
 */
bool virtio_pop(struct virtio_device *device, unsigned queue, struct vq_chain *chain);
/*
 * The driver broke the device's own rules (a request too short): the queue is broken, the device needs a reset. `why`
 * is a literal.
 */
void virtio_break(struct virtio_device *device, unsigned queue, const char *why);
/* The device cannot go on (2.1.2): tells the driver, who has to reset it. */
void virtio_needs_reset(struct virtio_device *device);
/* The configuration space reads differently now: tells the driver, and so that it does not mix old with new. */
void virtio_config_changed(struct virtio_device *device);

/*
 * The usual kick: gives each chain of the queue to `serve` until there is none, then tells the driver once. `serve`
 * returns false when the device cannot take the chain now (it is put back, and kicks stay off: the device calls this
 * again when it can). Chains that it has taken it pushes, then or later. No more than the queue's size at a time: for
 * the rest the queue kicks itself, so that other sources of the loop get their turn.
 */
void virtio_serve(struct virtio_device *device, unsigned queue,
		  bool (*serve)(struct virtio_device *device, struct virtqueue *queue, const struct vq_chain *chain));

/*
 * A source of the loop whose callback runs with the device's lock held; embedded in the device. Zero it before its
 * first use.
 */
struct virtio_source {
	struct loop_source source;
	struct virtio_device *device;
	void (*ready)(struct virtio_device *device, struct virtio_source *source, uint32_t epoll_events);
};

/*
 * Watches `fd` for these events, or changes them; 0 stands for none, and forgets. A callback for a source that was
 * forgotten meanwhile does not come. From any thread.
 */
int virtio_watch(struct virtio_device *device, struct virtio_source *source, int fd,
		 void (*ready)(struct virtio_device *, struct virtio_source *, uint32_t), uint32_t epoll_events,
		 struct err *err);
void virtio_forget(struct virtio_source *source);

#endif

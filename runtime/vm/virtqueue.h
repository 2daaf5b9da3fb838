/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Split virtqueues, the device's side (virtio 1.2, section 2.7). Little endian hosts only, as all of runtime/vm.
 *
 * The rings lie in guest memory, and the guest is hostile by assumption: it may change every byte at any time, from
 * another vCPU. So each index, descriptor and length is read exactly once into a local, checked, and never looked at
 * again; buffers are handed out as iovecs that lie wholly inside guest memory. What the standard forbids (an index out
 * of range, a chain that loops or is longer than the queue, a table inside a table, a buffer outside memory, more
 * chains than the queue has slots) breaks the queue: it yields and takes nothing more until the driver resets the
 * device. A broken queue is never a reason to fail in any other way.
 *
 * What the guest may do: overlap buffers with one another and with the rings, and change bytes after they were handed
 * over. A device copies what it decides on (vq_chain_read) before it decides.
 *
 * Not thread-safe: the device's lock (virtio.h) is held around every call.
 */
#ifndef HULL_RUNTIME_VM_VIRTQUEUE_H
#define HULL_RUNTIME_VM_VIRTQUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

struct guest_memory;

/*
 * Slots of the largest queue that a device may offer; the standard bounds a chain by the queue's size, so this bounds
 * its iovecs too.
 */
#define VQ_MAX_SIZE 256

/* What a device's queues share to interrupt the driver. */
struct vq_interrupt {
	uint32_t status; /* VQ_INTERRUPT_* that the driver has not acknowledged; atomic */
	int fd;		 /* the eventfd behind the guest's interrupt line, or -1 */
};

enum {
	VQ_INTERRUPT_USED = 1 << 0,   /* used buffers */
	VQ_INTERRUPT_CONFIG = 1 << 1, /* the configuration has changed, or the device needs a reset */
};

struct virtqueue {
	/*
	 * What the driver sets up; the transport writes it while the queue is not ready. Addresses are guest-physical.
	 */
	uint64_t descriptors_gpa;
	uint64_t available_gpa;
	uint64_t used_gpa;
	uint16_t size;	   /* slots: a power of two of at most max_size */
	uint16_t max_size; /* what the device offers */
	bool ready;
	/* From vq_enable() on. */
	bool event_idx;	     /* VIRTIO_RING_F_EVENT_IDX was negotiated */
	bool indirect;	     /* VIRTIO_RING_F_INDIRECT_DESC was negotiated */
	uint16_t next;	     /* of the available ring: the next entry that is taken */
	uint16_t used;	     /* of the used ring: the next entry that is written */
	uint16_t told;	     /* `used` as it was when the driver was last told */
	uint16_t taken;	     /* chains popped and not pushed yet: at most `size` */
	const char *broken;  /* why the queue is broken, or NULL */
	uint8_t *descriptor; /* the three rings, inside guest memory */
	uint8_t *available;
	uint8_t *used_ring;
	const struct guest_memory *memory;
	struct vq_interrupt *interrupt;
};

/*
 * One request of the driver: first what the device reads, then what it writes. Some 4 KiB: on the stack of the one who
 * serves it.
 */
struct vq_chain {
	uint16_t head; /* names the chain to vq_push() */
	uint16_t readable_count;
	uint16_t writable_count;
	uint32_t readable_bytes;
	uint32_t writable_bytes;
	struct iovec iov[VQ_MAX_SIZE]; /* readable_count, then writable_count; none is empty */
};

static inline const struct iovec *vq_readable(const struct vq_chain *chain)
{
	return chain->iov;
}
static inline const struct iovec *vq_writable(const struct vq_chain *chain)
{
	return chain->iov + chain->readable_count;
}

/* A queue that the driver has not set up: all of it zero but for max_size, memory and interrupt, which stay. */
void vq_reset(struct virtqueue *queue);

/*
 * The driver says that the queue is set up: checks size, alignment (2.7: 16, 2, 4) and that the rings lie inside guest
 * memory, each in one region. `features` are the negotiated ones. 0 or -EINVAL, and then the queue is broken, or
 * -EBUSY: it was ready.
 */
int vq_enable(struct virtqueue *queue, uint64_t features);

/*
 * Takes the next chain. 1: `chain` is it. 0: there is none, or the queue is not ready. -EPROTO: the queue is broken; so
 * is every later call. Reads each ring byte once, and ends within 2 * VQ_MAX_SIZE steps, whatever the guest does.
 */
int vq_pop(struct virtqueue *queue, struct vq_chain *chain);

/* Puts the chain back that vq_pop() gave last, for a device that cannot serve it now. Nothing was pushed in between. */
void vq_unpop(struct virtqueue *queue);

/*
 * Gives a chain back to the driver: `written` bytes of its writable part hold something now. In any order. Nothing, on
 * a broken queue.
 */
void vq_push(struct virtqueue *queue, uint16_t head, uint32_t written);

/* Whether there are entries that were not popped yet. */
bool vq_has_more(struct virtqueue *queue);

/*
 * Whether the driver wants to hear of what was pushed since it was last told (2.7.7, 2.7.10). Says so once. vq_notify()
 * asks that, and if so sets the interrupt's status and raises the line.
 */
bool vq_should_notify(struct virtqueue *queue);
void vq_notify(struct virtqueue *queue);

/*
 * Tells the driver that kicks are not needed for now, or are again; a hint. vq_kicks_on() returns true when entries
 * came in meanwhile: the driver has not kicked for them, so the caller goes on.
 */
void vq_kicks_off(struct virtqueue *queue);
bool vq_kicks_on(struct virtqueue *queue);

/*
 * Breaks the queue: the driver broke the rules of its device. `why` is a literal. Returns -EPROTO. The first reason
 * stays.
 */
int vq_break(struct virtqueue *queue, const char *why);

/* Sets bits of the interrupt's status and raises the line. */
void vq_interrupt_raise(struct vq_interrupt *interrupt, uint32_t status);

/*
 * Copies from the readable, or into the writable part, `offset` bytes into it. Returns the bytes copied, fewer than
 * `len` where the part ends. The writes are plain copies: no byte of the chain is looked at again.
 */
size_t vq_chain_read(const struct vq_chain *chain, size_t offset, void *to, size_t len);
size_t vq_chain_write(const struct vq_chain *chain, size_t offset, const void *from, size_t len);

/*
 * The iovecs of `count` that lie behind `skip` bytes, up to `len` bytes of them, into `to` with room for `to_max`.
 * Returns how many; fewer bytes than `len` where the iovecs or the room end. For preadv() and the like.
 */
unsigned vq_slice(const struct iovec *iov, unsigned count, size_t skip, size_t len, struct iovec *to, unsigned to_max);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime/vm/virtqueue.h"

#include <errno.h>
#include <linux/virtio_ring.h>
#include <string.h>
#include <unistd.h>

#include "runtime/vm/memory.h"

/*
 * The rings' layout (2.7.5, 2.7.6, 2.7.8), as offsets: they are reached field by field, never through a struct, so that
 * nobody is tempted to look twice.
 */
enum {
	DESCRIPTOR_BYTES = 16,
	RING_FLAGS = 0,	  /* of both rings: le16 */
	RING_INDEX = 2,	  /* of both rings: le16 */
	RING_ENTRIES = 4, /* le16 each in the available ring, {le32, le32} in the used one */
	AVAILABLE_ENTRY_BYTES = 2,
	USED_ENTRY_BYTES = 8,
	EVENT_BYTES = 2, /* behind the entries of both: le16 */
};

struct descriptor {
	uint64_t address;
	uint32_t len;
	uint16_t flags;
	uint16_t next;
};

static uint16_t load16(const uint8_t *from)
{
	return __atomic_load_n((const uint16_t *)(const void *)from, __ATOMIC_ACQUIRE);
}

static void store16(uint8_t *to, uint16_t value)
{
	__atomic_store_n((uint16_t *)(void *)to, value, __ATOMIC_RELEASE);
}

/* Two reads of eight bytes, once each; a table inside memory of the driver's choice may lie at any address. */
static struct descriptor load_descriptor(const uint8_t *table, unsigned index)
{
	typedef uint64_t __attribute__((aligned(1), may_alias)) unaligned64;
	const volatile unaligned64 *from = (const volatile unaligned64 *)(table + (size_t)index * DESCRIPTOR_BYTES);
	uint64_t address = from[0], rest = from[1];

	return (struct descriptor){
		.address = address,
		.len = (uint32_t)rest,
		.flags = (uint16_t)(rest >> 32),
		.next = (uint16_t)(rest >> 48),
	};
}

static uint8_t *used_event(const struct virtqueue *queue)
{
	return queue->available + RING_ENTRIES + (size_t)queue->size * AVAILABLE_ENTRY_BYTES;
}

static uint8_t *available_event(const struct virtqueue *queue)
{
	return queue->used_ring + RING_ENTRIES + (size_t)queue->size * USED_ENTRY_BYTES;
}

void vq_reset(struct virtqueue *queue)
{
	*queue =
		(struct virtqueue){.max_size = queue->max_size, .memory = queue->memory, .interrupt = queue->interrupt};
}

int vq_break(struct virtqueue *queue, const char *why)
{
	if (!queue->broken)
		queue->broken = why;
	return -EPROTO;
}

static uint8_t *ring_at(const struct virtqueue *queue, uint64_t gpa, size_t bytes, uint64_t alignment)
{
	return gpa % alignment ? NULL : guest_memory_at(queue->memory, gpa, bytes);
}

int vq_enable(struct virtqueue *queue, uint64_t features)
{
	size_t size = queue->size;

	if (queue->ready)
		return -EBUSY;
	if (size == 0 || size > queue->max_size || (size & (size - 1)) != 0) {
		(void)vq_break(queue, "its size is no power of two that was offered");
		return -EINVAL;
	}
	queue->descriptor = ring_at(queue, queue->descriptors_gpa, size * DESCRIPTOR_BYTES, 16);
	queue->available =
		ring_at(queue, queue->available_gpa, RING_ENTRIES + size * AVAILABLE_ENTRY_BYTES + EVENT_BYTES, 2);
	queue->used_ring = ring_at(queue, queue->used_gpa, RING_ENTRIES + size * USED_ENTRY_BYTES + EVENT_BYTES, 4);
	if (!queue->descriptor || !queue->available || !queue->used_ring) {
		(void)vq_break(queue, "a ring is not aligned, or not in memory");
		return -EINVAL;
	}
	queue->event_idx = (features >> VIRTIO_RING_F_EVENT_IDX & 1) != 0;
	queue->indirect = (features >> VIRTIO_RING_F_INDIRECT_DESC & 1) != 0;
	queue->ready = true;
	return 0;
}

/* --- taking chains ------------------------------------------------------------------------------------------------ */

/* Where a walk along a chain is: first in the queue's own table, then perhaps in one that a descriptor has named. */
struct walk {
	const uint8_t *table;
	uint32_t entries;
	uint32_t steps_left;
	bool inside; /* a table that a descriptor has named */
};

static int walk_buffer(struct virtqueue *queue, struct vq_chain *chain, const struct descriptor *at)
{
	bool writable = (at->flags & VRING_DESC_F_WRITE) != 0;
	uint32_t *bytes = writable ? &chain->writable_bytes : &chain->readable_bytes;
	unsigned count = (unsigned)chain->readable_count + chain->writable_count;
	void *host;

	/* Nothing forbids a buffer of no bytes; it took one of the steps, and is of no further use. */
	if (at->len == 0)
		return 0;
	if (!writable && chain->writable_count > 0)
		return vq_break(queue, "a buffer to read stands behind one to write");
	host = guest_memory_at(queue->memory, at->address, at->len);
	if (!host)
		return vq_break(queue, "a buffer is not in memory");
	if (count >= VQ_MAX_SIZE || (uint64_t)chain->readable_bytes + chain->writable_bytes + at->len > UINT32_MAX)
		return vq_break(queue, "a chain is too large");
	if (writable)
		guest_memory_mark(queue->memory, at->address, at->len);
	chain->iov[count] = (struct iovec){.iov_base = host, .iov_len = at->len};
	*bytes += at->len;
	*(writable ? &chain->writable_count : &chain->readable_count) += 1;
	return 0;
}

static int walk_into(struct virtqueue *queue, struct walk *walk, const struct descriptor *at)
{
	if (!queue->indirect)
		return vq_break(queue, "a table that was not negotiated");
	if (walk->inside)
		return vq_break(queue, "a table inside a table");
	if (at->flags & VRING_DESC_F_NEXT)
		return vq_break(queue, "a chain that goes on behind its table");
	if (at->len == 0 || at->len % DESCRIPTOR_BYTES != 0)
		return vq_break(queue, "a table that ends in the middle of a descriptor");
	walk->table = guest_memory_at(queue->memory, at->address, at->len);
	if (!walk->table)
		return vq_break(queue, "a table is not in memory");
	walk->entries = at->len / DESCRIPTOR_BYTES;
	/*
	 * Drivers in use put more into a table than the queue has slots (2.7.5.3.1 forbids it): the chain's own room is
	 * the bound.
	 */
	walk->steps_left = VQ_MAX_SIZE;
	walk->inside = true;
	return 0;
}

static int walk_chain(struct virtqueue *queue, struct vq_chain *chain)
{
	struct walk walk = {.table = queue->descriptor, .entries = queue->size, .steps_left = queue->size};
	uint32_t index = chain->head;
	int r;

	for (;;) {
		struct descriptor at;

		if (index >= walk.entries)
			return vq_break(queue, "a descriptor's number is out of range");
		if (walk.steps_left-- == 0)
			return vq_break(queue, "a chain loops");
		at = load_descriptor(walk.table, index);
		if (at.flags & VRING_DESC_F_INDIRECT) {
			r = walk_into(queue, &walk, &at);
			if (r < 0)
				return r;
			index = 0;
			continue;
		}
		r = walk_buffer(queue, chain, &at);
		if (r < 0 || !(at.flags & VRING_DESC_F_NEXT))
			return r;
		index = at.next;
	}
}

int vq_pop(struct virtqueue *queue, struct vq_chain *chain)
{
	uint16_t waiting, slot;
	int r;

	if (queue->broken)
		return -EPROTO;
	if (!queue->ready)
		return 0;
	waiting = (uint16_t)(load16(queue->available + RING_INDEX) - queue->next);
	if (waiting == 0)
		return 0;
	if (waiting > queue->size)
		return vq_break(queue, "the available index runs ahead of the ring");
	if (queue->taken >= queue->size)
		return vq_break(queue, "more chains than slots");
	slot = queue->next & (queue->size - 1);
	chain->head = load16(queue->available + RING_ENTRIES + (size_t)slot * AVAILABLE_ENTRY_BYTES);
	chain->readable_count = chain->writable_count = 0;
	chain->readable_bytes = chain->writable_bytes = 0;
	r = walk_chain(queue, chain);
	if (r < 0)
		return r;
	queue->next++;
	queue->taken++;
	return 1;
}

void vq_unpop(struct virtqueue *queue)
{
	if (queue->taken == 0)
		return;
	queue->next--;
	queue->taken--;
}

bool vq_has_more(struct virtqueue *queue)
{
	return queue->ready && !queue->broken && load16(queue->available + RING_INDEX) != queue->next;
}

/* --- giving them back, and telling of it -------------------------------------------------------------------------- */

void vq_push(struct virtqueue *queue, uint16_t head, uint32_t written)
{
	uint32_t *entry;

	if (queue->broken || !queue->ready || queue->taken == 0)
		return;
	entry = (uint32_t *)(void *)(queue->used_ring + RING_ENTRIES +
				     (size_t)(queue->used & (queue->size - 1)) * USED_ENTRY_BYTES);
	__atomic_store_n(&entry[0], head, __ATOMIC_RELAXED);
	__atomic_store_n(&entry[1], written, __ATOMIC_RELAXED);
	queue->used++;
	queue->taken--;
	store16(queue->used_ring + RING_INDEX, queue->used);
}

bool vq_should_notify(struct virtqueue *queue)
{
	uint16_t before = queue->told;

	if (queue->broken || !queue->ready || queue->used == before)
		return false;
	queue->told = queue->used;
	/*
	 * The used index is out before the driver's wish is read: the driver does it the other way round, so one of the
	 * two sees the other.
	 */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (!queue->event_idx)
		return !(load16(queue->available + RING_FLAGS) & VRING_AVAIL_F_NO_INTERRUPT);
	return vring_need_event(load16(used_event(queue)), queue->used, before);
}

void vq_interrupt_raise(struct vq_interrupt *interrupt, uint32_t status)
{
	uint64_t one = 1;

	(void)__atomic_fetch_or(&interrupt->status, status, __ATOMIC_SEQ_CST);
	/* It can only fail when 2^64 - 2 edges wait already. */
	if (interrupt->fd >= 0)
		(void)!write(interrupt->fd, &one, sizeof(one));
}

void vq_notify(struct virtqueue *queue)
{
	if (vq_should_notify(queue))
		vq_interrupt_raise(queue->interrupt, VQ_INTERRUPT_USED);
}

void vq_kicks_off(struct virtqueue *queue)
{
	/*
	 * With EVENT_IDX nothing is to be done: the driver passes the event's index once, and the next one was not
	 * asked for.
	 */
	if (queue->ready && !queue->broken && !queue->event_idx)
		store16(queue->used_ring + RING_FLAGS, VRING_USED_F_NO_NOTIFY);
}

bool vq_kicks_on(struct virtqueue *queue)
{
	if (!queue->ready || queue->broken)
		return false;
	if (queue->event_idx)
		store16(available_event(queue), queue->next);
	else
		store16(queue->used_ring + RING_FLAGS, 0);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return vq_has_more(queue);
}

/* --- what a chain holds ------------------------------------------------------------------------------------------- */

unsigned vq_slice(const struct iovec *iov, unsigned count, size_t skip, size_t len, struct iovec *to, unsigned to_max)
{
	unsigned made = 0;

	for (unsigned i = 0; i < count && made < to_max && len > 0; i++) {
		size_t part = iov[i].iov_len;

		if (skip >= part) {
			skip -= part;
			continue;
		}
		part -= skip;
		if (part > len)
			part = len;
		to[made++] = (struct iovec){.iov_base = (uint8_t *)iov[i].iov_base + skip, .iov_len = part};
		len -= part;
		skip = 0;
	}
	return made;
}

/* Copies between plain memory and the guest's, whichever way `into_guest` says. */
static size_t copy(const struct iovec *iov, unsigned count, size_t skip, uint8_t *plain, size_t len, bool into_guest)
{
	size_t done = 0;

	for (unsigned i = 0; i < count && done < len; i++) {
		size_t part = iov[i].iov_len;
		uint8_t *guest;

		if (skip >= part) {
			skip -= part;
			continue;
		}
		guest = (uint8_t *)iov[i].iov_base + skip;
		part -= skip;
		if (part > len - done)
			part = len - done;
		memcpy(into_guest ? guest : plain + done, into_guest ? plain + done : guest, part);
		done += part;
		skip = 0;
	}
	return done;
}

size_t vq_chain_read(const struct vq_chain *chain, size_t offset, void *to, size_t len)
{
	return copy(vq_readable(chain), chain->readable_count, offset, to, len, false);
}

size_t vq_chain_write(const struct vq_chain *chain, size_t offset, const void *from, size_t len)
{
	/* `copy` only reads it. */
	union {
		const void *given;
		uint8_t *bytes;
	} plain = {.given = from};

	return copy(vq_writable(chain), chain->writable_count, offset, plain.bytes, len, true);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Rings of any content: whatever is popped lies inside guest memory, within the bounds of a chain, and a broken queue stays broken. The input is guest
 * memory itself, behind some bytes that say how it is walked.
 */
#include <errno.h>
#include <linux/virtio_ring.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/vm/memory.h"
#include "runtime/vm/virtqueue.h"

#define BASE	     UINT64_C(0x1000)
#define MEMORY_BYTES 8192U
#define SETUP_BYTES  8U

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_inside(const struct guest_memory *memory, const struct vq_chain *chain)
{
	const struct guest_region *region = &memory->regions[0];
	uint64_t readable = 0, writable = 0;
	unsigned count = (unsigned)chain->readable_count + chain->writable_count;

	if (count > VQ_MAX_SIZE)
		abort();
	for (unsigned i = 0; i < count; i++) {
		const uint8_t *start = chain->iov[i].iov_base;
		size_t len = chain->iov[i].iov_len;

		if (len == 0 || start < region->host || len > region->bytes ||
		    (size_t)(start - region->host) > region->bytes - len)
			abort();
		*(i < chain->readable_count ? &readable : &writable) += len;
	}
	if (readable != chain->readable_bytes || writable != chain->writable_bytes)
		abort();
}

/* What a device does with a chain: reads all of it, and writes into all of it, the rings too if they are in there. */
static void use(const struct vq_chain *chain)
{
	static uint8_t bytes[4 * MEMORY_BYTES];
	size_t got = vq_chain_read(chain, 1, bytes, sizeof(bytes));

	if (got > chain->readable_bytes)
		abort();
	(void)vq_chain_write(chain, 3, bytes, sizeof(bytes));
}

static void walk(struct virtqueue *queue, struct vq_chain *chain, unsigned rounds, uint8_t choices)
{
	while (rounds-- > 0) {
		int r = vq_pop(queue, chain);

		if (r < 0 && (r != -EPROTO || !queue->broken || vq_pop(queue, chain) != -EPROTO))
			abort();
		if (r <= 0)
			break;
		check_inside(queue->memory, chain);
		if (choices & 1 && rounds % 3 == 0) {
			vq_unpop(queue);
			continue;
		}
		if (choices & 2)
			use(chain);
		if (choices & 4 || rounds % 2)
			vq_push(queue, chain->head, chain->writable_bytes);
		if (queue->taken > queue->size)
			abort();
	}
	vq_notify(queue);
	vq_kicks_off(queue);
	(void)vq_kicks_on(queue);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t *bytes;
	static struct vq_chain chain;
	struct vq_interrupt interrupt = {.fd = -1};
	struct guest_memory memory;
	struct virtqueue queue;

	if (!bytes)
		bytes = aligned_alloc(4096, MEMORY_BYTES);
	if (size < SETUP_BYTES || !bytes)
		return 0;
	memory = guest_memory_borrow(bytes, BASE, MEMORY_BYTES);
	memset(bytes, 0, MEMORY_BYTES);
	size = size - SETUP_BYTES > MEMORY_BYTES ? MEMORY_BYTES : size - SETUP_BYTES;
	memcpy(bytes, data + SETUP_BYTES, size);
	queue = (struct virtqueue){
		.memory = &memory,
		.interrupt = &interrupt,
		.max_size = VQ_MAX_SIZE,
		.size = (uint16_t)(data[0] | data[1] << 8),
		.descriptors_gpa = BASE + data[2] * 16UL,
		.available_gpa = BASE + data[3] * 32UL,
		.used_gpa = BASE + data[4] * 32UL,
	};
	if (vq_enable(&queue, (uint64_t)(data[5] & 3) << VIRTIO_RING_F_INDIRECT_DESC) < 0)
		return 0;
	queue.next = queue.used = data[7];
	walk(&queue, &chain, 2 * VQ_MAX_SIZE, data[6]);
	vq_reset(&queue);
	return vq_pop(&queue, &chain) == 0 ? 0 : (abort(), 0);
}

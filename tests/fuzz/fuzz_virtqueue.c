// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Rings of any content: whatever is popped lies inside guest memory, within the bounds of a chain, and a broken queue
 * stays broken. The input is a list of records, each of which writes a descriptor (of the queue, or of a table that
 * others may name), an entry of the available ring, or any bytes anywhere, the rings too; the queue is walked when all
 * are written, and sometimes in between.
 */
#include <errno.h>
#include <linux/virtio_ring.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/vm/memory.h"
#include "runtime/vm/virtqueue.h"
#include "tests/fuzz/fuzz.h"

#define BASE	     UINT64_C(0x1000)
#define MEMORY_BYTES 16384U
#define DESCRIPTORS  (BASE + 0)
#define AVAILABLE    (BASE + 0x1000)
#define USED	     (BASE + 0x1400)
#define TABLE	     (BASE + 0x2000)
#define SETUP_BYTES  4U
#define RECORD_BYTES 7U

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

/* Addresses that are worth trying: in memory, at its edges, in the tables and rings, and nowhere. */
static uint64_t address(uint8_t high, uint8_t low)
{
	static const uint64_t bases[] = {BASE,
					 TABLE,
					 DESCRIPTORS,
					 USED,
					 BASE + MEMORY_BYTES - 128,
					 BASE - 64,
					 UINT64_MAX - 127,
					 UINT64_C(1) << 32};

	return bases[high % 8] + (uint64_t)(high / 8) * 256 + low;
}

static void write_record(struct virtqueue *queue, uint8_t *bytes, const uint8_t *record)
{
	struct vring_desc descriptor = {
		.addr = address(record[2], record[3]),
		.len = record[4] < 250 ? record[4] * 8U : UINT32_MAX >> (record[4] - 250),
		.flags = record[5] & 7,
		.next = record[6],
	};
	uint16_t *available = (uint16_t *)(void *)(bytes + (AVAILABLE - BASE));

	switch (record[0] % 5) {
	case 0:
		memcpy(bytes + (DESCRIPTORS - BASE) + record[1] * 16UL, &descriptor, sizeof(descriptor));
		break;
	case 1:
		memcpy(bytes + (TABLE - BASE) + record[1] * 16UL, &descriptor, sizeof(descriptor));
		break;
	case 2:
		available[2 + available[1] % queue->size] = record[1];
		available[1]++;
		break;
	case 3: /* flags, index, or the event's index */
		available[record[1] % 3 == 2 ? 2 + queue->size : record[1] % 3] =
			(uint16_t)(record[2] | record[3] << 8);
		break;
	default:
		memcpy(bytes + (record[1] << 6 | record[2] % 64) % (MEMORY_BYTES - 4), record + 3, 4);
		break;
	}
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
	queue = (struct virtqueue){
		.memory = &memory,
		.interrupt = &interrupt,
		.max_size = VQ_MAX_SIZE,
		.size = data[0] < 230 ? (uint16_t)(1 << data[0] % 9) : data[0],
		.descriptors_gpa = DESCRIPTORS,
		.available_gpa = AVAILABLE,
		.used_gpa = data[2] < 200 ? USED : address(data[2], 0),
	};
	if (vq_enable(&queue, (uint64_t)(data[1] & 3) << VIRTIO_RING_F_INDIRECT_DESC) < 0)
		return 0;
	for (size_t at = SETUP_BYTES; at + RECORD_BYTES <= size; at += RECORD_BYTES) {
		write_record(&queue, bytes, data + at);
		if (data[at] & 0x80)
			walk(&queue, &chain, VQ_MAX_SIZE, data[3]);
	}
	walk(&queue, &chain, 2 * VQ_MAX_SIZE, data[3]);
	vq_reset(&queue);
	if (vq_pop(&queue, &chain) != 0)
		abort();
	return 0;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* virtio-mmio (virtio 1.2, section 4.2): a queue or two with a few slots, whatever the device is. */
#include "payload.h"

enum { SLOTS = 8 };

struct descriptors {
	struct {
		uint64_t at;
		uint32_t bytes;
		uint16_t flags, next;
	} slots[SLOTS];
};
struct available {
	uint16_t flags, index, ring[SLOTS], event;
};
struct used {
	uint16_t flags, index;
	struct {
		uint32_t id, bytes;
	} ring[SLOTS];
	uint16_t event;
};
static volatile struct queue {
	struct descriptors descriptors __attribute__((aligned(16)));
	struct available available __attribute__((aligned(16)));
	struct used used __attribute__((aligned(16)));
} queues[QUEUES] __attribute__((aligned(4096)));

volatile uint8_t data[512];

uint32_t find_device(uint32_t id)
{
	for (uint32_t i = 0; i < MMIO_COUNT; i++) {
		uint32_t at = MMIO + i * MMIO_STRIDE;

		if (get(at) == 0x74726976 && get(at + 8) == id)
			return at;
	}
	fail("there is no such device");
}

static void set_address(uint32_t at, const volatile void *table)
{
	set(at, (uint32_t)(uintptr_t)table);
	set(at + 4, 0);
}

static void start_queue(uint32_t at, uint32_t number)
{
	volatile struct queue *queue = &queues[number];

	queue->available.index = queue->used.index = 0;
	set(at + 0x30, number);
	set(at + 0x38, SLOTS);
	set_address(at + 0x80, &queue->descriptors);
	set_address(at + 0x90, &queue->available);
	set_address(at + 0xa0, &queue->used);
	set(at + 0x44, 1);
}

void start_device(uint32_t at, uint32_t first, uint32_t count)
{
	set(at + 0x70, 0);
	set(at + 0x70, 1);
	set(at + 0x70, 3);
	set(at + 0x24, 1); /* VIRTIO_F_VERSION_1, the only one */
	set(at + 0x20, 1);
	set(at + 0x24, 0);
	set(at + 0x20, 0);
	set(at + 0x70, 11);
	if (!(get(at + 0x70) & 8))
		fail("the features are refused");
	for (uint32_t i = 0; i < count; i++)
		start_queue(at, first + i);
	listen(at);
	set(at + 0x70, 15);
	if (get(at + 0x70) != 15)
		fail("the device does not start");
}

void describe(uint32_t queue, uint32_t slot, const volatile void *at, uint32_t bytes, uint16_t flags)
{
	volatile struct descriptors *descriptors = &queues[queue].descriptors;

	descriptors->slots[slot].at = (uintptr_t)at;
	descriptors->slots[slot].bytes = bytes;
	descriptors->slots[slot].flags = flags;
	descriptors->slots[slot].next = (uint16_t)(slot + 1);
}

void offer(uint32_t queue)
{
	volatile struct available *available = &queues[queue].available;

	available->ring[available->index % SLOTS] = 0;
	__asm__ volatile("" ::: "memory");
	available->index++;
}

void acknowledge(uint32_t at)
{
	set(at + 0x64, get(at + 0x60));
}

uint32_t transfer(uint32_t at, uint32_t queue)
{
	volatile struct used *used = &queues[queue].used;
	uint32_t interrupts_before = interrupts;
	uint16_t before = used->index;

	offer(queue);
	set(at + 0x50, queue);
	wait_for_interrupt(interrupts_before);
	/* It may have been the other queue's. */
	for (interrupts_before = interrupts; used->index == before; interrupts_before = interrupts)
		wait_for_interrupt(interrupts_before);
	acknowledge(at);
	return used->ring[before % SLOTS].bytes;
}

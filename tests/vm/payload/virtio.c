/* SPDX-License-Identifier: GPL-2.0-or-later */
/* virtio-mmio (virtio 1.2, section 4.2): one queue with a few slots, whatever the device is. */
#include "payload.h"

enum { SLOTS = 8 };

static volatile struct {
	struct {
		uint64_t at;
		uint32_t bytes;
		uint16_t flags, next;
	} slots[SLOTS];
} descriptors __attribute__((aligned(4096)));
static volatile struct {
	uint16_t flags, index, ring[SLOTS], event;
} available __attribute__((aligned(4096)));
static volatile struct {
	uint16_t flags, index;
	struct {
		uint32_t id, bytes;
	} ring[SLOTS];
	uint16_t event;
} used __attribute__((aligned(4096)));

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

void start_device(uint32_t at, uint32_t queue)
{
	available.index = used.index = 0;
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
	set(at + 0x30, queue);
	set(at + 0x38, SLOTS);
	set_address(at + 0x80, &descriptors);
	set_address(at + 0x90, &available);
	set_address(at + 0xa0, &used);
	set(at + 0x44, 1);
	listen(at);
	set(at + 0x70, 15);
	if (get(at + 0x70) != 15)
		fail("the device does not start");
}

void describe(uint32_t slot, const volatile void *at, uint32_t bytes, uint16_t flags)
{
	descriptors.slots[slot].at = (uintptr_t)at;
	descriptors.slots[slot].bytes = bytes;
	descriptors.slots[slot].flags = flags;
	descriptors.slots[slot].next = (uint16_t)(slot + 1);
}

void offer(void)
{
	available.ring[available.index % SLOTS] = 0;
	__asm__ volatile("" ::: "memory");
	available.index++;
}

void acknowledge(uint32_t at)
{
	set(at + 0x64, get(at + 0x60));
}

uint32_t transfer(uint32_t at, uint32_t queue)
{
	uint32_t interrupts_before = interrupts;
	uint16_t before = used.index;

	offer();
	set(at + 0x50, queue);
	wait_for_interrupt(interrupts_before);
	acknowledge(at);
	if (used.index == before)
		fail("the device gave nothing back");
	return used.ring[before % SLOTS].bytes;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For benchmarks: how long a device's notification takes. In ring 0: what is measured is no way between rings. */
#include "payload.h"

enum { TRIPS = 200 };
static uint64_t trips[TRIPS];

/* From the notification at `notify` to the interrupt's handler, in the clock's ticks; halted, as an idle kernel is. */
static uint64_t trip(uint32_t notify, uint32_t queue)
{
	uint64_t began = ticks();
	uint32_t before = interrupts;

	*(volatile uint32_t *)(uintptr_t)notify = queue;
	while (interrupts == before)
		__asm__ volatile("sti; hlt; cli" ::: "memory");
	return ticks() - began;
}

/* The fastest, that which a tenth are faster than, and the median. */
static void say_trips(void)
{
	for (uint32_t i = 1; i < TRIPS; i++) {
		uint64_t one = trips[i];
		uint32_t at = i;

		for (; at > 0 && trips[at - 1] > one; at--)
			trips[at] = trips[at - 1];
		trips[at] = one;
	}
	say_number(trips[0]);
	say(" ");
	say_number(trips[TRIPS / 10]);
	say(" ");
	say_number(trips[TRIPS / 2]);
	say("\n");
}

void try_trips(void)
{
	uint32_t at = find_device(4);

	start_device(at, 0, 1);
	describe(0, 0, data, 1, WRITABLE);
	for (uint32_t i = 0; i < TRIPS; i++) {
		offer(0);
		trips[i] = trip(at + 0x50, 0);
		acknowledge(at);
	}
	say_trips();
}

/* Without a device: what answers notifications at the first one's place answers these. */
void try_bare_trips(void)
{
	listen(MMIO);
	for (uint32_t i = 0; i < TRIPS; i++) {
		trips[i] = trip(MMIO + 0x50, 0);
		/* As above, so that who answers has as long to wait for the next. */
		acknowledge(MMIO);
	}
	say_trips();
}

/* The guest's first byte. */
void one_byte(void)
{
	out8(SERIAL, '\n');
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Randomness (virtio 1.2, section 5.4), the simplest of devices: what is tried of any device is tried of it. */
#include "payload.h"

void try_random(void)
{
	uint32_t at = find_device(4), sum = 0, bytes;

	start_device(at, 0, 1);
	describe(0, 0, data, 64, WRITABLE);
	bytes = transfer(at, 0);
	for (uint32_t i = 0; i < 64; i++)
		sum |= data[i];
	if (bytes != 64 || sum == 0)
		fail("no randomness");
	say("random\n");
}

/* A chain that ends outside of memory: the device says that it needs a reset, and works behind one. */
void try_hostile(void)
{
	uint32_t at = find_device(4), before;

	start_device(at, 0, 1);
	describe(0, 0, (const void *)0xcffff000UL, 64, WRITABLE);
	before = interrupts;
	offer(0);
	set(at + 0x50, 0);
	wait_for_interrupt(before);
	if (!(get(at + 0x70) & 0x40))
		fail("the device took a chain outside of memory");
	say("refused\n");
	try_random();
}

/* Kicks and interrupts, many. */
void try_turns(void)
{
	uint32_t at = find_device(4);

	start_device(at, 0, 1);
	describe(0, 0, data, 1, WRITABLE);
	for (uint32_t i = 0; i < 200; i++)
		(void)transfer(at, 0);
	say("turns\n");
}

/* A driver that begins anew, again and again, and says so each time: all of it is asked of the server of a volume. */
void try_share(void)
{
	uint32_t at = find_device(26);

	for (;;) {
		start_device(at, 1, 1);
		say("served\n");
	}
}

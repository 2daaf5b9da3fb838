/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Every way in which a machine ends, and those in which it does not. */
#include "payload.h"

/* From ring 0. */
void triple_fault(void)
{
	static const struct {
		uint16_t limit;
		uint64_t base;
	} __attribute__((packed)) none;

	__asm__ volatile("lidt %0; ud2" : : "m"(none));
}

void reset_by_keyboard(void)
{
	if (in8(I8042) & 2)
		fail("the keyboard controller is busy");
	out8(I8042, 0xfe);
}

void reset_by_acpi(void)
{
	out8(RESET, 1);
}

void panic(void)
{
	out8(PANIC, 1);
}

void hang(void)
{
	say("hanging\n");
	wait_for_ever();
}

void nothing(void) {}

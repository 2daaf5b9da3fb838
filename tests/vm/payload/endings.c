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

/* Put together when it is wanted: the text of this file must not be taken for a log. */
static volatile char log[64];

void log_panic(void)
{
	static const char words[] = "ernel panic - not syncing: System is deadlocked on memory\n";

	for (uint32_t i = 0; i < sizeof(words); i++)
		log[i + 1] = words[i];
	log[0] = 'K';
}

void panic_for_memory(void)
{
	log_panic();
	panic();
}

/* A kernel without the port's driver: before hull's agent is there. */
void panic_early(void)
{
	log_panic();
	reset_by_keyboard();
}

void hang(void)
{
	say("hanging\n");
	wait_for_ever();
}

void nothing(void) {}

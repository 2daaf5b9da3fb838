/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is heavy: much memory, read and written; in ring 3, where it costs what it costs a processor. */
#include "payload.h"

#define PAGE  4096
#define AREA  ((volatile uint8_t *)0x1000000) /* nothing else lies from there on */
#define BYTES 65536

static volatile uint32_t sum;
static volatile uint64_t best;

static void add_up(void)
{
	const volatile uint32_t *words = (const volatile uint32_t *)AREA;
	uint64_t began = ticks(), took;
	uint32_t result = 0;

	for (uint32_t i = 0; i < BYTES / sizeof(*words); i++)
		result = result * 31 + words[i] + i;
	took = ticks() - began;
	sum = result;
	if (took < best)
		best = took;
}

/* The best of a few counts: others may run meanwhile. */
static void add_up_often(void)
{
	for (int i = 0; i < 5; i++)
		add_up();
}

static void say_sum(const char *where)
{
	say(where);
	say_number(sum);
	say(" ");
	say_number(best);
	say("\n");
}

/* From ring 0: the same work in both rings, its result, and how many of the processor's ticks it took. */
void try_speed(void)
{
	best = UINT64_MAX;
	add_up();
	say_sum("ring 0: ");
	best = UINT64_MAX;
	sum = 0;
	in_ring_3(add_up_often);
	say_sum("ring 3: ");
}

/* Ring 3 is what it says: what only ring 0 may is refused, which ring 0 is told; and interrupts come in. */
void try_rings(void)
{
	uint16_t code;

	__asm__("movw %%cs, %0" : "=r"(code));
	say("ring ");
	say_number(code & 3);
	refusals = 1;
	__asm__ volatile("hlt" ::: "memory");
	say(refusals == 0 ? ", hlt refused\n" : ", hlt allowed\n");
}

/*
 * Writes as many pages as the balloon's target says (virtio 1.2, section 5.5.4: num_pages), again and again. Beside
 * them it writes one page alone, that of its stacks.
 */
void write_when_told(void)
{
	uint32_t at = find_device(5);

	say("writing\n");
	for (;;) {
		uint32_t pages = get(at + 0x100);

		for (uint32_t i = 0; i < pages; i++)
			AREA[i * PAGE]++;
	}
}

/* Has a device write 16 pages, again and again. */
void be_fed(void)
{
	uint32_t at = find_device(4);

	start_device(at, 0, 1);
	describe(0, 0, AREA, 16 * PAGE, WRITABLE);
	say("fed\n");
	for (;;)
		(void)transfer(at, 0);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two rings. Ring 0 owns ports, device registers and the interrupt controllers; ring 3, where the driving code runs,
 * asks for them by `ud2`: the number of a call, and what it takes, are in registers as they are for a function. What
 * runs in ring 0 itself makes the same calls without that.
 */
#include "entry.h"
#include "payload.h"

#define VECTOR	       0x40
#define UNDEFINED      6
#define PROTECTION     13
#define PATIENCE_TICKS UINT64_C(60000000000) /* twenty seconds and more */

enum call { LEAVE = CALL_LEAVE, OUT, IN, GET, SET, SAY, LISTEN, SLEEP_ON };

uint32_t trap(uint32_t call, uintptr_t first, uint32_t second);
void enter_ring_3(void (*run)(void)), leave_ring_3(void);
void undefined_entry(void), protection_entry(void), interrupt_entry(void);
extern uint64_t gdt[];
extern uint8_t stack_of_traps[];

volatile uint32_t interrupts, refusals;

/* --- what ring 0 does --------------------------------------------------------------------------------------------- */

static void out_byte(uint16_t port, uint8_t value)
{
	__asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static uint32_t do_leave(uintptr_t first, uint32_t second)
{
	(void)first, (void)second;
	leave_ring_3();
	return 0;
}

static uint32_t do_out(uintptr_t first, uint32_t second)
{
	out_byte((uint16_t)first, (uint8_t)second);
	return 0;
}

static uint32_t do_in(uintptr_t first, uint32_t second)
{
	uint8_t value;

	(void)second;
	__asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"((uint16_t)first));
	return value;
}

static uint32_t do_get(uintptr_t first, uint32_t second)
{
	(void)second;
	return *(volatile uint32_t *)first;
}

static uint32_t do_set(uintptr_t first, uint32_t second)
{
	*(volatile uint32_t *)first = second;
	return 0;
}

static uint32_t do_say(uintptr_t first, uint32_t second)
{
	(void)second;
	for (const char *words = (const char *)first; *words; words++)
		out_byte(SERIAL, (uint8_t)*words);
	return 0;
}

static struct {
	uint16_t low, selector, flags, middle;
	uint32_t high, zero;
} gates[VECTOR + 1] __attribute__((aligned(16)));

static void set_gate(uint32_t vector, void (*entry)(void), uint16_t flags)
{
	uintptr_t at = (uintptr_t)entry;

	gates[vector].low = (uint16_t)at;
	gates[vector].middle = (uint16_t)(at >> 16);
	gates[vector].selector = CODE_0;
	gates[vector].flags = flags;
}

static void load_gates(void)
{
	const struct {
		uint16_t limit;
		uint64_t base;
	} __attribute__((packed)) table = {sizeof(gates) - 1, (uintptr_t)gates};

	__asm__ volatile("lidt %0" : : "m"(table));
}

/* One vector for every line. */
static uint32_t do_listen(uintptr_t first, uint32_t second)
{
	uint32_t line = FIRST_LINE + ((uint32_t)first - MMIO) / MMIO_STRIDE;

	(void)second;
	set_gate(VECTOR, interrupt_entry, 0x8e00);
	load_gates();
	/* The old controllers, which KVM has beside the others, stay silent. */
	out_byte(0x21, 0xff);
	out_byte(0xa1, 0xff);
	(void)do_set(LOCAL_APIC + 0xf0, 0x1ff);
	(void)do_set(IOAPIC, 0x10 + 2 * line + 1);
	(void)do_set(IOAPIC + 0x10, 0);
	(void)do_set(IOAPIC, 0x10 + 2 * line);
	(void)do_set(IOAPIC + 0x10, VECTOR);
	return 0;
}

static uint32_t do_sleep(uintptr_t first, uint32_t second)
{
	(void)first, (void)second;
	__asm__ volatile("sti; hlt; cli" ::: "memory");
	return 0;
}

uint32_t serve(uint32_t call, uintptr_t first, uint32_t second)
{
	static uint32_t (*const calls[])(uintptr_t first, uint32_t second) = {
		[LEAVE] = do_leave, [OUT] = do_out, [IN] = do_in,	  [GET] = do_get,
		[SET] = do_set,	    [SAY] = do_say, [LISTEN] = do_listen, [SLEEP_ON] = do_sleep,
	};

	return calls[call](first, second);
}

void refuse(void)
{
	if (refusals == 0) {
		(void)do_say((uintptr_t) "failed: a protection fault\n", 0);
		out_byte(RESET, 1);
	}
	refusals--;
}

static void set_up_rings(void)
{
	static struct {
		uint32_t reserved;
		uint64_t stack;
		uint8_t others[104 - 12];
	} __attribute__((packed)) task;
	uint64_t at = (uintptr_t)&task;

	task.stack = (uintptr_t)stack_of_traps;
	gdt[TASK / 8] |= (at & 0xffffff) << 16 | at >> 24 << 56;
	__asm__ volatile("ltr %w0" : : "r"(TASK));
	set_gate(UNDEFINED, undefined_entry, 0x8e00);
	set_gate(PROTECTION, protection_entry, 0x8e00);
	load_gates();
}

void in_ring_3(void (*run)(void))
{
	set_up_rings();
	enter_ring_3(run);
}

/* --- and how it is asked to --------------------------------------------------------------------------------------- */

static int is_ring_3(void)
{
	uint16_t code;

	__asm__("movw %%cs, %0" : "=r"(code));
	return code & 3;
}

static uint32_t ask(enum call call, uintptr_t first, uint32_t second)
{
	return is_ring_3() ? trap(call, first, second) : serve(call, first, second);
}

void out8(uint16_t port, uint8_t value)
{
	(void)ask(OUT, port, value);
}

uint8_t in8(uint16_t port)
{
	return (uint8_t)ask(IN, port, 0);
}

uint32_t get(uint32_t address)
{
	return ask(GET, address, 0);
}

void set(uint32_t address, uint32_t value)
{
	(void)ask(SET, address, value);
}

void say(const char *words)
{
	(void)ask(SAY, (uintptr_t)words, 0);
}

void listen(uint32_t at)
{
	(void)ask(LISTEN, at, 0);
}

_Noreturn void wait_for_ever(void)
{
	for (;;)
		(void)ask(SLEEP_ON, 0, 0);
}

/* Ring 3 always has interrupts on. */
void wait_for_interrupt(uint32_t before)
{
	uint64_t began = ticks();

	while (interrupts == before)
		if (ticks() - began > PATIENCE_TICKS)
			fail("no interrupt came");
}

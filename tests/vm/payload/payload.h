/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A guest of a few hundred lines, in place of a kernel, entered by PVH. A word of the command line says what it does.
 * It drives the real monitor's devices on a real /dev/kvm, also on one that is too slow for a kernel.
 *
 * What these files share. Below: the machine as runtime/vm/layout.h lays it out, and who does what.
 */
#ifndef HULL_TESTS_VM_PAYLOAD_H
#define HULL_TESTS_VM_PAYLOAD_H

#include <stdint.h>

#define SERIAL	    0x3f8
#define I8042	    0x64
#define PANIC	    0x505
#define SLEEP	    0x600
#define RESET	    0x602
#define MMIO	    0xd0000000U
#define MMIO_STRIDE 0x1000U
#define MMIO_COUNT  19U
#define LOCAL_APIC  0xfee00000U
#define IOAPIC	    0xfec00000U
#define FIRST_LINE  5U

/* --- rings.c: ports, device registers and interrupts, from either ring -------------------------------------------- */

void out8(uint16_t port, uint8_t value);
uint8_t in8(uint16_t port);
uint32_t get(uint32_t address);
void set(uint32_t address, uint32_t value);
void say(const char *words); /* through the serial port */
/* The line of the device at `at` makes interrupts from now on. */
void listen(uint32_t at);
/* Until more have come than `before`; fail() when none does. */
void wait_for_interrupt(uint32_t before);
_Noreturn void wait_for_ever(void);
extern volatile uint32_t interrupts; /* so many came */
/* Runs it in ring 3, with interrupts on, and comes back. From ring 0. */
void in_ring_3(void (*run)(void));
/* So many `hlt` in ring 3, which a processor refuses there, are passed over; else one is a failure. */
extern volatile uint32_t refusals;

/* --- main.c: what is said, and how it ends ------------------------------------------------------------------------ */

void say_number(uint64_t value);
void power_off(void);
_Noreturn void fail(const char *why); /* says why, and resets the machine */

static inline uint64_t ticks(void)
{
	uint32_t low, high;

	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
	return (uint64_t)high << 32 | low;
}

/* --- virtio.c: the transport, a queue or two with a few slots ----------------------------------------------------- */

enum { WRITABLE = 2, NEXT = 1, QUEUES = 2 };

/* Its registers' address. */
uint32_t find_device(uint32_t id);
/* With `count` queues from `first` on, which are empty, and no others; its line is listened to. */
void start_device(uint32_t at, uint32_t first, uint32_t count);
/* A slot of the queue's chain, which begins with slot 0. */
void describe(uint32_t queue, uint32_t slot, const volatile void *at, uint32_t bytes, uint16_t flags);
/* Offers the chain, without a kick; and with one, waiting until it is given back: the bytes that it was given. */
void offer(uint32_t queue);
uint32_t transfer(uint32_t at, uint32_t queue);
void acknowledge(uint32_t at);
extern volatile uint8_t data[512]; /* a buffer for anybody */

/* --- a word each: disk.c, net.c, console.c, vsock.c, random.c, memory.c, trips.c, endings.c ----------------------- */

void try_disk(void), try_net(void);
void try_console(void), play_agent(void), play_stuck_agent(void), play_broken_agent(void);
void try_vsock(void), play_lost_agent(void);
void try_random(void), try_hostile(void), try_turns(void), try_share(void);
void try_speed(void), try_rings(void), write_when_told(void), be_fed(void);
void try_trips(void), try_bare_trips(void), one_byte(void);
void triple_fault(void), reset_by_keyboard(void), reset_by_acpi(void), hang(void), nothing(void);
void panic(void), panic_for_memory(void), panic_early(void), play_resetting_agent(void);
void log_panic(void); /* "System is deadlocked on memory", as it stands in a kernel's memory */

#endif

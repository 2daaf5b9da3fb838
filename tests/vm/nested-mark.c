/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The first process of a guest whose start is timed: a byte on the serial port, and a write to the port that resets hull's machines and ends the floor's. */
#include <sys/syscall.h>

#define SERIAL 0x3f8
#define RESET  0x602
#define ALL    3 /* ports are for every privilege level */

static void allow_ports(void)
{
	long result;

	__asm__ volatile("syscall" : "=a"(result) : "a"(SYS_iopl), "D"(ALL) : "rcx", "r11", "memory");
}

static void out8(unsigned short port, unsigned char value)
{
	__asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

void _start(void)
{
	allow_ports();
	out8(SERIAL, '\n');
	out8(RESET, 1);
	for (;;) {}
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The first process of a guest whose start is timed: a byte on the serial port, a write to the port that resets hull's machines and ends the floor's, and
 * where there is no such port, a reset by the kernel.
 */
#include <linux/reboot.h>
#include <sys/syscall.h>

#define SERIAL 0x3f8
#define RESET  0x602
#define ALL    3 /* ports are for every privilege level */

static void call(long number, long a, long b, long c)
{
	long result;

	__asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
}

static void out8(unsigned short port, unsigned char value)
{
	__asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

void _start(void)
{
	call(SYS_iopl, ALL, 0, 0);
	out8(SERIAL, '\n');
	out8(RESET, 1);
	call(SYS_reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, LINUX_REBOOT_CMD_RESTART);
	for (;;) {}
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The first process of a guest whose start is timed: a byte on the serial port, a write to the port that resets hull's
 * machines and ends the floor's, and where there is no such port, a reset by the kernel. With an argument (a word of
 * the kernel's command line that the kernel does not know) it rests instead.
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

__asm__(".text\n.globl _start\n_start:\nmovq (%rsp), %rdi\nandq $-16, %rsp\ncall begin\n");

__attribute__((used)) static _Noreturn void begin(long argc)
{
	while (argc > 1)
		call(SYS_pause, 0, 0, 0);
	call(SYS_iopl, ALL, 0, 0);
	out8(SERIAL, '\n');
	out8(RESET, 1);
	call(SYS_reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, LINUX_REBOOT_CMD_RESTART);
	for (;;) {}
}

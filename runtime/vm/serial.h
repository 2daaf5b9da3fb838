/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The early console: a 16550 (National Semiconductor PC16550D) that only sends. Nothing is ever received, the line is
 * always ready, and a byte that the guest sends is written at once: who asks for this console wants to see the last
 * byte before a crash.
 */
#ifndef HULL_RUNTIME_VM_SERIAL_H
#define HULL_RUNTIME_VM_SERIAL_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct serial {
	int out_fd; /* the caller's */
	int irq_fd; /* an eventfd that raises the line, or -1 while there is none; the caller's */
	pthread_mutex_t lock;
	uint8_t interrupts_enabled, line_control, modem_control, scratch;
	uint8_t divisor[2];
	bool sent; /* "the transmitter is empty" has not been told since the last byte */
};

void serial_init(struct serial *serial, int out_fd, int irq_fd);
/* One access to register 0..7. From any vCPU thread; a write waits for a slow reader of `out_fd`. */
uint8_t serial_read(struct serial *serial, unsigned reg);
void serial_write(struct serial *serial, unsigned reg, uint8_t value);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime/vm/serial.h"

#include <linux/serial_reg.h>
#include <unistd.h>

#include "runtime/base/fd.h"

#define LINE_READY  (UART_LSR_THRE | UART_LSR_TEMT)
#define MODEM_READY (UART_MSR_DCD | UART_MSR_DSR | UART_MSR_CTS)
#define FIFOS_ON    0xc0

void serial_init(struct serial *serial, int out_fd, int irq_fd)
{
	*serial = (struct serial){
		.out_fd = out_fd,
		.irq_fd = irq_fd,
		.lock = PTHREAD_MUTEX_INITIALIZER,
	};
}

/* The only interrupt there is: ready for the next byte. */
static void tell_ready(struct serial *serial)
{
	const uint64_t once = 1;

	serial->sent = true;
	if ((serial->interrupts_enabled & UART_IER_THRI) && serial->irq_fd >= 0)
		(void)fd_write_all(serial->irq_fd, &once, sizeof(once));
}

static uint8_t identify(struct serial *serial)
{
	if (!serial->sent || !(serial->interrupts_enabled & UART_IER_THRI))
		return UART_IIR_NO_INT | FIFOS_ON;
	serial->sent = false;
	return UART_IIR_THRI | FIFOS_ON;
}

/* In the loop that tests use, what the outputs say comes back at the inputs: drivers look for a 16550 that way. */
static uint8_t modem_status(const struct serial *serial)
{
	uint8_t control = serial->modem_control;

	if (!(control & UART_MCR_LOOP))
		return MODEM_READY;
	return (uint8_t)((control & UART_MCR_DTR ? UART_MSR_DSR : 0) | (control & UART_MCR_RTS ? UART_MSR_CTS : 0) |
			 (control & UART_MCR_OUT1 ? UART_MSR_RI : 0) | (control & UART_MCR_OUT2 ? UART_MSR_DCD : 0));
}

static uint8_t read_locked(struct serial *serial, unsigned reg)
{
	bool divisor = (serial->line_control & UART_LCR_DLAB) && reg < 2;

	if (divisor)
		return serial->divisor[reg];
	switch (reg) {
	case UART_IER:
		return serial->interrupts_enabled;
	case UART_IIR:
		return identify(serial);
	case UART_LCR:
		return serial->line_control;
	case UART_MCR:
		return serial->modem_control;
	case UART_LSR:
		return LINE_READY;
	case UART_MSR:
		return modem_status(serial);
	case UART_SCR:
		return serial->scratch;
	default:
		return 0;
	}
}

static void send_byte(struct serial *serial, uint8_t value)
{
	if (!(serial->modem_control & UART_MCR_LOOP))
		(void)fd_write_all(serial->out_fd, &value, 1);
	tell_ready(serial);
}

static void enable_interrupts(struct serial *serial, uint8_t value)
{
	bool newly = (value & UART_IER_THRI) && !(serial->interrupts_enabled & UART_IER_THRI);

	serial->interrupts_enabled = value & 0x0f;
	if (newly)
		tell_ready(serial);
}

static void write_locked(struct serial *serial, unsigned reg, uint8_t value)
{
	if ((serial->line_control & UART_LCR_DLAB) && reg < 2) {
		serial->divisor[reg] = value;
		return;
	}
	switch (reg) {
	case UART_TX:
		send_byte(serial, value);
		break;
	case UART_IER:
		enable_interrupts(serial, value);
		break;
	case UART_LCR:
		serial->line_control = value;
		break;
	case UART_MCR:
		serial->modem_control = value & 0x1f;
		break;
	case UART_SCR:
		serial->scratch = value;
		break;
	default:
		break;
	}
}

uint8_t serial_read(struct serial *serial, unsigned reg)
{
	uint8_t value;

	pthread_mutex_lock(&serial->lock);
	value = read_locked(serial, reg);
	pthread_mutex_unlock(&serial->lock);
	return value;
}

void serial_write(struct serial *serial, unsigned reg, uint8_t value)
{
	pthread_mutex_lock(&serial->lock);
	write_locked(serial, reg, value);
	pthread_mutex_unlock(&serial->lock);
}

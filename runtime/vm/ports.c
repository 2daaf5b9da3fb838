/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime/vm/ports.h"

#include <stddef.h>
#include <string.h>

#include "runtime/base/scope.h"
#include "runtime/vm/layout.h"

/*
 * Of the i8042, what a kernel asks that looks for one although ACPI says that there is none
 * (linux/include/linux/i8042.h).
 */
#define I8042_STATUS_ANSWER 0x01
#define I8042_STATUS_IDLE   0x14 /* passed its self test, not locked */
#define I8042_READ_CONFIG   0x20
#define I8042_WRITE_CONFIG  0x60
#define I8042_TEST_MOUSE    0xa9
#define I8042_SELF_TEST	    0xaa
#define I8042_TEST_KEYBOARD 0xab
#define I8042_RESET	    0xfe
#define I8042_NO_PORTS	    0x30 /* configuration: keyboard and mouse are off */
#define I8042_PASSED	    0x55
#define I8042_FAILED	    0x01
#define I8042_HAS_ANSWER    0x100U
#define KEYBOARD_RESEND	    0xfe /* what a keyboard says that did not understand: nobody is there */

/* ACPI 6.4, 4.8.3.7: bit 5 says do it, bits 2..4 which state; 5 is off. */
#define SLEEP_ENABLE	  0x20U
#define SLEEP_TYPE(value) ((unsigned)(value) >> 2 & 7)
#define SLEEP_TYPE_OFF	  5U
#define PANIC_HAPPENED	  1U

static void set_answer(struct ports *ports, uint8_t value)
{
	__atomic_store_n(&ports->i8042_answer, (uint16_t)(I8042_HAS_ANSWER | value), __ATOMIC_RELAXED);
}

static uint8_t i8042_read(struct ports *ports, unsigned port)
{
	uint16_t answer = __atomic_load_n(&ports->i8042_answer, __ATOMIC_RELAXED);

	if (port == LAYOUT_I8042_COMMAND)
		return answer & I8042_HAS_ANSWER ? I8042_STATUS_IDLE | I8042_STATUS_ANSWER : I8042_STATUS_IDLE;
	if (port != LAYOUT_I8042_DATA)
		return UINT8_MAX;
	__atomic_store_n(&ports->i8042_answer, (uint16_t)(answer & UINT8_MAX), __ATOMIC_RELAXED);
	return (uint8_t)answer;
}

static enum ports_wish i8042_command(struct ports *ports, uint8_t command)
{
	switch (command) {
	case I8042_RESET:
		return PORTS_RESET;
	case I8042_READ_CONFIG:
		set_answer(ports, __atomic_load_n(&ports->i8042_config, __ATOMIC_RELAXED));
		break;
	case I8042_SELF_TEST:
		set_answer(ports, I8042_PASSED);
		break;
	case I8042_TEST_KEYBOARD:
	case I8042_TEST_MOUSE:
		set_answer(ports, I8042_FAILED);
		break;
	default:
		break;
	}
	__atomic_store_n(&ports->i8042_command, command, __ATOMIC_RELAXED);
	return PORTS_GO_ON;
}

static enum ports_wish i8042_write(struct ports *ports, unsigned port, uint8_t value)
{
	if (port == LAYOUT_I8042_COMMAND)
		return i8042_command(ports, value);
	if (port != LAYOUT_I8042_DATA)
		return PORTS_GO_ON;
	if (__atomic_exchange_n(&ports->i8042_command, 0, __ATOMIC_RELAXED) == I8042_WRITE_CONFIG)
		__atomic_store_n(&ports->i8042_config, value | I8042_NO_PORTS, __ATOMIC_RELAXED);
	else
		set_answer(ports, KEYBOARD_RESEND);
	return PORTS_GO_ON;
}

static uint8_t serial_port_read(struct ports *ports, unsigned port)
{
	return ports->serial ? serial_read(ports->serial, port - LAYOUT_SERIAL) : UINT8_MAX;
}

static enum ports_wish serial_port_write(struct ports *ports, unsigned port, uint8_t value)
{
	if (ports->serial)
		serial_write(ports->serial, port - LAYOUT_SERIAL, value);
	return PORTS_GO_ON;
}

static uint8_t panic_read(struct ports *ports, unsigned port)
{
	(void)ports, (void)port;
	return PANIC_HAPPENED; /* what can be told */
}

static enum ports_wish panic_write(struct ports *ports, unsigned port, uint8_t value)
{
	(void)ports, (void)port;
	return value & PANIC_HAPPENED ? PORTS_PANIC : PORTS_GO_ON;
}

static uint8_t power_read(struct ports *ports, unsigned port)
{
	(void)ports, (void)port;
	return 0;
}

static enum ports_wish power_write(struct ports *ports, unsigned port, uint8_t value)
{
	(void)ports;
	if (port == LAYOUT_RESET)
		return PORTS_RESET;
	if (port == LAYOUT_SLEEP_CONTROL && (value & SLEEP_ENABLE) && SLEEP_TYPE(value) == SLEEP_TYPE_OFF)
		return PORTS_POWER_OFF;
	return PORTS_GO_ON;
}

static const struct range {
	unsigned first, count;
	uint8_t (*read)(struct ports *ports, unsigned port);
	enum ports_wish (*write)(struct ports *ports, unsigned port, uint8_t value);
} ranges[] = {
	{LAYOUT_SERIAL, 8, serial_port_read, serial_port_write},
	{LAYOUT_I8042_DATA, LAYOUT_I8042_COMMAND - LAYOUT_I8042_DATA + 1, i8042_read, i8042_write},
	{LAYOUT_SLEEP_CONTROL, LAYOUT_RESET - LAYOUT_SLEEP_CONTROL + 1, power_read, power_write},
	{LAYOUT_PANIC, 1, panic_read, panic_write},
};

static const struct range *range_of(uint64_t port)
{
	for (size_t i = 0; i < ARRAY_SIZE(ranges); i++)
		if (port >= ranges[i].first && port - ranges[i].first < ranges[i].count)
			return &ranges[i];
	return NULL;
}

void ports_init(struct ports *ports, struct serial *serial_or_null)
{
	*ports = (struct ports){.serial = serial_or_null, .i8042_config = I8042_NO_PORTS};
}

enum ports_wish ports_access(struct ports *ports, const struct hv_exit *access)
{
	const struct range *range = range_of(access->address);
	unsigned port = (unsigned)access->address;
	enum ports_wish wish = PORTS_GO_ON;

	if (!access->is_write)
		memset(access->data, UINT8_MAX, (size_t)access->bytes * access->count);
	if (!range)
		return PORTS_GO_ON;
	/* All of them are a byte wide: of wider accesses it is the first that counts. */
	for (uint32_t i = 0; i < access->count && wish == PORTS_GO_ON; i++) {
		uint8_t *data = access->data + (size_t)i * access->bytes;

		if (access->is_write)
			wish = range->write(ports, port, *data);
		else
			*data = range->read(ports, port);
	}
	return wish;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The machine's I/O ports: serial port, keyboard controller, and ACPI's power-off and reset. What is not there reads as
 * all ones.
 */
#ifndef HULL_RUNTIME_VM_PORTS_H
#define HULL_RUNTIME_VM_PORTS_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/vm/hv.h"
#include "runtime/vm/serial.h"

/* What the guest asks for by an access. */
enum ports_wish { PORTS_GO_ON, PORTS_POWER_OFF, PORTS_RESET, PORTS_PANIC };

struct ports {
	struct serial *serial; /* or NULL */
	/*
	 * The keyboard controller: no keyboard, but a reset line. From any vCPU thread, hence atomic; only one uses it
	 * at a time.
	 */
	uint16_t i8042_answer; /* in bit 8: there is one */
	uint8_t i8042_config;
	uint8_t i8042_command; /* whose argument comes next */
};

void ports_init(struct ports *ports, struct serial *serial_or_null);
/* Answers an HV_EXIT_PIO. From any vCPU thread. */
enum ports_wish ports_access(struct ports *ports, const struct hv_exit *access);

#endif

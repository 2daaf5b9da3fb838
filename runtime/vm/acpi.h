/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The ACPI tables that describe the machine (ACPI 6.4): hardware-reduced, without clock chip, keyboard controller or
 * VGA; processors; and in the DSDT the virtio devices, the serial port, and how to power off. Distribution kernels find
 * their virtio-mmio devices nowhere else.
 */
#ifndef HULL_RUNTIME_VM_ACPI_H
#define HULL_RUNTIME_VM_ACPI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/err.h"
#include "runtime/vm/memory.h"

struct acpi_machine {
	unsigned cpus;
	unsigned virtio_devices; /* at their places of runtime/vm/layout.h */
	bool has_serial;
};

#define ACPI_TABLES_BYTES 8192

struct acpi_tables {
	uint8_t bytes[ACPI_TABLES_BYTES]; /* what is to lie at LAYOUT_ACPI: the RSDP first */
	size_t used;
};

/* 0, or -E2BIG when there is too much to describe. */
int acpi_make(struct acpi_tables *tables, const struct acpi_machine *machine, struct err *err);
/* acpi_make() into guest memory. */
int acpi_write(const struct guest_memory *memory, const struct acpi_machine *machine, struct err *err);

#endif

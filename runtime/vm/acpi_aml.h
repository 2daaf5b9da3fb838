/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writing ACPI's byte code (AML; ACPI 6.4, chapter 20) into a bounded buffer: what acpi.c's DSDT needs of it. */
#ifndef HULL_RUNTIME_VM_ACPI_AML_H
#define HULL_RUNTIME_VM_ACPI_AML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct acpi_out {
	uint8_t *bytes;
	size_t room;
	size_t used;
	bool failed; /* there was no room */
};

void acpi_put(struct acpi_out *out, const void *bytes, size_t len);
void acpi_put_number(struct acpi_out *out, uint64_t value, size_t bytes); /* little endian */

/*
 * Blocks that begin with their own length: what begin gives is for end. `name` of Scope and Device: "\\_SB_", or four
 * characters.
 */
size_t aml_scope(struct acpi_out *out, const char *name);
size_t aml_device(struct acpi_out *out, const char *name);
void aml_end(struct acpi_out *out, size_t block);

void aml_name_string(struct acpi_out *out, const char *name, const char *value);
void aml_name_number(struct acpi_out *out, const char *name, uint32_t value);
void aml_name_bytes(struct acpi_out *out, const char *name, const uint8_t *values,
		    uint8_t count); /* a Package of numbers */

/* Resources: _CRS of a device, from begin to end. */
size_t aml_resources(struct acpi_out *out);
void aml_resource_memory(struct acpi_out *out, uint32_t gpa, uint32_t bytes);
void aml_resource_ports(struct acpi_out *out, uint16_t first, uint8_t count);
void aml_resource_interrupt(struct acpi_out *out, uint32_t gsi); /* rising edge, not shared */
void aml_resources_end(struct acpi_out *out, size_t resources);

#endif

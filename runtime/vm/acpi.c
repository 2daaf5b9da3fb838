/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime/vm/acpi.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "runtime/vm/acpi_aml.h"
#include "runtime/vm/layout.h"

#define OEM_ID	     "HULL  "	/* 6 bytes */
#define OEM_TABLE_ID "MICROVM " /* 8 */
#define CREATOR_ID   "HULL"
#define HEAD_BYTES   36U /* of every table but the RSDP */
#define RSDP_BYTES   36U
#define RSDP_1_BYTES 20U /* what the first checksum is over */

/* FADT: 5.2.9. */
#define FADT_BYTES	      276U
#define FADT_REVISION	      6
#define FADT_RESET_REGISTER   (UINT32_C(1) << 10)
#define FADT_NO_POWER_BUTTON  (UINT32_C(1) << 4)
#define FADT_NO_SLEEP_BUTTON  (UINT32_C(1) << 5)
#define FADT_HARDWARE_REDUCED (UINT32_C(1) << 20)
#define FADT_WBINVD	      UINT32_C(1)
#define FADT_BOOT_NO_VGA      (1U << 2)
#define FADT_BOOT_NO_CLOCK    (1U << 5) /* a guest that looks for one loses seconds */
#define SPACE_IO	      1
#define ACCESS_BYTE	      1

/* MADT: 5.2.12. */
#define MADT_REVISION	5
#define MADT_LOCAL_APIC 0
#define MADT_IOAPIC	1
#define MADT_ENABLED	1
#define DSDT_REVISION	2
#define XSDT_TABLES	2
#define XSDT_REVISION	1

static void put_number(struct acpi_out *out, uint64_t value, size_t bytes)
{
	acpi_put_number(out, value, bytes);
}

static uint8_t checksum(const uint8_t *bytes, size_t len)
{
	uint8_t sum = 0;

	for (size_t i = 0; i < len; i++)
		sum = (uint8_t)(sum + bytes[i]);
	return (uint8_t)-sum;
}

/* A table's head: 5.2.6. Length and checksum come when it ends. Returns where the table begins. */
static size_t table_begin(struct acpi_out *out, const char *signature, uint8_t revision)
{
	static const uint8_t nothing[16];
	size_t at;

	acpi_put(out, nothing, -out->used & 15);
	at = out->used;
	acpi_put(out, signature, 4);
	put_number(out, 0, 4);
	put_number(out, revision, 1);
	put_number(out, 0, 1);
	acpi_put(out, OEM_ID, 6);
	acpi_put(out, OEM_TABLE_ID, 8);
	put_number(out, 1, 4);
	acpi_put(out, CREATOR_ID, 4);
	put_number(out, 1, 4);
	return at;
}

static void table_end(struct acpi_out *out, size_t at)
{
	uint32_t len = (uint32_t)(out->used - at);

	if (out->failed)
		return;
	memcpy(out->bytes + at + 4, &len, sizeof(len));
	out->bytes[at + 9] = checksum(out->bytes + at, len);
}

static void put_virtio(struct acpi_out *out, unsigned index)
{
	char name[8];
	size_t device, resources;

	(void)snprintf(name, sizeof(name), "V%03u", index % 1000);
	device = aml_device(out, name);
	aml_name_string(out, "_HID", "LNRO0005");
	aml_name_number(out, "_UID", index);
	aml_name_number(out, "_CCA", 1);
	resources = aml_resources(out);
	aml_resource_memory(out, (uint32_t)(LAYOUT_MMIO + index * LAYOUT_MMIO_STRIDE), LAYOUT_MMIO_BYTES);
	aml_resource_interrupt(out, LAYOUT_MMIO_GSI + index);
	aml_resources_end(out, resources);
	aml_end(out, device);
}

static void put_serial(struct acpi_out *out)
{
	size_t device = aml_device(out, "COM1"), resources;

	aml_name_number(out, "_HID", 0x0105d041); /* "PNP0501", packed: 19.3.4 */
	aml_name_number(out, "_UID", 1);
	resources = aml_resources(out);
	aml_resource_ports(out, LAYOUT_SERIAL, 8);
	aml_resource_interrupt(out, LAYOUT_SERIAL_GSI);
	aml_resources_end(out, resources);
	aml_end(out, device);
}

/* Where a guest's kernel says that it has panicked: linux/drivers/misc/pvpanic. */
static void put_panic(struct acpi_out *out)
{
	size_t device = aml_device(out, "PANI"), resources;

	aml_name_string(out, "_HID", "QEMU0001");
	aml_name_number(out, "_STA", 0xf);
	resources = aml_resources(out);
	aml_resource_ports(out, LAYOUT_PANIC, 1);
	aml_resources_end(out, resources);
	aml_end(out, device);
}

static size_t put_dsdt(struct acpi_out *out, const struct acpi_machine *machine)
{
	static const uint8_t soft_off[] = {5, 0, 0, 0};
	size_t at = table_begin(out, "DSDT", DSDT_REVISION), scope;

	aml_name_bytes(out, "_S5_", soft_off, sizeof(soft_off));
	scope = aml_scope(out, "\\_SB_");
	for (unsigned i = 0; i < machine->virtio_devices; i++)
		put_virtio(out, i);
	if (machine->has_serial)
		put_serial(out);
	put_panic(out);
	aml_end(out, scope);
	table_end(out, at);
	return at;
}

/* A generic address: 5.2.3.2. */
static void put_port(struct acpi_out *out, uint16_t port)
{
	put_number(out, SPACE_IO, 1);
	put_number(out, 8, 1);
	put_number(out, 0, 1);
	put_number(out, ACCESS_BYTE, 1);
	put_number(out, port, 8);
}

static void put_zeroes_up_to(struct acpi_out *out, size_t end)
{
	while (!out->failed && out->used < end)
		put_number(out, 0, 1);
}

static size_t put_fadt(struct acpi_out *out, uint64_t dsdt)
{
	size_t at = table_begin(out, "FACP", FADT_REVISION);

	put_zeroes_up_to(out, at + 40);
	put_number(out, dsdt, 4);
	put_zeroes_up_to(out, at + 109);
	put_number(out, FADT_BOOT_NO_VGA | FADT_BOOT_NO_CLOCK, 2);
	put_zeroes_up_to(out, at + 112);
	put_number(out,
		   FADT_WBINVD | FADT_NO_POWER_BUTTON | FADT_NO_SLEEP_BUTTON | FADT_RESET_REGISTER |
			   FADT_HARDWARE_REDUCED,
		   4);
	put_port(out, LAYOUT_RESET);
	put_number(out, 1, 1); /* the value that resets */
	put_zeroes_up_to(out, at + 140);
	put_number(out, dsdt, 8);
	put_zeroes_up_to(out, at + 244);
	put_port(out, LAYOUT_SLEEP_CONTROL);
	put_port(out, LAYOUT_SLEEP_STATUS);
	acpi_put(out, "HULL    ", 8); /* the hypervisor's name */
	table_end(out, at);
	return at;
}

static size_t put_madt(struct acpi_out *out, const struct acpi_machine *machine)
{
	size_t at = table_begin(out, "APIC", MADT_REVISION);

	put_number(out, LAYOUT_LOCAL_APIC, 4);
	put_number(out, 0, 4); /* no old controllers beside them */
	for (unsigned i = 0; i < machine->cpus; i++) {
		put_number(out, MADT_LOCAL_APIC, 1);
		put_number(out, 8, 1);
		put_number(out, i, 1);
		put_number(out, i, 1);
		put_number(out, MADT_ENABLED, 4);
	}
	put_number(out, MADT_IOAPIC, 1);
	put_number(out, 12, 1);
	put_number(out, 0, 2);
	put_number(out, LAYOUT_IOAPIC, 4);
	put_number(out, 0, 4); /* its first line is 0 */
	table_end(out, at);
	return at;
}

static size_t put_xsdt(struct acpi_out *out, const size_t tables[XSDT_TABLES])
{
	size_t at = table_begin(out, "XSDT", XSDT_REVISION);

	for (unsigned i = 0; i < XSDT_TABLES; i++)
		put_number(out, LAYOUT_ACPI + tables[i], 8);
	table_end(out, at);
	return at;
}

/* 5.2.5.3. At the very start, for which room was left. */
static void write_rsdp(uint8_t *bytes, uint64_t xsdt)
{
	struct acpi_out out = {.bytes = bytes, .room = RSDP_BYTES};

	acpi_put(&out, "RSD PTR ", 8);
	put_number(&out, 0, 1);
	acpi_put(&out, OEM_ID, 6);
	put_number(&out, 2, 1);
	put_number(&out, 0, 4);
	put_number(&out, RSDP_BYTES, 4);
	put_number(&out, xsdt, 8);
	put_number(&out, 0, 4);
	bytes[8] = checksum(bytes, RSDP_1_BYTES);
	bytes[32] = checksum(bytes, RSDP_BYTES);
}

int acpi_make(struct acpi_tables *tables, const struct acpi_machine *machine, struct err *err)
{
	struct acpi_out out = {.bytes = tables->bytes, .room = sizeof(tables->bytes)};
	size_t dsdt, listed[XSDT_TABLES], xsdt;

	put_zeroes_up_to(&out, RSDP_BYTES);
	dsdt = put_dsdt(&out, machine);
	listed[0] = put_fadt(&out, LAYOUT_ACPI + dsdt);
	listed[1] = put_madt(&out, machine);
	xsdt = put_xsdt(&out, listed);
	if (out.failed)
		return err_say(err, E2BIG, "the machine has too many parts to describe: %u processors, %u devices",
			       machine->cpus, machine->virtio_devices);
	write_rsdp(tables->bytes, LAYOUT_ACPI + xsdt);
	tables->used = out.used;
	return 0;
}

int acpi_write(const struct guest_memory *memory, const struct acpi_machine *machine, struct err *err)
{
	struct acpi_tables tables;
	int r = acpi_make(&tables, machine, err);

	if (r < 0)
		return r;
	if (guest_memory_write(memory, LAYOUT_ACPI, tables.bytes, tables.used) < 0)
		return err_say(err, ENOMEM, "the machine has too little memory to be described");
	return 0;
}

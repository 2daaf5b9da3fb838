/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The tables that describe the machine: golden bytes of what a kernel needs most, sums over all, and what ACPI's own
 * compiler makes of them.
 */
#include "runtime/vm/acpi.h"

#include <stdlib.h>
#include <unistd.h>

#include "runtime/base/scope.h"
#include "runtime/vm/layout.h"
#include "tests/unit/tap.h"

static struct acpi_tables tables;

static uint64_t number_at(size_t at, size_t bytes)
{
	uint64_t value = 0;

	memcpy(&value, tables.bytes + at, bytes);
	return value;
}

static uint8_t sum_of(size_t at, size_t len)
{
	uint8_t sum = 0;

	for (size_t i = 0; i < len; i++)
		sum = (uint8_t)(sum + tables.bytes[at + i]);
	return sum;
}

static void make(unsigned cpus, unsigned devices, bool serial)
{
	struct acpi_machine machine = {.cpus = cpus, .virtio_devices = devices, .has_serial = serial};
	struct err err = ERR_INIT;

	memset(&tables, 0, sizeof(tables));
	CHECK_INT(acpi_make(&tables, &machine, &err), 0);
}

/* Follows the pointers as a kernel does. Where the table begins, or 0. */
static size_t find(const char *signature)
{
	size_t xsdt = number_at(24, 8) - LAYOUT_ACPI, count = (number_at(xsdt + 4, 4) - 36) / 8;

	for (size_t i = 0; i < count; i++) {
		size_t at = number_at(xsdt + 36 + 8 * i, 8) - LAYOUT_ACPI;

		if (memcmp(tables.bytes + at, "FACP", 4) == 0 && strcmp(signature, "DSDT") == 0)
			return number_at(at + 140, 8) - LAYOUT_ACPI;
		if (memcmp(tables.bytes + at, signature, 4) == 0)
			return at;
	}
	return 0;
}

static void test_root(void)
{
	make(1, 4, false);
	CHECK(memcmp(tables.bytes, "RSD PTR ", 8) == 0);
	CHECK_INT(tables.bytes[15], 2);
	CHECK_INT(sum_of(0, 20), 0);
	CHECK_INT(sum_of(0, 36), 0);
	CHECK(memcmp(tables.bytes + (number_at(24, 8) - LAYOUT_ACPI), "XSDT", 4) == 0);
}

static void test_sums(void)
{
	static const char *const names[] = {"FACP", "APIC", "DSDT"};

	make(64, LAYOUT_MMIO_DEVICES, true);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		size_t at = find(names[i]);

		CHECK(at > 0);
		CHECK(at + number_at(at + 4, 4) <= tables.used);
		CHECK_INT(sum_of(at, number_at(at + 4, 4)), 0);
	}
}

/* Reduced hardware, a register that resets, no clock chip, no VGA; the i8042 is not promised either. */
static void test_fixed(void)
{
	size_t at;

	make(1, 0, false);
	at = find("FACP");
	CHECK_INT(number_at(at + 4, 4), 276);
	CHECK_INT(number_at(at + 112, 4) & (1 << 20 | 1 << 10), 1 << 20 | 1 << 10);
	CHECK_INT(number_at(at + 109, 2), 1 << 5 | 1 << 2);
	CHECK_INT(number_at(at + 116 + 4, 8), LAYOUT_RESET);
	CHECK_INT(number_at(at + 244 + 4, 8), LAYOUT_SLEEP_CONTROL);
	CHECK_INT(number_at(at + 256 + 4, 8), LAYOUT_SLEEP_STATUS);
}

static void test_processors(void)
{
	size_t at;

	make(3, 0, false);
	at = find("APIC");
	CHECK_INT(number_at(at + 4, 4), 44 + 3 * 8 + 12);
	CHECK_INT(number_at(at + 36, 4), LAYOUT_LOCAL_APIC);
	CHECK_INT(tables.bytes[at + 44 + 2 * 8 + 3], 2);
	CHECK_INT(number_at(at + 44 + 3 * 8 + 4, 4), LAYOUT_IOAPIC);
}

/* A device's node, byte by byte: the second one. */
static void test_node(void)
{
	static const uint8_t golden[] = {
		0x5b, 0x82, 0x87, 0x04, 0x00, 'V',  '0',  '0',	'1',				     /* Device (V001) */
		0x08, '_',  'H',  'I',	'D',  0x0d, 'L',  'N',	'R',  'O',  '0',  '0',	'0', '5', 0, /* _HID */
		0x08, '_',  'U',  'I',	'D',  0x0a, 0x01,					     /* _UID */
		0x08, '_',  'C',  'C',	'A',  0x0a, 0x01,					     /* _CCA */
		0x08, '_',  'C',  'R',	'S',  0x11, 0x8d, 0x01, 0x00, 0x0b, 0x17, 0x00,		     /* _CRS */
		0x86, 0x09, 0x00, 0x01, 0x00, 0x10, 0x00, 0xd0, 0x00, 0x02, 0x00, 0x00,		     /* memory */
		0x89, 0x06, 0x00, 0x03, 0x01, 0x06, 0x00, 0x00, 0x00,				     /* interrupt */
		0x79, 0x00,
	};
	size_t at, len;
	const uint8_t *node;

	make(1, 2, false);
	at = find("DSDT");
	len = number_at(at + 4, 4);
	node = memmem(tables.bytes + at, len, "V001", 4);
	CHECK(node != NULL);
	if (!node)
		return;
	node -= 5;
	for (size_t i = 0; i < sizeof(golden); i++)
		CHECK_INT(node[i], golden[i]);
	CHECK(!memmem(tables.bytes + at, len, "COM1", 4));
	CHECK(!memmem(tables.bytes + at, len, "V002", 4));
}

static void test_bound(void)
{
	struct acpi_machine machine = {.cpus = 2000, .virtio_devices = 19};
	struct err err = ERR_INIT;

	CHECK_INT(acpi_make(&tables, &machine, &err), -E2BIG);
}

/* What the compiler reads it as, and compiles again without a complaint. */
static void test_compiler(void)
{
	char folder[] = "/tmp/hull-acpi.XXXXXX", name[64], command[256];
	size_t at;
	FILE *file;

	if (access("/usr/bin/iasl", X_OK) < 0)
		SKIP("iasl (acpica-tools) is not there");
	make(2, 3, true);
	at = find("DSDT");
	CHECK(mkdtemp(folder) != NULL);
	snprintf(name, sizeof(name), "%s/dsdt.dat", folder);
	file = fopen(name, "w");
	CHECK(file && fwrite(tables.bytes + at, 1, number_at(at + 4, 4), file) == number_at(at + 4, 4));
	if (file)
		fclose(file);
	snprintf(command, sizeof(command),
		 "cd %s && iasl -d dsdt.dat >/dev/null 2>&1 && iasl dsdt.dsl 2>&1 | grep -q '0 Errors, 0 Warnings'",
		 folder);
	CHECK_INT(system(command), 0);
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	CHECK_INT(system(command), 0);
}

int main(void)
{
	return TAP_RUN(TAP_CASE(test_root), TAP_CASE(test_sums), TAP_CASE(test_fixed), TAP_CASE(test_processors),
		       TAP_CASE(test_node), TAP_CASE(test_bound), TAP_CASE(test_compiler));
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime/vm/acpi_aml.h"

#include <string.h>

/* Opcodes: 20.3. */
#define OP_NAME	      0x08
#define OP_BYTE	      0x0a
#define OP_WORD	      0x0b
#define OP_DWORD      0x0c
#define OP_STRING     0x0d
#define OP_SCOPE      0x10
#define OP_BUFFER     0x11
#define OP_PACKAGE    0x12
#define OP_EXTENDED   0x5b
#define OP_EXT_DEVICE 0x82

/* Resource descriptors: 6.4. */
#define RESOURCE_MEMORY32  0x86
#define RESOURCE_PORTS	   0x47
#define RESOURCE_INTERRUPT 0x89
#define RESOURCE_END	   0x79
#define INTERRUPT_FLAGS	   0x03 /* consumer, edge, active high, exclusive */
#define DECODE_16_BITS	   1

/*
 * A length is written in three bytes, whatever it is: four bits, then eight and eight, and the number of bytes that
 * follow the first.
 */
#define LENGTH_BYTES	 3
#define LENGTH_FOLLOWING (2 << 6)

void acpi_put(struct acpi_out *out, const void *bytes, size_t len)
{
	if (out->failed || len > out->room - out->used) {
		out->failed = true;
		return;
	}
	memcpy(out->bytes + out->used, bytes, len);
	out->used += len;
}

void acpi_put_number(struct acpi_out *out, uint64_t value, size_t bytes)
{
	uint8_t little[8];

	for (size_t i = 0; i < bytes; i++)
		little[i] = (uint8_t)(value >> 8 * i);
	acpi_put(out, little, bytes);
}

static void put_byte(struct acpi_out *out, uint8_t value)
{
	acpi_put(out, &value, 1);
}

static size_t begin(struct acpi_out *out)
{
	size_t at = out->used;

	acpi_put_number(out, 0, LENGTH_BYTES);
	return at;
}

void aml_end(struct acpi_out *out, size_t block)
{
	size_t len = out->used - block;

	if (out->failed)
		return;
	out->bytes[block] = (uint8_t)(LENGTH_FOLLOWING | (len & 0xf));
	out->bytes[block + 1] = (uint8_t)(len >> 4);
	out->bytes[block + 2] = (uint8_t)(len >> 12);
}

size_t aml_scope(struct acpi_out *out, const char *name)
{
	size_t block;

	put_byte(out, OP_SCOPE);
	block = begin(out);
	acpi_put(out, name, strlen(name));
	return block;
}

size_t aml_device(struct acpi_out *out, const char *name)
{
	size_t block;

	put_byte(out, OP_EXTENDED);
	put_byte(out, OP_EXT_DEVICE);
	block = begin(out);
	acpi_put(out, name, strlen(name));
	return block;
}

static void put_name(struct acpi_out *out, const char *name)
{
	put_byte(out, OP_NAME);
	acpi_put(out, name, strlen(name));
}

static void put_integer(struct acpi_out *out, uint32_t value)
{
	size_t bytes = value <= UINT8_MAX ? 1 : value <= UINT16_MAX ? 2 : 4;

	put_byte(out, bytes == 1 ? OP_BYTE : bytes == 2 ? OP_WORD : OP_DWORD);
	acpi_put_number(out, value, bytes);
}

void aml_name_string(struct acpi_out *out, const char *name, const char *value)
{
	put_name(out, name);
	put_byte(out, OP_STRING);
	acpi_put(out, value, strlen(value) + 1);
}

void aml_name_number(struct acpi_out *out, const char *name, uint32_t value)
{
	put_name(out, name);
	put_integer(out, value);
}

void aml_name_bytes(struct acpi_out *out, const char *name, const uint8_t *values, uint8_t count)
{
	size_t block;

	put_name(out, name);
	put_byte(out, OP_PACKAGE);
	block = begin(out);
	put_byte(out, count);
	for (unsigned i = 0; i < count; i++)
		put_integer(out, values[i]);
	aml_end(out, block);
}

/*
 * A buffer whose size is a word, filled in at the end: what aml_resources() gives is where its length is; the size lies
 * behind that.
 */
size_t aml_resources(struct acpi_out *out)
{
	size_t block;

	put_name(out, "_CRS");
	put_byte(out, OP_BUFFER);
	block = begin(out);
	put_byte(out, OP_WORD);
	acpi_put_number(out, 0, 2);
	return block;
}

void aml_resources_end(struct acpi_out *out, size_t resources)
{
	size_t size_at = resources + LENGTH_BYTES + 1;

	put_byte(out, RESOURCE_END);
	put_byte(out, 0); /* a checksum of 0 is one that is not looked at */
	if (out->failed)
		return;

	size_t len = out->used - (size_at + 2);

	out->bytes[size_at] = (uint8_t)len;
	out->bytes[size_at + 1] = (uint8_t)(len >> 8);
	aml_end(out, resources);
}

void aml_resource_memory(struct acpi_out *out, uint32_t gpa, uint32_t bytes)
{
	put_byte(out, RESOURCE_MEMORY32);
	acpi_put_number(out, 9, 2);
	put_byte(out, 1); /* writable */
	acpi_put_number(out, gpa, 4);
	acpi_put_number(out, bytes, 4);
}

void aml_resource_ports(struct acpi_out *out, uint16_t first, uint8_t count)
{
	put_byte(out, RESOURCE_PORTS);
	put_byte(out, DECODE_16_BITS);
	acpi_put_number(out, first, 2);
	acpi_put_number(out, first, 2);
	put_byte(out, 1); /* alignment */
	put_byte(out, count);
}

void aml_resource_interrupt(struct acpi_out *out, uint32_t gsi)
{
	put_byte(out, RESOURCE_INTERRUPT);
	acpi_put_number(out, 6, 2);
	put_byte(out, INTERRUPT_FLAGS);
	put_byte(out, 1); /* one line */
	acpi_put_number(out, gsi, 4);
}

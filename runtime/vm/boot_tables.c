/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime/vm/boot_tables.h"

#include <errno.h>

#include "runtime/vm/layout.h"

/* Page table entries: Intel SDM volume 3, 4.5. */
#define PAGE_PRESENT_WRITABLE 3U
#define PAGE_LARGE	      0x80U
#define PAGE_ENTRIES	      512U
#define PAGE_LARGE_BYTES      (UINT64_C(2) << 20)

/* Flat segments: 3.4.5 there. Code for 64 bits has L, for 32 bits D. */
#define SEGMENT_CODE_64 UINT64_C(0x00af9b000000ffff)
#define SEGMENT_CODE_32 UINT64_C(0x00cf9b000000ffff)
#define SEGMENT_DATA	UINT64_C(0x00cf93000000ffff)
#define SEGMENT_TASK	UINT64_C(0x00008b0000000067)

static int too_small(struct err *err)
{
	return err_say(err, EFAULT, "the machine has too little memory to start a kernel");
}

/* The first GiB, addresses as they are. */
static int write_pages(const struct guest_memory *memory, uint64_t gpa)
{
	uint64_t *tables = guest_memory_at(memory, gpa, 3 * GUEST_PAGE_BYTES);

	if (!tables)
		return -EFAULT;
	tables[0] = (gpa + GUEST_PAGE_BYTES) | PAGE_PRESENT_WRITABLE;
	tables[PAGE_ENTRIES] = (gpa + 2 * GUEST_PAGE_BYTES) | PAGE_PRESENT_WRITABLE;
	for (uint64_t i = 0; i < PAGE_ENTRIES; i++)
		tables[(uint64_t)2 * PAGE_ENTRIES + i] = i * PAGE_LARGE_BYTES | PAGE_PRESENT_WRITABLE | PAGE_LARGE;
	return 0;
}

int boot_tables_write(const struct guest_memory *memory, struct hv_entry *entry, struct err *err)
{
	const uint64_t segments[BOOT_GDT_SLOTS] = {
		[BOOT_GDT_CODE] = entry->is_64bit ? SEGMENT_CODE_64 : SEGMENT_CODE_32,
		[BOOT_GDT_DATA] = SEGMENT_DATA,
		[BOOT_GDT_TASK] = SEGMENT_TASK,
	};

	if (guest_memory_write(memory, LAYOUT_GDT, segments, sizeof(segments)) < 0)
		return too_small(err);
	entry->gdt = LAYOUT_GDT;
	if (!entry->is_64bit)
		return 0;
	if (write_pages(memory, LAYOUT_PAGE_TABLES) < 0)
		return too_small(err);
	entry->page_tables = LAYOUT_PAGE_TABLES;
	return 0;
}

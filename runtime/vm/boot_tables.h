/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The processor's own tables that a kernel is entered with: segments, and for 64-bit entry pages. The kernel replaces
 * both at once.
 */
#ifndef HULL_RUNTIME_VM_BOOT_TABLES_H
#define HULL_RUNTIME_VM_BOOT_TABLES_H

#include "runtime/base/err.h"
#include "runtime/vm/hv.h"
#include "runtime/vm/memory.h"

/*
 * Slots of the segment table; the selector is eight times that. Those of the code and data are the Linux boot
 * protocol's.
 */
#define BOOT_GDT_CODE  2U
#define BOOT_GDT_DATA  3U
#define BOOT_GDT_TASK  4U
#define BOOT_GDT_SLOTS 5U
#define BOOT_GDT_BYTES (BOOT_GDT_SLOTS * 8U)

/*
 * Writes what `entry` needs (its is_64bit says which), and sets its gdt and page_tables. -EFAULT: the machine has too
 * little memory.
 */
int boot_tables_write(const struct guest_memory *memory, struct hv_entry *entry, struct err *err);

#endif

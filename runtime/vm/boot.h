/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From a kernel's file to a first instruction: a bzImage by its 64-bit entry (Linux boot protocol 2.12 and later), or
 * an ELF file by its PVH entry (Xen's x86/HVM direct boot ABI). What stands in the files is not trusted.
 */
#ifndef HULL_RUNTIME_VM_BOOT_H
#define HULL_RUNTIME_VM_BOOT_H

#include "runtime/base/err.h"
#include "runtime/vm/hv.h"
#include "runtime/vm/memory.h"

struct boot_request {
	int kernel_fd; /* read from its start, whatever its offset */
	int initrd_fd; /* or -1 */
	const char *cmdline;
	uint64_t rsdp; /* where the ACPI tables begin in guest memory */
	/* Filled in by boot_load(): the kernel, with the memory that it has for itself, ends here. */
	uint64_t kernel_end;
};

/* A piece of the guest's memory map, as both protocols number it (e820). */
enum boot_map_type { BOOT_MAP_RAM = 1, BOOT_MAP_RESERVED = 2 };
struct boot_map_entry {
	uint64_t gpa;
	uint64_t bytes;
	enum boot_map_type type;
};
#define BOOT_MAP_ENTRIES 5
/* Fills in the map of a machine with this memory; returns how many there are. */
unsigned boot_map_make(const struct guest_memory *memory, struct boot_map_entry ret[BOOT_MAP_ENTRIES]);

/*
 * Writes kernel, initramfs, command line and the tables between them into fresh (zeroed) guest memory. The memory
 * beyond what is written is not touched. -ENOEXEC: neither kind of kernel, or a broken one; -ENOMEM: does not fit into
 * the guest's memory.
 */
int boot_load(const struct guest_memory *memory, struct boot_request *request, struct hv_entry *ret, struct err *err);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The two kinds of kernel files (boot_elf.c, boot_bzimage.c), each: read into guest memory, then told where everything
 * is. For boot.c.
 */
#ifndef HULL_RUNTIME_VM_BOOT_KERNEL_H
#define HULL_RUNTIME_VM_BOOT_KERNEL_H

#include <stddef.h>
#include <stdint.h>

#include "runtime/base/err.h"
#include "runtime/vm/hv.h"
#include "runtime/vm/memory.h"

#define BOOT_HEAD_BYTES 4096

/* A kernel's file: its first bytes, read once, so that what was judged is what is used. */
struct boot_file {
	int fd;
	uint64_t bytes;
	uint8_t head[BOOT_HEAD_BYTES];
	size_t head_bytes;
};

struct boot_kernel {
	uint64_t entry;
	uint64_t end;	     /* the kernel needs memory up to here before it knows of an initramfs */
	uint64_t initrd_end; /* an initramfs must lie below */
	uint64_t initrd, initrd_bytes;
	uint64_t cmdline;
	uint64_t rsdp;
};

/*
 * Each kind: whether it is one; reading it (entry, end, initrd_end are set); telling it (the rest is set), which fills
 * in where to begin.
 */
struct boot_kind {
	bool (*is_one)(const struct boot_file *file);
	int (*load)(const struct guest_memory *memory, const struct boot_file *file, struct boot_kernel *ret,
		    struct err *err);
	int (*tell)(const struct guest_memory *memory, const struct boot_file *file, const struct boot_kernel *kernel,
		    struct hv_entry *ret, struct err *err);
};
extern const struct boot_kind boot_elf, boot_bzimage;

/*
 * Reads [offset, offset + bytes) of the file to `gpa`. -ENOEXEC: the file is shorter; -ENOMEM: the memory is. `what` is
 * for words.
 */
int boot_read_at(const struct guest_memory *memory, int fd, uint64_t offset, uint64_t gpa, uint64_t bytes,
		 const char *what, struct err *err);

#endif

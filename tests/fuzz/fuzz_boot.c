/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Any bytes as a kernel's file, for a guest of 20 MiB: loaded or refused with words; the entry is never outside of
 * memory.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "runtime/vm/boot.h"
#include "runtime/vm/layout.h"
#include "tests/fuzz/fuzz.h"

#define MEMORY_BYTES (20U << 20)

/* Fresh pages each time: giving them back is quicker than filling them with zeroes. */
static struct guest_memory fresh_memory(void)
{
	static void *bytes;

	if (!bytes)
		bytes = mmap(NULL, MEMORY_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
			     -1, 0);
	fuzz_want(bytes != MAP_FAILED && madvise(bytes, MEMORY_BYTES, MADV_DONTNEED) == 0, "no memory");
	return guest_memory_borrow(bytes, 0, MEMORY_BYTES);
}

static int file_of(const uint8_t *data, size_t size)
{
	static int fd = -1;

	if (fd < 0)
		fd = memfd_create("kernel", MFD_CLOEXEC);
	fuzz_want(fd >= 0 && ftruncate(fd, 0) == 0 && pwrite(fd, data, size, 0) == (ssize_t)size, "no file");
	return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct guest_memory memory = fresh_memory();
	int fd = file_of(data, size);
	struct boot_request request = {.kernel_fd = fd, .initrd_fd = fd, .cmdline = "quiet", .rsdp = LAYOUT_ACPI};
	struct hv_entry entry = {0};
	struct err err = ERR_INIT;

	if (boot_load(&memory, &request, &entry, &err) < 0) {
		fuzz_want(err.code > 0 && err.msg[0] && !strchr(err.msg, '\n'), "an error without words");
		return 0;
	}
	fuzz_want(guest_memory_at(&memory, entry.rip, 1) != NULL, "begins outside of memory");
	fuzz_want(entry.gdt == LAYOUT_GDT && (entry.is_64bit ? entry.rsi : entry.rbx) != 0, "is not told where it is");
	return 0;
}

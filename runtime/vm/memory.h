/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Guest memory, hostile by assumption: every access goes through here and is bounded.
 *
 * What the guest wrote can change under the monitor at any time. A pointer that guest_memory_at() gives stays inside
 * the region, but what it points at is to be read once, into a local variable, before it is judged.
 */
#ifndef HULL_RUNTIME_VM_MEMORY_H
#define HULL_RUNTIME_VM_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/err.h"

#define GUEST_PAGE_BYTES UINT64_C(4096)
/* Our own machines have two; QEMU, whose memory the server of shared directories maps, may have more. */
#define GUEST_MAX_REGIONS 8
/* Below 4 GiB, memory ends here: above are devices (runtime/vm/layout.h). The rest goes on at 4 GiB. */
#define GUEST_LOW_END	 UINT64_C(0xd0000000)
#define GUEST_HIGH_START UINT64_C(0x100000000)

struct guest_region {
	uint64_t gpa; /* guest physical address */
	uint64_t bytes;
	uint8_t *host;	      /* where it is mapped here */
	uint64_t file_offset; /* of its first byte in `fd`, for those who map it themselves (vhost-user) */
};

struct guest_memory {
	int fd;	     /* a memfd with all of it, regions one behind the other; -1 where it is private or borrowed */
	bool is_own; /* mapped by guest_memory_make() */
	unsigned region_count;
	struct guest_region regions[GUEST_MAX_REGIONS]; /* by address, disjoint */
	/* What devices write, a bit a page, in the order of the regions' file_offset. NULL: it was never logged. */
	uint64_t *written;
	bool is_logged; /* now; atomic */
};

#define GUEST_MEMORY_NONE ((struct guest_memory){.fd = -1})

/*
 * Makes `bytes` (a multiple of 4 KiB) of memory, 2 MiB aligned, with the advice to use huge pages, at guest address 0
 * and, what is past GUEST_LOW_END, at GUEST_HIGH_START. Nothing of it is touched. `shared`: in a memfd, for another
 * process to map (vhost-user). Else private to this one, which most hosts give huge pages and refuse them to a memfd: a
 * stock kernel's boot then faults some dozen times, and not 16,000, a third of its instructions. -EINVAL, -ENOMEM.
 */
int guest_memory_make(struct guest_memory *memory, uint64_t bytes, bool shared, struct err *err);
/* For tests and fuzzers: one region of the caller's memory at `gpa`. */
struct guest_memory guest_memory_borrow(void *host, uint64_t gpa, uint64_t bytes);
/* Unmaps and closes what guest_memory_make() made; leaves borrowed memory alone. */
void guest_memory_free(struct guest_memory *memory);

/* The bytes [gpa, gpa + len), or NULL unless all of them lie in one region. `len` 0 is NULL too. */
void *guest_memory_at(const struct guest_memory *memory, uint64_t gpa, uint64_t len);

/* Copies out of and into the guest. 0, or -EFAULT when the range is not in one region (then nothing was copied). */
int guest_memory_read(const struct guest_memory *memory, uint64_t gpa, void *to, size_t len);
int guest_memory_write(const struct guest_memory *memory, uint64_t gpa, const void *from, size_t len);

uint64_t guest_memory_bytes(const struct guest_memory *memory);

/*
 * The log of what is written from this side, by devices: a hypervisor knows only what its processors write. It begins
 * empty; while there is none it costs a look at a flag. Begun and ended from one thread, at any time. 0 or -ENOMEM.
 */
int guest_memory_log_begin(struct guest_memory *memory, struct err *err);
void guest_memory_log_end(struct guest_memory *memory);
/* These bytes are a device's to write now: those outside of memory are none. From any thread. */
void guest_memory_mark(const struct guest_memory *memory, uint64_t gpa, uint64_t len);
/*
 * Takes the 64 pages of a region from page 64 * `word` on out of the log: a bit each, lowest first. 0 where nothing was
 * ever logged.
 */
uint64_t guest_memory_log_take(const struct guest_memory *memory, unsigned region, uint64_t word);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime/vm/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "runtime/base/scope.h"

#define HUGE_PAGE_BYTES ((uint64_t)2 << 20)

/*
 * Reserves an alignment too much and gives the rest back, so that the host can use huge pages for what the guest maps
 * by them. `fd` -1: private.
 */
static void *map_aligned(int fd, uint64_t bytes)
{
	const int kind = fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED;
	uint64_t room = bytes + HUGE_PAGE_BYTES;
	uint8_t *reserved = mmap(NULL, room, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (reserved == MAP_FAILED)
		return NULL;

	uint64_t skip = (HUGE_PAGE_BYTES - (uintptr_t)reserved % HUGE_PAGE_BYTES) % HUGE_PAGE_BYTES;
	uint8_t *start = reserved + skip;

	if (mmap(start, bytes, PROT_READ | PROT_WRITE, kind | MAP_FIXED | MAP_NORESERVE, fd, 0) == MAP_FAILED) {
		(void)munmap(reserved, room);
		return NULL;
	}
	if (skip)
		(void)munmap(reserved, skip);
	if (room - skip > bytes)
		(void)munmap(start + bytes, room - skip - bytes);
	return start;
}

static void add_region(struct guest_memory *memory, uint64_t gpa, uint64_t bytes, uint8_t *all, uint64_t offset)
{
	memory->regions[memory->region_count++] =
		(struct guest_region){.gpa = gpa, .bytes = bytes, .host = all + offset, .file_offset = offset};
}

/* Who else maps it cannot make it shorter: each access to what is cut off would be this process's end. */
static int make_file(uint64_t bytes, struct err *err)
{
	CLEANUP_FD int fd = memfd_create("hull-guest", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0)
		return err_set(err, errno, "make guest memory");
	if (ftruncate(fd, (off_t)bytes) < 0 || fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
		return err_set(err, errno, "make guest memory of %llu bytes", (unsigned long long)bytes);
	return fd_take(&fd);
}

int guest_memory_make(struct guest_memory *memory, uint64_t bytes, bool shared, struct err *err)
{
	CLEANUP_FD int fd = -1;
	uint64_t low = bytes < GUEST_LOW_END ? bytes : GUEST_LOW_END;
	void *all;

	*memory = GUEST_MEMORY_NONE;
	if (bytes == 0 || bytes % GUEST_PAGE_BYTES || bytes > UINT64_MAX / 4)
		return err_say(err, EINVAL, "guest memory of %llu bytes: want a multiple of 4096",
			       (unsigned long long)bytes);
	if (shared) {
		fd = make_file(bytes, err);
		if (fd < 0)
			return fd;
	}
	all = map_aligned(fd, bytes);
	if (!all)
		return err_set(err, errno, "map guest memory of %llu bytes", (unsigned long long)bytes);
	/*
	 * Advice only: kernels and mounts without huge pages refuse, and nothing is lost. The first holds some tables:
	 * not worth 2 MiB of zeroes.
	 */
	if (bytes > HUGE_PAGE_BYTES)
		(void)madvise((uint8_t *)all + HUGE_PAGE_BYTES, bytes - HUGE_PAGE_BYTES, MADV_HUGEPAGE);
	add_region(memory, 0, low, all, 0);
	if (bytes > low)
		add_region(memory, GUEST_HIGH_START, bytes - low, all, low);
	memory->fd = fd_take(&fd);
	memory->is_own = true;
	return 0;
}

/* Each region's pages begin with a word of their own, at its file_offset. */
_Static_assert(GUEST_LOW_END % (64 * GUEST_PAGE_BYTES) == 0, "a word of the log is of one region");

static uint64_t log_bytes(const struct guest_memory *memory)
{
	uint64_t pages = (guest_memory_bytes(memory) + GUEST_PAGE_BYTES - 1) / GUEST_PAGE_BYTES;

	return (pages + 63) / 64 * sizeof(uint64_t);
}

struct guest_memory guest_memory_borrow(void *host, uint64_t gpa, uint64_t bytes)
{
	return (struct guest_memory){
		.fd = -1,
		.region_count = 1,
		.regions = {{.gpa = gpa, .bytes = bytes, .host = host}},
	};
}

void guest_memory_free(struct guest_memory *memory)
{
	guest_memory_log_end(memory);
	if (memory->written)
		(void)munmap(memory->written, log_bytes(memory));
	memory->written = NULL;
	if (!memory->is_own)
		return;
	(void)munmap(memory->regions[0].host, guest_memory_bytes(memory));
	scope_fd(&memory->fd);
	*memory = GUEST_MEMORY_NONE;
}

void *guest_memory_at(const struct guest_memory *memory, uint64_t gpa, uint64_t len)
{
	for (unsigned i = 0; i < memory->region_count; i++) {
		const struct guest_region *region = &memory->regions[i];
		/* Wraps to something large where gpa lies below the region. */
		uint64_t offset = gpa - region->gpa;

		if (len > 0 && len <= region->bytes && offset <= region->bytes - len)
			return region->host + offset;
	}
	return NULL;
}

int guest_memory_read(const struct guest_memory *memory, uint64_t gpa, void *to, size_t len)
{
	const void *from = guest_memory_at(memory, gpa, len);

	if (!from)
		return -EFAULT;
	memcpy(to, from, len);
	return 0;
}

int guest_memory_write(const struct guest_memory *memory, uint64_t gpa, const void *from, size_t len)
{
	void *to = guest_memory_at(memory, gpa, len);

	if (!to)
		return -EFAULT;
	memcpy(to, from, len);
	return 0;
}

uint64_t guest_memory_bytes(const struct guest_memory *memory)
{
	uint64_t bytes = 0;

	for (unsigned i = 0; i < memory->region_count; i++)
		bytes += memory->regions[i].bytes;
	return bytes;
}

/* --- what devices write ------------------------------------------------------------------------------------------- */

/* All of it reads as zeroes then, and is no memory of the host's. */
static void forget_log(const struct guest_memory *memory)
{
	(void)madvise(memory->written, log_bytes(memory), MADV_DONTNEED);
}

/*
 * The log stays mapped when it ends, since a device in another thread may just be about to mark a page in it.
 */
int guest_memory_log_begin(struct guest_memory *memory, struct err *err)
{
	if (!memory->written) {
		void *log = mmap(NULL, log_bytes(memory), PROT_READ | PROT_WRITE,
				 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

		if (log == MAP_FAILED)
			return err_set(err, errno, "log what devices write into guest memory");
		memory->written = log;
	} else {
		forget_log(memory);
	}
	__atomic_store_n(&memory->is_logged, true, __ATOMIC_RELEASE);
	return 0;
}

void guest_memory_log_end(struct guest_memory *memory)
{
	if (__atomic_exchange_n(&memory->is_logged, false, __ATOMIC_ACQ_REL))
		forget_log(memory);
}

void guest_memory_mark(const struct guest_memory *memory, uint64_t gpa, uint64_t len)
{
	if (!__atomic_load_n(&memory->is_logged, __ATOMIC_ACQUIRE))
		return;
	for (unsigned i = 0; i < memory->region_count; i++) {
		const struct guest_region *region = &memory->regions[i];
		uint64_t offset = gpa - region->gpa, page, last;

		if (len == 0 || len > region->bytes || offset > region->bytes - len)
			continue;
		last = (region->file_offset + offset + len - 1) / GUEST_PAGE_BYTES;
		for (page = (region->file_offset + offset) / GUEST_PAGE_BYTES; page <= last; page++)
			(void)__atomic_fetch_or(&memory->written[page / 64], UINT64_C(1) << page % 64,
						__ATOMIC_RELAXED);
	}
}

uint64_t guest_memory_log_take(const struct guest_memory *memory, unsigned region, uint64_t word)
{
	uint64_t first = memory->regions[region].file_offset / (64 * GUEST_PAGE_BYTES);

	return memory->written ? __atomic_exchange_n(&memory->written[first + word], 0, __ATOMIC_RELAXED) : 0;
}

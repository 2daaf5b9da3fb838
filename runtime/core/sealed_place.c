// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A process holds its executable in two ways: /proc/PID/exe, which the kernel lets nobody change while any mapping is
 * still of the old file, and the mappings (/proc/PID/map_files). So each segment of the program is mapped again from
 * the other view: the same bytes at the same place, while they run. Pages that the program writes, or the linker has
 * written, become anonymous memory with the same contents. Then the kernel is told the new executable, as CRIU does it
 * when it restores a process.
 *
 * Executing again is the usual way to the same end. It costs a fifth of a start (0.2 ms for execve, 0.5 for the C
 * library's start and the page faults of a new address space, and all that was done until then once more); this costs
 * 0.05 ms.
 */
#include "runtime/core/sealed_place.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "runtime/base/file.h"
#include "runtime/base/scope.h"

#ifndef MREMAP_FIXED
#define MREMAP_FIXED 2
#endif

#define STAT_BYTES 2048

/* --- The mappings ------------------------------------------------------------------------------------------------- */

struct span {
	uintptr_t start;
	size_t len;
};

struct program {
	uintptr_t base; /* what addresses in the file are relative to: 0 unless it is position-independent */
	const ElfW(Phdr) * headers;
	size_t count;
	struct span fixed; /* read-only once the linker has done its work (RELRO) */
	uintptr_t page;
	int view;
};

static int take_first(struct dl_phdr_info *info, size_t size, void *user)
{
	struct program *program = user;

	(void)size;
	program->base = info->dlpi_addr;
	program->headers = info->dlpi_phdr;
	program->count = info->dlpi_phnum;
	return 1; /* the program comes before its libraries */
}

/* The whole pages that hold `len` bytes from an address of the file. */
static struct span pages_of(const struct program *program, ElfW(Addr) address, size_t len)
{
	uintptr_t start = (program->base + address) & ~(program->page - 1);
	uintptr_t end = (program->base + address + len + program->page - 1) & ~(program->page - 1);

	return (struct span){.start = start, .len = end - start};
}

/* As the dynamic linker does it: the last page stays writable when it is shared with other data. */
static void find_fixed(struct program *program)
{
	for (size_t i = 0; i < program->count; i++) {
		const ElfW(Phdr) *header = &program->headers[i];

		if (header->p_type == PT_GNU_RELRO) {
			uintptr_t end = (program->base + header->p_vaddr + header->p_memsz) & ~(program->page - 1);

			program->fixed = pages_of(program, header->p_vaddr, 0);
			program->fixed.len = end > program->fixed.start ? end - program->fixed.start : 0;
		}
	}
}

static int map_again(const struct program *program, const ElfW(Phdr) * header)
{
	struct span span = pages_of(program, header->p_vaddr, header->p_filesz);
	int protection = PROT_READ | (header->p_flags & PF_X ? PROT_EXEC : 0);
	off_t offset = (off_t)(header->p_offset & ~(program->page - 1));
	void *at = mmap((void *)span.start, span.len, protection, MAP_PRIVATE | MAP_FIXED, program->view, offset);

	return at == MAP_FAILED ? -errno : 0;
}

/* Word by word, and not by memcpy(): sanitizers take the gaps between variables for out of bounds. */
__attribute__((no_sanitize("address"))) static void copy_words(uintptr_t to, uintptr_t from, size_t len)
{
	volatile uint64_t *words = (volatile uint64_t *)to;
	const volatile uint64_t *source = (const volatile uint64_t *)from;

	for (size_t i = 0; i < len / sizeof(*words); i++)
		words[i] = source[i];
}

/*
 * Must not: write to any static variable between the copy and the move, nor call what might: errno is not in these
 * pages, but in the thread's own.
 */
static int move_to_memory(const struct program *program, const ElfW(Phdr) * header)
{
	struct span span = pages_of(program, header->p_vaddr, header->p_filesz);
	void *copy = mmap(NULL, span.len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	if (copy == MAP_FAILED)
		return -errno;
	copy_words((uintptr_t)copy, span.start, span.len);
	if (mremap(copy, span.len, span.len, MREMAP_MAYMOVE | MREMAP_FIXED, (void *)span.start) == MAP_FAILED) {
		int code = errno;

		(void)munmap(copy, span.len);
		return -code;
	}
	return program->fixed.len > 0 && mprotect((void *)program->fixed.start, program->fixed.len, PROT_READ) < 0
		       ? -errno
		       : 0;
}

static int move_mappings(int view)
{
	struct program program = {.view = view, .page = (uintptr_t)getpagesize()};
	int result = dl_iterate_phdr(take_first, &program) == 1 ? 0 : -ENOEXEC;

	find_fixed(&program);
	for (size_t i = 0; i < program.count && result >= 0; i++) {
		const ElfW(Phdr) *header = &program.headers[i];

		if (header->p_type == PT_LOAD && header->p_filesz > 0)
			result =
				header->p_flags & PF_W ? move_to_memory(&program, header) : map_again(&program, header);
	}
	return result;
}

/* --- /proc/PID/exe ------------------------------------------------------------------------------------------------ */

/*
 * Fields of /proc/PID/stat, as proc(5) numbers them, that are said back to the kernel unchanged: it takes all or
 * nothing.
 */
static const struct {
	int field;
	size_t offset;
} boundaries[] = {
	{26, offsetof(struct prctl_mm_map, start_code)},  {27, offsetof(struct prctl_mm_map, end_code)},
	{28, offsetof(struct prctl_mm_map, start_stack)}, {45, offsetof(struct prctl_mm_map, start_data)},
	{46, offsetof(struct prctl_mm_map, end_data)},	  {47, offsetof(struct prctl_mm_map, start_brk)},
	{48, offsetof(struct prctl_mm_map, arg_start)},	  {49, offsetof(struct prctl_mm_map, arg_end)},
	{50, offsetof(struct prctl_mm_map, env_start)},	  {51, offsetof(struct prctl_mm_map, env_end)},
};

static int read_boundaries(struct prctl_mm_map *ret)
{
	char line[STAT_BYTES], *at;
	ssize_t len = file_read_line(AT_FDCWD, "/proc/self/stat", line, sizeof(line));
	int field = 2; /* the name, which ends with the last parenthesis */

	if (len < 0)
		return (int)len;
	at = strrchr(line, ')');
	for (size_t i = 0; at && i < ARRAY_SIZE(boundaries); i++) {
		uint64_t *value = (uint64_t *)(void *)((char *)ret + boundaries[i].offset);

		for (; at && field < boundaries[i].field; field++)
			at = strchr(at + 1, ' ');
		if (at)
			*value = strtoull(at, NULL, 10);
	}
	ret->brk = (uintptr_t)sbrk(0);
	return at ? 0 : -EBADMSG;
}

int sealed_move_to(int view)
{
	struct prctl_mm_map map = {.exe_fd = (uint32_t)view};
	int result = read_boundaries(&map);

	if (result >= 0)
		result = move_mappings(view);
	if (result < 0)
		return result;
	return prctl(PR_SET_MM, PR_SET_MM_MAP, &map, sizeof(map), 0) < 0 ? -errno : 0;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An ELF kernel (vmlinux), entered as PVH: xen/include/public/arch-x86/hvm/start_info.h and elfnote.h say how. */
#include <elf.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "runtime/base/scope.h"
#include "runtime/vm/boot.h"
#include "runtime/vm/boot_kernel.h"
#include "runtime/vm/layout.h"

#define NOTE_NAME	  "Xen"
#define NOTE_PHYS32_ENTRY 18
#define NOTES_MAX_BYTES	  4096U
#define START_MAGIC	  0x336ec578U
#define START_VERSION	  1U /* the first with a memory map */
#define HEADERS_MAX	  32U

struct start_module {
	uint64_t paddr, bytes, cmdline, reserved;
};

struct start_map {
	uint64_t gpa, bytes;
	uint32_t type, reserved;
};

/* What the kernel gets: the ABI's hvm_start_info, and behind it what it points at. */
struct start_info {
	uint32_t magic, version, flags, module_count;
	uint64_t modules, cmdline, rsdp, map;
	uint32_t map_entries, reserved;
	struct start_module initrd;
	struct start_map entries[BOOT_MAP_ENTRIES];
};

static bool is_elf(const struct boot_file *file)
{
	return file->head_bytes >= sizeof(Elf64_Ehdr) && memcmp(file->head, ELFMAG, SELFMAG) == 0;
}

static int check_header(const struct boot_file *file, const Elf64_Ehdr *header, struct err *err)
{
	uint64_t table_bytes = (uint64_t)header->e_phnum * sizeof(Elf64_Phdr);

	if (header->e_ident[EI_CLASS] != ELFCLASS64 || header->e_ident[EI_DATA] != ELFDATA2LSB ||
	    header->e_machine != EM_X86_64)
		return err_say(err, ENOEXEC, "the kernel is an ELF file, but not for x86-64");
	if (header->e_phentsize != sizeof(Elf64_Phdr) || header->e_phnum == 0 || header->e_phnum > HEADERS_MAX ||
	    header->e_phoff > file->head_bytes || table_bytes > file->head_bytes - header->e_phoff)
		return err_say(err, ENOEXEC, "the kernel's ELF program headers are broken");
	return 0;
}

static Elf64_Phdr program_header(const struct boot_file *file, const Elf64_Ehdr *header, unsigned index)
{
	Elf64_Phdr program;

	memcpy(&program, file->head + header->e_phoff + index * sizeof(program), sizeof(program));
	return program;
}

static int load_segment(const struct guest_memory *memory, const struct boot_file *file, const Elf64_Phdr *program,
			struct boot_kernel *kernel, struct err *err)
{
	if (program->p_filesz > program->p_memsz || program->p_offset > file->bytes ||
	    program->p_filesz > file->bytes - program->p_offset)
		return err_say(err, ENOEXEC, "the kernel's ELF segments are broken");
	if (program->p_memsz == 0)
		return 0;
	/* What lies behind the file's part is zero already: the memory is fresh. */
	if (program->p_paddr < LAYOUT_HIGH_START || !guest_memory_at(memory, program->p_paddr, program->p_memsz))
		return err_say(err, ENOMEM, "the kernel needs memory at %llu MiB: give the machine more",
			       (unsigned long long)(program->p_paddr >> 20));
	if (program->p_paddr + program->p_memsz > kernel->end)
		kernel->end = program->p_paddr + program->p_memsz;
	return boot_read_at(memory, file->fd, program->p_offset, program->p_paddr, program->p_filesz, "kernel", err);
}

static size_t rounded(size_t bytes)
{
	return (bytes + 3) & ~(size_t)3;
}

/* Looks for the entry among the notes: each a head, a name and its contents, the latter two filled up to four bytes. */
static uint32_t find_entry(const uint8_t *notes, size_t bytes)
{
	Elf64_Nhdr note;

	while (bytes >= sizeof(note)) {
		memcpy(&note, notes, sizeof(note));
		notes += sizeof(note);
		bytes -= sizeof(note);
		if (note.n_namesz > bytes || rounded(note.n_namesz) > bytes ||
		    note.n_descsz > bytes - rounded(note.n_namesz))
			return 0;

		const uint8_t *contents = notes + rounded(note.n_namesz);
		size_t whole = rounded(note.n_namesz) + rounded(note.n_descsz);
		uint32_t entry;

		if (note.n_type == NOTE_PHYS32_ENTRY && note.n_namesz == sizeof(NOTE_NAME) &&
		    memcmp(notes, NOTE_NAME, sizeof(NOTE_NAME)) == 0 && note.n_descsz >= sizeof(entry)) {
			memcpy(&entry, contents, sizeof(entry));
			return entry;
		}
		if (whole > bytes)
			return 0;
		notes += whole;
		bytes -= whole;
	}
	return 0;
}

static void read_notes(const struct boot_file *file, const Elf64_Phdr *program, struct boot_kernel *kernel)
{
	uint8_t notes[NOTES_MAX_BYTES];
	size_t room = program->p_filesz < sizeof(notes) ? (size_t)program->p_filesz : sizeof(notes);
	ssize_t n = program->p_offset <= file->bytes ? pread(file->fd, notes, room, (off_t)program->p_offset) : 0;

	if (n > 0 && !kernel->entry)
		kernel->entry = find_entry(notes, (size_t)n);
}

static int load(const struct guest_memory *memory, const struct boot_file *file, struct boot_kernel *ret,
		struct err *err)
{
	Elf64_Ehdr header;
	int r;

	memcpy(&header, file->head, sizeof(header));
	r = check_header(file, &header, err);
	ret->initrd_end = UINT32_MAX;
	for (unsigned i = 0; r == 0 && i < header.e_phnum; i++) {
		Elf64_Phdr program = program_header(file, &header, i);

		if (program.p_type == PT_LOAD)
			r = load_segment(memory, file, &program, ret, err);
		else if (program.p_type == PT_NOTE)
			read_notes(file, &program, ret);
	}
	if (r < 0)
		return r;
	if (!ret->entry)
		return err_say(err, ENOEXEC,
			       "the kernel has no PVH entry: build it with CONFIG_PVH, or use its bzImage");
	if (ret->entry < LAYOUT_HIGH_START || ret->entry >= ret->end)
		return err_say(err, ENOEXEC, "the kernel's PVH entry lies outside of it");
	return 0;
}

static int tell(const struct guest_memory *memory, const struct boot_file *file, const struct boot_kernel *kernel,
		struct hv_entry *ret, struct err *err)
{
	struct boot_map_entry map[BOOT_MAP_ENTRIES];
	struct start_info info = {
		.magic = START_MAGIC,
		.version = START_VERSION,
		.module_count = kernel->initrd_bytes ? 1 : 0,
		.modules = LAYOUT_START_INFO + offsetof(struct start_info, initrd),
		.cmdline = kernel->cmdline,
		.rsdp = kernel->rsdp,
		.map = LAYOUT_START_INFO + offsetof(struct start_info, entries),
		.map_entries = boot_map_make(memory, map),
		.initrd = {.paddr = kernel->initrd, .bytes = kernel->initrd_bytes},
	};

	(void)file;
	for (unsigned i = 0; i < info.map_entries; i++)
		info.entries[i] = (struct start_map){.gpa = map[i].gpa, .bytes = map[i].bytes, .type = map[i].type};
	if (guest_memory_write(memory, LAYOUT_START_INFO, &info, sizeof(info)) < 0)
		return err_say(err, ENOMEM, "the machine has too little memory to start a kernel");
	*ret = (struct hv_entry){.rip = kernel->entry, .rbx = LAYOUT_START_INFO};
	return 0;
}

const struct boot_kind boot_elf = {.is_one = is_elf, .load = load, .tell = tell};

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Kernel files made byte by byte: modules, ELF kernels, bzImages; so that they can say what no linker would write. */
#ifndef HULL_TESTS_UNIT_VM_ELF_FIXTURE_H
#define HULL_TESTS_UNIT_VM_ELF_FIXTURE_H

#include <elf.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define FIXTURE_BYTES 4096

struct fixture {
	unsigned char bytes[FIXTURE_BYTES];
	size_t len;
};

static inline Elf64_Ehdr *fixture_header(struct fixture *file)
{
	return (Elf64_Ehdr *)(void *)file->bytes;
}

static inline Elf64_Shdr *fixture_sections(struct fixture *file)
{
	return (Elf64_Shdr *)(void *)(file->bytes + fixture_header(file)->e_shoff);
}

static inline Elf64_Phdr *fixture_segments(struct fixture *file)
{
	return (Elf64_Phdr *)(void *)(file->bytes + fixture_header(file)->e_phoff);
}

static inline void fixture_begin(struct fixture *file, uint16_t type)
{
	*file = (struct fixture){.len = FIXTURE_BYTES};
	Elf64_Ehdr *header = fixture_header(file);

	memcpy(header->e_ident, ELFMAG, SELFMAG);
	header->e_ident[EI_CLASS] = ELFCLASS64;
	header->e_ident[EI_DATA] = ELFDATA2LSB;
	header->e_machine = EM_X86_64;
	header->e_type = type;
}

/* A module whose .modinfo has these bytes; at 1024. Section 1 has the names, section 2 is it. */
static inline void fixture_module(struct fixture *file, const char *modinfo, size_t len)
{
	static const char names[] = "\0.shstrtab\0.modinfo";
	Elf64_Shdr *sections;

	fixture_begin(file, ET_REL);
	fixture_header(file)->e_shoff = 512;
	fixture_header(file)->e_shentsize = sizeof(Elf64_Shdr);
	fixture_header(file)->e_shnum = 3;
	fixture_header(file)->e_shstrndx = 1;
	sections = fixture_sections(file);
	sections[1] = (Elf64_Shdr){.sh_name = 1, .sh_type = SHT_STRTAB, .sh_offset = 256, .sh_size = sizeof(names)};
	sections[2] = (Elf64_Shdr){.sh_name = 11, .sh_type = SHT_PROGBITS, .sh_offset = 1024, .sh_size = len};
	memcpy(file->bytes + 256, names, sizeof(names));
	memcpy(file->bytes + 1024, modinfo, len);
}

/* An ELF kernel with a note at 1024, and the words that every kernel says. */
static inline void fixture_kernel(struct fixture *file, const char *owner, uint32_t type)
{
	static const char banner[] = "Linux version 6.1.0-test (builder) #1";
	Elf64_Nhdr note = {.n_namesz = 4, .n_descsz = 8, .n_type = type};
	Elf64_Phdr *segments;

	fixture_begin(file, ET_EXEC);
	fixture_header(file)->e_phoff = 64;
	fixture_header(file)->e_phentsize = sizeof(Elf64_Phdr);
	fixture_header(file)->e_phnum = 2;
	segments = fixture_segments(file);
	segments[0] = (Elf64_Phdr){.p_type = PT_LOAD, .p_offset = 2048, .p_filesz = 512, .p_memsz = 512};
	segments[1] = (Elf64_Phdr){.p_type = PT_NOTE, .p_offset = 1024, .p_filesz = 24};
	memcpy(file->bytes + 1024, &note, sizeof(note));
	memcpy(file->bytes + 1036, owner, 4);
	memcpy(file->bytes + 2048, banner, sizeof(banner));
}

static inline void fixture_put32(struct fixture *file, size_t at, uint32_t value)
{
	memcpy(file->bytes + at, &value, sizeof(value));
}

/*
 * A bzImage of protocol 2.15 with one sector of set-up, whose kernel (xz, as its first bytes say) is 256 bytes behind
 * that.
 */
static inline void fixture_bzimage(struct fixture *file)
{
	static const unsigned char xz[] = {0xfd, '7', 'z', 'X', 'Z', 0};

	*file = (struct fixture){.len = FIXTURE_BYTES};
	file->bytes[0x1f1] = 1;
	memcpy(file->bytes + 0x202, "HdrS\x0f\x02", 6);
	file->bytes[0x20e] = 0x80; /* at 0x280 */
	file->bytes[0x236] = 1;
	fixture_put32(file, 0x248, 256);
	fixture_put32(file, 0x24c, 100);
	memcpy(file->bytes + 0x280, "6.1.0-test (builder) #1", 24);
	memcpy(file->bytes + 1024 + 256, xz, sizeof(xz));
	fixture_put32(file, 1024 + 256 + 96, 54321);
}

#endif

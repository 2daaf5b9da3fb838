// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/vm/kernel_image.h"

#include <elf.h>
#include <endian.h>
#include <errno.h>
#include <string.h>

#include "runtime/base/scope.h"

/* Of the set-up header (boot.rst, "The Real-Mode Kernel Header"). */
enum {
	SETUP_SECTS = 0x1f1,
	BOOT_MAGIC = 0x202, /* "HdrS" */
	PROTOCOL = 0x206,
	KERNEL_VERSION = 0x20e, /* pointer to a string, less 0x200 */
	XLOADFLAGS = 0x236,
	PAYLOAD_OFFSET = 0x248,
	PAYLOAD_LENGTH = 0x24c,
	HEADER_END = 0x250,
};
/* And of the header of an arm64 "Image" (Documentation/arch/arm64/booting.rst). */
#define ARM64_MAGIC_AT 0x38
#define ARM64_MAGIC    "ARM\x64"

#define SECTOR_BYTES	 512
#define PROTOCOL_PAYLOAD 0x208
#define XLF_KERNEL_64	 0x1

#define NOTE_OWNER	    "Xen"
#define NOTE_PHYS32_ENTRY   18
#define MAX_PROGRAM_HEADERS 128
#define BANNER		    "Linux version "

struct bytes {
	const uint8_t *at;
	size_t len;
};

static const void *range(const struct bytes *file, uint64_t offset, uint64_t len)
{
	return offset <= file->len && len <= file->len - offset ? file->at + offset : NULL;
}

static uint16_t get16(const uint8_t *from)
{
	return (uint16_t)(from[0] | from[1] << 8);
}

static uint32_t get32(const uint8_t *from)
{
	uint32_t value;

	memcpy(&value, from, sizeof(value));
	return le32toh(value);
}

/* The first word of a text, if it can be a release. */
static void take_release(const uint8_t *from, size_t len, char to[static KERNEL_RELEASE_BYTES])
{
	size_t n = 0;

	while (n < len && n < KERNEL_RELEASE_BYTES && from[n] > ' ' && from[n] < 0x7f && from[n] != '/')
		n++;
	if (n == 0 || n == len || n == KERNEL_RELEASE_BYTES || (from[n] != ' ' && from[n] != '\0'))
		return;
	memcpy(to, from, n);
	to[n] = '\0';
}

/* --- bzImage --- */

static const struct {
	const char *name;
	uint8_t magic[6];
	size_t magic_bytes;
} COMPRESSIONS[] = {
	{"gzip", {0x1f, 0x8b}, 2},
	{"bzip2", {'B', 'Z', 'h'}, 3},
	{"lzma", {0x5d, 0, 0}, 3},
	{"xz", {0xfd, '7', 'z', 'X', 'Z', 0}, 6},
	{"lzo", {0x89, 'L', 'Z', 'O'}, 4},
	{"lz4", {0x02, 0x21, 0x4c, 0x18}, 4},
	{"zstd", {0x28, 0xb5, 0x2f, 0xfd}, 4},
};

static void find_compression(const uint8_t *payload, size_t len, struct kernel_image *ret)
{
	for (size_t i = 0; !ret->compression && i < ARRAY_SIZE(COMPRESSIONS); i++)
		if (len >= COMPRESSIONS[i].magic_bytes &&
		    memcmp(payload, COMPRESSIONS[i].magic, COMPRESSIONS[i].magic_bytes) == 0)
			ret->compression = COMPRESSIONS[i].name;
}

static int read_bzimage(const struct bytes *file, struct kernel_image *ret, struct err *err)
{
	/* 0 stands for 4, of old. */
	uint64_t setup = ((uint64_t)(file->at[SETUP_SECTS] ? file->at[SETUP_SECTS] : 4) + 1) * SECTOR_BYTES;
	uint32_t offset = get32(file->at + PAYLOAD_OFFSET), len = get32(file->at + PAYLOAD_LENGTH);
	uint64_t version = (uint64_t)get16(file->at + KERNEL_VERSION) + 0x200;
	const uint8_t *payload = range(file, setup + offset, len), *words;

	if (get16(file->at + PROTOCOL) < PROTOCOL_PAYLOAD)
		return err_say(err, EINVAL, "it is a bzImage of boot protocol %x.%02x: want 2.08 or newer",
			       get16(file->at + PROTOCOL) >> 8, get16(file->at + PROTOCOL) & 0xff);
	if (!(get16(file->at + XLOADFLAGS) & XLF_KERNEL_64))
		return err_say(err, EINVAL, "it is a bzImage that has no 64-bit entry");
	if (!payload || len < 2 * sizeof(uint32_t))
		return err_say(err, EINVAL, "it is a bzImage that ends before its kernel does");
	ret->kind = KERNEL_IMAGE_BZIMAGE;
	find_compression(payload, len, ret);
	/* The last four bytes: gzip's own length, and behind all others the kernel's build puts it there. */
	ret->unpacked_bytes = get32(payload + len - sizeof(uint32_t));
	ret->payload_offset = setup + offset;
	ret->payload_bytes = len;
	if (ret->compression && strcmp(ret->compression, "gzip") != 0)
		ret->payload_bytes -= sizeof(uint32_t);
	words = range(file, version, 1);
	if (words && version < setup)
		take_release(words, file->len - version, ret->release);
	return 0;
}

/* --- ELF --- */

static uint64_t align4(uint64_t n)
{
	return (n + 3) & ~UINT64_C(3);
}

static bool has_note(const struct bytes *notes)
{
	uint64_t at = 0;
	const uint8_t *header;

	while ((header = range(notes, at, sizeof(Elf64_Nhdr)))) {
		uint64_t name_len = get32(header), desc_len = get32(header + 4);
		uint64_t name_at = at + sizeof(Elf64_Nhdr), desc_at = name_at + align4(name_len);
		const char *name = range(notes, name_at, name_len);

		if (!name || !range(notes, desc_at, desc_len))
			return false;
		if (get32(header + 8) == NOTE_PHYS32_ENTRY && name_len == sizeof(NOTE_OWNER) &&
		    memcmp(name, NOTE_OWNER, sizeof(NOTE_OWNER)) == 0 && desc_len >= sizeof(uint32_t))
			return true;
		at = desc_at + align4(desc_len);
	}
	return false;
}

static int read_segments(const struct bytes *file, const Elf64_Ehdr *header, struct kernel_image *ret, struct err *err)
{
	const uint8_t *table = range(file, header->e_phoff, (uint64_t)header->e_phnum * sizeof(Elf64_Phdr));
	bool loads = false;

	if (header->e_phentsize != sizeof(Elf64_Phdr) || header->e_phnum > MAX_PROGRAM_HEADERS || !table)
		return err_say(err, EINVAL, "its table of segments is damaged");
	for (unsigned i = 0; i < header->e_phnum; i++) {
		struct bytes segment;
		Elf64_Phdr program;

		memcpy(&program, table + (size_t)i * sizeof(program), sizeof(program));
		segment.at = range(file, program.p_offset, program.p_filesz);
		segment.len = program.p_filesz;
		if (!segment.at)
			return err_say(err, EINVAL, "it ends before its segments do");
		loads |= program.p_type == PT_LOAD && program.p_filesz > 0;
		ret->has_pvh |= program.p_type == PT_NOTE && has_note(&segment);
	}
	return loads ? 0 : err_say(err, EINVAL, "it has nothing to load");
}

static int read_elf(const struct bytes *file, struct kernel_image *ret, struct err *err)
{
	const void *first = range(file, 0, sizeof(Elf64_Ehdr));
	const uint8_t *banner;
	Elf64_Ehdr header;
	int r;

	if (!first)
		return err_say(err, EINVAL, "it is an ELF file without a whole header");
	memcpy(&header, first, sizeof(header));
	if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_ident[EI_DATA] != ELFDATA2LSB ||
	    header.e_machine != EM_X86_64 || (header.e_type != ET_EXEC && header.e_type != ET_DYN))
		return err_say(err, EINVAL, "it is an ELF file, but no kernel for x86-64");
	r = read_segments(file, &header, ret, err);
	if (r < 0)
		return r;
	/* Of all programs only a kernel says so. */
	banner = memmem(file->at, file->len, BANNER, strlen(BANNER));
	if (!banner)
		return err_say(err, EINVAL, "it is an ELF file, but no kernel: it does not say '" BANNER "…'");
	banner += strlen(BANNER);
	ret->kind = KERNEL_IMAGE_ELF;
	take_release(banner, file->len - (size_t)(banner - file->at), ret->release);
	return 0;
}

int kernel_image_read(const void *bytes, size_t len, struct kernel_image *ret, struct err *err)
{
	const struct bytes file = {bytes, len};

	*ret = (struct kernel_image){0};
	if (len >= SELFMAG && memcmp(bytes, ELFMAG, SELFMAG) == 0)
		return read_elf(&file, ret, err);
	if (len >= HEADER_END && memcmp(file.at + BOOT_MAGIC, "HdrS", 4) == 0)
		return read_bzimage(&file, ret, err);
	if (len >= ARM64_MAGIC_AT + strlen(ARM64_MAGIC) &&
	    memcmp(file.at + ARM64_MAGIC_AT, ARM64_MAGIC, strlen(ARM64_MAGIC)) == 0)
		return err_say(err, EINVAL, "it is a kernel for arm64: want one for x86-64");
	return err_say(err, EINVAL, "it is neither a bzImage nor an ELF kernel");
}

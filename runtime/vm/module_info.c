// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a module says of itself: KEY=VALUE strings, each ended by a NUL, in the section .modinfo of a relocatable ELF
 * file.
 */
#include <elf.h>
#include <errno.h>
#include <string.h>

#include "runtime/vm/modules.h"

#define MAX_SECTIONS 4096
#define MAX_DEPENDS  64

/* Bytes of a file that came from anywhere. */
struct image {
	const unsigned char *bytes;
	size_t len;
};

static const void *range(const struct image *image, uint64_t offset, uint64_t len)
{
	return offset <= image->len && len <= image->len - offset ? image->bytes + offset : NULL;
}

static int read_header(const struct image *image, Elf64_Ehdr *ret, struct err *err)
{
	const void *header = range(image, 0, sizeof(*ret));

	if (!header || memcmp(header, ELFMAG, SELFMAG) != 0)
		return err_say(err, EINVAL, "it is no ELF file");
	memcpy(ret, header, sizeof(*ret));
	if (ret->e_ident[EI_CLASS] != ELFCLASS64 || ret->e_ident[EI_DATA] != ELFDATA2LSB ||
	    ret->e_machine != EM_X86_64 || ret->e_type != ET_REL)
		return err_say(err, EINVAL, "it is no kernel module for x86-64");
	if (ret->e_shentsize != sizeof(Elf64_Shdr) || ret->e_shnum == 0 || ret->e_shnum > MAX_SECTIONS ||
	    ret->e_shstrndx >= ret->e_shnum)
		return err_say(err, EINVAL, "its table of sections is damaged");
	return 0;
}

static bool read_section(const struct image *image, const Elf64_Ehdr *header, unsigned index, Elf64_Shdr *ret)
{
	const unsigned char *table = range(image, header->e_shoff, (uint64_t)header->e_shnum * sizeof(*ret));

	if (!table)
		return false;
	memcpy(ret, table + (size_t)index * sizeof(*ret), sizeof(*ret));
	return true;
}

/* The contents of the section .modinfo. */
static int find_modinfo(const struct image *image, struct image *ret, struct err *err)
{
	static const char wanted[] = ".modinfo";
	Elf64_Ehdr header;
	Elf64_Shdr names, section;
	int r = read_header(image, &header, err);

	if (r < 0)
		return r;
	if (!read_section(image, &header, header.e_shstrndx, &names))
		return err_say(err, EINVAL, "its table of sections is damaged");
	for (unsigned i = 0; i < header.e_shnum && read_section(image, &header, i, &section); i++) {
		const char *name = section.sh_name <= UINT64_MAX - names.sh_offset
					   ? range(image, names.sh_offset + section.sh_name, sizeof(wanted))
					   : NULL;

		if (!name || memcmp(name, wanted, sizeof(wanted)) != 0)
			continue;
		ret->bytes = section.sh_type == SHT_PROGBITS ? range(image, section.sh_offset, section.sh_size) : NULL;
		ret->len = section.sh_size;
		return ret->bytes ? 0 : err_say(err, EINVAL, "its section .modinfo is damaged");
	}
	return err_say(err, EINVAL, "it has no section .modinfo: it is no kernel module");
}

/* "virtio,virtio_ring" */
static int take_depends(struct arena *arena, const char *words, struct module_info *info, struct err *err)
{
	if (strv_split(arena, &info->depends, words, ",", false) < 0)
		return arena_check(arena, err);
	if (info->depends.count > MAX_DEPENDS)
		return err_say(err, EINVAL, "it depends on more than %d modules", MAX_DEPENDS);
	for (size_t i = 0; i < info->depends.count; i++) {
		char *name = info->depends.items[i];

		if (strlen(name) >= MODULE_NAME_BYTES || strchr(name, '/') || *name == '.')
			return err_say(err, EINVAL, "it depends on '%s', which is no module's name", name);
		for (; (name = strchr(name, '-')); *name = '_')
			;
	}
	return 0;
}

static int take_string(struct arena *arena, const char *line, struct module_info *info, struct err *err)
{
	const struct {
		const char *key;
		const char **to;
	} rows[] = {{"name=", &info->name}, {"license=", &info->license}, {"vermagic=", &info->vermagic}};

	if (text_starts(line, "depends="))
		return take_depends(arena, line + strlen("depends="), info, err);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (!text_starts(line, rows[i].key))
			continue;
		*rows[i].to = arena_strdup(arena, line + strlen(rows[i].key));
		return arena_check(arena, err);
	}
	return 0;
}

int module_info_read(struct arena *arena, const void *bytes, size_t len, struct module_info *ret, struct err *err)
{
	const struct image whole = {bytes, len};
	struct image modinfo = {0};
	int r = len > MODULE_MAX_BYTES ? err_set(err, EFBIG, "a kernel module") : find_modinfo(&whole, &modinfo, err);

	*ret = (struct module_info){.name = "", .license = "", .vermagic = ""};
	while (r >= 0 && modinfo.len > 0) {
		const char *line = (const char *)modinfo.bytes;
		const char *end = memchr(line, '\0', modinfo.len);

		if (!end)
			return err_say(err, EINVAL, "its section .modinfo has no end");
		r = take_string(arena, line, ret, err);
		modinfo.bytes += end + 1 - line;
		modinfo.len -= (size_t)(end + 1 - line);
	}
	return r;
}

int module_name_from_file(const char *file, char to[static MODULE_NAME_BYTES], bool *ret_packed)
{
	static const char *const endings[] = {".ko", ".ko.gz", ".ko.xz", ".ko.zst"};

	for (size_t i = 0; i < ARRAY_SIZE(endings); i++) {
		size_t len = strlen(file) - (text_ends(file, endings[i]) ? strlen(endings[i]) : 0);

		if (!text_ends(file, endings[i]))
			continue;
		if (len == 0 || len >= MODULE_NAME_BYTES || *file == '.' || memchr(file, '/', len))
			return -EINVAL;
		memcpy(to, file, len);
		to[len] = '\0';
		for (char *dash = to; (dash = strchr(dash, '-')); *dash = '_')
			;
		if (ret_packed)
			*ret_packed = i > 0;
		return 0;
	}
	return -EINVAL;
}

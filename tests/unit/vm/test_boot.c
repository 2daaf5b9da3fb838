/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Kernels' files: both kinds are loaded where they say, and every lie in their headers is found. */
#include "runtime/vm/boot.h"

#include <asm/bootparam.h>
#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "runtime/base/scope.h"
#include "runtime/base/text.h"
#include "runtime/vm/cmdline.h"
#include "runtime/vm/layout.h"
#include "tests/unit/tap.h"

#define MEMORY_BYTES (32U << 20)
#define FILE_BYTES   8192

static uint8_t *bytes; /* of the guest */
static struct guest_memory memory;
static uint8_t kernel[FILE_BYTES];
static uint64_t kernel_end;

static int file_of(const void *from, size_t len)
{
	int fd = memfd_create("kernel", MFD_CLOEXEC);

	if (fd < 0 || write(fd, from, len) != (ssize_t)len)
		abort();
	return fd;
}

static int load_with(size_t len, const char *initrd, const char *cmdline, struct hv_entry *entry, struct err *err)
{
	CLEANUP_FD int kernel_fd = file_of(kernel, len);
	CLEANUP_FD int initrd_fd = initrd ? file_of(initrd, strlen(initrd)) : -1;
	struct boot_request request = {.kernel_fd = kernel_fd,
				       .initrd_fd = initrd_fd,
				       .cmdline = cmdline,
				       .rsdp = LAYOUT_ACPI};
	int r;

	free(bytes);
	bytes = calloc(1, MEMORY_BYTES);
	memory = guest_memory_borrow(bytes, 0, MEMORY_BYTES);
	r = boot_load(&memory, &request, entry, err);
	kernel_end = request.kernel_end;
	return r;
}

static int load(struct err *err)
{
	struct hv_entry entry;

	return load_with(sizeof(kernel), NULL, "quiet", &entry, err);
}

/* --- a bzImage ---------------------------------------------------------------------------------------------------- */

static struct setup_header *bzimage(void)
{
	struct setup_header *header = (struct setup_header *)(void *)(kernel + 0x1f1);

	memset(kernel, 0, sizeof(kernel));
	header->setup_sects = 3;
	header->header = 0x53726448;
	header->version = 0x20f;
	header->jump = 0x66eb;
	header->loadflags = LOADED_HIGH;
	header->xloadflags = XLF_KERNEL_64;
	header->pref_address = 0x1000000;
	header->init_size = 0x400000;
	header->initrd_addr_max = 0x7fffffff;
	memcpy(kernel + 2048, "the kernel's code", 17);
	return header;
}

static void test_bzimage(void)
{
	struct err err = ERR_INIT;
	struct hv_entry entry;
	const struct boot_params *params;

	bzimage();
	CHECK_INT(load_with(sizeof(kernel), "the initramfs", "quiet", &entry, &err), 0);
	CHECK(entry.is_64bit);
	CHECK_INT(entry.rip, 0x1000200);
	CHECK_INT(kernel_end, 0x1400000);
	CHECK_INT(entry.rsi, LAYOUT_BOOT_PARAMS);
	CHECK(memcmp(bytes + 0x1000000, "the kernel's code", 17) == 0);
	params = (const struct boot_params *)(const void *)(bytes + LAYOUT_BOOT_PARAMS);
	CHECK_STR((const char *)bytes + params->hdr.cmd_line_ptr, "quiet");
	CHECK_INT(params->hdr.ramdisk_size, 13);
	CHECK_INT(params->hdr.ramdisk_image % 4096, 0);
	CHECK(memcmp(bytes + params->hdr.ramdisk_image, "the initramfs", 13) == 0);
	CHECK_INT(params->acpi_rsdp_addr, LAYOUT_ACPI);
	CHECK_INT(params->e820_entries, 4);
	CHECK_INT(params->e820_table[2].addr, 0x100000);
	CHECK_INT(params->e820_table[2].size, MEMORY_BYTES - 0x100000);
	/* The first page of the map: 2 MiB at 0, present, writable, large. */
	CHECK_INT(*(const uint64_t *)(const void *)(bytes + entry.page_tables + 0x2000), 0x83);
}

static void test_bzimage_lies(void)
{
	static const struct lie {
		size_t at, len;
		uint64_t value;
		int code;
	} lies[] = {
		{offsetof(struct setup_header, header), 4, 0, -ENOEXEC},
		{offsetof(struct setup_header, version), 2, 0x20b, -ENOEXEC},
		{offsetof(struct setup_header, xloadflags), 2, 0, -ENOEXEC},
		{offsetof(struct setup_header, loadflags), 1, 0, -ENOEXEC},
		{offsetof(struct setup_header, pref_address), 8, 0x1000, -ENOEXEC},
		{offsetof(struct setup_header, pref_address), 8, UINT64_MAX, -ENOEXEC},
		{offsetof(struct setup_header, pref_address), 8, 0x1fff000, -ENOMEM},
		{offsetof(struct setup_header, init_size), 4, UINT32_MAX, -ENOMEM},
		{offsetof(struct setup_header, setup_sects), 1, 255, -ENOEXEC},
	};

	for (size_t i = 0; i < ARRAY_SIZE(lies); i++) {
		struct err err = ERR_INIT;

		memcpy((char *)bzimage() + lies[i].at, &lies[i].value, lies[i].len);
		CHECK_INT(load(&err), lies[i].code);
		CHECK(err.msg[0] != '\0');
	}
}

static void test_initrd_room(void)
{
	struct err err = ERR_INIT;
	struct hv_entry entry;

	bzimage()->init_size = MEMORY_BYTES - 0x1000000;
	CHECK_INT(load_with(sizeof(kernel), "the initramfs", "quiet", &entry, &err), -ENOMEM);
	bzimage()->initrd_addr_max = 0x1000000;
	CHECK_INT(load_with(sizeof(kernel), "the initramfs", "quiet", &entry, &err), -ENOMEM);
}

static void test_cmdline(void)
{
	static char words[LAYOUT_CMDLINE_BYTES + 1];
	struct err err = ERR_INIT;
	struct hv_entry entry;

	memset(words, 'x', sizeof(words) - 2);
	bzimage();
	CHECK_INT(load_with(sizeof(kernel), NULL, words, &entry, &err), 0);
	words[sizeof(words) - 2] = 'x';
	CHECK_INT(load_with(sizeof(kernel), NULL, words, &entry, &err), -E2BIG);
}

static void test_what_is_told(void)
{
	static const struct {
		struct cmdline_facts facts;
		const char *words;
	} cases[] = {
		{{"a b", 0, 2}, "a b"},
		{{"a b", 7, 2}, "a b tsc_early_khz=7"},
		{{"tsc_early_khz=9", 7, 2}, "tsc_early_khz=9"},
		{{"noacpi=off acpi=offer", 0, 2}, "noacpi=off acpi=offer"},
		{{"a acpi=off", 0, 0}, "a acpi=off"},
		{{"acpi=off a", 0, 2},
		 "acpi=off a virtio_mmio.device=0x200@0xd0000000:5 virtio_mmio.device=0x200@0xd0001000:6"},
	};
	static char given[LAYOUT_CMDLINE_BYTES + 1], words[LAYOUT_CMDLINE_BYTES];
	struct err err = ERR_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CHECK_INT(cmdline_make(&cases[i].facts, words, &err), 0);
		CHECK_STR(words, cases[i].words);
	}
	/* There are sixteen lines. */
	CHECK_INT(cmdline_make(&(struct cmdline_facts){"acpi=off", 0, LAYOUT_MMIO_DEVICES}, words, &err), 0);
	CHECK(text_ends(words, ":15"));
	memset(given, 'x', LAYOUT_CMDLINE_BYTES - 1);
	CHECK_INT(cmdline_make(&(struct cmdline_facts){given, 0, 0}, words, &err), 0);
	CHECK_INT(cmdline_make(&(struct cmdline_facts){given, 1, 0}, words, &err), -E2BIG);
	given[LAYOUT_CMDLINE_BYTES - 1] = 'x';
	CHECK_INT(cmdline_make(&(struct cmdline_facts){given, 0, 0}, words, &err), -E2BIG);
}

/* --- an ELF file -------------------------------------------------------------------------------------------------- */

struct elf {
	Elf64_Ehdr head;
	Elf64_Phdr load, note;
	struct {
		Elf64_Nhdr head;
		char name[4];
		uint32_t entry;
	} entry;
	char code[32];
};

static struct elf *elf(void)
{
	struct elf *file = (struct elf *)(void *)kernel;

	memset(kernel, 0, sizeof(kernel));
	memcpy(file->head.e_ident, ELFMAG, SELFMAG);
	file->head.e_ident[EI_CLASS] = ELFCLASS64;
	file->head.e_ident[EI_DATA] = ELFDATA2LSB;
	file->head.e_machine = EM_X86_64;
	file->head.e_phoff = offsetof(struct elf, load);
	file->head.e_phentsize = sizeof(Elf64_Phdr);
	file->head.e_phnum = 2;
	file->load = (Elf64_Phdr){.p_type = PT_LOAD,
				  .p_offset = offsetof(struct elf, code),
				  .p_paddr = 0x200000,
				  .p_filesz = sizeof(file->code),
				  .p_memsz = 0x1000};
	file->note = (Elf64_Phdr){.p_type = PT_NOTE,
				  .p_offset = offsetof(struct elf, entry),
				  .p_filesz = sizeof(file->entry)};
	file->entry.head = (Elf64_Nhdr){.n_namesz = 4, .n_descsz = 4, .n_type = 18};
	memcpy(file->entry.name, "Xen", 4);
	file->entry.entry = 0x200010;
	memcpy(file->code, "the kernel's code", 17);
	return file;
}

static uint64_t start_info(size_t at, size_t len)
{
	uint64_t value = 0;

	memcpy(&value, bytes + LAYOUT_START_INFO + at, len);
	return value;
}

static void test_elf(void)
{
	struct err err = ERR_INIT;
	struct hv_entry entry;

	elf();
	CHECK_INT(load_with(sizeof(kernel), "the initramfs", "quiet", &entry, &err), 0);
	CHECK(!entry.is_64bit);
	CHECK_INT(entry.rip, 0x200010);
	CHECK(kernel_end > entry.rip && kernel_end < MEMORY_BYTES);
	CHECK_INT(entry.rbx, LAYOUT_START_INFO);
	CHECK(memcmp(bytes + 0x200000, "the kernel's code", 17) == 0);
	CHECK_INT(start_info(0, 4), 0x336ec578);
	CHECK_INT(start_info(12, 4), 1);
	CHECK_STR((const char *)bytes + start_info(24, 8), "quiet");
	CHECK_INT(start_info(32, 8), LAYOUT_ACPI);
	CHECK_INT(start_info(48, 4), 4);
	CHECK(memcmp(bytes + start_info(56, 8), "the initramfs", 13) == 0);
}

static void test_elf_lies(void)
{
	static const struct lie {
		size_t at, len;
		uint64_t value;
		int code;
	} lies[] = {
		{offsetof(struct elf, head.e_ident[EI_CLASS]), 1, ELFCLASS32, -ENOEXEC},
		{offsetof(struct elf, head.e_machine), 2, EM_AARCH64, -ENOEXEC},
		{offsetof(struct elf, head.e_phoff), 8, UINT64_MAX - 50, -ENOEXEC},
		{offsetof(struct elf, head.e_phoff), 8, 4090, -ENOEXEC},
		{offsetof(struct elf, head.e_phnum), 2, 0, -ENOEXEC},
		{offsetof(struct elf, head.e_phnum), 2, UINT16_MAX, -ENOEXEC},
		{offsetof(struct elf, head.e_phentsize), 2, 1, -ENOEXEC},
		{offsetof(struct elf, load.p_filesz), 8, 0x2000, -ENOEXEC},
		{offsetof(struct elf, load.p_filesz), 8, UINT64_MAX, -ENOEXEC},
		{offsetof(struct elf, load.p_offset), 8, UINT64_MAX - 8, -ENOEXEC},
		{offsetof(struct elf, load.p_offset), 8, FILE_BYTES, -ENOEXEC},
		{offsetof(struct elf, load.p_memsz), 8, UINT64_MAX, -ENOMEM},
		{offsetof(struct elf, load.p_paddr), 8, MEMORY_BYTES, -ENOMEM},
		{offsetof(struct elf, load.p_paddr), 8, 0x1000, -ENOMEM},
		{offsetof(struct elf, load.p_paddr), 8, UINT64_MAX - 0x7ff, -ENOMEM},
		{offsetof(struct elf, note.p_offset), 8, UINT64_MAX, -ENOEXEC},
		{offsetof(struct elf, note.p_filesz), 8, 8, -ENOEXEC},
		{offsetof(struct elf, entry.head.n_namesz), 4, UINT32_MAX, -ENOEXEC},
		{offsetof(struct elf, entry.head.n_descsz), 4, UINT32_MAX, -ENOEXEC},
		{offsetof(struct elf, entry.head.n_type), 4, 17, -ENOEXEC},
		{offsetof(struct elf, entry.name), 3, 0, -ENOEXEC},
		{offsetof(struct elf, entry.entry), 4, 0x1000, -ENOEXEC},
		{offsetof(struct elf, entry.entry), 4, 0x300000, -ENOEXEC},
	};

	for (size_t i = 0; i < ARRAY_SIZE(lies); i++) {
		struct err err = ERR_INIT;
		int code;

		memcpy((char *)elf() + lies[i].at, &lies[i].value, lies[i].len);
		code = load(&err);
		if (code != lies[i].code)
			printf("# lie %zu: %s\n", i, err.msg);
		CHECK_INT(code, lies[i].code);
	}
}

static void test_short_files(void)
{
	struct hv_entry entry;

	for (size_t len = 0; len < sizeof(struct elf); len += 8) {
		struct err err = ERR_INIT;

		elf();
		CHECK_INT(load_with(len, NULL, "", &entry, &err), -ENOEXEC);
		bzimage();
		CHECK_INT(load_with(len, NULL, "", &entry, &err), -ENOEXEC);
	}
}

int main(void)
{
	int code = TAP_RUN(TAP_CASE(test_bzimage), TAP_CASE(test_bzimage_lies), TAP_CASE(test_initrd_room),
			   TAP_CASE(test_cmdline), TAP_CASE(test_what_is_told), TAP_CASE(test_elf),
			   TAP_CASE(test_elf_lies), TAP_CASE(test_short_files));

	free(bytes);
	return code;
}

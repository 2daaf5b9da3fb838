/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A bzImage: linux/Documentation/x86/boot.rst. */
#include <asm/bootparam.h>
#include <errno.h>
#include <string.h>

#include "runtime/base/scope.h"
#include "runtime/vm/boot.h"
#include "runtime/vm/boot_kernel.h"
#include "runtime/vm/layout.h"

#define SECTOR_BYTES	      512U
#define HEADER_MAGIC	      0x53726448U /* "HdrS" */
#define PROTOCOL_64BIT	      0x20cU	  /* the first whose header tells of a 64-bit entry */
#define ENTRY_64BIT	      0x200U	  /* from where the kernel is loaded */
#define LOADER_UNKNOWN	      0xff
#define HEADER_OFFSET	      offsetof(struct boot_params, hdr)
#define DEFAULT_SETUP_SECTORS 4

/* A copy: what lies in the file may be aligned in any way. */
static struct setup_header header_of(const struct boot_file *file)
{
	struct setup_header header;

	memcpy(&header, file->head + HEADER_OFFSET, sizeof(header));
	return header;
}

static bool is_bzimage(const struct boot_file *file)
{
	return file->head_bytes >= HEADER_OFFSET + sizeof(struct setup_header) &&
	       header_of(file).header == HEADER_MAGIC;
}

static int check_header(const struct setup_header *header, struct err *err)
{
	if (header->version < PROTOCOL_64BIT || !(header->xloadflags & XLF_KERNEL_64))
		return err_say(err, ENOEXEC, "the kernel has no 64-bit entry: want one for x86-64, Linux 3.8 or later");
	if (!(header->loadflags & LOADED_HIGH))
		return err_say(err, ENOEXEC, "the kernel is not a bzImage: it wants to be loaded low");
	if (header->pref_address < LAYOUT_HIGH_START || header->pref_address > GUEST_LOW_END)
		return err_say(err, ENOEXEC, "the kernel wants to be at 0x%llx",
			       (unsigned long long)header->pref_address);
	return 0;
}

static int load(const struct guest_memory *memory, const struct boot_file *file, struct boot_kernel *ret,
		struct err *err)
{
	struct setup_header header = header_of(file);
	unsigned sectors = header.setup_sects ? header.setup_sects : DEFAULT_SETUP_SECTORS;
	uint64_t offset = ((uint64_t)sectors + 1) * SECTOR_BYTES;
	/* Where it wants to be, so that it need not move itself first. */
	uint64_t at = header.pref_address;
	int r = check_header(&header, err);

	if (r < 0)
		return r;
	if (file->bytes <= offset)
		return err_say(err, ENOEXEC, "the kernel ends too early");
	ret->entry = at + ENTRY_64BIT;
	ret->end = at + header.init_size;
	ret->initrd_end = (uint64_t)header.initrd_addr_max + 1;
	if (!guest_memory_at(memory, at, header.init_size ? header.init_size : 1))
		return err_say(err, ENOMEM, "the kernel needs %u KiB of memory at %llu MiB: give the machine more",
			       header.init_size >> 10, (unsigned long long)(at >> 20));
	return boot_read_at(memory, file->fd, offset, at, file->bytes - offset, "kernel", err);
}

static void fill_map(const struct guest_memory *memory, struct boot_params *params)
{
	struct boot_map_entry map[BOOT_MAP_ENTRIES];
	unsigned count = boot_map_make(memory, map);

	for (unsigned i = 0; i < count; i++)
		params->e820_table[i] =
			(struct boot_e820_entry){.addr = map[i].gpa, .size = map[i].bytes, .type = map[i].type};
	params->e820_entries = (uint8_t)count;
}

/* The header is copied as far as the kernel says it goes: its jump instruction (at 0x200) leaps over it. */
static size_t header_bytes(const struct setup_header *header)
{
	size_t bytes = 0x202 + (header->jump >> 8) - HEADER_OFFSET;

	return bytes < sizeof(*header) ? bytes : sizeof(*header);
}

static int tell(const struct guest_memory *memory, const struct boot_file *file, const struct boot_kernel *kernel,
		struct hv_entry *ret, struct err *err)
{
	struct setup_header header = header_of(file);
	struct boot_params *params = guest_memory_at(memory, LAYOUT_BOOT_PARAMS, sizeof(*params));

	if (!params)
		return err_say(err, ENOMEM, "the machine has too little memory to start a kernel");
	memcpy(&params->hdr, &header, header_bytes(&header));
	params->hdr.type_of_loader = LOADER_UNKNOWN;
	params->hdr.cmd_line_ptr = (uint32_t)kernel->cmdline;
	params->hdr.ramdisk_image = (uint32_t)kernel->initrd;
	params->hdr.ramdisk_size = (uint32_t)kernel->initrd_bytes;
	params->acpi_rsdp_addr = kernel->rsdp;
	fill_map(memory, params);
	*ret = (struct hv_entry){
		.is_64bit = true,
		.rip = kernel->entry,
		.rsp = LAYOUT_BOOT_STACK,
		.rsi = LAYOUT_BOOT_PARAMS,
	};
	return 0;
}

const struct boot_kind boot_bzimage = {.is_one = is_bzimage, .load = load, .tell = tell};

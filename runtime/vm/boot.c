/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime/vm/boot.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/scope.h"
#include "runtime/vm/boot_kernel.h"
#include "runtime/vm/boot_tables.h"
#include "runtime/vm/layout.h"

static const struct boot_kind *const kinds[] = {&boot_elf, &boot_bzimage};

unsigned boot_map_make(const struct guest_memory *memory, struct boot_map_entry ret[BOOT_MAP_ENTRIES])
{
	const struct guest_region *low = &memory->regions[0];
	unsigned count = 0;

	ret[count++] = (struct boot_map_entry){0, LAYOUT_LOW_END, BOOT_MAP_RAM};
	ret[count++] = (struct boot_map_entry){LAYOUT_ACPI, LAYOUT_ACPI_END - LAYOUT_ACPI, BOOT_MAP_RESERVED};
	if (low->bytes > LAYOUT_HIGH_START)
		ret[count++] = (struct boot_map_entry){LAYOUT_HIGH_START, low->bytes - LAYOUT_HIGH_START, BOOT_MAP_RAM};
	ret[count++] = (struct boot_map_entry){LAYOUT_KVM_PAGES, 4 * GUEST_PAGE_BYTES, BOOT_MAP_RESERVED};
	for (unsigned i = 1; i < memory->region_count; i++)
		ret[count++] = (struct boot_map_entry){memory->regions[i].gpa, memory->regions[i].bytes, BOOT_MAP_RAM};
	return count;
}

int boot_read_at(const struct guest_memory *memory, int fd, uint64_t offset, uint64_t gpa, uint64_t bytes,
		 const char *what, struct err *err)
{
	uint8_t *to = guest_memory_at(memory, gpa, bytes);

	if (bytes == 0)
		return 0;
	if (!to || gpa < LAYOUT_HIGH_START)
		return err_say(err, ENOMEM, "the %s does not fit into the machine's memory: give it more", what);
	while (bytes > 0) {
		ssize_t n = pread(fd, to, bytes, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set(err, errno, "read the %s", what);
		if (n == 0)
			return err_say(err, ENOEXEC, "the %s ends too early", what);
		to += n;
		offset += (uint64_t)n;
		bytes -= (uint64_t)n;
	}
	return 0;
}

static int file_open(int fd, struct boot_file *file, struct err *err)
{
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st) < 0)
		return err_set(err, errno, "look at the kernel");
	if (!S_ISREG(st.st_mode))
		return err_say(err, ENOEXEC, "the kernel is not a regular file");
	file->fd = fd;
	file->bytes = (uint64_t)st.st_size;
	n = pread(fd, file->head, sizeof(file->head), 0);
	if (n < 0)
		return err_set(err, errno, "read the kernel");
	file->head_bytes = (size_t)n;
	return 0;
}

static const struct boot_kind *kind_of(const struct boot_file *file)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (kinds[i]->is_one(file))
			return kinds[i];
	return NULL;
}

/* As high as it may be, out of the way of the kernel, which unpacks itself upwards. */
static int load_initrd(const struct guest_memory *memory, int fd, struct boot_kernel *kernel, struct err *err)
{
	uint64_t end = memory->regions[0].bytes;
	struct stat st;

	if (fd < 0)
		return 0;
	if (fstat(fd, &st) < 0)
		return err_set(err, errno, "look at the initramfs");
	if (end > kernel->initrd_end)
		end = kernel->initrd_end;
	kernel->initrd_bytes = (uint64_t)st.st_size;
	if (end < kernel->end || kernel->initrd_bytes > end - kernel->end)
		return err_say(err, ENOMEM, "kernel and initramfs do not fit into the machine's memory: give it more");
	kernel->initrd = (end - kernel->initrd_bytes) & ~(GUEST_PAGE_BYTES - 1);
	if (kernel->initrd < kernel->end)
		return err_say(err, ENOMEM, "kernel and initramfs do not fit into the machine's memory: give it more");
	return boot_read_at(memory, fd, 0, kernel->initrd, kernel->initrd_bytes, "initramfs", err);
}

static int write_cmdline(const struct guest_memory *memory, const char *cmdline, struct boot_kernel *kernel,
			 struct err *err)
{
	size_t bytes = strlen(cmdline) + 1;

	if (bytes > LAYOUT_CMDLINE_BYTES)
		return err_say(err, E2BIG, "the kernel's command line is longer than %lu characters",
			       LAYOUT_CMDLINE_BYTES - 1);
	if (guest_memory_write(memory, LAYOUT_CMDLINE, cmdline, bytes) < 0)
		return err_say(err, ENOMEM, "the machine has too little memory to start a kernel");
	kernel->cmdline = LAYOUT_CMDLINE;
	return 0;
}

int boot_load(const struct guest_memory *memory, struct boot_request *request, struct hv_entry *ret, struct err *err)
{
	struct boot_file file;
	struct boot_kernel kernel = {.rsdp = request->rsdp};
	struct hv_entry entry = {0};
	const struct boot_kind *kind;
	int r = file_open(request->kernel_fd, &file, err);

	if (r < 0)
		return r;
	kind = kind_of(&file);
	if (!kind)
		return err_say(err, ENOEXEC, "the kernel is neither a bzImage nor an ELF file for x86-64");
	r = kind->load(memory, &file, &kernel, err);
	request->kernel_end = kernel.end;
	if (r == 0)
		r = load_initrd(memory, request->initrd_fd, &kernel, err);
	if (r == 0)
		r = write_cmdline(memory, request->cmdline, &kernel, err);
	if (r == 0)
		r = kind->tell(memory, &file, &kernel, &entry, err);
	if (r == 0)
		r = boot_tables_write(memory, &entry, err);
	if (r == 0)
		*ret = entry;
	return r;
}

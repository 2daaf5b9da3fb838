// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/vm/kernel_image.h"

#include <errno.h>

#include "tests/unit/tap.h"
#include "tests/unit/vm/elf_fixture.h"

#define PVH_NOTE 18

static void test_bzimage(void)
{
	static struct fixture file;
	struct kernel_image image;
	struct err err = ERR_INIT;

	fixture_bzimage(&file);
	CHECK_INT(kernel_image_read(file.bytes, file.len, &image, &err), 0);
	CHECK_STR(err.msg, "");
	CHECK_INT(image.kind, KERNEL_IMAGE_BZIMAGE);
	CHECK_STR(image.release, "6.1.0-test");
	CHECK_STR(image.compression, "xz");
	CHECK_INT(image.payload_offset, 1024 + 256);
	CHECK_INT(image.payload_bytes, 96); /* without the length behind it */
	CHECK_INT(image.unpacked_bytes, 54321);
	/* gzip has its length inside. */
	file.bytes[1024 + 256] = 0x1f;
	file.bytes[1024 + 257] = 0x8b;
	CHECK_INT(kernel_image_read(file.bytes, file.len, &image, &err), 0);
	CHECK_STR(image.compression, "gzip");
	CHECK_INT(image.payload_bytes, 100);
	file.bytes[1024 + 256] = 0;
	CHECK_INT(kernel_image_read(file.bytes, file.len, &image, &err), 0);
	CHECK(image.compression == NULL);
}

/* A byte or word that is changed, and what is said of it. */
static const struct {
	size_t at;
	uint32_t value;
	const char *words;
} DAMAGES[] = {
	{0x202, 0, "neither a bzImage nor an ELF kernel"},
	{0x206, 0x207, "boot protocol 2.07"},
	{0x236, 0, "no 64-bit entry"},
	{0x248, UINT32_MAX, "ends before its kernel does"},
	{0x24c, UINT32_MAX, "ends before its kernel does"},
	{0x24c, FIXTURE_BYTES, "ends before its kernel does"},
	{0x24c, 0, "ends before its kernel does"},
};

static void test_damaged_bzimage(void)
{
	static struct fixture file;
	struct kernel_image image;

	for (size_t i = 0; i < sizeof(DAMAGES) / sizeof(DAMAGES[0]); i++) {
		struct err err = ERR_INIT;

		fixture_bzimage(&file);
		fixture_put32(&file, DAMAGES[i].at, DAMAGES[i].value);
		CHECK_INT(kernel_image_read(file.bytes, file.len, &image, &err), -EINVAL);
		CHECK_HAS(err.msg, DAMAGES[i].words);
	}
	fixture_bzimage(&file);
	for (size_t len = 0; len < 1024 + 256 + 100; len++)
		CHECK_INT(kernel_image_read(file.bytes, len, &image, NULL), -EINVAL);
	/* A name that is none, or that lies behind the set-up, is not taken. */
	fixture_bzimage(&file);
	file.bytes[0x283] = '/';
	CHECK(kernel_image_read(file.bytes, file.len, &image, NULL) == 0 && *image.release == '\0');
	fixture_bzimage(&file);
	file.bytes[0x20f] = 0xff;
	CHECK(kernel_image_read(file.bytes, file.len, &image, NULL) == 0 && *image.release == '\0');
}

static void test_elf(void)
{
	static struct fixture file;
	struct kernel_image image;
	struct err err = ERR_INIT;

	fixture_kernel(&file, "Xen", PVH_NOTE);
	CHECK_INT(kernel_image_read(file.bytes, file.len, &image, &err), 0);
	CHECK_STR(err.msg, "");
	CHECK_INT(image.kind, KERNEL_IMAGE_ELF);
	CHECK_STR(image.release, "6.1.0-test");
	CHECK(image.has_pvh);
	fixture_kernel(&file, "Xem", PVH_NOTE);
	CHECK(kernel_image_read(file.bytes, file.len, &image, &err) == 0 && !image.has_pvh);
	fixture_kernel(&file, "Xen", PVH_NOTE + 1);
	CHECK(kernel_image_read(file.bytes, file.len, &image, &err) == 0 && !image.has_pvh);
	/* A note longer than its segment, and one longer than any. */
	fixture_kernel(&file, "Xen", PVH_NOTE);
	fixture_segments(&file)[1].p_filesz = 20;
	CHECK(kernel_image_read(file.bytes, file.len, &image, &err) == 0 && !image.has_pvh);
	fixture_kernel(&file, "Xen", PVH_NOTE);
	fixture_put32(&file, 1024, UINT32_MAX);
	CHECK(kernel_image_read(file.bytes, file.len, &image, &err) == 0 && !image.has_pvh);
}

/* What boards boot: no ELF file, and no bzImage. */
static void test_arm64(void)
{
	static struct fixture file;
	struct kernel_image image;
	struct err err = ERR_INIT;

	fixture_bzimage(&file);
	fixture_put32(&file, 0x202, 0);
	fixture_put32(&file, 0x38, 0x644d5241);
	CHECK_INT(kernel_image_read(file.bytes, file.len, &image, &err), -EINVAL);
	CHECK_STR(err.msg, "it is a kernel for arm64: want one for x86-64");
	CHECK_INT(kernel_image_read(file.bytes, 0x3b, &image, &err), -EINVAL);
}

static void check_refused(const struct fixture *file, const char *words)
{
	struct kernel_image image;
	struct err err = ERR_INIT;

	CHECK_INT(kernel_image_read(file->bytes, file->len, &image, &err), -EINVAL);
	CHECK_HAS(err.msg, words);
}

static void test_damaged_elf(void)
{
	static struct fixture file;

	fixture_kernel(&file, "Xen", PVH_NOTE);
	file.bytes[2048] = 'l';
	check_refused(&file, "no kernel");
	fixture_kernel(&file, "Xen", PVH_NOTE);
	fixture_header(&file)->e_machine = EM_AARCH64;
	check_refused(&file, "no kernel for x86-64");
	fixture_kernel(&file, "Xen", PVH_NOTE);
	fixture_header(&file)->e_phoff = UINT64_MAX;
	check_refused(&file, "table of segments");
	fixture_kernel(&file, "Xen", PVH_NOTE);
	fixture_header(&file)->e_phnum = 1000;
	check_refused(&file, "table of segments");
	fixture_kernel(&file, "Xen", PVH_NOTE);
	fixture_segments(&file)[0].p_offset = UINT64_MAX - 10;
	check_refused(&file, "ends before its segments do");
	fixture_kernel(&file, "Xen", PVH_NOTE);
	fixture_segments(&file)[0].p_type = PT_NULL;
	check_refused(&file, "nothing to load");
	fixture_kernel(&file, "Xen", PVH_NOTE);
	file.len = 63;
	check_refused(&file, "whole header");
}

int main(void)
{
	return TAP_RUN(TAP_CASE(test_bzimage), TAP_CASE(test_damaged_bzimage), TAP_CASE(test_elf), TAP_CASE(test_arm64),
		       TAP_CASE(test_damaged_elf));
}

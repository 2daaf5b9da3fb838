// SPDX-License-Identifier: GPL-2.0-or-later
/* Any bytes as a disk's file, in each format: taken or refused with words, and what is taken names no other file. */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "runtime/base/scope.h"
#include "runtime/vm/disk_file.h"
#include "tests/fuzz/fuzz.h"

static bool is_zero(const uint8_t *bytes, size_t len)
{
	return bytes[0] == 0 && memcmp(bytes, bytes + 1, len - 1) == 0;
}

static void look(int fd, enum disk_format format, const uint8_t *data, size_t size)
{
	static const char hint[] = "parentFileNameHint";
	struct err err = ERR_INIT;
	int result = disk_file_check(fd, format, &err);

	fuzz_want((result < 0) == (err.code > 0) && !strchr(err.msg, '\n'), "an error without words, or words alone");
	if (result < 0)
		return;
	fuzz_want(size > 0, "nothing is a disk");
	if (format == DISK_FORMAT_QCOW2)
		fuzz_want(is_zero(data + 8, 8), "a qcow2 image with something below it");
	if (format == DISK_FORMAT_VMDK)
		fuzz_want(!is_zero(data + 12, 8) && (size < 10000 || !memmem(data + 512, 9000, hint, sizeof(hint) - 1)),
			  "a vmdk image of other files");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP_FD int fd = memfd_create("image", MFD_CLOEXEC);

	fuzz_want(fd >= 0 && write(fd, data, size) == (ssize_t)size, "no memory file");
	for (int format = 0; disk_format_words[format]; format++)
		look(fd, (enum disk_format)format, data, size);
	return 0;
}

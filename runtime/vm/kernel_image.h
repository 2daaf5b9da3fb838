/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a kernel file is: a bzImage (Documentation/arch/x86/boot.rst), inside which a compressed ELF kernel lies, or
 * that ELF file. Files come from packages: every offset is checked.
 */
#ifndef HULL_RUNTIME_VM_KERNEL_IMAGE_H
#define HULL_RUNTIME_VM_KERNEL_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/err.h"

#define KERNEL_IMAGE_MAX_BYTES ((uint64_t)512 << 20)
#define KERNEL_RELEASE_BYTES   65 /* __NEW_UTS_LEN and a NUL */

enum kernel_image_kind { KERNEL_IMAGE_BZIMAGE, KERNEL_IMAGE_ELF };

struct kernel_image {
	enum kernel_image_kind kind;
	char release[KERNEL_RELEASE_BYTES]; /* "6.1.0-13-cloud-amd64"; "" when it does not say */

	/* Of a bzImage: the compressed kernel in it. */
	uint64_t payload_offset, payload_bytes;
	const char *compression; /* "gzip" "bzip2" "lzma" "xz" "lzo" "lz4" "zstd", or NULL: not known */
	uint32_t unpacked_bytes; /* what it says that it unpacks to */

	/* of an ELF file: it has the note by which a monitor enters it in 32-bit mode (XEN_ELFNOTE_PHYS32_ENTRY) */
	bool has_pvh;
};

/* Looks at a whole file. 0, or -EINVAL with words: neither, not for x86-64, or damaged. */
int kernel_image_read(const void *bytes, size_t len, struct kernel_image *ret, struct err *err);

#endif

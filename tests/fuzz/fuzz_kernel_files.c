// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Kernels and modules of packages: no file does harm, what is found lies inside it, and names that are accepted can be
 * file names.
 */
#include <stdlib.h>
#include <string.h>

#include "runtime/vm/kernel_image.h"
#include "runtime/vm/modules.h"
#include "tests/fuzz/fuzz.h"

static void look_at_module(const uint8_t *data, size_t size)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	struct module_info info;
	struct err err = ERR_INIT;

	if (module_info_read(&arena, data, size, &info, &err) < 0)
		return;
	for (size_t i = 0; i < info.depends.count; i++)
		if (strlen(info.depends.items[i]) >= MODULE_NAME_BYTES || strchr(info.depends.items[i], '/') ||
		    strchr(info.depends.items[i], '-'))
			abort();
}

static void look_at_kernel(const uint8_t *data, size_t size)
{
	struct kernel_image image;
	struct err err = ERR_INIT;

	if (kernel_image_read(data, size, &image, &err) < 0)
		return;
	if (image.payload_offset > size || image.payload_bytes > size - image.payload_offset ||
	    strlen(image.release) >= KERNEL_RELEASE_BYTES || strchr(image.release, '/'))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	look_at_module(data, size);
	look_at_kernel(data, size);
	return 0;
}

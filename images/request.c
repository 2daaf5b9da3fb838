// SPDX-License-Identifier: GPL-2.0-or-later
#include "images/request.h"

#include <errno.h>
#include <string.h>

int image_format_parse(const char *words)
{
	for (int i = 0; i < IMAGE_FORMAT_COUNT; i++)
		if (strcmp(words, image_format_name((enum image_format)i)) == 0)
			return i;
	return -EINVAL;
}

const char *image_format_name(enum image_format format)
{
	static const char *const NAMES[IMAGE_FORMAT_COUNT] = {
		[IMAGE_FORMAT_AUTO] = "auto",
		[IMAGE_FORMAT_ROOTFS] = "rootfs",
		[IMAGE_FORMAT_OCI] = "oci",
		[IMAGE_FORMAT_DOCKER] = "docker",
	};

	return NAMES[format];
}

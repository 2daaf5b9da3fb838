// SPDX-License-Identifier: GPL-2.0-or-later
#include "images/disk_name.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "runtime/base/scope.h"
#include "runtime/base/sha256.h"

#define ALGORITHM "sha256:"

/* The diff ID that a layer's folder is named by. */
static int hex_of(const char *layer, char to[static SHA256_HEX_BYTES], struct err *err)
{
	const char *slash = strrchr(layer, '/'), *name = slash ? slash + 1 : layer;

	if (strlen(name) != SHA256_HEX_BYTES - 1 || strspn(name, "0123456789abcdef") != SHA256_HEX_BYTES - 1)
		return err_say(err, EINVAL, "'%s' is no layer of the store", layer);
	memcpy(to, name, SHA256_HEX_BYTES);
	return 0;
}

int disk_name_of_layer(const char *layer, char to[static DISK_NAME_BYTES], struct err *err)
{
	char hex[SHA256_HEX_BYTES];
	int r = hex_of(layer, hex, err);

	if (r >= 0)
		(void)snprintf(to, DISK_NAME_BYTES, "%s.erofs", hex);
	return r;
}

int disk_name_of_chain(const char *const *layers, size_t count, char to[static DISK_NAME_BYTES], struct err *err)
{
	char chain[SHA256_HEX_BYTES], upper[SHA256_HEX_BYTES], both[256];
	int r = count == 0 ? err_say(err, EINVAL, "no layers to merge") : hex_of(layers[count - 1], chain, err);

	/* From the bottom: the digest of what lies below and the layer on it. */
	for (size_t i = count; r >= 0 && i-- > 1;) {
		r = hex_of(layers[i - 1], upper, err);
		if (r < 0)
			break;
		(void)snprintf(both, sizeof(both), ALGORITHM "%s " ALGORITHM "%s", chain, upper);
		sha256_of(both, strlen(both), chain);
	}
	if (r >= 0)
		(void)snprintf(to, DISK_NAME_BYTES, "chain-%s.erofs", chain);
	return r;
}

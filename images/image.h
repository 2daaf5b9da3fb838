/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What an image in the store is: for whoever starts it, and for whoever puts it in.
 */
#ifndef HULL_IMAGES_IMAGE_H
#define HULL_IMAGES_IMAGE_H

#include <stddef.h>
#include <stdint.h>

#include "images/manifest.h"
#include "runtime/base/text.h"

/* On a layer's folder: what lower layers have in it is hidden (overlayfs, mounted by the host's root). */
#define IMAGE_OPAQUE_XATTR "trusted.overlay.opaque"

#define IMAGE_ID_BYTES 72 /* "sha256:", 64 digits, NUL */

struct image {
	char id[IMAGE_ID_BYTES];       /* digest of the config document */
	char manifest[IMAGE_ID_BYTES]; /* digest of the manifest, or "" for an image that came without one */
	const char *const
		*layers; /* absolute paths of unpacked layer folders, TOP FIRST, no two alike; NULL-terminated */
	size_t layer_count;
	struct image_config config;
	uint64_t size_bytes;  /* of the unpacked layers: sum of the files' lengths */
	uint64_t imported_ns; /* when it came into the store, ns since the epoch */
	struct strv names; /* full names; catalog_find() gives only the one it was found by (empty when found by id) */
};

/* An image to put in. */
struct catalog_entry {
	const char *id, *manifest; /* manifest may be NULL */
	const struct image_config *config;
	const struct strv *diff_ids; /* bottom first, as in the config */
	uint64_t size_bytes;
	const char *name; /* full name, or NULL: reached by id only */
};

#endif

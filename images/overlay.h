/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An instance's writable layer: the upper and work folders of an overlay over an image's layers. Names and makes
 * folders; mounts nothing (that is namespaces/rootfs.h's).
 */
#ifndef HULL_IMAGES_OVERLAY_H
#define HULL_IMAGES_OVERLAY_H

#include <stddef.h>
#include <stdint.h>

#include "images/catalog.h"
#include "runtime/base/arena.h"
#include "runtime/base/err.h"

/* What the overlay is made of. Strings live in the arena, `lowers` in the image's. */
struct overlay {
	const char *const *lowers; /* top first */
	size_t lower_count;
	const char *upper; /* INSTANCE_DIR/upper */
	const char *work;  /* INSTANCE_DIR/work */
};

/*
 * Makes `upper` and `work` below instance_dir (an absolute path, which exists and is 0700). `owner_base` is the first
 * host id of the instance's range, 0 without a user namespace. The upper's root is what the container sees as "/": it
 * gets the mode and owner of the topmost layer's root, the owner moved into the range, because upper and work are not
 * id-mapped. Existing folders are kept (an instance that is started again). 0, or -errno with words.
 */
int overlay_prepare(struct arena *arena, const char *instance_dir, const struct image *image, uint32_t owner_base,
		    struct overlay *ret, struct err *err);

/* Removes both with their contents, which are hostile. Missing ones are fine. Must not be mounted any more. */
int overlay_remove(const char *instance_dir, struct err *err);

#endif

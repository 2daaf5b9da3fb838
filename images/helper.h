/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Running hull-image, the program that knows archives and digests, from programs that must not load what it needs.
 *
 * It is found by an absolute path only: beside the running executable (../libexec/hull/hull-image or, in a build tree,
 * ../libexec/hull-image), else below the prefix that hull was built for. Never by PATH, never below a container's root.
 */
#ifndef HULL_IMAGES_HELPER_H
#define HULL_IMAGES_HELPER_H

#include <stdbool.h>
#include <stdint.h>

#include "images/catalog.h"
#include "images/event.h"
#include "images/request.h"
#include "runtime/base/arena.h"
#include "runtime/base/err.h"
#include "runtime/base/text.h"

/*
 * Imports into the store, and waits. Ids of the images that came in are added to `ret_ids` (in `arena`). The helper's
 * own error comes back in `err`, exit code included. -ENOENT with a hint when the helper program is not installed. The
 * helper is killed when the caller dies; what it had begun is swept by the next gc.
 */
int image_helper_import(struct arena *arena, const char *store, const struct image_import *import,
			const struct image_watch *watch, struct strv *ret_ids, struct err *err);

/* Frees what nothing refers to (images/gc.h), in the helper. */
int image_helper_gc(const char *store, const struct image_watch *watch, struct err *err);

/*
 * Takes a guest kernel's parts out of a Debian package, into the folder `to` (images/kernel_package.h). Both absolute.
 */
int image_helper_unpack_kernel(const char *source, const char *to, struct err *err);

/* A file, or a part of it, uncompressed into a new file (images/decompress.h). */
struct image_decompress {
	const char *source, *to; /* absolute */
	uint64_t offset, bytes;	 /* of the compressed part; 0 bytes: to the end */
	uint64_t max_bytes;	 /* of what comes out */
};
int image_helper_decompress(const struct image_decompress *how, struct err *err);

/*
 * What `hull run` calls: catalog_find(), and when the name is not there but hull brings an image of that name along
 * (share/hull/images/NAME, an OCI layout; `busybox` is one), imports that as localhost/NAME:latest and finds it.
 */
int image_find(struct arena *arena, const char *store, const char *words, const struct image_watch *watch,
	       struct image *ret, struct err *err);

#endif

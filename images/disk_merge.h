/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Several layers as one tree: an overlay without an upper, in a mount namespace that ends with the process. So it is
 * merged by what merges it for containers: whiteouts and opaque folders hide what is below them and are gone, names on
 * top win, hard links of a layer stay. Inside images/ only.
 */
#ifndef HULL_IMAGES_DISK_MERGE_H
#define HULL_IMAGES_DISK_MERGE_H

#include <stddef.h>

#include "runtime/base/err.h"

/* As many as an overlay takes. */
#define DISK_MERGE_MAX_LAYERS 500

struct disk_merge {
	const char *const *layers; /* absolute, top first; two or more */
	size_t count;
	const char *place; /* a folder to mount on, which nobody in this process needs: absolute */
};

/*
 * In a process that ends soon: leaves for a mount namespace of its own and changes to the merged tree: it is ".".
 * `context` is a struct disk_merge. 0, or -errno with words.
 */
int disk_merge_enter(void *context, struct err *err);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The overlay of a root: image layers below, an instance's writable layer above.
 *
 * Every layer is a detached mount, with its ids mapped or not. The file system is made with the credentials of the
 * caller (the host's root), so that the container's rights decide about the merged files alone and never about the
 * layers.
 */
#ifndef HULL_NAMESPACES_ROOT_OVERLAY_H
#define HULL_NAMESPACES_ROOT_OVERLAY_H

#include <stdbool.h>
#include <stddef.h>

#include "runtime/base/err.h"

struct root_overlay {
	/* detached mounts, top first; borrowed, but attached in a tree that is gone afterwards on older kernels */
	const int *lowers;
	size_t lower_count;
	int upper, work;	/* O_PATH descriptors in one mount, or both -1: read-only. Never id-mapped */
	const char *upper_path; /* the same by name, for older kernels */
	const char *work_path;
	bool is_volatile;	 /* the upper is thrown away: nothing is synced to disk, now or when it is unmounted */
	const char *mount_label; /* SELinux, or NULL */
};

/*
 * Makes the overlay: a detached mount, the caller's. Since Linux 6.13 from the descriptors; before, in a helper process
 * with a mount namespace of its own, where the layers are attached for the moment. Parent only, with one thread.
 */
int root_overlay_make(const struct root_overlay *overlay, struct err *err);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the child holds of its root from attaching it until it is sealed.
 */
#ifndef HULL_NAMESPACES_ROOT_HANDLE_H
#define HULL_NAMESPACES_ROOT_HANDLE_H

#include <stddef.h>

#include "namespaces/mask.h"
#include "runtime/base/err.h"
#include "runtime/base/scope.h"

struct root_handle {
	int root_fd; /* the root's mount: every later path is resolved below it */
	int proc_fd; /* the container's /proc, verified to be procfs (for labels and sysctls), or -1 when it has none */
	int *sealed; /* mounts that become read-only in the end, since others, or nodes, had to go into them first */
	size_t sealed_count;
	struct mask_cover cover;
};
#define ROOT_HANDLE_INIT ((struct root_handle){.root_fd = -1, .proc_fd = -1, .cover = MASK_COVER_INIT})
/* Closes what it holds; the mounts stay. Accepts ROOT_HANDLE_INIT. */
void root_handle_close(struct root_handle *handle);
#define CLEANUP_ROOT_HANDLE CLEANUP(root_handle_close)

/* Remembers a mount that becomes read-only in rootfs_finish(). Takes the descriptor when it succeeds. */
int root_handle_seal_later(struct root_handle *handle, int *fd, struct err *err);

#endif

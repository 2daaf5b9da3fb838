/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The parent's half of a root: what comes from the host is opened before the clone, and made the root after it. See
 * rootfs.h.
 */
#ifndef HULL_NAMESPACES_ROOT_SOURCES_H
#define HULL_NAMESPACES_ROOT_SOURCES_H

#include <stddef.h>

#include "namespaces/mask.h"
#include "namespaces/root_copy.h"
#include "namespaces/root_request.h"
#include "runtime/base/arena.h"
#include "runtime/base/err.h"
#include "runtime/base/scope.h"

/* Descriptors of what comes from the host. Made by the parent, inherited by the child through the clone; CLOEXEC. */
struct root_sources {
	struct arena arena; /* of the lists */
	int *mounts;  /* one for each request->mounts: binds, and what rootfs_prepare() made in the child; else -1 */
	int *devices; /* the default ones first, then request->devices; -1 where they are made */
	int *cgroups; /* one for each request->cgroups */
	int *lowers;  /* layers, or the one directory */
	size_t mount_count, device_count, cgroup_count, lower_count;
	int upper, work;
	uint64_t copied_bytes; /* of layers, by rootfs_build() */
	struct mask_cover cover;
};
#define ROOT_SOURCES_INIT ((struct root_sources){.upper = -1, .work = -1, .cover = MASK_COVER_INIT})

/*
 * Opens bind sources, layers, host devices and the null device. On failure nothing stays open. -ENOENT and so on name
 * the host's path; a missing bind source is not made. `*ret` is freed with root_sources_close(), by parent and child
 * each for itself.
 */
int rootfs_open_sources(const struct root_request *request, struct root_sources *ret, struct err *err);
/*
 * One of the `bind`s of request->cgroups, read-only or not. By rootfs_open_sources(), or, with late_cgroups, by whoever
 * mounts it.
 */
int rootfs_open_cgroup(const struct cgroup_view *view, bool is_readonly, struct err *err);
/*
 * Only the binds among request->mounts, with their ids mapped as rootfs_build() does: for a container that runs
 * already. `userns_fd` as there. All that is no bind is -EINVAL.
 */
int rootfs_open_binds(const struct root_request *request, int userns_fd, struct root_sources *ret, struct err *err);
void root_sources_close(struct root_sources *sources); /* accepts ROOT_SOURCES_INIT and half-built ones */
#define CLEANUP_ROOT_SOURCES CLEANUP(root_sources_close)
/*
 * Writes what the child needs, -1 among it, to an array of at least root_sources_child_count(), and returns how many:
 * all but the layers, of which the parent makes the root.
 */
size_t root_sources_child_list(const struct root_sources *sources, int *to);
static inline size_t root_sources_child_count(const struct root_sources *sources)
{
	return sources->mount_count + sources->device_count + sources->cgroup_count + 2;
}

/*
 * Maps ids (binds first, then layers) and makes the root: overlay over the layers, or the one layer or directory
 * itself. `userns_fd` is the container's user namespace, or -1 when it has none. `*ret_root_fd`: a detached mount, the
 * caller's, to be sent to the child. The overlay is made with the caller's credentials (the host's root) and in no
 * mount namespace: nothing is left on the host. Layers whose ids cannot be mapped are copied, and sources->copied_bytes
 * says how much that was; with `copies` NULL, and for directories and binds, it is -EOPNOTSUPP with a hint. Where
 * overlay does not take detached layers (HOST_OVERLAY_FD_LAYERS), a short-lived helper process does it: the caller has
 * one thread.
 */
int rootfs_build(const struct root_request *request, struct root_sources *sources, int userns_fd,
		 const struct root_copies *copies, int *ret_root_fd, struct err *err);

#endif

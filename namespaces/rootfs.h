/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A container's root: from a plan's request to the file tree that its first process sees.
 *
 * Who does what, in this order, and why:
 *   1. parent, before the clone: rootfs_open_sources() opens everything that comes from the host as detached mounts, so
 *      that no path of the host is resolved with the container's rights, and none of the container's with the host's;
 *   2. parent, when the id maps are written: rootfs_build() maps ids and makes the root a detached mount;
 *   3. child, in its own namespaces: rootfs_prepare() meanwhile, then rootfs_assemble() attaches the root, mounts in
 *      order, makes /dev;
 *   4. child: rootfs_pivot() leaves the host's tree for good; rootfs_finish() hides and seals.
 */
#ifndef HULL_NAMESPACES_ROOTFS_H
#define HULL_NAMESPACES_ROOTFS_H

#include "namespaces/root_handle.h"
#include "namespaces/root_request.h"
#include "namespaces/root_sources.h"
#include "runtime/base/err.h"

/*
 * Makes the file systems that are mounted afresh, as detached mounts in `sources`: work that needs no root yet, so the
 * child can do it while its parent makes the overlay. Optional: rootfs_assemble() makes what is missing. The child must
 * be where rootfs_assemble() wants it; with `lacks_network` it is so but for its network namespace, which sysfs and
 * network file systems take from whoever makes them.
 */
int rootfs_prepare(const struct root_request *request, struct root_sources *sources, bool lacks_network,
		   struct err *err);

/*
 * A detached mount of sysfs that shows the child's network namespace, without any attributes: taken over, and used for
 * the first mount of plain sysfs that rootfs_prepare() has not made; closed where there is none. Between
 * rootfs_prepare() and rootfs_assemble(). Optional.
 */
int rootfs_take_sysfs(const struct root_request *request, struct root_sources *sources, int sysfs_fd, struct err *err);

/*
 * Attaches the root in the child's mount namespace, then mounts in order, then /dev. The host's tree is still the
 * process's own root afterwards. Must run in a mount namespace of its own, with ids mapped, in its PID, IPC, network
 * and cgroup namespaces (what is mounted afresh shows those), and still with CAP_SYS_ADMIN. Takes `root_fd` over, also
 * on failure, and takes from `sources` what it uses. The cgroup namespace, and the cgroups themselves, may come as late
 * as the `gate` does (NULL: they are there already).
 */
int rootfs_assemble(const struct root_request *request, struct root_sources *sources, const struct root_gate *gate,
		    int root_fd, struct root_handle *ret, struct err *err);

/*
 * Makes the root the process's root and working directory, and unmounts the host's tree: no descriptor or path of it
 * may be used after.
 */
int rootfs_pivot(struct root_handle *handle, struct err *err);
/*
 * The same without pivot_root(2), which the kernel refuses when the host's own root is its initial ramfs. The host's
 * tree stays covered.
 */
int rootfs_cover(struct root_handle *handle, struct err *err);

/*
 * Masks, read-only paths, the read-only root, propagation: after the hooks that may still mount. Child, after the
 * pivot, before capabilities are given up.
 */
int rootfs_finish(const struct root_request *request, struct root_handle *handle, struct err *err);

#endif

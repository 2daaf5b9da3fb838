/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The mounts inside a root, one after the other in the order of the request. Used by rootfs_assemble().
 */
#ifndef HULL_NAMESPACES_ROOT_MOUNTS_H
#define HULL_NAMESPACES_ROOT_MOUNTS_H

#include "namespaces/mount.h"
#include "namespaces/root_handle.h"
#include "namespaces/root_request.h"
#include "namespaces/root_sources.h"
#include "runtime/base/err.h"

/*
 * Makes the file systems that are mounted afresh, as detached mounts in `sources`. Child; optional. As
 * rootfs_prepare().
 */
int root_mount_prepare(const struct root_request *request, struct root_sources *sources, bool lacks_network,
		       struct err *err);
/* As rootfs_take_sysfs(). */
int root_mount_take_sysfs(const struct root_request *request, struct root_sources *sources, int sysfs_fd,
			  struct err *err);

/*
 * Mounts all that the request names below handle->root_fd, which is attached already, and takes from `sources` what it
 * uses. Sets handle->proc_fd, and adds to handle->sealed. Missing targets are made; every target is found below the
 * root, mounted on by descriptor, and looked at again afterwards. `gate` as for rootfs_assemble(). Child, before the
 * pivot.
 */
int root_mount_all(const struct root_request *request, struct root_sources *sources, const struct root_gate *gate,
		   struct root_handle *handle, struct err *err);

/*
 * Unmounts what is at `path` below rootfd, if it is that mount and nothing else: 1; 0 when something else is there, or
 * nothing. What is mounted below it goes with it. Changes the working directory. A process of one thread, in the
 * container's mount namespace, with CAP_SYS_ADMIN there.
 */
int root_mount_remove(int rootfd, const char *path, const struct mount_identity *mount, struct err *err);

#endif

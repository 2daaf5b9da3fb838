/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The mounts inside a root, one after the other in the order of the request. Used by rootfs_assemble().
 */
#ifndef HULL_NAMESPACES_ROOT_MOUNTS_H
#define HULL_NAMESPACES_ROOT_MOUNTS_H

#include "namespaces/root_handle.h"
#include "namespaces/root_request.h"
#include "namespaces/root_sources.h"
#include "runtime/base/err.h"

/* Makes the file systems that are mounted afresh, as detached mounts in `sources`. Child; optional. */
int root_mount_prepare(const struct root_request *request, struct root_sources *sources, struct err *err);

/*
 * Mounts all that the request names below handle->root_fd, which is attached already, and takes from `sources` what it uses. Sets
 * handle->proc_fd, and adds to handle->sealed. Missing targets are made; every target is found below the root, mounted on by descriptor, and
 * looked at again afterwards. Child, before the pivot.
 */
int root_mount_all(const struct root_request *request, struct root_sources *sources, struct root_handle *handle,
		   struct err *err);

#endif

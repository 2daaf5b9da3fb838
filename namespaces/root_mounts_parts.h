/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the mounts of a root and that of its cgroups share. Included by root_mounts.c and root_cgroups.c alone. */
#ifndef HULL_NAMESPACES_ROOT_MOUNTS_PARTS_H
#define HULL_NAMESPACES_ROOT_MOUNTS_PARTS_H

#include <sys/mount.h>

#include "namespaces/root_handle.h"
#include "namespaces/root_request.h"
#include "namespaces/root_sources.h"
#include "runtime/base/err.h"

struct assembly {
	const struct root_request *request;
	struct root_sources *sources;
	const struct root_gate *gate; /* NULL: there is nothing to wait for */
	struct root_handle *handle;
};

/* What the r options and the plain ones say together, for a mount that has nothing below it. */
static inline uint64_t root_mount_attributes(const struct mount_options *options)
{
	return (options->tree.set & ~options->one.clear) | options->one.set;
}

/* Waits, where it has to be waited for. */
static inline int root_mount_pass(struct assembly *it, enum root_gate_for what, struct err *err)
{
	return it->gate ? it->gate->pass(it->gate->user, what, err) : 0;
}

/* The folder to mount on, made where it is missing. A descriptor (O_PATH), the caller's. */
int root_mount_target(int rootfd, const char *path, struct err *err);

/* Attaches, then makes sure that the path leads to it. Nothing is ever mounted by name. */
int root_mount_attach(struct assembly *it, int fd, int target, const char *path, struct err *err);

/* Mounts the container's view of its cgroups. */
int root_mount_cgroups(struct assembly *it, const struct mount_request *mount, struct err *err);

#endif

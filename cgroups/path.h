/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where a cgroup is in each tree: paths as callers give them, and places as records keep them.
 */
#ifndef HULL_CGROUPS_PATH_H
#define HULL_CGROUPS_PATH_H

#include "cgroups/layout.h"
#include "runtime/base/arena.h"
#include "runtime/base/err.h"

/* Whether a path is as cg_request wants it. -EINVAL with words. Pure. */
int cg_path_check(const char *path, struct err *err);
/*
 * Where `path` is in a tree, below its mount point. NULL with words when a relative path cannot be reached or the place
 * lacks the tree.
 */
const char *cg_path_in_tree(struct arena *arena, const struct cg_tree *tree, const char *path, struct err *err);

#endif

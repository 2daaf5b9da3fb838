/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One cgroup as it lies in the host's trees: a *folder* is one cgroup in one tree, and a struct cg has one in every
 * tree.
 */
#ifndef HULL_CGROUPS_FOLDER_H
#define HULL_CGROUPS_FOLDER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "cgroups/layout.h"
#include "cgroups/request.h"
#include "runtime/base/arena.h"
#include "runtime/base/err.h"

struct cg_folder {
	const struct cg_tree *tree;
	const char *below; /* below the mount point: "/hull/ID" */
	const char *path;  /* the host's path: mount point and below */
	int fd;		   /* O_RDONLY | O_DIRECTORY (BPF wants no O_PATH one), or -1: not there */
};

struct cg {
	enum cg_driver_kind driver;
	const struct cg_layout *layout;
	struct cg_folder folders[CG_MAX_TREES];
	size_t folder_count; /* 0: disabled */
	const char *place;
	/* a child that keeps the cgroup from being taken away while it has no process of its own; 0: none */
	pid_t holder;
	struct arena arena; /* the folders' names */
};

/* Its folder in a tree: open, or NULL. In the tree of a controller; in the v2 tree. */
const struct cg_folder *cg_folder_in(const struct cg *cg, const struct cg_tree *tree);
const struct cg_folder *cg_folder_of(const struct cg *cg, enum cg_controller controller);
const struct cg_folder *cg_folder_v2(const struct cg *cg);
/* Whether it has an open folder in any tree. */
bool cg_has_folder(const struct cg *cg);

/*
 * Makes the folder anew: an empty one that a crash left is removed first. -EEXIST with words when it is in use, -ENOENT
 * (no parent) without.
 */
int cg_mkdir_fresh(const struct cg_folder *folder, struct err *err);
int cg_folder_open(const char *path); /* the descriptor or -errno */

#endif

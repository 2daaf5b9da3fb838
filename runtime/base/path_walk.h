/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Resolving a path below a root one component at a time: what openat2(2) does, where the kernel lacks it, and what no
 * call does: making what is missing on the way. For path.c alone; its users hold path.h.
 */
#ifndef HULL_RUNTIME_BASE_PATH_WALK_H
#define HULL_RUNTIME_BASE_PATH_WALK_H

#include <sys/types.h>

enum path_make {
	PATH_MAKE_NOTHING,
	/* every missing component becomes a folder, the last one too; so does what a dangling link names */
	PATH_MAKE_DIRS,
	PATH_MAKE_FILE, /* the last one becomes an empty file */
};

/* As openat2(2) follows at most. */
#define PATH_MAX_LINKS 40
/* Folders below the root that a path may lead through: each holds a descriptor while it is walked. */
#define PATH_MAX_DEPTH 256

/*
 * Opens `path` below `rootfd`. `open_flags` without O_CREAT; `path_flags` are enum path_flags; `mode` is for what is
 * made, less the umask, and intermediate folders of PATH_MAKE_FILE are 0755. The descriptor, or -errno: what open(2)
 * says, -ELOOP for links that are not wanted, too many, or magic (of procfs), -EXDEV for a mount that is not wanted,
 * -ENAMETOOLONG past PATH_MAX or PATH_MAX_DEPTH, -EAGAIN when the tree kept changing under the walk.
 */
int path_walk(int rootfd, const char *path, int open_flags, unsigned path_flags, enum path_make make, mode_t mode);

#endif

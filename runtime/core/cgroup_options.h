/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The options of the v2 tree as a whole ("nsdelegate", "memory_recursiveprot"): the kernel has them once for all mounts of it, and a program that mounts it
 * again without a word about them takes them away from the whole host. CRIU does.
 */
#ifndef HULL_RUNTIME_CORE_CGROUP_OPTIONS_H
#define HULL_RUNTIME_CORE_CGROUP_OPTIONS_H

#include "runtime/base/scope.h"

struct cgroup_options {
	char place[4096]; /* where the tree is mounted; "": nowhere */
	char words[256];  /* "rw,nsdelegate" */
};
#define CGROUP_OPTIONS_INIT ((struct cgroup_options){0})

/* Reads them. Nothing found is fine. */
void cgroup_options_keep(struct cgroup_options *ret);
/* Puts them back, if they have changed since. Without a tree, or the right to it: nothing. */
void cgroup_options_restore(struct cgroup_options *kept);
#define CLEANUP_CGROUP_OPTIONS CLEANUP(cgroup_options_restore)

#endif

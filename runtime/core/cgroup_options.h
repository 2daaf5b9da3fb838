/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The options of the v2 tree as a whole ("nsdelegate", "memory_recursiveprot"): the kernel has them once for all mounts
 * of it, and a program that mounts it again without a word about them takes them away from the whole host. CRIU does.
 */
#ifndef HULL_RUNTIME_CORE_CGROUP_OPTIONS_H
#define HULL_RUNTIME_CORE_CGROUP_OPTIONS_H

#include <sys/types.h>

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

/*
 * Starts a process that puts them back when the one behind `pidfd` has ended, even if the caller has been killed by
 * then: the host's own must not depend on whether a command lives. It holds nothing of the caller's, and no signal to
 * the caller's group or terminal reaches it. Its pid, a child to be waited for; 0 where there is nothing to put back,
 * or no process could be had: then it is the caller's to do. One thread only.
 */
pid_t cgroup_options_guard(struct cgroup_options *kept, int pidfd);

#endif

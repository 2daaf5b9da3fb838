/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Giving up rights for good, for any process of hull: no_new_privs, and loading a compiled seccomp filter.
 * Compiling a filter from a profile is namespaces/seccomp.h's.
 */
#ifndef HULL_RUNTIME_BASE_CONFINE_H
#define HULL_RUNTIME_BASE_CONFINE_H

#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>

#include "runtime/base/err.h"

/* A compiled filter: classic BPF for seccomp(2). */
struct confine_filter {
	const struct sock_filter *instructions;
	size_t count; /* at most BPF_MAXINSNS */
};

/*
 * From now on no execve(2) gives this process more than it has (setuid bits, file capabilities). Never undone,
 * inherited.
 */
int confine_no_new_privs(struct err *err);
/*
 * Loads the filter for the calling thread. `flags` are SECCOMP_FILTER_FLAG_*. With NEW_LISTENER the notify descriptor
 * is returned (CLOEXEC), else 0. Needs no_new_privs or CAP_SYS_ADMIN in the user namespace (-EACCES). Filters only add
 * up: nothing takes one away.
 */
int confine_load(const struct confine_filter *filter, unsigned flags, struct err *err);
/*
 * Ends this process (SIGKILL) when the thread that made it ends. Call it after the last change of credentials: that
 * change forgets it. With a pidfd of the parent the race with one that is already gone is checked: -ESRCH. With -1 it
 * is the caller's to know.
 */
int confine_die_with_parent(int parent_pidfd_or_minus_1, struct err *err);

#endif

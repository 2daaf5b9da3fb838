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

int confine_no_new_privs(struct err *err);
/*
 * Loads the filter for the calling thread. `flags` are SECCOMP_FILTER_FLAG_*. With NEW_LISTENER the notify descriptor is returned,
 * else 0. Needs no_new_privs or CAP_SYS_ADMIN in the user namespace.
 */
int confine_load(const struct confine_filter *filter, unsigned flags, struct err *err);
/* Ends this process when its parent ends. Checks the race with a parent that is already gone: -ESRCH. */
int confine_die_with_parent(int parent_pidfd_or_minus_1, struct err *err);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The compiled seccomp filter of a planned process, through the cache. */
#ifndef HULL_RUNTIME_CORE_FILTER_H
#define HULL_RUNTIME_CORE_FILTER_H

#include "namespaces/seccomp.h"

/*
 * Compiles `profile` (NULL: nothing to do) into the arena. `cache` is the path of a 0700 folder of this user's own, made where missing; NULL: no cache.
 */
int filter_compile(const struct seccomp_profile *profile, const char *cache, struct arena *arena,
		   struct confine_filter *ret, struct err *err);

#endif

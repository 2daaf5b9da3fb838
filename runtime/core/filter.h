/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The seccomp filter of a planned process: compiled, through the cache; and its listener, on the way to its agent. */
#ifndef HULL_RUNTIME_CORE_FILTER_H
#define HULL_RUNTIME_CORE_FILTER_H

#include "namespaces/seccomp.h"
#include "runtime/base/sync.h"
#include "runtime/spec/record.h"

/*
 * Compiles `profile` (NULL: nothing to do) into the arena. `cache` is the path of a 0700 folder of this user's own,
 * made where missing; NULL: no cache.
 */
int filter_compile(const struct seccomp_profile *profile, const char *cache, struct arena *arena,
		   struct confine_filter *ret, struct err *err);

/*
 * Waits for the child's last word before its exec, `stage`, and hands the seccomp listener that came along with it, if
 * any, to the agent that the profile names, with the state of process `pid`.
 */
int filter_take_listener(struct sync *sync, unsigned stage, const struct seccomp_profile *profile,
			 const struct record *record, pid_t pid, struct err *err);

#endif

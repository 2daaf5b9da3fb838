/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Between the files of seccomp: what is no one else's concern. Nothing outside seccomp*.c includes this.
 */
#ifndef HULL_NAMESPACES_SECCOMP_BUILD_H
#define HULL_NAMESPACES_SECCOMP_BUILD_H

#include <linux/seccomp.h>

#include "namespaces/seccomp.h"

/* Linux 5.19, newer than the headers of a stable distribution may be. */
#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

/* seccomp_names.c: calls newer than the oldest libseccomp that hull is built with. */
struct seccomp_newer {
	const char *name;
	int number; /* the same on every architecture that hull compiles filters for: all calls since Linux 5.1 share their numbers */
};
extern const struct seccomp_newer seccomp_newer_calls[];
extern const size_t seccomp_newer_count;
/* The row of that name, or NULL. */
const struct seccomp_newer *seccomp_newer_find(const char *name);
/* Calls that the kernel never shows to a filter (they belong to uprobes' trampolines): known, and no rule is needed. */
bool seccomp_is_unfiltered(const char *name);

/* seccomp.c: an action as the value that the program returns. */
uint32_t seccomp_return_value(enum seccomp_action action, bool has_errno, uint32_t errno_ret);
/* Whether a rule names the same argument twice. Then its conditions are alternatives, as every other OCI runtime has it; else all must hold. */
bool seccomp_is_any_of(const struct seccomp_rule *rule);
/* Whether `arch` is listed, or the machine's own. */
bool seccomp_lists_arch(const struct seccomp_profile *profile, uint32_t arch);

/* seccomp_front.c: whether any rule puts a condition on this call; then all rules for it are decided there. */
bool seccomp_is_conditional(const struct seccomp_profile *profile, const char *name);
/*
 * The instructions that go in front of libseccomp's program: they decide the calls with conditions and those above `known_last`, the highest
 * number that libseccomp knows. All others fall through to what follows. In the arena; 0 or -ENOMEM.
 */
int seccomp_front_program(const struct seccomp_profile *profile, int known_last, struct arena *arena,
			  struct confine_filter *ret, struct err *err);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Capabilities: names, sets, and giving them up around the change of user. capabilities(7).
 *
 * The order in the process that is going to run the program, and why:
 *
 *   1. caps_bound()         The bounding set shrinks first: PR_CAPBSET_DROP needs CAP_SETPCAP in the effective set, and
 *                           setresuid(2) away from 0 empties that one. It takes nothing from the process itself, only
 *                           from what is executed: any time before 2 will do.
 *      caps_keep_over_user()  Else the permitted set goes with the user.
 *   2. setgroups, setresgid, setresuid, in this order: each needs what the next one takes away.
 *   3. caps_after_user()    capset(2) with the wanted sets, all at once: after it nothing is held that was not asked
 *                           for. Ambient ones last, since they must be permitted and inheritable by then. KEEPCAPS goes
 *                           off again.
 *
 * A seccomp filter is loaded after 3 when no_new_privs is set (the usual case: the filter then need not allow 1 to 3),
 * else before 2, since without no_new_privs loading needs CAP_SYS_ADMIN.
 *
 * The inheritable set is empty unless config.json asks for it: a non-empty one hands capabilities to files that carry
 * inheritable file capabilities (CVE-2022-29162, CVE-2022-27650). caps_from_mask() leaves it empty.
 */
#ifndef HULL_NAMESPACES_CAPS_H
#define HULL_NAMESPACES_CAPS_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/err.h"
#include "runtime/base/text.h"

/* The five sets of a process, a bit for each capability (CAPS_BIT(CAP_CHOWN) is bit 0). */
struct caps_sets {
	uint64_t bounding, effective, permitted, inheritable, ambient;
};

#define CAPS_BIT(number) (UINT64_C(1) << (number))

/* "CAP_NET_RAW", "NET_RAW", "net_raw" in any case. The number, or -EINVAL. "ALL" is the callers' word. */
int caps_parse(const char *name);
/* "CAP_NET_RAW", or NULL for a number that this build has no name for. */
const char *caps_name(int number);
/* Every capability that this build has a name for and the kernel knows. */
uint64_t caps_all(void);
/* The eleven that containers start with: what images expect of a root user, nothing that reaches the host. */
uint64_t caps_default(void);

/* Bounding, permitted and effective are `mask`; inheritable and ambient are empty. */
struct caps_sets caps_from_mask(uint64_t mask);

/* Adds "CAP_A, CAP_B" for each bit of `mask`. Bits without a name are written as numbers. */
void caps_words(uint64_t mask, struct text *to);

/*
 * Pure: whether the kernel would take these sets. Effective must be permitted; ambient must be permitted and
 * inheritable; nothing outside caps_all(). -EINVAL with the names of what is wrong.
 */
int caps_check(const struct caps_sets *sets, struct err *err);
/*
 * Pure: whether a process that holds `held` (host_caps_permitted(); every bit inside a new user namespace) can give
 * these sets. -EPERM with one line that names each missing one once: "this process lacks CAP_SYS_RESOURCE,
 * CAP_SYS_TIME".
 */
int caps_check_held(const struct caps_sets *sets, uint64_t held, struct err *err);
/*
 * Leaves only what is in `held` in each set (`--privileged`: all that the host has). Returns what was taken out of any
 * of them.
 */
uint64_t caps_restrict(struct caps_sets *sets, uint64_t held);

/*
 * Step 1. Drops from the bounding set all that is not in `sets->bounding`, one prctl(2) for each and no reads: dropping
 * what is not there is no error. A process without CAP_SETPCAP passes if there is nothing left to drop, else -EPERM
 * names what stayed. In the child, single thread, full rights of its user namespace.
 */
int caps_bound(const struct caps_sets *sets, struct err *err);
/* Turns PR_SET_KEEPCAPS on, until step 3. */
int caps_keep_over_user(struct err *err);
/*
 * Step 3. In the child, after setresuid(2). -EPERM names what the process lacks. Afterwards the process has exactly
 * `sets`.
 */
int caps_after_user(const struct caps_sets *sets, struct err *err);

/* The calling thread's own sets. 0 or -errno. */
int caps_current(struct caps_sets *ret, struct err *err);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a process may use, as far as it is a property of the process itself: rlimits, OOM score, scheduler, I/O
 * priority, CPU affinity, NUMA memory policy, umask, personality. All are inherited over fork and exec.
 *
 * Two functions, by who may do it:
 *  - limits_apply_outside() is for the parent, on the child's pid. Raising a hard limit or lowering the OOM score needs
 *    CAP_SYS_RESOURCE in the *initial* user namespace, which no process inside a user namespace has; real-time
 *    scheduling likewise needs CAP_SYS_NICE there. It may also be called with pid 0 for the calling process itself.
 *    Call it late (the child waits, set up as far as it goes): a tight RLIMIT_NOFILE, FSIZE, AS or CPU would hit the
 *    child's own setting up. A child that is another user by then is no hindrance: for its limits this thread takes on
 *    the child's real ids for a moment.
 *  - limits_apply_inside() is for the child: what can only be said of oneself. Just before the exec.
 */
#ifndef HULL_NAMESPACES_LIMITS_H
#define HULL_NAMESPACES_LIMITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "runtime/base/err.h"

#define LIMITS_UNLIMITED UINT64_MAX

struct limits_rlimit {
	int resource; /* RLIMIT_*, from rlimit_parse() */
	uint64_t soft, hard;
};

/* sched_setattr(2). */
struct limits_scheduler {
	int policy;				     /* SCHED_* */
	int nice;				     /* for OTHER and BATCH: -20..19 */
	int priority;				     /* for FIFO and RR: 1..99 */
	uint64_t flags;				     /* SCHED_FLAG_* */
	uint64_t runtime_ns, deadline_ns, period_ns; /* for DEADLINE */
};

/* set_mempolicy(2). */
struct limits_memory_policy {
	int mode;	   /* MPOL_* */
	int flags;	   /* MPOL_F_* */
	const char *nodes; /* "0-1,3", or NULL */
};

struct limits_io_priority {
	int class; /* IOPRIO_CLASS_*: 1 real-time, 2 best effort, 3 idle */
	int level; /* 0 (highest)..7 */
};

/* What is NULL, or not `has_`, stays as it is inherited. */
struct limits_request {
	const struct limits_rlimit *rlimits;
	size_t rlimit_count;
	bool has_oom_score_adj;
	int oom_score_adj; /* -1000..1000 */
	const struct limits_scheduler *scheduler;
	const struct limits_io_priority *io_priority;
	const char *cpus; /* CPU affinity, "0-3,5" */
	const struct limits_memory_policy *memory_policy;
	bool has_umask;
	mode_t umask;
	bool has_personality;
	unsigned long personality; /* PER_* and its flags */
};

/* "RLIMIT_NOFILE", "nofile" (Docker's --ulimit). The number, or -EINVAL. And back: "RLIMIT_NOFILE", or NULL. */
int rlimit_parse(const char *name);
const char *rlimit_name(int resource);

/*
 * OCI's words. The value, or -EINVAL. "SCHED_FIFO"; "SCHED_FLAG_RESET_ON_FORK"; "IOPRIO_CLASS_BE"; "MPOL_BIND";
 * "MPOL_F_STATIC_NODES"; "LINUX32".
 */
int limits_parse_policy(const char *word);
int64_t limits_parse_scheduler_flag(const char *word);
int limits_parse_io_class(const char *word);
int limits_parse_memory_mode(const char *word);
int limits_parse_memory_flag(const char *word);
int64_t limits_parse_personality(const char *word);
/* The memory modes and flags known, NULL-terminated, for `features`. */
const char *const *limits_memory_mode_words(void);
const char *const *limits_memory_flag_words(void);

/*
 * A list of numbers such as "0-3,5" into a bit set of `bits` bits (a multiple of 64). 0, -EINVAL (not a list), -ERANGE
 * (a number past the end). Spaces around numbers are allowed, as in OCI's execCPUAffinity.
 */
int limits_parse_list(const char *list, uint64_t *ret_set, unsigned bits);

/*
 * Pure: ranges and combinations. -EINVAL with words that do not say which part they are of: ask for one at a time. For
 * the plan.
 */
int limits_check(const struct limits_request *request, struct err *err);

/*
 * Rlimits, OOM score, scheduler, I/O priority, affinity, on process `pid` (0: the caller). /proc must be the host's.
 * See above.
 */
int limits_apply_outside(const struct limits_request *request, pid_t pid, struct err *err);
/*
 * Whether limits_apply_outside() can be left to the child itself, which has no right to raise anything: there are
 * rlimits only, and all of them at most as high as the caller's own, which the child inherits.
 */
bool limits_only_fall(const struct limits_request *request);
/* Umask, memory policy, personality, on the caller. */
int limits_apply_inside(const struct limits_request *request, struct err *err);

/* sched_setaffinity(2) on its own, for exec's "initial" and "final" CPU lists. */
int limits_set_affinity(pid_t pid, const char *cpus, struct err *err);

#endif

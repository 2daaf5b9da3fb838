// SPDX-License-Identifier: GPL-2.0-or-later
#include "namespaces/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/ioprio.h>
#include <linux/mempolicy.h>
#include <linux/sched.h>
#include <linux/sched/types.h>
#include <stdio.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/base/file.h"
#include "runtime/base/scope.h"
#include "runtime/base/text.h"

#ifndef SCHED_ISO
#define SCHED_ISO 4
#endif

#define SET_BITS  1024 /* CPUs and memory nodes that a list can name */
#define SET_WORDS (SET_BITS / 64)

/*
 * Lists
 * ---------------------------------------------------------------------------------------------------------------------
 */

/* One number of a list, spaces around it. Returns what follows it, or NULL. */
static const char *list_number(const char *at, unsigned *ret)
{
	unsigned value = 0, digits = 0;

	while (*at == ' ')
		at++;
	for (; *at >= '0' && *at <= '9'; at++, digits++) {
		if (digits > 6)
			return NULL;
		value = value * 10 + (unsigned)(*at - '0');
	}
	while (*at == ' ')
		at++;
	*ret = value;
	return digits ? at : NULL;
}

int limits_parse_list(const char *list, uint64_t *ret_set, unsigned bits)
{
	const char *at = list;

	memset(ret_set, 0, bits / 8);
	for (;;) {
		unsigned first, last;

		at = list_number(at, &first);
		last = first;
		if (at && *at == '-')
			at = list_number(at + 1, &last);
		if (!at || last < first)
			return -EINVAL;
		if (last >= bits)
			return -ERANGE;
		for (unsigned i = first; i <= last; i++)
			ret_set[i / 64] |= UINT64_C(1) << (i % 64);
		if (*at == '\0')
			return 0;
		if (*at++ != ',')
			return -EINVAL;
	}
}

static int check_list(const char *what, const char *list, uint64_t *ret_set, struct err *err)
{
	int r = limits_parse_list(list, ret_set, SET_BITS);

	if (r == -ERANGE)
		return err_say(err, EINVAL, "%s '%s': numbers go up to %d", what, list, SET_BITS - 1);
	if (r < 0)
		return err_say(err, EINVAL, "%s '%s': want a list such as 0-3,5", what, list);
	return 0;
}

/*
 * Checks
 * ---------------------------------------------------------------------------------------------------------------------
 */

static int check_rlimits(const struct limits_request *request, struct err *err)
{
	uint32_t seen = 0;

	for (size_t i = 0; i < request->rlimit_count; i++) {
		const struct limits_rlimit *limit = &request->rlimits[i];
		const char *name = rlimit_name(limit->resource);

		if (!name)
			return err_say(err, EINVAL, "rlimit %d: there is none of that number", limit->resource);
		if (seen & (1u << limit->resource))
			return err_say(err, EINVAL, "%s is given twice", name);
		seen |= 1u << limit->resource;
		if (limit->soft > limit->hard)
			return err_say(err, EINVAL, "%s: the soft limit %" PRIu64 " is above the hard limit %" PRIu64,
				       name, limit->soft, limit->hard);
	}
	return 0;
}

static int check_scheduler(const struct limits_scheduler *scheduler, struct err *err)
{
	bool realtime = scheduler->policy == SCHED_FIFO || scheduler->policy == SCHED_RR;
	bool deadline = scheduler->policy == SCHED_DEADLINE;

	if (scheduler->policy == SCHED_ISO)
		return err_say(err, ENOTSUP, "no Linux kernel has SCHED_ISO");
	if (scheduler->policy < 0 || scheduler->policy > SCHED_DEADLINE)
		return err_say(err, EINVAL, "there is no policy %d", scheduler->policy);
	if (scheduler->nice < -20 || scheduler->nice > 19)
		return err_say(err, EINVAL, "nice %d is not within -20..19", scheduler->nice);
	if (realtime ? scheduler->priority < 1 || scheduler->priority > 99 : scheduler->priority != 0)
		return err_say(err, EINVAL, "priority %d: want 1..99 with SCHED_FIFO and SCHED_RR, else 0",
			       scheduler->priority);
	if (!deadline && (scheduler->runtime_ns || scheduler->deadline_ns || scheduler->period_ns))
		return err_say(err, EINVAL, "runtime, deadline and period are for SCHED_DEADLINE");
	if (deadline && (scheduler->runtime_ns == 0 || scheduler->runtime_ns > scheduler->deadline_ns ||
			 (scheduler->period_ns && scheduler->deadline_ns > scheduler->period_ns)))
		return err_say(err, EINVAL, "want 0 < runtime <= deadline <= period");
	return 0;
}

static int check_memory_policy(const struct limits_memory_policy *policy, struct err *err)
{
	bool has_nodes = !text_is_empty(policy->nodes);
	uint64_t nodes[SET_WORDS];

	if ((policy->flags & MPOL_F_STATIC_NODES) && (policy->flags & MPOL_F_RELATIVE_NODES))
		return err_say(err, EINVAL, "static and relative nodes exclude one another");
	if (has_nodes && (policy->mode == MPOL_DEFAULT || policy->mode == MPOL_LOCAL))
		return err_say(err, EINVAL, "this mode takes no nodes");
	/* MPOL_PREFERRED without nodes means the local one. */
	if (!has_nodes && policy->mode != MPOL_DEFAULT && policy->mode != MPOL_LOCAL && policy->mode != MPOL_PREFERRED)
		return err_say(err, EINVAL, "this mode needs nodes");
	return has_nodes ? check_list("nodes", policy->nodes, nodes, err) : 0;
}

int limits_check(const struct limits_request *request, struct err *err)
{
	uint64_t cpus[SET_WORDS];
	int r = check_rlimits(request, err);

	if (r < 0)
		return r;
	if (request->has_oom_score_adj && (request->oom_score_adj < -1000 || request->oom_score_adj > 1000))
		return err_say(err, EINVAL, "OOM score adjustment %d is not within -1000..1000",
			       request->oom_score_adj);
	if (request->has_umask && request->umask > 0777)
		return err_say(err, EINVAL, "umask %#o is above 0777", request->umask);
	if (request->scheduler && (r = check_scheduler(request->scheduler, err)) < 0)
		return r;
	if (request->io_priority &&
	    (request->io_priority->class < IOPRIO_CLASS_RT || request->io_priority->class > IOPRIO_CLASS_IDLE ||
	     request->io_priority->level < 0 || request->io_priority->level > 7))
		return err_say(err, EINVAL, "class %d, level %d: levels are 0..7", request->io_priority->class,
			       request->io_priority->level);
	if (request->memory_policy && (r = check_memory_policy(request->memory_policy, err)) < 0)
		return r;
	return request->cpus ? check_list("CPU list", request->cpus, cpus, err) : 0;
}

/*
 * Applying, from outside
 * ------------------------------------------------------------------------------------------------------
 */

#define BOUND_BYTES 24

/* "unlimited" as shells say it, or the number. */
static const char *bound_words(uint64_t bound, char to[static BOUND_BYTES])
{
	if (bound == LIMITS_UNLIMITED)
		return "unlimited";
	(void)snprintf(to, BOUND_BYTES, "%" PRIu64, bound);
	return to;
}

/* The real user and group of a process, as /proc tells them: 0, or a negative errno. */
static int look_at_ids(pid_t pid, uid_t *ret_uid, gid_t *ret_gid)
{
	char path[32], words[4096];
	const char *ids;
	CLEANUP_FD int fd = -1;
	ssize_t len;

	(void)snprintf(path, sizeof(path), "/proc/%d/status", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	len = fd < 0 ? -1 : read(fd, words, sizeof(words) - 1);
	words[len < 0 ? 0 : len] = '\0';
	ids = strstr(words, "\nUid:");
	return ids && sscanf(ids, "\nUid: %u %*u %*u %*u Gid: %u", ret_uid, ret_gid) == 2 ? 0 : -ESRCH;
}

/*
 * prlimit(2) on a process that has become another user. For that the kernel wants CAP_SYS_RESOURCE, which not every
 * root has, or that both have the same real ids: this thread borrows them for the call. (Its effective ids and its
 * capabilities stay: system calls, since the C library would change all threads.)
 */
static int prlimit_as_its_user(pid_t pid, int resource, const struct rlimit64 *value, struct rlimit64 *ret_old)
{
	uid_t uid, own_uid = getuid();
	gid_t gid, own_gid = getgid();
	int result = look_at_ids(pid, &uid, &gid);

	if (result < 0)
		return result;
	if (syscall(SYS_setresgid, gid, -1, -1) < 0)
		return -errno;
	if (syscall(SYS_setresuid, uid, -1, -1) < 0 || prlimit64(pid, resource, value, ret_old) < 0)
		result = -errno;
	(void)syscall(SYS_setresuid, own_uid, -1, -1);
	(void)syscall(SYS_setresgid, own_gid, -1, -1);
	return result;
}

static int change_rlimit(pid_t pid, int resource, const struct rlimit64 *value, struct rlimit64 *ret_old)
{
	if (prlimit64(pid, resource, value, ret_old) == 0)
		return 0;
	return errno == EPERM && pid ? prlimit_as_its_user(pid, resource, value, ret_old) : -errno;
}

static int apply_rlimit(const struct limits_rlimit *limit, pid_t pid, struct err *err)
{
	struct rlimit64 value = {limit->soft, limit->hard}, now;
	char hard[BOUND_BYTES], other[BOUND_BYTES];
	int result;

	result = change_rlimit(pid, limit->resource, &value, NULL);
	if (result >= 0)
		return 0;
	if (result == -EPERM && change_rlimit(pid, limit->resource, NULL, &now) == 0 && limit->hard > now.rlim_max)
		return err_say(err, EPERM,
			       "%s: raising the hard limit from %s to %s needs CAP_SYS_RESOURCE, which this process "
			       "lacks",
			       rlimit_name(limit->resource), bound_words(now.rlim_max, other),
			       bound_words(limit->hard, hard));
	return err_set(err, -result, "%s: set to %s:%s", rlimit_name(limit->resource), bound_words(limit->soft, other),
		       bound_words(limit->hard, hard));
}

static int apply_oom_score(int value, pid_t pid, struct err *err)
{
	char path[48], words[16];
	int r;

	if (pid)
		snprintf(path, sizeof(path), "/proc/%d/oom_score_adj", pid);
	else
		snprintf(path, sizeof(path), "/proc/self/oom_score_adj");
	snprintf(words, sizeof(words), "%d", value);
	r = file_write_value(AT_FDCWD, path, words);
	if (r == -EACCES || r == -EPERM)
		return err_say(err, -r,
			       "OOM score adjustment %d: going below what was set before needs CAP_SYS_RESOURCE, which "
			       "this process lacks",
			       value);
	return r < 0 ? err_set(err, -r, "OOM score adjustment %d", value) : 0;
}

static int apply_scheduler(const struct limits_scheduler *scheduler, pid_t pid, struct err *err)
{
	struct sched_attr attr = {.size = sizeof(attr),
				  .sched_policy = (uint32_t)scheduler->policy,
				  .sched_flags = scheduler->flags,
				  .sched_nice = scheduler->nice,
				  .sched_priority = (uint32_t)scheduler->priority,
				  .sched_runtime = scheduler->runtime_ns,
				  .sched_deadline = scheduler->deadline_ns,
				  .sched_period = scheduler->period_ns};

	int code;

	if (syscall(SYS_sched_setattr, pid, &attr, 0) == 0)
		return 0;
	code = errno;
	(void)err_set(err, code, "scheduler: policy %d, nice %d, priority %d", scheduler->policy, scheduler->nice,
		      scheduler->priority);
	/* cgroup v1 gives a new cgroup no real time at all. */
	if (code == EPERM && (scheduler->policy == SCHED_FIFO || scheduler->policy == SCHED_RR))
		(void)err_hint(err,
			       "the container's cgroup has no real time (cpu.realtimeRuntime), or this process lacks "
			       "CAP_SYS_NICE");
	return -code;
}

static int apply_io_priority(const struct limits_io_priority *priority, pid_t pid, struct err *err)
{
	int value = priority->class << IOPRIO_CLASS_SHIFT | priority->level;

	if (syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, pid, value) < 0)
		return err_set(err, errno, "I/O priority: class %d, level %d", priority->class, priority->level);
	return 0;
}

int limits_set_affinity(pid_t pid, const char *cpus, struct err *err)
{
	uint64_t set[SET_WORDS];
	int r = check_list("CPU list", cpus, set, err);

	if (r < 0)
		return r;
	if (syscall(SYS_sched_setaffinity, pid, sizeof(set), set) < 0)
		return errno == EINVAL ? err_say(err, EINVAL,
						 "CPU list '%s': none of these CPUs is there for this process", cpus)
				       : err_set(err, errno, "CPU list '%s'", cpus);
	return 0;
}

int limits_apply_outside(const struct limits_request *request, pid_t pid, struct err *err)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < request->rlimit_count; i++)
		r = apply_rlimit(&request->rlimits[i], pid, err);
	if (r >= 0 && request->has_oom_score_adj)
		r = apply_oom_score(request->oom_score_adj, pid, err);
	if (r >= 0 && request->scheduler)
		r = apply_scheduler(request->scheduler, pid, err);
	if (r >= 0 && request->io_priority)
		r = apply_io_priority(request->io_priority, pid, err);
	if (r >= 0 && request->cpus)
		r = limits_set_affinity(pid, request->cpus, err);
	return r;
}

bool limits_only_fall(const struct limits_request *request)
{
	if (request->has_oom_score_adj || request->scheduler || request->io_priority || request->cpus)
		return false;
	for (size_t i = 0; i < request->rlimit_count; i++) {
		const struct limits_rlimit *limit = &request->rlimits[i];
		struct rlimit64 now;

		if (change_rlimit(0, limit->resource, NULL, &now) < 0 || limit->hard > now.rlim_max)
			return false;
	}
	return true;
}

/*
 * Applying, to oneself
 * --------------------------------------------------------------------------------------------------------
 */

static int apply_memory_policy(const struct limits_memory_policy *policy, struct err *err)
{
	bool has_nodes = !text_is_empty(policy->nodes);
	uint64_t nodes[SET_WORDS];
	int r = has_nodes ? check_list("memory policy: nodes", policy->nodes, nodes, err) : 0;

	if (r < 0)
		return r;
	/* The kernel reads one bit less than it is told. */
	if (syscall(SYS_set_mempolicy, policy->mode | policy->flags, has_nodes ? nodes : NULL,
		    has_nodes ? SET_BITS + 1 : 0) < 0)
		return err_set(err, errno, "memory policy: mode %d, nodes '%s'", policy->mode,
			       has_nodes ? policy->nodes : "");
	return 0;
}

int limits_apply_inside(const struct limits_request *request, struct err *err)
{
	int r;

	if (request->memory_policy) {
		r = apply_memory_policy(request->memory_policy, err);
		if (r < 0)
			return r;
	}
	if (request->has_personality && personality(request->personality) < 0)
		return err_set(err, errno, "personality %#lx", request->personality);
	if (request->has_umask)
		(void)umask(request->umask);
	return 0;
}

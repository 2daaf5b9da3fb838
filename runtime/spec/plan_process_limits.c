/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a process is held to: its rlimits, priorities, CPUs, personality and memory. */
#include <inttypes.h>
#include <string.h>

#include "runtime/spec/plan_process_parts.h"

#define MAX_CPU_COUNT 8192 /* the kernel's NR_CPUS at most */

/* What the kernel's own rules say of one part of the limits; `member` is where it came from. */
static int check_part(const char *member, const struct limits_request *part, struct err *err)
{
	return limits_check(part, err) < 0 ? err_wrap(err, "%s", member) : 0;
}

static int take_rlimits(struct processing *w, struct err *err)
{
	size_t count = w->from->rlimits.count;
	struct limits_rlimit *rlimits = arena_array(w->arena, count + 1, sizeof(*rlimits));

	if (!rlimits)
		return plan_process_no_memory(w, err);
	for (size_t i = 0; i < count; i++) {
		const struct config_rlimit *from = &w->from->rlimits.items[i];
		int resource = text_starts(from->type, "RLIMIT_") ? rlimit_parse(from->type) : -EINVAL;

		if (resource < 0)
			return err_say(err, EINVAL, "process.rlimits[%zu].type: '%s' is not known", i, from->type);
		if (from->soft > from->hard)
			return err_say(err, EINVAL, "process.rlimits[%zu]: %s: soft %" PRIu64 " is above hard %" PRIu64,
				       i, from->type, from->soft, from->hard);
		for (size_t before = 0; before < i; before++)
			if (rlimits[before].resource == resource)
				return err_say(err, EINVAL, "process.rlimits[%zu]: %s is there twice", i, from->type);
		rlimits[i] = (struct limits_rlimit){resource, from->soft, from->hard};
	}
	w->to->limits.rlimits = rlimits;
	w->to->limits.rlimit_count = count;
	return 0;
}

static int take_scheduler(struct processing *w, struct err *err)
{
	const struct config_scheduler *from = w->from->scheduler;
	struct limits_scheduler *to;

	if (!from)
		return 0;
	to = ARENA_NEW(w->arena, struct limits_scheduler);
	if (!to)
		return plan_process_no_memory(w, err);
	*to = (struct limits_scheduler){
		.policy = limits_parse_policy(from->policy),
		.nice = from->nice,
		.priority = from->priority,
		.runtime_ns = from->runtime,
		.deadline_ns = from->deadline,
		.period_ns = from->period,
	};
	if (to->policy < 0)
		return err_say(err, EINVAL, "process.scheduler.policy: '%s' is not known", from->policy);
	for (size_t i = 0; i < from->flags.count; i++) {
		int64_t flag = limits_parse_scheduler_flag(from->flags.items[i]);

		if (flag < 0)
			return err_say(err, EINVAL, "process.scheduler.flags[%zu]: '%s' is not known", i,
				       from->flags.items[i]);
		to->flags |= (uint64_t)flag;
	}
	w->to->limits.scheduler = to;
	return check_part("process.scheduler", &(struct limits_request){.scheduler = to}, err);
}

static int take_io_priority(struct processing *w, struct err *err)
{
	const struct config_io_priority *from = w->from->io_priority;
	struct limits_io_priority *to;

	if (!from)
		return 0;
	to = ARENA_NEW(w->arena, struct limits_io_priority);
	if (!to)
		return plan_process_no_memory(w, err);
	*to = (struct limits_io_priority){.class = limits_parse_io_class(from->io_class), .level = from->priority};
	if (to->class < 0)
		return err_say(err, EINVAL, "process.ioPriority.class: '%s' is not known", from->io_class);
	w->to->limits.io_priority = to;
	return check_part("process.ioPriority", &(struct limits_request){.io_priority = to}, err);
}

static int take_oom_score(struct processing *w, struct err *err)
{
	struct opt_i64 from = w->from->oom_score_adj;

	if (from.set && (from.value < -1000 || from.value > 1000))
		return err_say(err, EINVAL, "process.oomScoreAdj: %" PRId64 " is not between -1000 and 1000",
			       from.value);
	w->to->limits.has_oom_score_adj = from.set;
	w->to->limits.oom_score_adj = (int)from.value;
	return 0;
}

static int take_cpus(const char *member, const char *from, const char **to, struct err *err)
{
	uint64_t set[MAX_CPU_COUNT / 64] = {0};

	if (text_is_empty(from))
		return 0;
	if (limits_parse_list(from, set, MAX_CPU_COUNT) < 0)
		return err_say(err, EINVAL, "process.execCPUAffinity.%s: '%s' is no list of CPUs", member, from);
	*to = from;
	return 0;
}

/* --- what linux says of the process ------------------------------------------------------------------------------- */

static int take_personality(struct processing *w, const struct config_linux *os, struct err *err)
{
	const struct config_personality *from = os->personality;
	int64_t number;

	if (!from)
		return 0;
	if (from->flags.count)
		return err_say(err, ENOTSUP, "linux.personality.flags: '%s': the specification has no flags yet",
			       from->flags.items[0]);
	number = limits_parse_personality(from->domain ? from->domain : "LINUX");
	if (number < 0)
		return err_say(err, EINVAL, "linux.personality.domain: '%s' is not known", from->domain);
	w->to->limits.has_personality = true;
	w->to->limits.personality = (unsigned long)number;
	return 0;
}

static int take_memory_policy(struct processing *w, const struct config_linux *os, struct err *err)
{
	const struct config_memory_policy *from = os->memory_policy;
	struct limits_memory_policy *to;

	if (!from)
		return 0;
	if (text_is_empty(from->mode))
		return err_say(err, EINVAL, "linux.memoryPolicy.mode: missing");
	to = ARENA_NEW(w->arena, struct limits_memory_policy);
	if (!to)
		return plan_process_no_memory(w, err);
	*to = (struct limits_memory_policy){
		.mode = limits_parse_memory_mode(from->mode),
		.nodes = text_is_empty(from->nodes) ? NULL : from->nodes,
	};
	if (to->mode < 0)
		return err_say(err, EINVAL, "linux.memoryPolicy.mode: '%s' is not known", from->mode);
	for (size_t i = 0; i < from->flags.count; i++) {
		int flag = limits_parse_memory_flag(from->flags.items[i]);

		if (flag < 0)
			return err_say(err, EINVAL, "linux.memoryPolicy.flags[%zu]: '%s' is not known", i,
				       from->flags.items[i]);
		to->flags |= flag;
	}
	w->to->limits.memory_policy = to;
	return check_part("linux.memoryPolicy", &(struct limits_request){.memory_policy = to}, err);
}

/* --- all of them -------------------------------------------------------------------------------------------------- */

int plan_process_limits(struct processing *w, const struct config_linux *os, struct err *err)
{
	const struct config_cpu_affinity *cpus = w->from->exec_cpu_affinity;
	int r = take_rlimits(w, err);

	if (r == 0)
		r = take_oom_score(w, err);
	if (r == 0)
		r = take_scheduler(w, err);
	if (r == 0)
		r = take_io_priority(w, err);
	if (r == 0 && cpus)
		r = take_cpus("initial", cpus->initial, &w->to->exec_cpus_initial, err);
	if (r == 0 && cpus)
		r = take_cpus("final", cpus->final, &w->to->exec_cpus_final, err);
	if (r == 0)
		r = take_personality(w, os, err);
	return r < 0 ? r : take_memory_policy(w, os, err);
}

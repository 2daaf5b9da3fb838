// SPDX-License-Identifier: GPL-2.0-or-later
/* Limits, sysctls, and what the keeper is told. */
#include <errno.h>
#include <string.h>

#include "cgroups/cg.h"
#include "cli/bundle.h"
#include "cli/bundle_parts.h"

#define CPU_PERIOD_US	  100000
#define LEAST_CPU_US	  1000 /* of a quota and of a period, the kernel's */
#define MOST_CPU_US	  1000000
#define DEFAULT_PIDS	  2048		     /* enough for nearly everything, and a fork bomb ends */
#define MOST_PIDS	  4194304	     /* the kernel's own bound on 64 bits */
#define LEAST_MEMORY	  ((int64_t)6 << 20) /* Docker's: with less a container may be killed while it is made */
#define DEFAULT_LOG_BYTES ((uint64_t)10 << 20)
#define DEFAULT_LOG_FILES 5

/* --- Limits ------------------------------------------------------------------------------------------------------- */

static struct opt_i64 bytes_of(const char *words)
{
	uint64_t bytes = 0;

	if (!words)
		return (struct opt_i64){0};
	if (strcmp(words, "-1") == 0)
		return (struct opt_i64){true, -1};
	/* 0 is no bound, as in Docker. */
	return text_size(words, &bytes) < 0 || bytes > INT64_MAX || bytes == 0 ? (struct opt_i64){0}
									       : (struct opt_i64){true, (int64_t)bytes};
}

static struct opt_i64 number_of(const char *words)
{
	struct opt_i64 number = {0};

	number.set = words && text_i64(words, &number.value) == 0;
	return number;
}

static int limit_memory(struct bundling *b, struct err *err)
{
	struct config_memory *memory = &b->resources->memory;

	memory->limit = bytes_of(b->options->memory);
	memory->reservation = bytes_of(b->options->memory_reservation);
	memory->swap = bytes_of(b->options->memory_swap);
	if (memory->limit.set && memory->limit.value < LEAST_MEMORY)
		return err_say(err, EINVAL, "option '--memory': '%s' is too little for a container: want 6m or more",
			       b->options->memory);
	if (memory->swap.set && !memory->limit.set)
		return err_say(err, EINVAL,
			       "option '--memory-swap' is memory and swap together: it goes with '--memory'");
	if (memory->swap.set && memory->swap.value >= 0 && memory->swap.value < memory->limit.value)
		return err_say(err, EINVAL,
			       "option '--memory-swap' is memory and swap together: it cannot be less than '--memory'");
	return 0;
}

static int take_cpu_time(struct bundling *b, struct err *err)
{
	const struct run_options *o = b->options;
	struct opt_i64 quota = number_of(o->cpu_quota), period = number_of(o->cpu_period);
	struct config_cpu *cpu = &b->resources->cpu;
	uint64_t thousandths;

	if (o->cpus && (quota.set || period.set))
		return err_say(err, EINVAL,
			       "option '--cpus' is a quota and its period: '--cpu-quota' and '--cpu-period' cannot be "
			       "had besides");
	if (quota.set && quota.value != -1 && quota.value < LEAST_CPU_US)
		return err_say(err, EINVAL, "option '--cpu-quota': '%s': %d microseconds or more, or -1 for any",
			       o->cpu_quota, LEAST_CPU_US);
	if (period.set && (period.value < LEAST_CPU_US || period.value > MOST_CPU_US))
		return err_say(err, EINVAL, "option '--cpu-period': '%s': %d to %d microseconds", o->cpu_period,
			       LEAST_CPU_US, MOST_CPU_US);
	cpu->quota = quota;
	cpu->period = (struct opt_u64){period.set, (uint64_t)period.value};
	if (o->cpus && text_fixed(o->cpus, 3, &thousandths) == 0) {
		cpu->period = (struct opt_u64){true, CPU_PERIOD_US};
		cpu->quota = (struct opt_i64){true, (int64_t)(thousandths * (CPU_PERIOD_US / 1000))};
	}
	return 0;
}

static int limit_cpu(struct bundling *b, struct err *err)
{
	struct config_cpu *cpu = &b->resources->cpu;
	struct opt_i64 shares = number_of(b->options->cpu_shares);

	if (shares.set && shares.value < 2)
		return err_say(err, EINVAL, "option '--cpu-shares': at least 2");
	cpu->shares = (struct opt_u64){shares.set, (uint64_t)shares.value};
	cpu->cpus = b->options->cpuset_cpus;
	cpu->mems = b->options->cpuset_mems;
	return take_cpu_time(b, err);
}

/* A bound that nobody asked for must not keep a container from starting on a host that has no such controller. */
static bool can_limit_pids(const char *path)
{
	struct cg_limits limits = {.pids_limit = {true, DEFAULT_PIDS}};
	struct cg_request request = {.driver = CG_DRIVER_CGROUPFS, .path = path, .limits = &limits};
	struct err ignored = ERR_INIT;

	return cg_check(&request, &ignored) == 0;
}

static int take_pids(struct bundling *b, struct err *err)
{
	struct opt_i64 wanted = number_of(b->options->pids_limit);

	if (wanted.set && (wanted.value < -1 || wanted.value == 0 || wanted.value > MOST_PIDS))
		return err_say(err, EINVAL, "option '--pids-limit': '%s': 1 to %d, or -1 for any number",
			       b->options->pids_limit, MOST_PIDS);
	b->resources->pids.limit = wanted;
	return 0;
}

static int limit_pids(struct bundling *b, struct err *err)
{
	int result = take_pids(b, err);

	if (result >= 0 && !b->resources->pids.limit.set && can_limit_pids(b->os->cgroups_path))
		b->resources->pids.limit = (struct opt_i64){true, DEFAULT_PIDS};
	return result;
}

int bundle_new_limits(struct arena *arena, const struct run_options *options, struct config_resources *ret,
		      struct err *err)
{
	struct bundling b = {.arena = arena, .options = options, .resources = ret};
	int result;

	*ret = (struct config_resources){0};
	result = limit_memory(&b, err);

	/* 0 is no bound: here it takes one away. */
	if (result >= 0 && options->memory && !ret->memory.limit.set)
		ret->memory.limit = (struct opt_i64){true, -1};
	if (result >= 0)
		result = limit_cpu(&b, err);
	return result < 0 ? result : take_pids(&b, err);
}

static int set_sysctl(struct bundling *b, const char *words, struct err *err)
{
	const char *equals = strchr(words, '=');
	const char *name = equals ? arena_strndup(b->arena, words, (size_t)(equals - words)) : NULL;

	if (!equals || equals == words)
		return err_say(err, EINVAL, "option '--sysctl': '%s': want NAME=VALUE", words);
	return !name || strmap_set(b->arena, &b->os->sysctl, name, equals + 1) < 0 ? arena_check(b->arena, err) : 0;
}

int bundle_limits(struct bundling *b, struct err *err)
{
	int result;

	b->os->cgroups_path = arena_printf(b->arena, "/hull/%s", b->request->id);
	result = arena_check(b->arena, err);
	if (result >= 0)
		result = limit_memory(b, err);
	if (result >= 0)
		result = limit_cpu(b, err);
	if (result >= 0)
		result = limit_pids(b, err);
	for (size_t i = 0; result >= 0 && i < b->options->sysctls.count; i++)
		result = set_sysctl(b, b->options->sysctls.items[i], err);
	return result;
}

/* --- Keeper ------------------------------------------------------------------------------------------------------- */

static int set_log(struct bundling *b, const char *words, struct err *err)
{
	struct extension_log *log = &b->extension->log;

	if (text_starts(words, "max-size=") && text_size(words + strlen("max-size="), &log->max_bytes) == 0)
		return 0;
	if (text_starts(words, "max-file=") && text_u32(words + strlen("max-file="), &log->max_files) == 0 &&
	    log->max_files > 0)
		return 0;
	return err_say(err, EINVAL, "option '--log-opt': '%s': want max-size=SIZE or max-file=N", words);
}

/* The words were checked when they were parsed. */
static void set_restart(struct bundling *b)
{
	struct extension_restart *restart = &b->extension->restart;
	const char *words = b->options->restart;

	if (!words || strcmp(words, "no") == 0)
		return;
	/* A stopped one is started by nobody here, and none is after a boot: 'unless-stopped' is 'always'. */
	restart->policy = text_starts(words, "on-failure") ? RESTART_ON_FAILURE : RESTART_ALWAYS;
	if (text_starts(words, "on-failure:"))
		(void)text_u32(words + strlen("on-failure:"), &restart->max_retries);
}

int bundle_keeping(struct bundling *b, struct err *err)
{
	const struct run_options *o = b->options;
	const char *image_signal = b->request->image ? b->request->image->config.stop_signal : NULL;

	b->extension->auto_remove = o->remove;
	b->extension->interactive = o->interactive;
	b->extension->init = o->init;
	b->extension->detach_keys = o->detach_keys;
	b->extension->stop_signal = o->stop_signal ? o->stop_signal : image_signal;
	b->extension->stop_timeout = number_of(o->stop_timeout);
	b->extension->log = (struct extension_log){
		.path = arena_printf(b->arena, "%s/log", b->request->data_dir),
		.max_bytes = DEFAULT_LOG_BYTES,
		.max_files = DEFAULT_LOG_FILES,
	};
	set_restart(b);
	if (o->remove && b->extension->restart.policy != RESTART_NO)
		return err_say(err, EINVAL, "'--rm' and '--restart' contradict one another");
	for (size_t i = 0; i < o->log_options.count; i++) {
		int result = set_log(b, o->log_options.items[i], err);

		if (result < 0)
			return result;
	}
	return arena_check(b->arena, err);
}

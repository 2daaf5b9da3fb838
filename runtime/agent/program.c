// SPDX-License-Identifier: GPL-2.0-or-later
/* From a document to a running process: the plan and the phases are those of any container; the guest is their host. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cgroups/cg.h"
#include "cgroups/limits_host.h"
#include "runtime/agent/agent.h"
#include "runtime/base/host.h"
#include "runtime/base/process.h"
#include "runtime/core/cgroup_driver.h"
#include "runtime/core/create.h"
#include "runtime/core/exec.h"

/* --- The first program -------------------------------------------------------------------------------------------- */

/* The agent itself is never chosen when memory runs out; what it makes must not inherit that. */
static void unprotect(struct config_process *process)
{
	if (process && !process->oom_score_adj.set)
		process->oom_score_adj = (struct opt_i64){.set = true, .value = 0};
}

/* Of pages of a size that this kernel does not have nobody can take any: there is nothing to be limited. */
static void drop_absent_pages(struct config_resources *resources)
{
	size_t kept = 0;

	for (size_t i = 0; resources && i < resources->hugepage_limits.count; i++)
		if (cg_host_has_pages(resources->hugepage_limits.items[i].page_size))
			resources->hugepage_limits.items[kept++] = resources->hugepage_limits.items[i];
	if (resources)
		resources->hugepage_limits.count = kept;
}

/* What START leaves to the guest. */
static int complete_config(struct agent *agent, struct err *err)
{
	const struct guest_start *start = &agent->start;
	struct config *config = &agent->config;
	int result;

	*config = *start->config;
	config->root = ARENA_NEW(&agent->arena, struct config_root);
	if (!config->linux_)
		config->linux_ = ARENA_NEW(&agent->arena, struct config_linux);
	if (!config->root || !config->linux_)
		return arena_check(&agent->arena, err);
	*config->root = (struct config_root){.path = GUEST_ROOT, .readonly = start->root.read_only};
	unprotect(config->process);
	drop_absent_pages(config->linux_->resources);
	result = wires_sysctls(&agent->arena, config, err);
	if (result >= 0)
		result = devices_add(&agent->arena, config, err);
	return result < 0 ? result : wires_files(&start->files, &agent->arena, config, err);
}

/* hull.json's part of it. The network is the guest's own: the container is in no other. */
static void complete_extension(struct agent *agent)
{
	const struct guest_start *start = &agent->start;

	agent->extension = (struct extension){
		.version = EXTENSION_VERSION,
		.name = start->id,
		.network = {.mode = NETWORK_HOST},
		.user_words = start->user.user_words,
		.group_words = start->user.group_words,
		.default_seccomp = start->default_seccomp,
		.init = start->init,
	};
}

/* As the plan has it of a container's named volumes. */
static void fill_volumes(const struct guest_start *start, struct plan *plan)
{
	struct mount_request *mounts = (struct mount_request *)(uintptr_t)plan->root.mounts;

	for (size_t v = 0; v < start->volumes.count; v++)
		for (size_t i = 0; start->volumes.items[v].fill && i < plan->root.mount_count; i++)
			if (mounts[i].options.bind && mounts[i].source &&
			    strcmp(mounts[i].source, start->volumes.items[v].path) == 0)
				mounts[i].options.copy_up = true;
}

/* `:U`, as the plan has it of a container's volumes. */
static int own_volumes(struct agent *agent, struct plan *plan, struct err *err)
{
	for (size_t i = 0; i < agent->start.own.count; i++) {
		struct plan_chown *chown = LIST_ADD(&agent->arena, &plan->chowns);

		if (!chown)
			return arena_check(&agent->arena, err);
		*chown = (struct plan_chown){.source = agent->start.own.items[i]};
	}
	return 0;
}

static int plan_first(struct agent *agent, struct plan *ret, struct err *err)
{
	int result = complete_config(agent, err);

	if (result < 0)
		return result;
	complete_extension(agent);
	plan_host_probe(&agent->host);
	agent->host.id = agent->start.id;
	agent->host.bundle = AGENT_BUNDLE;
	result = plan_make(&agent->arena, &agent->config, &agent->extension, &agent->host, ret, err);
	if (result < 0)
		return result;
	fill_volumes(&agent->start, ret);
	return own_volumes(agent, ret, err);
}

static int prepare_guest(struct agent *agent, struct err *err)
{
	const struct guest_start *start = &agent->start;
	int result = start->image ? image_enter(start->image, err) : 0;

	if (result < 0)
		return err_wrap(err, "the machine's image");
	result = disks_mount(start, err);
	if (result >= 0)
		result = wires_network(start->network, err);
	if (result >= 0)
		result = wires_interfaces(start, err);
	if (result >= 0)
		result = store_open(AGENT_STATE, false, &agent->store, err);
	return result;
}

static int open_cgroup(struct agent *agent, const struct record *record, struct err *err)
{
	return cg_open(cgroup_driver_parse(record->cgroup.driver), record->cgroup.path, &agent->cgroup, err);
}

static int take_first(struct agent *agent, struct task *task, struct instance *instance, struct err *err)
{
	int result = open_cgroup(agent, &instance->record, err);

	task->pid = instance->init;
	task->pidfd = fd_take(&instance->init_pidfd);
	if (result >= 0 && instance->terminal >= 0)
		result = task_open_terminal(task, fd_take(&instance->terminal), err);
	return result;
}

static int create_first(struct agent *agent, struct task *task, const struct plan *plan, const int stdio[static 3],
			struct err *err)
{
	CLEANUP_INSTANCE struct instance instance;
	struct create_request request = {
		.store = &agent->store,
		.plan = plan,
		.stdio = {stdio[0], stdio[1], stdio[2]},
		.new_keyring = true,
	};
	int result = create_instance(&request, &agent->arena, &instance, err);

	return result < 0 ? result : take_first(agent, task, &instance, err);
}

/* The program's ends, which are of no use here once it has them. */
struct program_ends {
	int fds[3];
};
#define PROGRAM_ENDS_INIT             \
	{                             \
		.fds = { -1, -1, -1 } \
	}

static void close_ends(struct program_ends *ends)
{
	for (int number = 0; number < 3; number++)
		scope_fd(&ends->fds[number]);
}

int program_start(struct agent *agent, struct task *task, struct err *err)
{
	CLEANUP(close_ends) struct program_ends ends = PROGRAM_ENDS_INIT;
	struct plan *plan = ARENA_NEW(&agent->arena, struct plan);
	int result = guest_start_parse(&agent->arena, task->document.data, task->document.len, &agent->start, err);

	if (result >= 0 && !plan)
		result = arena_check(&agent->arena, err);
	if (result >= 0)
		result = prepare_guest(agent, err);
	if (result >= 0)
		result = plan_first(agent, plan, err);
	if (result >= 0 && !plan->has_process)
		result = err_say(err, EINVAL, "process: config.json has none");
	if (result >= 0 && !plan->process.terminal)
		result = task_open_streams(task, agent->start.interactive, false, ends.fds, err);
	return result < 0 ? result : create_first(agent, task, plan, ends.fds, err);
}

/* --- More processes ----------------------------------------------------------------------------------------------- */

static int run_exec(struct agent *agent, struct task *task, const struct plan_process *process,
		    const int stdio[static 3], struct err *err)
{
	struct exec_request request = {
		.store = &agent->store,
		.id = agent->start.id,
		.process = process,
		.stdio = {stdio[0], stdio[1], stdio[2]},
		.new_keyring = true,
	};
	struct exec_running running;
	int result = exec_start(&request, &running, err);

	if (result < 0)
		return result;
	task->pid = running.pid;
	task->pidfd = fd_take(&running.pidfd);
	if (running.terminal >= 0)
		result = task_open_terminal(task, fd_take(&running.terminal), err);
	return result;
}

int program_exec(struct agent *agent, struct task *task, struct err *err)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	CLEANUP(close_ends) struct program_ends ends = PROGRAM_ENDS_INIT;
	struct plan_process process;
	struct guest_exec exec;
	struct strv warnings = {0};
	int result = guest_exec_parse(&arena, task->document.data, task->document.len, &exec, err);

	if (result >= 0 && exec.question != GUEST_ASKS_NOTHING)
		return question_start(agent, task, &exec, err);
	if (result < 0)
		return result;
	unprotect(exec.process);
	result = plan_exec(&arena, &agent->config, &agent->extension, exec.process, &agent->host, &process, &warnings,
			   err);
	if (result < 0)
		return result;
	process.user_words = exec.user.user_words;
	process.group_words = exec.user.group_words;
	if (!process.terminal)
		result = task_open_streams(task, exec.interactive, exec.detached, ends.fds, err);
	return result < 0 ? result : run_exec(agent, task, &process, ends.fds, err);
}

/* --- All of them -------------------------------------------------------------------------------------------------- */

int program_stats(struct agent *agent, struct text *out, struct err *err)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	struct guest_stats stats = {.memory_total_bytes = host_memory_bytes()};
	int result = agent->cgroup ? cg_stat(agent->cgroup, &stats.stat, err) : 0;

	/* The container has no other network than the guest. */
	net_counters_read(&arena, getpid(), &stats.interfaces);
	return result < 0 ? result : guest_stats_write(&stats, out, err);
}

void program_signal_all(struct agent *agent, int signo)
{
	struct err ignored = ERR_INIT;

	if (agent->cgroup)
		(void)cg_signal(agent->cgroup, signo, &ignored);
}

bool program_ran_out_of_memory(struct agent *agent)
{
	return cg_ran_out_of_memory(agent->cgroup);
}

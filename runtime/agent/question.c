// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Questions to the agent. Each is answered by a child of it, so that an answer of any length goes the way that a
 * program's output goes, bounded and beside all else, and that nobody waits for it.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cgroups/cg.h"
#include "runtime/agent/agent.h"
#include "runtime/base/fd.h"
#include "runtime/base/process.h"
#include "runtime/core/processes.h"

static int tell_processes(struct agent *agent, const struct guest_exec *exec, struct err *err)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	CLEANUP_TEXT struct text lines = TEXT_INIT;
	process_rows rows;
	pid_t *pids;
	size_t count;
	int result = cg_pids(agent->cgroup, &arena, &pids, &count, err);

	(void)exec;
	if (result >= 0)
		result = processes_read(&arena, pids, count, &rows, err);
	if (result < 0)
		return result;
	processes_write(&rows, &lines);
	result = text_check(&lines, err);
	if (result >= 0)
		result = fd_write_all(STDOUT_FILENO, lines.data, lines.len);
	return result < 0 ? err_set(err, -result, "tell the processes") : 0;
}

static int set_limits(struct agent *agent, const struct guest_exec *exec, struct err *err)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	struct cg_limits limits;
	int result = plan_limits(&arena, exec->resources, &limits, err);

	return result < 0 ? result : cg_update(agent->cgroup, &limits, err);
}

static int (*const answers[])(struct agent *agent, const struct guest_exec *exec, struct err *err) = {
	[GUEST_ASKS_PROCESSES] = tell_processes,
	[GUEST_ASKS_LIMITS] = set_limits,
};

static __attribute__((noreturn)) void answer(struct agent *agent, const struct guest_exec *exec,
					     const int stdio[static 3])
{
	struct err err = ERR_INIT;
	int result;

	proc_reset_signals();
	for (int number = STDOUT_FILENO; number <= STDERR_FILENO; number++)
		(void)fd_place(stdio[number], number);
	result = answers[exec->question](agent, exec, &err);
	if (result < 0)
		dprintf(STDERR_FILENO, "%s\n", err.msg);
	_exit(result < 0 ? ERR_EXIT_FAILED : 0);
}

int question_start(struct agent *agent, struct task *task, const struct guest_exec *exec, struct err *err)
{
	struct proc_clone how = {.cgroup_fd = -1, .ret_pidfd = &task->pidfd};
	int stdio[3] = {-1, -1, -1};
	int result = agent->cgroup ? task_open_streams(task, false, false, stdio, err)
				   : err_say(err, ESRCH, "there is no container yet");

	if (result >= 0) {
		task->pid = proc_clone(&how);
		if (task->pid == 0)
			answer(agent, exec, stdio);
		if (task->pid < 0)
			result = err_set(err, -task->pid, "start a process");
	}
	for (int number = 0; number < 3; number++)
		scope_fd(&stdio[number]);
	return result < 0 ? result : 0;
}

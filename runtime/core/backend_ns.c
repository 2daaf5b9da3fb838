// SPDX-License-Identifier: GPL-2.0-or-later
/* Containers: what is inside are processes of this kernel, in a cgroup. */
#include "runtime/base/host.h"
#include "runtime/core/backend_parts.h"
#include "runtime/core/cgroup_driver.h"
#include "runtime/core/control.h"
#include "runtime/core/exec.h"
#include "runtime/core/instance.h"
#include "runtime/core/pidns.h"
#include "runtime/core/processes.h"
#include "runtime/core/usage.h"

static int list_pids(const struct record *record, struct arena *arena, pid_t **ret, size_t *ret_count, struct err *err)
{
	CLEANUP_CG struct cg *cgroup = NULL;
	int result;

	if (cgroup_recorded_none(record))
		return pidns_list(arena, &record->init, ret, ret_count, err);
	result = cgroup_open_recorded(record, &cgroup, err);
	return result < 0 ? result : cg_pids(cgroup, arena, ret, ret_count, err);
}

static int list_processes(const struct store *store, const struct control_view *view, struct arena *arena,
			  process_rows *ret, struct err *err)
{
	pid_t *pids, *later;
	size_t count, later_count, kept = 0;
	int result = list_pids(&view->record, arena, &pids, &count, err);

	(void)store;
	if (result >= 0)
		result = processes_read(arena, pids, count, ret, err);
	if (result >= 0)
		result = list_pids(&view->record, arena, &later, &later_count, err);
	if (result < 0)
		return result;
	count = processes_in_both(pids, count, later, later_count);
	for (size_t i = 0; i < ret->count; i++)
		if (processes_have(pids, count, ret->items[i].host_pid))
			ret->items[kept++] = ret->items[i];
	ret->count = kept;
	return 0;
}

static int read_usage(const struct store *store, const struct control_view *view, struct arena *arena,
		      struct usage *ret, struct err *err)
{
	CLEANUP_CG struct cg *cgroup = NULL;
	int result = cgroup_open_recorded(&view->record, &cgroup, err);

	(void)store;
	if (result >= 0)
		result = cg_stat(cgroup, &ret->inside.stat, err);
	if (result < 0)
		return result;
	ret->is_known = true;
	ret->inside.memory_total_bytes = host_memory_bytes();
	/* Those of the host would tell of others. */
	if (net_counters_apart(view->record.init.pid))
		net_counters_read(arena, view->record.init.pid, &ret->inside.interfaces);
	/* Its process's all the time, or perhaps those of who has its number now. */
	if (!lifecycle_is_alive(&view->record.init))
		ret->inside.interfaces.count = 0;
	return 0;
}

static int update(struct instance *instance, const struct config_resources *resources, const struct cg_limits *limits,
		  struct err *err)
{
	(void)resources;
	return cg_update(instance->cgroup, limits, err);
}

const struct backend_ops backend_ns = {
	.name = "ns",
	.exec = exec_ns,
	.pids = list_pids,
	.processes = list_processes,
	.stat = read_usage,
	.update = update,
	.takes_mounts = true,
	.takes_checkpoints = true,
};

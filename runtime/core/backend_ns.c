// SPDX-License-Identifier: GPL-2.0-or-later
/* Containers: what is inside are processes of this kernel, in a cgroup. */
#include "runtime/core/backend_parts.h"
#include "runtime/core/cgroup_driver.h"
#include "runtime/core/control.h"
#include "runtime/core/exec.h"
#include "runtime/core/instance.h"
#include "runtime/core/pidns.h"

static int list_pids(const struct record *record, struct arena *arena, pid_t **ret, size_t *ret_count, struct err *err)
{
	CLEANUP_CG struct cg *cgroup = NULL;
	int result;

	if (cgroup_recorded_none(record))
		return pidns_list(arena, &record->init, ret, ret_count, err);
	result = cgroup_open_recorded(record, &cgroup, err);
	return result < 0 ? result : cg_pids(cgroup, arena, ret, ret_count, err);
}

static int read_stat(const struct store *store, const struct record *record, struct cg_stat *ret, struct err *err)
{
	CLEANUP_CG struct cg *cgroup = NULL;
	int result = cgroup_open_recorded(record, &cgroup, err);

	(void)store;
	return result < 0 ? result : cg_stat(cgroup, ret, err);
}

static int update(struct instance *instance, const struct cg_limits *limits, struct err *err)
{
	return cg_update(instance->cgroup, limits, err);
}

const struct backend_ops backend_ns = {
	.name = "ns",
	.exec = exec_ns,
	.pids = list_pids,
	.stat = read_stat,
	.update = update,
	.takes_mounts = true,
	.takes_checkpoints = true,
};

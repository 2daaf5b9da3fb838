// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/core/create.h"

#include <errno.h>

#include "runtime/base/host.h"
#include "runtime/core/lifecycle.h"
#include "runtime/core/phases.h"
#include "runtime/core/steps.h"

/*
 * A creation, top to bottom; a deletion, bottom to top.
 *
 * Why this order: the record first, so that a crash anywhere below leaves a trace. Where a process can be born in a
 * cgroup, that is made before the clone; elsewhere late, since everything that touches cgroups waits for the first
 * migration's grace period (cg_warm_start() has begun it), and what needs none of them is done meanwhile: above all the
 * child's mounts, which take the root only. The child waits again where it has to be in its cgroups, and goes on while
 * the network is made. What a machine's monitor is given, its network card among it, it inherits: so that is opened
 * before the clone.
 */
static const struct phase phases[] = {
	{"record", step_record, step_record_undo},
	{"cgroup-for-birth", step_cgroup_early, step_cgroup_undo},
	{"sources", step_sources, NULL},
	{"streams", step_streams, NULL},
	{"machine", step_machine, step_machine_undo},
	{"clone", step_clone, step_clone_undo},
	{"ids", step_ids, NULL},
	{"root", step_root, NULL},
	{"send-root", step_send_root, NULL},
	{"cgroup", step_cgroup_late, step_cgroup_undo},
	{"note-process", step_note_process, NULL},
	{"join-cgroup", step_join_cgroup, NULL},
	{"network", step_network, step_network_undo},
	{"net-devices", step_net_devices, step_net_devices_undo},
	{"hooks", step_hooks, NULL},
	{"ready", step_ready, step_pid_file_undo},
	{"created", step_created, NULL},
	{"go", step_go, NULL},
};

int create_instance(const struct create_request *request, struct arena *arena, struct instance *ret, struct err *err)
{
	int result;

	instance_init(ret, arena, request->store);
	ret->plan = request->plan;
	ret->request = request;
	result = host_require(err);
	if (result < 0)
		return result;
	result = phases_run(phases, ARRAY_SIZE(phases), ret, err);
	ret->request = NULL;
	if (result < 0) {
		step_poststop(ret);
		instance_close(ret);
	}
	return result;
}

int create_open(const struct store *store, struct arena *arena, const char *id, struct instance *ret, struct err *err)
{
	int result;

	instance_init(ret, arena, store);
	ret->state_fd = store_find_locked(store, id, err);
	if (ret->state_fd < 0)
		return ret->state_fd;
	result = lifecycle_read(arena, ret->state_fd, id, &ret->record, err);
	if (result < 0)
		instance_close(ret);
	return result;
}

int create_undo(struct instance *instance, struct err *err)
{
	return phases_undo(phases, ARRAY_SIZE(phases), instance, err);
}

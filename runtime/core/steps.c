// SPDX-License-Identifier: GPL-2.0-or-later
/* The phases before there is a process: record, what comes from the host, streams, cgroup. */
#include "runtime/core/steps.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "net/ahead.h"
#include "net/network.h"
#include "runtime/base/installed.h"
#include "runtime/base/process.h"
#include "runtime/core/backend.h"
#include "runtime/core/cgroup_driver.h"
#include "runtime/core/child.h"
#include "runtime/core/definition.h"
#include "runtime/core/fault.h"
#include "runtime/core/filter.h"
#include "runtime/core/instance.h"
#include "runtime/core/lifecycle.h"
#include "runtime/core/netfiles.h"
#include "runtime/core/sealed.h"
#include "runtime/core/steps_parts.h"

#define CGROUP_REMOVE_MS 10000

/* --- Record ------------------------------------------------------------------------------------------------------- */

static const char *net_state_dir(const struct instance *instance)
{
	const struct plan_net *net = &instance->plan->net;

	return net->kind == PLAN_NET_ATTACH || net->kind == PLAN_NET_TAP ? net->request.state_dir : NULL;
}

/*
 * The record names, before anything is made, all that is going to be made: each is found by the id again. So whoever
 * finds the record of a creation that was killed knows where to look.
 */
static int fill_record(struct instance *instance, struct err *err)
{
	const struct plan *plan = instance->plan;
	struct record *record = &instance->record;
	char *boot = arena_alloc(instance->arena, 37);
	int result;

	if (!boot)
		return arena_check(instance->arena, err);
	result = proc_boot_id(boot, err);
	if (result < 0)
		return result;
	*record = (struct record){
		.version = RECORD_VERSION,
		.id = plan->id,
		.name = plan->name,
		.oci_version = plan->oci_version,
		.bundle = plan->bundle,
		.data_dir = instance->request->data_dir,
		.root_path = plan->root.path,
		.backend = plan->backend,
		.status = RECORD_CREATING,
		.keeper.pid = getpid(),
		.boot_id = boot,
		.rootless = plan->rootless,
		.terminal = plan->process.terminal,
		.root_apart = plan_root_is_apart(plan),
		.host_mounts = plan->host_mounts,
		.late_hooks = plan->hooks[HOOK_POSTSTART].count + plan->hooks[HOOK_POSTSTOP].count > 0,
		.cgroup = {.driver = cgroup_driver_name(plan->cgroup.driver), .path = plan->cgroup.path},
		.net = {.state_dir = net_state_dir(instance), .name = plan->net.request.name},
		.created = proc_now_ns(),
		.annotations = plan->annotations,
	};
	result = proc_start_time(getpid(), &record->keeper.start_ticks);
	return result < 0 ? err_set(err, -result, "read the start time of this process") : 0;
}

/* Whoever removes an instance holds its id, as this process does now: what is here stays. */
static int check_definition(const struct instance *instance, struct err *err)
{
	const char *data_dir = instance->request->data_dir;

	if (data_dir && access(data_dir, F_OK) < 0)
		return err_say(err, ENOENT, "container '%s' has just been removed", instance->plan->id);
	return 0;
}

int steps_check_wanted(const struct instance *instance, struct err *err)
{
	const struct create_request *request = instance->request;

	return request->unless_stopped && !definition_is_wanted_running(request->data_dir)
		       ? err_say(err, ECANCELED, "it has been stopped meanwhile")
		       : 0;
}

static int write_record(int folder_fd, const void *user, struct err *err)
{
	const struct instance *instance = user;
	int result = fault_point("claim", "begin", err);

	if (result >= 0)
		result = lifecycle_write(&instance->record, folder_fd, err);
	return result < 0 ? result : fault_point("claim", "end", err);
}

int step_record(struct instance *instance, struct err *err)
{
	int result = fill_record(instance, err);

	if (result < 0)
		return result;
	instance->state_fd = store_claim_filled(instance->store, instance->plan->id, write_record, instance, err);
	if (instance->state_fd < 0)
		return instance->state_fd;
	result = check_definition(instance, err);
	/* Who stops it leaves word first, and then looks for the record: one of both sees the other. */
	if (result >= 0)
		result = steps_check_wanted(instance, err);
	if (result < 0) {
		struct err ignored = ERR_INIT;

		(void)store_remove(instance->store, instance->plan->id, &ignored);
	}
	return result;
}

/* A keeper and a machine's monitor have the folder open, and make files in it without asking for the lock. */
static bool has_other_writers(const struct record *record)
{
	const struct backend_ops *backend;
	struct err unknown = ERR_INIT;

	return record->data_dir || backend_of(record, &backend, &unknown) < 0 || backend->prepare;
}

int step_record_undo(struct instance *instance, struct err *err)
{
	const struct record *record = &instance->record;

	if (instance->state_fd < 0 || has_other_writers(record))
		return store_remove(instance->store, record->id, err);
	return store_retire(instance->store, record->id, instance->state_fd, err);
}

/* --- Sources ------------------------------------------------------------------------------------------------------ */

static int open_joins(struct instance *instance, struct err *err)
{
	struct stat found;

	for (int kind = 0; kind < NS_COUNT; kind++) {
		const struct ns_choice *choice = &instance->plan->namespaces.kind[kind];
		int *fd = kind == NS_MOUNT ? &instance->mountns_fd : &instance->joins[kind];

		if (choice->how != NS_JOIN)
			continue;
		*fd = ns_open_path((enum ns_kind)kind, choice->path, err);
		if (*fd < 0)
			return *fd;
		if (choice->inode && (fstat(*fd, &found) < 0 || found.st_ino != choice->inode))
			return err_say(err, ESRCH, "the container whose %s namespace is to be joined has just ended",
				       ns_name((enum ns_kind)kind));
	}
	return 0;
}

static int open_init(struct instance *instance, struct err *err)
{
	char path[INSTALLED_PATH_BYTES];
	int result;

	if (!instance->plan->process.init)
		return 0;
	result = installed_program("hull-init", path, err);
	if (result >= 0)
		result = instance->init_program_fd = sealed_open(path, err);
	return result;
}

int step_sources(struct instance *instance, struct err *err)
{
	int result = netfiles_prepare(instance->plan, err);

	if (result >= 0)
		result = open_init(instance, err);

	/*
	 * An unprivileged caller's right to mount begins in the new user namespace: there the child opens them itself.
	 */
	if (result >= 0 && !instance->plan->rootless)
		result = rootfs_open_sources(&instance->plan->root, &instance->sources, err);
	if (result >= 0)
		result = open_joins(instance, err);
	if (result >= 0)
		result = filter_compile(instance->plan->process.seccomp, instance->request->seccomp_cache,
					instance->arena, &instance->filter, err);
	if (result < 0 || !instance->request->wait_for_start)
		return result;
	instance->start_fd = sync_listen(instance->state_fd, START_SOCKET, err);
	return instance->start_fd < 0 ? instance->start_fd : 0;
}

/* --- Streams ------------------------------------------------------------------------------------------------------ */

int step_streams(struct instance *instance, struct err *err)
{
	const struct plan *plan = instance->plan;
	const int *wanted = instance->request->stdio;
	uint32_t uid = 0, gid = 0;
	int result = 0;

	if (instance->request->kept && !plan->process.terminal) {
		if (plan->idmap.uid_count > 0 && (idmap_to_host_uid(&plan->idmap, plan->process.uid, &uid) < 0 ||
						  idmap_to_host_gid(&plan->idmap, plan->process.gid, &gid) < 0))
			uid = gid = 0; /* the process will fail to become it, with words of its own */
		result = streams_make(instance->state_fd, uid, gid, plan->keeper.interactive, &instance->streams, err);
		wanted = instance->streams.program;
	}
	if (result >= 0)
		result = stdio_settle(wanted, instance->request->preserve_fds,
				      plan->namespaces.kind[NS_USER].how == NS_HOST, &instance->stdio, err);
	if (result < 0 || instance->request->kept || plan->process.terminal)
		return result;
	return stdio_describe(instance->stdio.fds, instance->arena, &instance->record, err);
}

/* --- Machine ------------------------------------------------------------------------------------------------------ */

int step_machine(struct instance *instance, struct err *err)
{
	const struct backend_ops *backend;
	int result = backend_of(&instance->record, &backend, err);

	return result < 0 || !backend->prepare ? result : backend->prepare(instance, err);
}

int step_machine_undo(struct instance *instance, struct err *err)
{
	const struct backend_ops *backend;
	struct err unknown = ERR_INIT;

	/* What another hull has made besides, this one cannot know. */
	if (backend_of(&instance->record, &backend, &unknown) < 0 || !backend->prepare_undo)
		return 0;
	return backend->prepare_undo(instance, err);
}

/* --- Cgroup ------------------------------------------------------------------------------------------------------- */

bool steps_leave_room_for_errand(const struct plan *plan)
{
	const struct cg_limits *limits = plan->cgroup.limits;

	return plan_root_is_apart(plan) && limits && limits->pids_limit.set && limits->pids_limit.value > 0 &&
	       limits->pids_limit.value < INT64_MAX;
}

/* What bounds the first process from its beginning. */
static struct cg_limits first_limits(const struct plan *plan)
{
	struct cg_limits limits = plan->cgroup.limits ? *plan->cgroup.limits : (struct cg_limits){0};

	if (steps_leave_room_for_errand(plan))
		limits.pids_limit.value++;
	return limits;
}

typedef int (*cgroup_maker)(const struct cg_request *request, struct cg **ret, struct err *err);

static int make_cgroup(struct instance *instance, cgroup_maker maker, struct err *err)
{
	struct record_cgroup *place = &instance->record.cgroup;
	struct cg_request request = instance->plan->cgroup;
	struct cg_limits limits = first_limits(instance->plan);
	struct err ignored = ERR_INIT;
	int result;

	request.limits = &limits;
	result = maker(&request, &instance->cgroup, err);
	if (result < 0 || (place->path && strcmp(place->path, cg_place(instance->cgroup)) == 0))
		return result;
	/* A path that is relative to this process's own cgroup says nothing to whoever has to take it back. */
	place->path = arena_strdup(instance->arena, cg_place(instance->cgroup));
	result = arena_check(instance->arena, err);
	if (result >= 0)
		result = lifecycle_write(&instance->record, instance->state_fd, err);
	if (result < 0)
		(void)step_cgroup_undo(instance, &ignored);
	return result;
}

int step_cgroup_early(struct instance *instance, struct err *err)
{
	const struct plan *plan = instance->plan;

	bool late = plan->namespaces.kind[NS_CGROUP].how == NS_FRESH || plan->root.late_cgroups;

	if (!late || cg_has_birth(plan->cgroup.driver))
		return make_cgroup(instance, cg_create, err);
	/* A machine has much to be made before its monitor needs the folders; a container has not. */
	if (plan->vm)
		(void)cg_ahead_start(&plan->cgroup);
	return 0;
}

int step_cgroup(struct instance *instance, struct err *err)
{
	cg_warm_join();
	return make_cgroup(instance, cg_create, err);
}

/* With what has come late. */
static int send_cgroup(struct instance *instance, struct err *err)
{
	CLEANUP_FD int sysfs_fd = instance->sysfs_comes ? net_ahead_take_sysfs(true) : -1;
	int result = sync_send_data(&instance->sync, CHILD_CGROUP, NULL, 0, &sysfs_fd, sysfs_fd >= 0 ? 1 : 0, err);

	return step_or_how_it_ended(instance, result, err);
}

/* The child binds the folders while their limits are written: it will not be in them before that is done. */
int step_cgroup_late(struct instance *instance, struct err *err)
{
	struct err ignored = ERR_INIT;
	int result;

	if (!instance->cgroup_comes)
		return 0;
	cg_warm_join();
	result = make_cgroup(instance, cg_make, err);
	if (result < 0)
		return result;
	result = send_cgroup(instance, err);
	if (result >= 0) {
		const struct cg_limits limits = first_limits(instance->plan);

		result = cg_limit(instance->cgroup, &limits, err);
	}
	if (result < 0)
		(void)step_cgroup_undo(instance, &ignored);
	return result;
}

int step_cgroup_undo(struct instance *instance, struct err *err)
{
	const struct record_cgroup *place = &instance->record.cgroup;
	int result = 0;

	cg_ahead_drop();
	if (!instance->cgroup && place->path)
		result = cg_open_to_remove(cgroup_driver_parse(place->driver), place->path, &instance->cgroup, err);
	if (result < 0 || !instance->cgroup)
		return result;
	result = cg_remove(instance->cgroup, CGROUP_REMOVE_MS, err);
	if (result < 0)
		return result;
	/* Two phases may have made it, and both are undone. */
	cg_close(&instance->cgroup);
	instance->record.cgroup.path = NULL;
	return 0;
}

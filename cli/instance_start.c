// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/instance_start.h"

#include <errno.h>
#include <sys/stat.h>

#include "cgroups/cg.h"
#include "cli/instance.h"
#include "cli/machine.h"
#include "runtime/base/log.h"
#include "runtime/base/process.h"
#include "runtime/core/control.h"
#include "runtime/core/engine.h"
#include "runtime/core/sealed.h"

#define NOT_THERE_YET "/" /* stands for the namespace of an instance that need not run yet */

/*
 * Which namespace it is. The container may end before it is joined, and its first process's pid, and so the path, be
 * another one's then.
 */
static int identify(const char *path, const struct record_process *init, uint64_t *ret)
{
	struct stat found = {0};

	/* What cannot be looked at otherwise, cannot be opened either: that is told then. */
	if (!path || (stat(path, &found) < 0 && (errno == ENOENT || errno == ESRCH)) || !lifecycle_is_alive(init))
		return -ESRCH;
	*ret = found.st_ino;
	return 0;
}

/* The namespaces of another instance, where it runs now. */
static int find_joined(const struct command_call *call, const struct stores *stores, const struct extension_join *join,
		       bool only_check, struct plan_host *host, struct err *err)
{
	int kind = ns_parse(join->type);
	struct instance_view other;
	int result = kind < 0 ? err_say(err, EINVAL, "'%s' is no kind of namespace", join->type)
			      : instance_look(call, stores, join->container, &other, err);

	if (result < 0)
		return result;
	host->joined[kind] = NOT_THERE_YET;
	if (other.now.status != RECORD_RUNNING && other.now.status != RECORD_PAUSED && only_check)
		return 0;
	if (other.now.status != RECORD_RUNNING && other.now.status != RECORD_PAUSED)
		return err_say(err, EINVAL, "container '%s' is not running: its %s namespace cannot be joined",
			       other.extension->name, join->type);
	host->joined[kind] =
		arena_printf(call->arena, "/proc/%d/ns/%s", other.record.init.pid, ns_proc_name((enum ns_kind)kind));
	if (!only_check && identify(host->joined[kind], &other.record.init, &host->joined_inodes[kind]) < 0)
		return err_say(err, ESRCH, "container '%s' has just ended: its %s namespace cannot be joined",
			       other.extension->name, join->type);
	if (kind == NS_USER && other.extension->id_range) {
		struct idmap_range *range = ARENA_NEW(call->arena, struct idmap_range);

		if (range) {
			*range = (struct idmap_range){.inside = 0,
						      .outside = other.extension->id_range->base,
						      .count = other.extension->id_range->size};
			host->joined_idmap =
				(struct idmap){.uids = range, .gids = range, .uid_count = 1, .gid_count = 1};
		}
	}
	return arena_check(call->arena, err);
}

/* What a machine is made of here and now. `--rootfs` has no layers: its folder is shared. */
static int find_machine(const struct command_call *call, const struct config *config, const struct extension *extension,
			const char *data_dir, struct plan_host *host, struct err *err)
{
	const struct hull *hull = hull_of(call);
	const struct machine_wish wish = {
		.root = hull->root,
		.kernels = hull->kernels,
		.backend = extension->vm.backend,
		.kernel = extension->vm.kernel,
		.image = extension->vm.image,
	};
	struct plan_vm_host *machine = ARENA_NEW(call->arena, struct plan_vm_host);
	bool writable = !config->root || !config->root->readonly;
	int result = machine ? machine_find(call->arena, &wish, machine, err) : arena_check(call->arena, err);

	host->vm = machine;
	if (result < 0 || extension->root.lowers.count == 0)
		return result;
	return machine_disks(call->arena, hull->images, &extension->root.lowers, writable ? data_dir : NULL, machine,
			     err);
}

static int make_plan(const struct command_call *call, const struct stores *stores, const char *id, bool only_check,
		     struct plan *ret_plan, const struct extension **ret_extension, struct err *err)
{
	CLEANUP_FD int folder = definition_open(&stores->definitions, id, err);
	const struct config *config;
	struct plan_host host;
	int result = folder;

	if (result >= 0)
		result = config_read(call->arena, folder, "config.json", &config, NULL, err);
	if (result >= 0)
		result = extension_read(call->arena, folder, EXTENSION_FILE, ret_extension, err);
	if (result == -ENOENT)
		return err_say(err, ENOENT, "container '%s' has just been removed", id);
	if (result < 0)
		return result;
	plan_host_probe(&host);
	host.id = arena_strdup(call->arena, id);
	host.bundle = hull_data_dir(call, id);
	host.net_state_dir = hull_of(call)->net_state;
	for (size_t i = 0; i < (*ret_extension)->joins.count; i++) {
		result = find_joined(call, stores, &(*ret_extension)->joins.items[i], only_check, &host, err);
		if (result < 0)
			return result;
	}
	if ((*ret_extension)->isolation == ISOLATION_VM) {
		result = find_machine(call, config, *ret_extension, host.bundle, &host, err);
		if (result < 0)
			return result;
	}
	return plan_make(call->arena, config, *ret_extension, &host, ret_plan, err);
}

int instance_check(const struct command_call *call, const struct stores *stores, const char *id, struct err *err)
{
	struct plan *plan = ARENA_NEW(call->arena, struct plan);
	const struct extension *extension;
	int result = arena_check(call->arena, err);

	return result < 0 ? result : make_plan(call, stores, id, true, plan, &extension, err);
}

static void warn(const char *words)
{
	log_line(LOG_LEVEL_WARN, "%s", words);
}

/* 0 when something came of what another command had begun. */
static int leave_to_other(const struct command_call *call, const struct stores *stores,
			  const struct instance_starting *how, struct err *err)
{
	struct err ignored = ERR_INIT;
	struct control_view view;
	CLEANUP_FD int lock = -1;

	if (how->attach)
		return err_say(err, EBUSY, "container '%s' was started by another command just now: see 'hull attach'",
			       how->id);
	/* Until that one is through with it. */
	lock = store_find_locked(&stores->store, how->id, &ignored);
	if (lock < 0 || control_look(&stores->store, call->arena, how->id, false, &view, &ignored) < 0 ||
	    view.now.interrupted)
		return err_say(err, EAGAIN,
			       "container '%s' is being started or removed by another command: see 'hull ps -a'",
			       how->id);
	err_clear(err);
	return 0;
}

int instance_start(const struct command_call *call, const struct stores *stores, const struct instance_starting *how,
		   int *ret_client_fd, struct err *err)
{
	struct plan *plan = ARENA_NEW(call->arena, struct plan);
	const struct extension *extension;
	struct strv unmake = {0};
	struct engine_request request = {
		.store = &stores->store,
		.plan = plan,
		.data_dir = hull_data_dir(call, how->id),
		.seccomp_cache = hull_of(call)->seccomp_cache,
		.tell = warn,
		.attach = how->attach,
		.unmake = &unmake,
		.is_restart = how->is_restart,
	};
	pid_t pid;
	int result = arena_check(call->arena, err);

	if (result >= 0)
		result = make_plan(call, stores, how->id, false, plan, &extension, err);
	if (result >= 0)
		result = hull_unmake_command(call, call->arena, how->id, &unmake);
	if (result < 0)
		return result;
	for (size_t i = 0; i < plan->warnings.count; i++)
		log_line(LOG_LEVEL_WARN, "%s", plan->warnings.items[i]);
	if (plan->namespaces.kind[NS_USER].how == NS_HOST && sealed_self(call->argv, err) < 0)
		return -err->code;
	request.durable = !extension->auto_remove;
	(void)cg_warm_start();
	if (how->in_place)
		return engine_become(&request, err);
	result = engine_start(&request, ret_client_fd, &pid, err);
	cg_warm_join(); /* it has ended long since: this reaps it */
	return result == -EEXIST ? leave_to_other(call, stores, how, err) : result;
}

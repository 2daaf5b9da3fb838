// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/core/control.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/process.h"
#include "runtime/core/backend.h"
#include "runtime/core/bundle_hooks.h"
#include "runtime/core/cgroup_driver.h"
#include "runtime/core/child.h"
#include "runtime/core/control_parts.h"
#include "runtime/core/create.h"
#include "runtime/core/fault.h"
#include "runtime/core/pidns.h"
#include "runtime/spec/config_fields.h"
#include "runtime/spec/plan.h"

/* --- Looking ------------------------------------------------------------------------------------------------------ */

static int look_into(int folder, struct arena *arena, const char *id, bool ask_freezer, struct control_view *ret,
		     struct err *err)
{
	int result = lifecycle_read(arena, folder, id, &ret->record, err);

	if (result < 0)
		return result;
	/*
	 * Without the lock it may have been removed meanwhile, and its folder have become another one's
	 * (store_retire()).
	 */
	if (strcmp(ret->record.id, id) != 0)
		return err_say(err, ENOENT, "container '%s' does not exist", id);
	ret->now = lifecycle_look(&ret->record, folder, ask_freezer);
	return 0;
}

int control_look(const struct store *store, struct arena *arena, const char *id, bool ask_freezer,
		 struct control_view *ret, struct err *err)
{
	CLEANUP_FD int folder = store_find(store, id, err);

	return folder < 0 ? folder : look_into(folder, arena, id, ask_freezer, ret, err);
}

int control_look_at_rest(const struct store *store, struct arena *arena, const char *id, bool wait,
			 struct control_view *ret, struct err *err)
{
	CLEANUP_FD int folder = wait ? store_find_locked(store, id, err) : store_find_unlocked(store, id, err);

	return folder < 0 ? folder : look_into(folder, arena, id, true, ret, err);
}

int control_look_past_creation(const struct store *store, struct arena *arena, const char *id, struct control_view *ret,
			       struct err *err)
{
	int result = control_look(store, arena, id, true, ret, err);

	if (result >= 0 && ret->now.status == RECORD_CREATING && !ret->now.interrupted)
		result = control_look_at_rest(store, arena, id, true, ret, err);
	return result;
}

int control_open(const struct store *store, struct arena *arena, const char *id, enum lifecycle_action action,
		 struct instance *ret, struct err *err)
{
	struct lifecycle now;
	int result = create_open(store, arena, id, ret, err);

	if (result < 0)
		return result;
	now = lifecycle_look(&ret->record, ret->state_fd, true);
	result = lifecycle_allows(&ret->record, &now, action, err);
	if (result < 0)
		instance_close(ret);
	return result;
}

/* --- Start -------------------------------------------------------------------------------------------------------- */

static int check_start(const struct record *record, struct err *err)
{
	const struct backend_ops *backend;
	int result = backend_of(record, &backend, err);

	return result < 0 || !backend->starting ? result : backend->starting(record, err);
}

int control_start(const struct store *store, const char *id, struct err *err)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	CLEANUP_INSTANCE struct instance instance;
	CLEANUP_FD int listener = -1;
	unsigned fd_count = 1;
	size_t len = 0;
	int result = control_open(store, &arena, id, ACTION_START, &instance, err);

	if (result < 0)
		return result;
	result = check_start(&instance.record, err);
	if (result < 0)
		return err_wrap(err, "container '%s'", id);
	result = sync_connect(instance.state_fd, START_SOCKET, &instance.sync, child_stage_names, CHILD_STAGE_COUNT,
			      err);
	/*
	 * Written before it is true: should this process be killed now, the program is found, and found dead or alive.
	 */
	if (result >= 0)
		result = fault_point("start", "record", err);
	if (result >= 0)
		result = lifecycle_enter(&instance.record, instance.state_fd, RECORD_RUNNING, err);
	if (result >= 0)
		result = fault_point("start", "go", err);
	if (result >= 0)
		result = sync_send(&instance.sync, CHILD_GO, err);
	if (result >= 0)
		result = fault_point("start", "exec", err);
	if (result >= 0)
		result = sync_wait_data(&instance.sync, CHILD_EXEC, NULL, &len, &listener, &fd_count, err);
	if (result >= 0 && fd_count > 0)
		result = bundle_send_listener(&arena, &instance.record, listener, err);
	if (result >= 0)
		result = sync_wait_closed(&instance.sync, err);
	if ((result == -ECONNRESET || result == -ECONNREFUSED) && lifecycle_dies(&instance.record.init))
		return err_say(err, ESRCH, "container '%s' ended before its program had begun: container not running",
			       id);
	if (result < 0)
		return err_wrap(err, "container '%s'", id);
	(void)unlinkat(instance.state_fd, START_SOCKET, 0);
	/* A hook may do with the container what it likes, and must not wait for us then. */
	store_unlock(instance.state_fd);
	bundle_run_hooks(&arena, &instance.record, HOOK_POSTSTART, RECORD_RUNNING);
	return 0;
}

/* --- Signals ------------------------------------------------------------------------------------------------------ */

int control_signal_cgroup(const struct record *record, int signo, struct err *err)
{
	CLEANUP_CG struct cg *cgroup = NULL;
	int result;

	if (cgroup_recorded_none(record))
		return pidns_signal(&record->init, signo, err);
	result = cgroup_open_recorded(record, &cgroup, err);
	return result < 0 ? result : cg_signal(cgroup, signo, err);
}

/*
 * SIGKILL ends all that there is on the host, whatever it is that isolates. Other signals are for those inside to hear.
 */
static int signal_all(const struct store *store, const struct record *record, int signo, struct err *err)
{
	const struct backend_ops *backend;
	int result = signo == SIGKILL ? 1 : backend_of(record, &backend, err);

	if (result < 0)
		return result;
	if (result > 0 || !backend->signal_all)
		return control_signal_cgroup(record, signo, err);
	return backend->signal_all(store, record, signo, err);
}

int control_signal_first(const struct record *record, int signo, struct err *err)
{
	CLEANUP_FD int pidfd = proc_open(record->init.pid, record->init.start_ticks);
	int result = pidfd < 0 ? pidfd : proc_signal(pidfd, signo);

	/* In the words that engines know; see lifecycle_allows(). */
	if (result == -ESRCH)
		return err_say(err, ESRCH, "container '%s' has just ended: container not running", record->id);
	return result < 0 ? err_set(err, -result, "send signal %d to container '%s'", signo, record->id) : 0;
}

/* As gently as what isolates it can; at once, when it is frozen and cannot be asked. */
static int kill_first(const struct store *store, const struct control_view *view, struct err *err)
{
	const struct backend_ops *backend = backend_find(view->record.backend);

	if (backend && backend->end && view->now.status == RECORD_RUNNING && backend->end(store, &view->record) == 0)
		return 0;
	return control_signal_first(&view->record, SIGKILL, err);
}

/*
 * v1's freezer holds on to a process even when it is killed. In v2 it is gone already, and there may be nothing left to
 * thaw.
 */
static void thaw_killed(const struct record *record)
{
	CLEANUP_CG struct cg *cgroup = NULL;
	struct err ignored = ERR_INIT;

	if (cgroup_open_recorded(record, &cgroup, &ignored) >= 0)
		(void)cg_freeze(cgroup, false, &ignored);
}

int control_kill(const struct store *store, const char *id, int signo, bool all, struct err *err)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	struct control_view view;
	int result = control_look(store, &arena, id, true, &view, err);

	if (result >= 0)
		result = fault_point("kill", "look", err);
	if (result < 0)
		return result;
	if (all && view.now.status == RECORD_STOPPED && !view.record.cgroup.path)
		return 0;
	if (all && view.now.status != RECORD_CREATING)
		return signal_all(store, &view.record, signo, err);
	result = lifecycle_allows(&view.record, &view.now, ACTION_KILL, err);
	if (result >= 0)
		result = signo == SIGKILL ? kill_first(store, &view, err)
					  : control_signal_first(&view.record, signo, err);
	if (result >= 0 && signo == SIGKILL && view.now.status == RECORD_PAUSED)
		thaw_killed(&view.record);
	return result;
}

/* --- Freezer, limits, figures ------------------------------------------------------------------------------------- */

static int freeze(const struct store *store, const char *id, enum lifecycle_action action, struct err *err)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	CLEANUP_INSTANCE struct instance instance;
	const struct backend_ops *backend = NULL;
	int result = control_open(store, &arena, id, action, &instance, err);

	if (result >= 0)
		result = backend_of(&instance.record, &backend, err);
	if (result >= 0)
		result = cgroup_open_recorded(&instance.record, &instance.cgroup, err);
	if (result >= 0)
		result = cg_freeze(instance.cgroup, action == ACTION_PAUSE, err);
	if (result >= 0 && action == ACTION_RESUME && backend->thawed)
		backend->thawed(&instance);
	return result;
}

int control_pause(const struct store *store, const char *id, struct err *err)
{
	return freeze(store, id, ACTION_PAUSE, err);
}

int control_resume(const struct store *store, const char *id, struct err *err)
{
	return freeze(store, id, ACTION_RESUME, err);
}

/*
 * The record first: what it says beyond what is so is put right by the next update; what it does not know, by nobody.
 */
static int record_and_update(struct instance *instance, const struct backend_ops *backend,
			     const struct config_resources *resources, const struct cg_limits *limits, struct err *err)
{
	struct config_resources *before = instance->record.updated;
	struct err ignored = ERR_INIT;
	int result;

	instance->record.updated = ARENA_NEW(instance->arena, struct config_resources);
	if (!instance->record.updated)
		return arena_check(instance->arena, err);
	if (before)
		*instance->record.updated = *before;
	fields_merge(&config_resources_fields, resources, instance->record.updated);
	result = fault_point("update", "record", err);
	if (result >= 0)
		result = lifecycle_write(&instance->record, instance->state_fd, err);
	if (result < 0)
		return result;
	result = fault_point("update", "cgroup", err);
	if (result >= 0)
		result = backend->update(instance, resources, limits, err);
	if (result < 0) {
		instance->record.updated = before;
		(void)lifecycle_write(&instance->record, instance->state_fd, &ignored);
	}
	return result;
}

static int open_and_update(const struct store *store, const char *id, const struct config_resources *resources,
			   const struct cg_limits *limits, struct arena *arena, struct err *err)
{
	CLEANUP_INSTANCE struct instance instance;
	const struct backend_ops *backend = NULL;
	int result = control_open(store, arena, id, ACTION_UPDATE, &instance, err);

	if (result >= 0)
		result = backend_of(&instance.record, &backend, err);
	if (result >= 0 && !backend->update)
		result = backend_lacks(backend, "update", err);
	if (result >= 0)
		result = cgroup_open_recorded(&instance.record, &instance.cgroup, err);
	return result < 0 ? result : record_and_update(&instance, backend, resources, limits, err);
}

int control_update(const struct store *store, const char *id, const struct config_resources *resources, struct err *err)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	struct cg_limits limits;
	int result = plan_limits(&arena, resources, &limits, err);

	return result < 0 ? result : open_and_update(store, id, resources, &limits, &arena, err);
}

/* Without a lock: figures and lists of processes are old when they are printed anyway. */
int control_open_cgroup(const struct store *store, struct arena *arena, const char *id, struct control_view *ret_view,
			struct cg **ret, struct err *err)
{
	int result = control_look(store, arena, id, false, ret_view, err);

	return result < 0 ? result : cgroup_open_recorded(&ret_view->record, ret, err);
}

int control_pids(const struct store *store, struct arena *arena, const char *id, pid_t **ret, size_t *ret_count,
		 struct err *err)
{
	const struct backend_ops *backend = NULL;
	struct control_view view;
	int result = control_look(store, arena, id, false, &view, err);

	if (result >= 0)
		result = backend_of(&view.record, &backend, err);
	if (result < 0)
		return result;
	return backend->pids ? backend->pids(&view.record, arena, ret, ret_count, err)
			     : backend_lacks(backend, "list of processes", err);
}

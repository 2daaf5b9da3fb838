// SPDX-License-Identifier: GPL-2.0-or-later
/* The end of an instance: waited for, asked for, brought about; and what is taken back then. */
#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include "runtime/base/log.h"
#include "runtime/core/backend.h"
#include "runtime/core/bundle_hooks.h"
#include "runtime/core/control.h"
#include "runtime/core/control_parts.h"
#include "runtime/core/create.h"
#include "runtime/core/definition.h"
#include "runtime/core/ending.h"

#define KILL_WAIT_MS 10000

/* --- Waiting, stopping -------------------------------------------------------------------------------------------- */

int control_wait(const struct store *store, const char *id, int64_t timeout_ms, struct record_exit *ret,
		 struct err *err)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	CLEANUP_FD int folder = store_find(store, id, err);
	struct control_view view;
	struct lifecycle now;
	int result;

	if (folder < 0)
		return folder;
	result = control_look_past_creation(store, &arena, id, &view, err);
	if (result >= 0)
		result = ending_wait(&view.record, folder, timeout_ms, err);
	if (result < 0)
		return result;
	now = lifecycle_look(&view.record, folder, false);
	*ret = now.exit;
	return 0;
}

/* Kills every process, or, where there is no cgroup to ask, the first one. */
static int kill_all(const struct store *store, const struct record *record, struct err *err)
{
	const struct backend_ops *backend = backend_find(record->backend);
	struct err ignored = ERR_INIT;

	if (backend && backend->end && backend->end(store, record) == 0)
		return 0;
	return control_signal_cgroup(record, SIGKILL, &ignored) >= 0 ? 0 : control_signal_first(record, SIGKILL, err);
}

int control_stop(const struct store *store, const char *id, int signo, int64_t timeout_ms, struct err *err)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	CLEANUP_FD int folder = store_find(store, id, err);
	struct err failure = ERR_INIT, ignored = ERR_INIT;
	struct control_view view;
	int result;

	if (folder < 0)
		return folder;
	result = control_look_past_creation(store, &arena, id, &view, err);
	if (result < 0)
		return result;
	definition_want_running(view.record.data_dir, false);
	if (view.now.status == RECORD_STOPPED)
		return 0;
	result = control_signal_first(&view.record, signo, &failure);
	/*
	 * A frozen process takes its signal when it is thawed; one that SIGKILL has ended by now cannot be, and need
	 * not.
	 */
	if (result >= 0 && view.now.status == RECORD_PAUSED)
		(void)control_resume(store, id, &ignored);
	if (result >= 0)
		result = ending_wait(&view.record, folder, timeout_ms, &failure);
	if (result == -ETIMEDOUT) {
		result = kill_all(store, &view.record, &failure);
		if (result >= 0)
			result = ending_wait(&view.record, folder, KILL_WAIT_MS, &failure);
	}
	/* It has ended before the signal came. */
	if (result == -ESRCH)
		return 0;
	if (result < 0)
		*err = failure;
	return result;
}

/* --- Deletion ----------------------------------------------------------------------------------------------------- */

static int kill_and_wait(struct instance *instance, struct err *err)
{
	struct err ignored = ERR_INIT;

	definition_want_running(instance->record.data_dir, false);
	(void)control_signal_cgroup(&instance->record, SIGKILL, &ignored);
	(void)control_signal_first(&instance->record, SIGKILL, &ignored);
	return ending_wait(&instance->record, instance->state_fd, KILL_WAIT_MS, err);
}

/*
 * Reads the record of a locked instance for deletion. 0; 1: it had none, and its folder is gone now. One that cannot be
 * used is an error without `force`; with it, what can be made out of it is what is taken back.
 */
static int read_for_deletion(struct instance *instance, const char *id, bool force, struct err *err)
{
	struct err failure = ERR_INIT;
	int result = lifecycle_read(instance->arena, instance->state_fd, id, &instance->record, &failure);

	if (result == -ENOENT) {
		result = store_remove_claim(instance->store, id, instance->state_fd, err);
		return result < 0 ? result : 1;
	}
	if (result == -EBADMSG && force) {
		log_line(LOG_LEVEL_WARN, "%s: what it does not tell any more may be left", failure.msg);
		lifecycle_salvage(instance->arena, instance->state_fd, id, &instance->record);
		return 0;
	}
	if (result < 0)
		*err = failure;
	return result;
}

/* Stopped, or made so by force. A creation that holds no lock is interrupted, whether or not its creator has ended. */
static int bring_to_end(struct instance *instance, bool force, struct err *err)
{
	struct lifecycle now = lifecycle_look(&instance->record, instance->state_fd, true);

	if (now.status == RECORD_CREATING)
		return 0;
	if (!force || now.status == RECORD_STOPPED)
		return lifecycle_allows(&instance->record, &now, ACTION_DELETE, err);
	return kill_and_wait(instance, err) < 0 ? err_wrap(err, "delete container '%s'", instance->record.id) : 0;
}

/* The id may have been given away and taken again. */
static bool is_same(const struct record *one, const struct record *other)
{
	return one->created == other->created && one->init.pid == other->init.pid &&
	       one->init.start_ticks == other->init.start_ticks;
}

/* `own`: it is this one, or it stays; NULL: whichever has the id. */
static int delete_instance(const struct store *store, const char *id, bool force, const struct record *own,
			   struct err *err)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	CLEANUP_INSTANCE struct instance instance;
	struct err missing = ERR_INIT;
	int result;

	instance_init(&instance, &arena, store);
	instance.state_fd = store_find_locked(store, id, &missing);
	if (instance.state_fd == -ENOENT && force)
		return 0;
	if (instance.state_fd < 0) {
		*err = missing;
		return instance.state_fd;
	}
	result = read_for_deletion(&instance, id, force, err);
	if (result != 0)
		return result < 0 ? result : 0;
	if (own && !is_same(own, &instance.record))
		return 0;
	result = bring_to_end(&instance, force, err);
	if (result < 0)
		return result;
	if (create_undo(&instance, err) < 0)
		return err_wrap(err, "delete container '%s'", id);
	bundle_run_hooks(&arena, &instance.record, HOOK_POSTSTOP, RECORD_STOPPED);
	return 0;
}

int control_delete(const struct store *store, const char *id, bool force, struct err *err)
{
	return delete_instance(store, id, force, NULL, err);
}

int control_delete_own(const struct store *store, const struct record *own, struct err *err)
{
	return delete_instance(store, own->id, true, own, err);
}

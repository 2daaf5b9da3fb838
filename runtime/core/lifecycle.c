// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/core/lifecycle.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#include "cgroups/cg.h"
#include "runtime/base/file.h"
#include "runtime/base/process.h"
#include "runtime/core/cgroup_driver.h"
#include "runtime/core/exit_file.h"

/* How long a container that is being killed may outlive a process that was killed with it. */
#define DYING_MS 200

#define IN(status) (1U << RECORD_##status)

static const struct {
	unsigned in; /* a bit for each status it is allowed in */
	const char *words;
} actions[ACTION_COUNT] = {
	[ACTION_START] = {IN(CREATED), "cannot be started"},
	[ACTION_EXEC] = {IN(CREATED) | IN(RUNNING), "cannot run another process"},
	[ACTION_KILL] = {IN(CREATED) | IN(RUNNING) | IN(PAUSED), "cannot be sent a signal"},
	[ACTION_PAUSE] = {IN(CREATED) | IN(RUNNING), "cannot be paused"},
	[ACTION_RESUME] = {IN(PAUSED), "cannot be resumed"},
	[ACTION_UPDATE] = {IN(CREATED) | IN(RUNNING) | IN(PAUSED), "cannot be updated"},
	[ACTION_CHECKPOINT] = {IN(RUNNING) | IN(PAUSED), "cannot be checkpointed"},
	[ACTION_DELETE] = {IN(STOPPED), "cannot be deleted: stop it first"},
};

/* From which status each one may be entered. */
static const unsigned entered_from[] = {
	[RECORD_CREATING] = 0,
	[RECORD_CREATED] = IN(CREATING),
	[RECORD_RUNNING] = IN(CREATING) | IN(CREATED),
	[RECORD_PAUSED] = 0,
	[RECORD_STOPPED] = IN(CREATING) | IN(CREATED) | IN(RUNNING) | IN(STOPPED),
};

static bool is_of_this_boot(const struct record *record)
{
	struct err ignored = ERR_INIT;
	char boot[37];

	return record->boot_id && proc_boot_id(boot, &ignored) == 0 && strcmp(boot, record->boot_id) == 0;
}

bool lifecycle_is_alive(const struct record_process *process)
{
	return proc_look(process->pid, process->start_ticks) == PROC_ALIVE;
}

bool lifecycle_dies(const struct record_process *process)
{
	CLEANUP_FD int pidfd = proc_open(process->pid, process->start_ticks);

	if (pidfd >= 0)
		(void)proc_wait_end(pidfd, DYING_MS);
	return !lifecycle_is_alive(process);
}

static bool is_frozen(const struct record *record)
{
	CLEANUP_CG struct cg *cgroup = NULL;
	struct err ignored = ERR_INIT;
	bool frozen = false;

	if (!record->cgroup.path)
		return false;
	if (cg_open(cgroup_driver_parse(record->cgroup.driver), record->cgroup.path, &cgroup, &ignored) < 0)
		return false;
	return cg_frozen(cgroup, &frozen, &ignored) == 0 && frozen;
}

/*
 * Whether the kernel has killed something in its cgroup for want of memory. Until that is taken back: then the
 * definition says so.
 */
static bool was_killed_for_memory(const struct record *record, const struct record_exit *exit)
{
	CLEANUP_CG struct cg *cgroup = NULL;
	struct err ignored = ERR_INIT;

	if (exit->signal != SIGKILL || !record->cgroup.path ||
	    cg_open(cgroup_driver_parse(record->cgroup.driver), record->cgroup.path, &cgroup, &ignored) < 0)
		return false;
	return cg_ran_out_of_memory(cgroup);
}

static void look_at_exit(const struct record *record, int state_fd, struct lifecycle *now)
{
	struct exit_file seen;

	now->status = RECORD_STOPPED;
	now->exit = record->exit;
	now->finished = record->finished;
	if (record->status != RECORD_STOPPED && exit_file_read(state_fd, &seen) == 0) {
		now->exit = (struct record_exit){.known = seen.known,
						 .code = seen.code,
						 .signal = seen.signal,
						 .oom = seen.oom};
		memcpy(now->exit.cause, seen.cause, sizeof(seen.cause));
		memcpy(now->exit.words, seen.words, sizeof(seen.words));
		now->finished = seen.finished_ns;
	}
	now->exit.oom = now->exit.oom || was_killed_for_memory(record, &now->exit);
}

struct lifecycle lifecycle_look(const struct record *record, int state_fd, bool ask_freezer)
{
	struct lifecycle now = {.status = record->status};
	bool this_boot = is_of_this_boot(record);

	if (record->status == RECORD_CREATING) {
		now.interrupted = !this_boot || !lifecycle_is_alive(&record->keeper);
		return now;
	}
	if (record->status == RECORD_STOPPED || !this_boot || !lifecycle_is_alive(&record->init)) {
		look_at_exit(record, state_fd, &now);
		return now;
	}
	now.unattended = record->data_dir && !lifecycle_is_alive(&record->keeper);
	if (ask_freezer && is_frozen(record))
		now.status = RECORD_PAUSED;
	return now;
}

int lifecycle_allows(const struct record *record, const struct lifecycle *now, enum lifecycle_action action,
		     struct err *err)
{
	/* Containerd's shim and CRI-O tell by these words of runc's that it is over, and nothing is wrong. */
	const char *over = now->status == RECORD_STOPPED && !record->name ? ": container not running" : "";

	if (actions[action].in & (1U << now->status))
		return 0;
	return err_say(err, EINVAL, "container '%s' is %s: it %s%s", record->name ? record->name : record->id,
		       record_status_name(now->status), actions[action].words, over);
}

int lifecycle_write(const struct record *record, int state_fd, struct err *err)
{
	CLEANUP_TEXT struct text words = TEXT_INIT;
	int result = record_write(record, &words, err);

	if (result < 0)
		return result;
	return file_replace(state_fd, RECORD_FILE, words.data, words.len, RECORD_FILE_MODE, FILE_VOLATILE, err);
}

int lifecycle_enter(struct record *record, int state_fd, enum record_status status, struct err *err)
{
	if (!(entered_from[status] & (1U << record->status)))
		return err_say(err, EINVAL, "container '%s' is %s: it cannot become %s", record->id,
			       record_status_name(record->status), record_status_name(status));
	record->status = status;
	if (status == RECORD_RUNNING)
		record->started = proc_now_ns();
	if (status == RECORD_STOPPED && record->finished == 0)
		record->finished = proc_now_ns();
	return lifecycle_write(record, state_fd, err);
}

static void forget_another_boot(struct record *record)
{
	if (is_of_this_boot(record))
		return;
	record->init = record->keeper = (struct record_process){0};
	record->cgroup.path = NULL;
}

void lifecycle_salvage(struct arena *arena, int state_fd, const char *id, struct record *ret)
{
	record_salvage(arena, state_fd, RECORD_FILE, id, ret);
	forget_another_boot(ret);
}

int lifecycle_read(struct arena *arena, int state_fd, const char *id, struct record *ret, struct err *err)
{
	struct err failure = ERR_INIT;
	int result = record_read(arena, state_fd, RECORD_FILE, ret, &failure);

	if (result >= 0) {
		forget_another_boot(ret);
		return 0;
	}
	if (result == -ENOENT)
		return err_say(err, ENOENT, "container '%s' has no record: delete it if it is in the way", id);
	if (result == -EINVAL || result == -EFBIG)
		return err_say(err, EBADMSG, "container '%s': its record cannot be used: %s: remove it by force", id,
			       failure.msg);
	*err = failure;
	return err_wrap(err, "container '%s'", id);
}

// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/core/restore.h"

#include <errno.h>
#include <string.h>

#include "namespaces/idmap.h"
#include "runtime/base/fd.h"
#include "runtime/base/file.h"
#include "runtime/base/host.h"
#include "runtime/base/log.h"
#include "runtime/base/process.h"
#include "runtime/core/lifecycle.h"
#include "runtime/core/phases.h"
#include "runtime/core/restore_parts.h"
#include "runtime/core/steps.h"
#include "runtime/core/steps_parts.h"

/* --- Before anything is made -------------------------------------------------------------------------------------- */

static int restore_look(struct instance *instance, struct err *err)
{
	struct restoration *restoration = instance->restoration;
	const struct checkpoint_work *work = restoration->work;
	int result = checkpoint_check(instance->plan, err);

	if (result >= 0)
		result = criu_find(instance->arena, work->criu, &restoration->program, err);
	if (result >= 0)
		result = checkpoint_open(work, false, &restoration->folders, err);
	if (result >= 0 && !file_is_there(restoration->folders.images, "inventory.img"))
		result = err_say(err, ENOENT, "images '%s': the folder holds no checkpoint: it has no inventory.img",
				 work->images);
	if (instance->plan->hooks[HOOK_CREATE_CONTAINER].count + instance->plan->hooks[HOOK_START_CONTAINER].count > 0)
		log_line(LOG_LEVEL_WARN,
			 "createContainer and startContainer hooks are not run for a container that is restored");
	return result;
}

/* Where the container has a user namespace of its own: one with the same map, for what is mounted with mapped ids. */
static int restore_ids(struct instance *instance, struct err *err)
{
	if (instance->plan->namespaces.kind[NS_USER].how == NS_HOST)
		return 0;
	instance->userns_fd = idmap_userns(&instance->plan->idmap, err);
	return instance->userns_fd < 0 ? instance->userns_fd : restore_check_images(instance, err);
}

/* --- CRIU --------------------------------------------------------------------------------------------------------- */

static int failed(const struct instance *instance, const struct criu_answer *answer, struct err *err)
{
	const struct checkpoint_folders *folders = &instance->restoration->folders;

	return criu_failed(answer, folders->work, folders->log_folder, RESTORE_LOG, err);
}

/*
 * Goes along with CRIU up to a step (NULL: to its end). The last notification is not answered yet: what follows may
 * still fail.
 */
static int accompany(struct instance *instance, const char *step, struct criu_answer *answer, struct err *err)
{
	struct criu *criu = &instance->restoration->criu;

	for (;;) {
		int fd, result = criu_listen(criu, answer, &fd, err);

		if (result >= 0 && fd >= 0 && strcmp(answer->step, "orphan-pts-master") == 0) {
			scope_fd(&instance->terminal);
			instance->terminal = fd_take(&fd);
		}
		scope_fd(&fd);
		if (result >= 0 && !answer->success)
			return failed(instance, answer, err);
		if (result >= 0 && answer->kind != CRIU_NOTIFY && step)
			return err_say(err, EPROTO, "criu is through before it has told of '%s'", step);
		if (result < 0 || answer->kind != CRIU_NOTIFY || (step && strcmp(answer->step, step) == 0))
			return result;
		result = criu_reply(criu, true, err);
		if (result < 0)
			return result;
	}
}

/* Known from here on, so that whoever finds the record of a restore that was killed knows whom to end. */
static int keep_first_process(struct instance *instance, const struct criu_answer *answer, struct err *err)
{
	if (answer->pid <= 0)
		return err_say(err, EPROTO, "criu does not tell the pid of the first process");
	instance->init = instance->record.init.pid = answer->pid;
	if (proc_start_time(answer->pid, &instance->record.init.start_ticks) < 0)
		return err_say(err, ESRCH, "the container's first process has just ended");
	instance->init_pidfd = proc_open(answer->pid, instance->record.init.start_ticks);
	if (instance->init_pidfd == -ESRCH)
		return err_say(err, ESRCH, "the container's first process has just ended");
	return lifecycle_write(&instance->record, instance->state_fd, err);
}

static int restore_criu(struct instance *instance, struct err *err)
{
	struct restoration *restoration = instance->restoration;
	struct criu_start start = {
		.program = restoration->program,
		.images = restoration->work->images,
		.work = restoration->folders.log_folder,
		.gifts = restoration->gifts,
		.prepare = restore_stage,
		.context = instance,
	};
	struct criu_answer answer;
	int result = restore_options(instance, err);

	start.gift_count = restoration->gift_count;
	if (result >= 0)
		result = criu_begin(&start, &restoration->criu, err);
	if (result >= 0)
		result = cg_join(instance->cgroup, restoration->criu.pid, err);
	if (result >= 0)
		result = restore_name_cgroups(instance, err);
	if (result >= 0)
		result = criu_ask(&restoration->criu, CRIU_RESTORE, &restoration->options, err);
	if (result >= 0)
		result = accompany(instance, "setup-namespaces", &answer, err);
	if (result >= 0)
		result = keep_first_process(instance, &answer, err);
	/* It took a copy with it, which is gone with its mount namespace. */
	scope_fd(&instance->root_fd);
	instance->root_fd = -1;
	if (result < 0)
		criu_close(&restoration->criu);
	return result;
}

static int restore_criu_undo(struct instance *instance, struct err *err)
{
	(void)err;
	criu_close(&instance->restoration->criu);
	return 0;
}

/* --- Hooks, ready, go --------------------------------------------------------------------------------------------- */

static int restore_hooks(struct instance *instance, struct err *err)
{
	int result;

	instance->hooked = true;
	result = steps_run_hooks(instance, HOOK_PRESTART, RECORD_CREATING, instance->init, err);
	if (result >= 0)
		result = steps_run_hooks(instance, HOOK_CREATE_RUNTIME, RECORD_CREATING, instance->init, err);
	return result < 0 ? result : criu_reply(&instance->restoration->criu, true, err);
}

static int restore_ready(struct instance *instance, struct err *err)
{
	struct criu_answer answer;
	int result = accompany(instance, "post-restore", &answer, err);

	return result < 0 ? result : steps_hand_out(instance, 0, err);
}

static int restore_go(struct instance *instance, struct err *err)
{
	struct criu_answer answer;
	int result = lifecycle_enter(&instance->record, instance->state_fd, RECORD_RUNNING, err);

	if (result >= 0)
		result = criu_reply(&instance->restoration->criu, true, err);
	if (result >= 0)
		result = accompany(instance, NULL, &answer, err);
	if (result < 0)
		return result;
	criu_wait(&instance->restoration->criu);
	steps_poststart(instance);
	return 0;
}

/* --- The table ---------------------------------------------------------------------------------------------------- */

/*
 * As in a creation: the record first. CRIU is put into the cgroup before it makes anything, so that all of it can be
 * found and ended there.
 */
static const struct phase phases[] = {
	{"record", step_record, step_record_undo},
	{"sources", step_sources, NULL},
	{"streams", step_streams, NULL},
	{"ids", restore_ids, NULL},
	{"root", step_root, NULL},
	{"mount-points", restore_mount_points, NULL},
	{"cgroup", step_cgroup, step_cgroup_undo},
	{"criu", restore_criu, restore_criu_undo},
	{"hooks", restore_hooks, NULL},
	{"ready", restore_ready, step_pid_file_undo},
	{"go", restore_go, NULL},
};

int restore_instance(const struct restore_request *request, struct arena *arena, struct instance *ret, struct err *err)
{
	struct restoration restoration = {.work = &request->work,
					  .folders = CHECKPOINT_FOLDERS_INIT,
					  .criu = CRIU_INIT};
	int result;

	instance_init(ret, arena, request->creation.store);
	ret->plan = request->creation.plan;
	ret->request = &request->creation;
	ret->restoration = &restoration;
	result = host_require(err);
	if (result >= 0)
		result = restore_look(ret, err);
	if (result >= 0)
		result = phases_run(phases, ARRAY_SIZE(phases), ret, err);
	ret->request = NULL;
	ret->restoration = NULL;
	criu_close(&restoration.criu);
	checkpoint_close(&restoration.folders);
	if (result < 0) {
		step_poststop(ret);
		instance_close(ret);
	}
	return result;
}

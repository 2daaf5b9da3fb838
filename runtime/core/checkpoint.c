// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/core/checkpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/file.h"
#include "runtime/base/json.h"
#include "runtime/base/log.h"
#include "runtime/base/process.h"
#include "runtime/core/backend.h"
#include "runtime/core/cgroup_driver.h"
#include "runtime/core/control.h"
#include "runtime/core/criu.h"
#include "runtime/core/criu_mounts.h"
#include "runtime/core/fault.h"

#define LOG_FILE  "dump.log"
#define LOG_LEVEL 4

/* --- Folders ------------------------------------------------------------------------------------------------------ */

int checkpoint_open(const struct checkpoint_work *work, bool make, struct checkpoint_folders *ret, struct err *err)
{
	int result = make ? file_make_dirs(work->images, 0700, err) : 0;

	*ret = CHECKPOINT_FOLDERS_INIT;
	ret->log_folder = work->work ? work->work : work->images;
	if (result >= 0)
		result = ret->images = file_open_dir(AT_FDCWD, work->images, err);
	if (result < 0)
		return err_wrap(err, "images '%s'", work->images);
	if (work->work)
		result = file_make_dirs(work->work, 0700, err);
	if (result >= 0)
		result = ret->work = file_open_dir(AT_FDCWD, ret->log_folder, err);
	return result < 0 ? err_wrap(err, "work folder '%s'", ret->log_folder) : 0;
}

void checkpoint_close(struct checkpoint_folders *folders)
{
	scope_fd(&folders->images);
	scope_fd(&folders->work);
	*folders = CHECKPOINT_FOLDERS_INIT;
}

/* --- What can be saved -------------------------------------------------------------------------------------------- */

const char *checkpoint_namespace_key(enum ns_kind kind)
{
	return kind == NS_NET ? "extRootNetNS" : kind == NS_PID ? "extRootPidNS" : NULL;
}

int checkpoint_check(const struct plan *plan, struct err *err)
{
	static const enum ns_kind never_joined[] = {NS_USER, NS_MOUNT, NS_CGROUP, NS_TIME};
	const struct backend_ops *backend = backend_find(plan->backend);

	if (!backend || !backend->takes_checkpoints)
		return err_say(err, ENOTSUP, "checkpoints are not supported by backend '%s'", plan->backend);
	if (plan->rootless)
		return err_say(err, EPERM, "checkpoints are for the host's root only");
	if (plan->namespaces.kind[NS_MOUNT].how == NS_HOST)
		return err_say(err, ENOTSUP,
			       "the container has no mount namespace of its own, without which criu cannot restore it");
	for (size_t i = 0; i < ARRAY_SIZE(never_joined); i++)
		if (plan->namespaces.kind[never_joined[i]].how == NS_JOIN)
			return err_say(err, ENOTSUP,
				       "the container is in a %s namespace that it has joined, which criu cannot "
				       "restore",
				       ns_name(never_joined[i]));
	if (plan->net.move_count > 0)
		return err_say(err, ENOTSUP, "linux.netDevices: interfaces of the host are not saved in checkpoints");
	return plan->namespaces.kind[NS_NET].how == NS_HOST ? 0 : criu_check_network(err);
}

static int check_instance(const struct instance *instance, struct err *err)
{
	const struct record *record = &instance->record;

	if (record->data_dir)
		return err_say(err, ENOTSUP, "container '%s' was made by 'hull run'", record->id);
	if (record->mounts.count > 0)
		return err_say(err, ENOTSUP,
			       "container '%s' has a mount at '%s' that was added while it runs: take it away first, "
			       "with 'mounts remove'",
			       record->id, record->mounts.items[0].destination);
	return 0;
}

/* --- Standard input, output and error ----------------------------------------------------------------------------- */

/* What a stream was when the container was made; with a terminal, what it is now. */
static const char *link_of(struct arena *arena, const struct record *record, size_t number)
{
	const char *path = arena_printf(arena, "/proc/%d/fd/%zu", record->init.pid, number);
	char *link = arena_alloc(arena, PATH_MAX);
	ssize_t len;

	if (number < record->streams.count)
		return record->streams.items[number].link;
	len = path && link ? readlink(path, link, PATH_MAX - 1) : -1;
	return len < 0 ? "" : link;
}

/*
 * A terminal of the host's is somebody's session: it is left to who restores only where that is asked for, and its name
 * then says so.
 */
static const char *key_of(const struct record *record, size_t number, const struct criu_options *options)
{
	const char *key = number < record->streams.count ? record->streams.items[number].key : NULL;

	return !key || (text_starts(key, "tty[") && !options->shell_job) ? "" : key;
}

/* `keys`: CRIU's names, with these options; NULL: as other runtimes have them. */
static int write_streams(struct arena *arena, int folder, const char *name, const struct record *record,
			 const struct criu_options *keys, struct err *err)
{
	CLEANUP_TEXT struct text out = TEXT_INIT;
	struct json_writer w = {.out = &out};

	json_open_array(&w, NULL);
	for (size_t number = 0; number < 3; number++)
		json_put_string(&w, NULL, keys ? key_of(record, number, keys) : link_of(arena, record, number));
	json_close_array(&w);
	if (text_check(&out, err) < 0)
		return -err->code;
	return file_replace(folder, name, out.data, out.len, 0600, FILE_VOLATILE, err);
}

/* What is on no mount of the container's: without its key criu could not save it. */
static int save_streams(const struct record *record, int folder, struct arena *arena, struct criu_options *options,
			struct err *err)
{
	int result;

	for (size_t i = 0; i < record->streams.count; i++) {
		const char *key = key_of(record, i, options);

		if ((text_starts(key, "file[") || text_starts(key, "tty[")) && !strv_has(&options->external, key) &&
		    strv_add(arena, &options->external, key) < 0)
			return arena_check(arena, err);
	}
	result = write_streams(arena, folder, DESCRIPTORS_FILE, record, NULL, err);
	return result < 0 ? result : write_streams(arena, folder, INHERITED_FILE, record, options, err);
}

/* --- What CRIU is told -------------------------------------------------------------------------------------------- */

/* Namespaces that the container shares with others stay where they are: the restore names them again. */
static int name_namespaces(const struct plan *plan, pid_t pid, struct arena *arena, struct criu_options *options,
			   struct err *err)
{
	for (int kind = 0; kind < NS_COUNT; kind++) {
		const char *key = checkpoint_namespace_key((enum ns_kind)kind);
		const char *name = ns_proc_name((enum ns_kind)kind), *words;
		struct stat what;
		char path[64];

		if (!key || plan->namespaces.kind[kind].how != NS_JOIN)
			continue;
		(void)snprintf(path, sizeof(path), "/proc/%d/ns/%s", pid, name);
		if (stat(path, &what) < 0)
			return err_set(err, errno, "look at the container's %s namespace", ns_name((enum ns_kind)kind));
		words = arena_printf(arena, "%s[%" PRIu64 "]:%s", name, (uint64_t)what.st_ino, key);
		if (!words || strv_add(arena, &options->external, words) < 0)
			return arena_check(arena, err);
	}
	return 0;
}

static int describe(const struct checkpoint_request *request, struct instance *instance, int folder,
		    struct criu_options *options, struct err *err)
{
	struct arena *arena = instance->arena;
	pid_t pid = instance->record.init.pid;
	const char *path = arena_printf(arena, "/proc/%d/root", pid);
	CLEANUP_FD int root = path ? open(path, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
	mounts_seen inside;
	int result;

	if (root < 0)
		return err_set(err, errno, "open the container's root");
	result = mounts_seen_of(arena, pid, &inside, err);
	if (result >= 0)
		result = criu_mounts_inside(arena, request->plan, root, &inside, &options->external_mounts, err);
	if (result >= 0)
		result = name_namespaces(request->plan, pid, arena, options, err);
	return result < 0 || request->pre_dump ? result : save_streams(&instance->record, folder, arena, options, err);
}

static int complete_options(const struct checkpoint_request *request, struct instance *instance,
			    const struct checkpoint_folders *folders, struct criu_options *options, struct err *err)
{
	*options = request->work.options;
	options->images_fd = CRIU_IMAGES;
	options->work_fd = CRIU_WORK;
	options->pid = instance->record.init.pid;
	options->log_file = LOG_FILE;
	options->log_level = LOG_LEVEL;
	options->notify = true;
	options->orphan_terminal = true;
	options->external_masters = true;
	options->track_memory = request->pre_dump || options->parent;
	if (instance->record.cgroup.path && cg_open(cgroup_driver_parse(instance->record.cgroup.driver),
						    instance->record.cgroup.path, &instance->cgroup, err) < 0)
		return -err->code;
	options->freezer = instance->cgroup ? cg_freezer_path(instance->cgroup) : NULL;
	return describe(request, instance, folders->images, options, err);
}

/* --- The dump ----------------------------------------------------------------------------------------------------- */

static void tell_ready(const struct checkpoint_request *request, const struct criu_answer *answer)
{
	if (request->status_fd >= 0 && strcmp(answer->step, "status-ready") == 0)
		(void)!write(request->status_fd, "", 1);
}

/*
 * CRIU is told a number, and what is said of the container's mounts and namespaces was found by that number. All of it
 * is the container's as long as its first process has not been reaped: until then nobody else gets its pid.
 */
static int check_identity(int pidfd, struct err *err)
{
	int result = proc_signal(pidfd, 0);

	if (result == -ESRCH)
		return err_say(err, ESRCH, "it has just ended");
	return result < 0 ? err_set(err, -result, "look at its first process") : 0;
}

/*
 * Goes along with CRIU until it is through. When its last step, 'post-dump', is told, it still holds the processes:
 * they go on, whosever they are, if it is told to give up.
 */
static int accompany(const struct checkpoint_request *request, int pidfd, struct criu *criu, struct criu_answer *answer,
		     struct err *err)
{
	struct err ignored = ERR_INIT;

	for (;;) {
		CLEANUP_FD int fd = -1;
		int result = criu_listen(criu, answer, &fd, err);

		if (result < 0 || answer->kind != CRIU_NOTIFY)
			return result;
		log_line(LOG_LEVEL_DEBUG, "criu is at '%s'", answer->step);
		result = fault_point("checkpoint", answer->step, err);
		if (result >= 0)
			result = check_identity(pidfd, err);
		if (result < 0) {
			(void)criu_reply(criu, false, &ignored);
			return result;
		}
		tell_ready(request, answer);
		result = criu_reply(criu, true, err);
		if (result < 0)
			return result;
	}
}

static int dump(const struct checkpoint_request *request, struct instance *instance, const char *program,
		const struct checkpoint_folders *folders, struct err *err)
{
	const struct record_process *init = &instance->record.init;
	CLEANUP_FD int pidfd = proc_open(init->pid, init->start_ticks);
	CLEANUP_CRIU struct criu criu = CRIU_INIT;
	const struct criu_start start = {.program = program,
					 .images = request->work.images,
					 .work = folders->log_folder};
	struct criu_options options;
	struct criu_answer answer = {0};
	int result;

	if (pidfd < 0)
		return pidfd == -ESRCH ? err_say(err, ESRCH, "it has just ended")
				       : err_set(err, -pidfd, "open its first process");
	result = complete_options(request, instance, folders, &options, err);
	if (result < 0 && !lifecycle_is_alive(init))
		return err_say(err, ESRCH, "it has just ended");
	if (result >= 0)
		result = criu_begin(&start, &criu, err);
	if (result >= 0)
		result = criu_ask(&criu, request->pre_dump ? CRIU_PRE_DUMP : CRIU_DUMP, &options, err);
	if (result >= 0)
		result = accompany(request, pidfd, &criu, &answer, err);
	if (result >= 0 && !answer.success)
		result = criu_failed(&answer, folders->work, folders->log_folder, LOG_FILE, err);
	/* Nothing is told after the memory was read. */
	if (result >= 0 && request->pre_dump)
		result = check_identity(pidfd, err);
	if (result >= 0)
		criu_wait(&criu);
	return result;
}

static int checkpoint_locked(const struct checkpoint_request *request, struct arena *arena, struct record *ret_record,
			     struct err *err)
{
	CLEANUP_INSTANCE struct instance instance;
	CLEANUP_CHECKPOINT struct checkpoint_folders folders = CHECKPOINT_FOLDERS_INIT;
	const char *program;
	int result = control_open(request->store, arena, request->id, ACTION_CHECKPOINT, &instance, err);

	if (result >= 0)
		result = check_instance(&instance, err);
	if (result >= 0)
		result = checkpoint_check(request->plan, err);
	if (result >= 0)
		result = criu_find(arena, request->work.criu, &program, err);
	if (result >= 0)
		result = checkpoint_open(&request->work, true, &folders, err);
	if (result >= 0 && dump(request, &instance, program, &folders, err) < 0)
		result = err_wrap(err, "container '%s'", request->id);
	if (result >= 0)
		*ret_record = instance.record;
	return result;
}

int checkpoint_make(const struct checkpoint_request *request, struct err *err)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	struct record record;
	int result = checkpoint_locked(request, &arena, &record, err);

	if (result < 0)
		return result;
	if (request->pre_dump || request->work.options.leave_running)
		return 0;
	return control_delete_own(request->store, &record, err);
}

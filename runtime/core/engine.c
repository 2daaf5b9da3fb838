// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/core/engine.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/base/file.h"
#include "runtime/base/installed.h"
#include "runtime/base/process.h"
#include "runtime/base/socket.h"
#include "runtime/core/cgroup_driver.h"
#include "runtime/core/create.h"
#include "runtime/core/keeper_spawn.h"

/* What the engine says to its client, once, before the keeper talks. */
enum engine_frame { ENGINE_STARTED = 64 /* pid_t */, ENGINE_FAILED /* struct err */ };

/* --- The engine --------------------------------------------------------------------------------------------------- */

static uint32_t restarts_so_far(int folder);

/*
 * An instance of which nothing else is left, after a power cut say, has run: nobody knows how it ended, but it was not
 * just created.
 */
static void mark_started(const char *data_dir, uint64_t started)
{
	CLEANUP_FD int folder = open(data_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct definition_exit running = {.started = started};
	struct err ignored = ERR_INIT;

	if (folder < 0)
		return;
	running.restart_count = restarts_so_far(folder);
	(void)definition_exit_write(folder, &running, &ignored);
}

/* What a power cut must not take: the definition. After the start, so that nobody waits for the disk. */
static void sync_definition(const char *data_dir)
{
	CLEANUP_FD int folder = open(data_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	static const char *const files[] = {"config.json", "hull.json"};

	for (size_t i = 0; folder >= 0 && i < ARRAY_SIZE(files); i++) {
		CLEANUP_FD int fd = openat(folder, files[i], O_RDONLY | O_CLOEXEC);

		if (fd >= 0)
			(void)fdatasync(fd);
	}
	if (folder >= 0)
		(void)fsync(folder);
}

/* Returns only on failure: then the program is killed, since nobody would take its output. */
static int become_keeper(const struct engine_request *request, const char *program, struct instance *instance,
			 int client_fd, struct err *err)
{
	const struct plan_keeper *wishes = &request->plan->keeper;
	CLEANUP_FD int data_fd = file_open_dir(AT_FDCWD, request->data_dir, err);
	struct keeper_request keeper = KEEPER_REQUEST_INIT;
	struct err ignored = ERR_INIT;
	int result = data_fd;

	keeper.program = program;
	keeper.id = request->plan->id;
	keeper.pid = instance->init;
	keeper.pidfd = instance->init_pidfd;
	keeper.state_fd = instance->state_fd;
	keeper.data_fd = wishes->log_path ? data_fd : -1;
	keeper.stdout_fd = instance->streams.keeper_out;
	keeper.stderr_fd = instance->streams.keeper_err;
	keeper.stdin_fd = instance->streams.keeper_in;
	keeper.terminal_fd = instance->terminal;
	keeper.client_fd = client_fd;
	keeper.remains_fd = instance->remains_fd;
	keeper.log_max_bytes = wishes->log_max_bytes;
	keeper.log_max_files = wishes->log_max_files;
	keeper.unmake = (const char *const *)request->unmake->items;
	if (result >= 0)
		result = keeper_exec(&keeper, err);
	(void)create_undo(instance, &ignored);
	return result;
}

static void tell_client(int client_fd, const struct err *failure, pid_t pid)
{
	struct err ignored = ERR_INIT;

	if (client_fd < 0)
		return;
	if (failure)
		(void)sock_send_frame(client_fd, ENGINE_FAILED, failure, sizeof(*failure), &ignored);
	else
		(void)sock_send_frame(client_fd, ENGINE_STARTED, &pid, sizeof(pid), &ignored);
}

/* Makes the instance and becomes its keeper. The descriptor to the client may be -1. Returns only on failure. */
static int make_and_keep(const struct engine_request *request, int client_fd, struct err *err)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	struct instance instance;
	struct create_request creation = {
		.store = request->store,
		.plan = request->plan,
		.data_dir = request->data_dir,
		.stdio = {-1, -1, -1},
		.kept = true,
		.unless_stopped = request->is_restart,
		.seccomp_cache = request->seccomp_cache,
		.tell = request->tell,
	};
	char keeper[INSTALLED_PATH_BYTES];
	int result = installed_program("hull-keeper", keeper, err); /* before there is anything to keep */

	if (result >= 0)
		result = create_instance(&creation, &arena, &instance, err);
	tell_client(client_fd, result < 0 ? err : NULL, result < 0 ? 0 : instance.init);
	if (result < 0)
		return result;
	if (request->durable) {
		mark_started(request->data_dir, instance.record.started);
		sync_definition(request->data_dir);
	}
	return become_keeper(request, keeper, &instance, request->attach ? client_fd : -1, err);
}

int engine_become(const struct engine_request *request, struct err *err)
{
	return make_and_keep(request, -1, err);
}

static __attribute__((noreturn)) void engine_main(const struct engine_request *request, int client_fd)
{
	struct err err = ERR_INIT;

	/* The user's terminal, and what is typed there, are the client's. */
	(void)setsid();
	(void)signal(SIGINT, SIG_IGN);
	(void)signal(SIGHUP, SIG_IGN);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)make_and_keep(request, client_fd, &err);
	_exit(1);
}

/* --- The client --------------------------------------------------------------------------------------------------- */

static int take_outcome(int fd, pid_t *ret_pid, struct err *err)
{
	char payload[sizeof(struct err)] __attribute__((aligned(8)));
	struct err ignored = ERR_INIT;
	uint16_t type = 0;
	ssize_t len = sock_recv_frame(fd, &type, payload, sizeof(payload), &ignored);

	if (len == (ssize_t)sizeof(*ret_pid) && type == ENGINE_STARTED) {
		memcpy(ret_pid, payload, sizeof(*ret_pid));
		return 0;
	}
	if (len == (ssize_t)sizeof(*err) && type == ENGINE_FAILED) {
		memcpy(err, payload, sizeof(*err));
		return -err->code;
	}
	return err_say(err, ECONNRESET, "the process that starts the container was killed: see 'hull ps -a'");
}

int engine_start(const struct engine_request *request, int *ret_client_fd, pid_t *ret_pid, struct err *err)
{
	int ends[2], result = sock_pair(ends, err), status;
	CLEANUP_FD int ours = -1;
	pid_t engine;

	if (result < 0)
		return result;
	engine = proc_clone(&(struct proc_clone){.cgroup_fd = -1});
	if (engine == 0) {
		(void)close(ends[0]);
		engine_main(request, ends[1]);
	}
	(void)close(ends[1]);
	ours = ends[0];
	if (engine < 0)
		return err_set(err, -engine, "start the engine's process");
	result = take_outcome(ours, ret_pid, err);
	if (result < 0) {
		/* It has taken everything back by the time it ends. */
		(void)proc_wait(engine, &status);
		return result;
	}
	if (request->attach)
		*ret_client_fd = fd_take(&ours);
	return 0;
}

/* --- After the end ------------------------------------------------------------------------------------------------ */

static void write_exit(const struct instance *instance, const struct lifecycle *now, uint32_t restarts)
{
	CLEANUP_FD int folder = open(instance->record.data_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct definition_exit exit = {
		.exit = now->exit,
		.started = instance->record.started,
		.finished = now->finished ? now->finished : proc_now_ns(),
		.restart_count = restarts,
	};
	struct err ignored = ERR_INIT;

	if (folder >= 0)
		(void)definition_exit_write(folder, &exit, &ignored);
}

static bool is_restart_wanted(const struct extension *extension, const struct record_exit *exit, uint32_t restarts)
{
	const struct extension_restart *restart = &extension->restart;
	bool failed = !exit->known || exit->code != 0;

	switch (restart->policy) {
	case RESTART_NO:
		return false;
	case RESTART_ALWAYS:
		return true;
	case RESTART_ON_FAILURE:
		return failed && (restart->max_retries == 0 || restarts < restart->max_retries);
	}
	return false;
}

/* How often it was restarted since somebody started it. */
static uint32_t restarts_so_far(int folder)
{
	struct definition_exit last;
	struct err ignored = ERR_INIT;

	return definition_exit_read(folder, &last, &ignored) == 0 ? last.restart_count : 0;
}

static void decide(struct instance *instance, struct lifecycle *now, struct engine_unmade *ret)
{
	const char *data_dir = instance->record.data_dir;
	CLEANUP_FD int folder = data_dir ? open(data_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	const struct extension *extension;
	struct err ignored = ERR_INIT;

	if (folder < 0 || extension_read(instance->arena, folder, EXTENSION_FILE, &extension, &ignored) < 0)
		return;
	ret->remove = extension->auto_remove;
	ret->restart_count = restarts_so_far(folder);
	ret->restart =
		is_restart_wanted(extension, &now->exit, ret->restart_count) && definition_is_wanted_running(data_dir);
	if (now->finished > instance->record.started && instance->record.started > 0)
		ret->ran_ms = (now->finished - instance->record.started) / 1000000;
	if (!ret->remove) /* nobody would read it */
		write_exit(instance, now, ret->restart ? ret->restart_count + 1 : ret->restart_count);
}

int engine_unmake(const struct store *store, const char *id, struct engine_unmade *ret, struct err *err)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	CLEANUP_INSTANCE struct instance instance;
	struct lifecycle now;
	int result;

	*ret = (struct engine_unmade){0};
	result = create_open(store, &arena, id, &instance, err);
	if (result < 0)
		return result;
	now = lifecycle_look(&instance.record, instance.state_fd, false);
	if (now.status != RECORD_STOPPED && !now.interrupted)
		return err_say(err, EALREADY, "container '%s' is %s", id, record_status_name(now.status));
	if (!now.interrupted)
		decide(&instance, &now, ret);
	return create_undo(&instance, err);
}

/* --- Settling ----------------------------------------------------------------------------------------------------- */

static int give_new_keeper(const struct engine_settling *settling, struct instance *instance, struct err *err)
{
	struct record *record = &instance->record;
	CLEANUP_FD int data_fd = file_open_dir(AT_FDCWD, record->data_dir, err);
	struct keeper_request keeper = KEEPER_REQUEST_INIT;
	const struct extension *extension;
	struct strv command = {0};
	pid_t pid;
	int result = data_fd;

	if (result >= 0)
		result = extension_read(instance->arena, data_fd, EXTENSION_FILE, &extension, err);
	if (result >= 0)
		result = settling->unmake_command(settling->user, instance->arena, record->id, &command);
	if (result < 0)
		return result;
	keeper.id = record->id;
	keeper.pid = record->init.pid;
	keeper.state_fd = instance->state_fd;
	keeper.data_fd = extension->log.path ? data_fd : -1;
	keeper.log_max_bytes = extension->log.max_bytes;
	keeper.log_max_files = extension->log.max_files;
	keeper.unmake = (const char *const *)command.items;
	pid = keeper_adopt(&keeper, record->init.start_ticks, err);
	if (pid < 0)
		return pid;
	record->keeper.pid = pid;
	result = proc_start_time(pid, &record->keeper.start_ticks);
	return result < 0 ? err_set(err, -result, "read the keeper's start time")
			  : lifecycle_write(record, instance->state_fd, err);
}

static int settle_one(const struct engine_settling *settling, const char *id, bool *ret_unmake, struct err *err)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	CLEANUP_INSTANCE struct instance instance;
	struct err unreadable = ERR_INIT;
	struct lifecycle now;
	int result;

	instance_init(&instance, &arena, settling->store);
	/* One that somebody else is working on is in good hands. */
	instance.state_fd = store_find_unlocked(settling->store, id, &unreadable);
	if (instance.state_fd < 0)
		return 0;
	result = lifecycle_read(&arena, instance.state_fd, id, &instance.record, &unreadable);
	if (result == -ENOENT) /* somebody held the id, and was killed */
		return store_remove_claim(settling->store, id, instance.state_fd, err);
	if (result < 0) {
		*err = unreadable;
		return result;
	}
	now = lifecycle_look(&instance.record, instance.state_fd, false);
	if (now.interrupted)
		return create_undo(&instance, err);
	if (now.unattended)
		return give_new_keeper(settling, &instance, err);
	*ret_unmake = now.status == RECORD_STOPPED && instance.record.data_dir &&
		      !lifecycle_is_alive(&instance.record.keeper);
	return 0;
}

int engine_settle(const struct engine_settling *settling, struct err *err)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	struct strv ids = {0};
	int result = store_list(settling->store, &arena, &ids, err);

	file_sweep_claims(settling->store->fd);
	for (size_t i = 0; result >= 0 && i < ids.count; i++) {
		struct err failure = ERR_INIT;
		struct engine_unmade unmade;
		bool unmake = false;
		int settled = settle_one(settling, ids.items[i], &unmake, &failure);

		if (settled >= 0 && unmake) {
			settled = engine_unmake(settling->store, ids.items[i], &unmade, &failure);
			if (settled >= 0)
				settling->unmade(settling->user, ids.items[i], &unmade);
			/* Somebody else has been faster. */
			if (settled == -ENOENT || settled == -EALREADY)
				settled = 0;
		}
		if (settled < 0 && settling->complain)
			settling->complain(ids.items[i], &failure);
	}
	return result;
}

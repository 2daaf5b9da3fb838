// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/core/mounts.h"
#include "runtime/core/backend.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "namespaces/mount.h"
#include "namespaces/root_mounts.h"
#include "namespaces/root_sources.h"
#include "runtime/base/path.h"
#include "runtime/base/process.h"
#include "runtime/base/sync.h"
#include "runtime/core/child.h"
#include "runtime/core/create.h"
#include "runtime/core/fault.h"
#include "runtime/core/join.h"
#include "runtime/core/lifecycle.h"
#include "runtime/core/spawn.h"

enum { MOUNTS_DONE = 1, MOUNTS_STAGE_COUNT };
static const char *const stage_names[MOUNTS_STAGE_COUNT] = {[MOUNTS_DONE] = "mounted"};

/* --- Inside ------------------------------------------------------------------------------------------------------- */

/* One of them is what is to be done: mounts with their sources, or numbers of mounts to remove. */
struct work {
	struct sync sync;
	int parents_end;
	bool own_user_namespace;
	const struct mount_request *mounts;
	struct root_sources *sources;
	const struct record_mount *removed;
	size_t count;
};

/* It ends with its parent, whatever happens. Must not: keep the host's ids where the container has a user namespace. */
static int enter(struct work *work, struct err *err)
{
	proc_reset_signals();
	(void)umask(DEFAULT_UMASK);
	if (work->own_user_namespace) {
		(void)setgroups(0, NULL); /* refused where setgroups is denied; then there are none inside either */
		if (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
			return err_set(err, errno, "become root of the user namespace");
	}
	return prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 ? err_set(err, errno, "ask to end with the parent process") : 0;
}

static void take_back(const struct work *work, int root, const struct mount_identity *ids, size_t count)
{
	struct err ignored = ERR_INIT;

	while (count-- > 0)
		(void)root_mount_remove(root, work->mounts[count].destination, &ids[count], &ignored);
}

static int attach(struct work *work, int root, struct err *err)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	struct mount_identity *ids = arena_array(&arena, work->count, sizeof(*ids));
	struct root_handle handle = {.root_fd = root, .proc_fd = -1, .cover = MASK_COVER_INIT};
	int result = arena_check(&arena, err);

	for (size_t i = 0; result >= 0 && i < work->count; i++) {
		struct root_request one = {.mounts = &work->mounts[i], .mount_count = 1};
		struct root_sources source = {.mounts = &work->sources->mounts[i], .mount_count = 1};

		result = mount_identify(source.mounts[0], &ids[i], err);
		if (result >= 0)
			result = root_mount_all(&one, &source, NULL, &handle, err);
		if (result < 0)
			take_back(work, root, ids, i + 1);
	}
	return result;
}

static int detach(const struct work *work, int root, struct err *err)
{
	int result = 0;

	for (size_t i = work->count; result >= 0 && i-- > 0;) {
		const struct record_mount *removed = &work->removed[i];
		const struct mount_identity mount = {removed->number, removed->device, removed->inode};

		result = root_mount_remove(root, removed->destination, &mount, err);
	}
	return result;
}

static __attribute__((noreturn)) void work_main(void *context)
{
	struct work *work = context;
	struct err err = ERR_INIT;
	int root, result;

	(void)close(work->parents_end);
	result = enter(work, &err);
	root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (result >= 0 && root < 0)
		result = err_set(&err, errno, "open the container's root");
	if (result >= 0)
		result = work->mounts ? attach(work, root, &err) : detach(work, root, &err);
	if (result < 0)
		sync_send_err(&work->sync, &err);
	else
		(void)sync_send(&work->sync, MOUNTS_DONE, &err);
	_exit(result < 0);
}

/* --- Outside ------------------------------------------------------------------------------------------------------ */

static int just_ended(const struct record *record, struct err *err)
{
	return err_say(err, ESRCH, "container '%s' has just ended", record->id);
}

static int run_inside(const struct record *record, struct work *work, struct err *err)
{
	CLEANUP_FD int pidfd = proc_open(record->init.pid, record->init.start_ticks);
	CLEANUP_FD int child_pidfd = -1;
	CLEANUP_SYNC struct sync ours = {.fd = -1}, theirs = {.fd = -1};
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	int namespaces[NS_COUNT] CLEANUP(join_close) = JOIN_INIT;
	int *keeps = arena_array(&arena, work->count + 2, sizeof(*keeps)), status, result;
	struct spawn_request spawning = {
		.joins = namespaces,
		.cgroup_fd = -1,
		.keeps = keeps,
		.keep_count = work->mounts ? work->count + 2 : 2,
		.keeps_from = 3,
		.main = work_main,
		.context = work,
	};
	pid_t pid;

	if (pidfd < 0)
		return just_ended(record, err);
	result = arena_check(&arena, err);
	if (result >= 0)
		result = fault_point("mounts", "join", err);
	if (result >= 0)
		result = join_open(&record->init, pidfd, 1u << NS_USER | 1u << NS_MOUNT, namespaces, err);
	if (result >= 0 && namespaces[NS_MOUNT] < 0)
		result = err_say(err, EINVAL, "the container has no mount namespace of its own");
	if (result >= 0)
		result = sync_pair(&ours, &theirs, stage_names, MOUNTS_STAGE_COUNT, err);
	if (result < 0)
		return result;
	work->own_user_namespace = namespaces[NS_USER] >= 0;
	work->sync = theirs;
	work->parents_end = ours.fd;
	keeps[0] = theirs.fd;
	keeps[1] = ours.fd;
	for (size_t i = 0; work->mounts && i < work->count; i++)
		keeps[2 + i] = work->sources->mounts[i];
	result = spawn(&spawning, &pid, &child_pidfd, err);
	sync_close(&theirs);
	if (result < 0)
		return result;
	result = sync_wait(&ours, MOUNTS_DONE, err);
	(void)proc_wait(pid, &status);
	return result;
}

static int open_locked(const struct store *store, struct arena *arena, const char *id, struct instance *ret,
		       struct err *err)
{
	const struct backend_ops *backend;
	struct lifecycle now;
	int result = create_open(store, arena, id, ret, err);

	if (result >= 0)
		result = backend_of(&ret->record, &backend, err);
	if (result < 0)
		return result;
	if (!backend->takes_mounts)
		return backend_lacks(backend, "mounts", err);
	if (ret->record.root_apart)
		return err_say(err, EINVAL,
			       "container '%s' has no mount namespace of its own: its root is in none, and nothing can "
			       "be mounted in it any more",
			       id);
	now = lifecycle_look(&ret->record, ret->state_fd, true);
	return lifecycle_allows(&ret->record, &now, ACTION_UPDATE, err);
}

/* The map of ids that binds may ask for. Whether this was still the container's process, run_inside() finds out. */
static int open_user_namespace(const struct record *record, struct err *err)
{
	char path[64];
	int result;

	(void)snprintf(path, sizeof(path), "/proc/%d/ns/user", record->init.pid);
	result = ns_open_path(NS_USER, path, err);
	return result == -ENOENT || result == -ESRCH ? just_ended(record, err) : result;
}

/* With the old list in `ret_before`, to be put back when the work fails. */
static int note_added(struct instance *instance, const struct mount_request *mounts, const struct root_sources *sources,
		      struct record *ret_before, struct err *err)
{
	struct record *record = &instance->record;
	struct mount_identity mount;
	int result = 0;

	*ret_before = *record;
	record->mounts.items = NULL;
	record->mounts.count = 0;
	for (size_t i = 0; i < ret_before->mounts.count + sources->mount_count; i++) {
		struct record_mount *to = LIST_ADD(instance->arena, &record->mounts);
		size_t added = i - ret_before->mounts.count;

		if (!to)
			return arena_check(instance->arena, err);
		if (i < ret_before->mounts.count) {
			*to = ret_before->mounts.items[i];
			continue;
		}
		result = mount_identify(sources->mounts[added], &mount, err);
		if (result < 0)
			return result;
		*to = (struct record_mount){mounts[added].destination, mount.number, mount.device, mount.inode};
	}
	return lifecycle_write(record, instance->state_fd, err);
}

int mounts_add(const struct store *store, const char *id, const struct mount_request *mounts, size_t count,
	       struct err *err)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	CLEANUP_INSTANCE struct instance instance;
	CLEANUP_ROOT_SOURCES struct root_sources sources = ROOT_SOURCES_INIT;
	struct root_request request = {.mounts = mounts, .mount_count = count, .user_namespace = true};
	struct work work = {.mounts = mounts, .sources = &sources, .count = count};
	CLEANUP_FD int userns = -1;
	struct err ignored = ERR_INIT;
	struct record before;
	int result = open_locked(store, &arena, id, &instance, err);

	if (result < 0 || count == 0)
		return result;
	result = fault_point("mounts", "look", err);
	if (result < 0)
		return result;
	userns = open_user_namespace(&instance.record, err);
	result = userns < 0 ? userns : rootfs_open_binds(&request, userns, &sources, err);
	if (result < 0)
		return result;
	/* Noted before it is done: what has come in by a hair's breadth can be removed again. */
	result = note_added(&instance, mounts, &sources, &before, err);
	if (result >= 0)
		result = run_inside(&instance.record, &work, err);
	if (result < 0)
		(void)lifecycle_write(&before, instance.state_fd, &ignored);
	return result;
}

/* Where in the record's list, from the newest on; -1: nowhere. */
static ssize_t find_added(struct arena *arena, const struct record *record, const bool *taken, const char *destination)
{
	const char *wanted = path_clean(arena, destination);

	for (size_t i = record->mounts.count; wanted && i-- > 0;) {
		const char *found = path_clean(arena, record->mounts.items[i].destination);

		if (!taken[i] && found && strcmp(found, wanted) == 0)
			return (ssize_t)i;
	}
	return -1;
}

int mounts_remove(const struct store *store, const char *id, const struct strv *destinations, struct err *err)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	CLEANUP_INSTANCE struct instance instance;
	struct record *record = &instance.record;
	struct record_mount *removed;
	struct work work = {0};
	size_t left = 0;
	bool *taken;
	int result = open_locked(store, &arena, id, &instance, err);

	if (result < 0 || destinations->count == 0)
		return result;
	taken = arena_array(&arena, record->mounts.count + 1, sizeof(*taken));
	removed = arena_array(&arena, destinations->count, sizeof(*removed));
	result = arena_check(&arena, err);
	for (size_t i = 0; result >= 0 && i < destinations->count; i++) {
		ssize_t found = find_added(&arena, record, taken, destinations->items[i]);

		if (found < 0)
			return err_say(err, ENOENT, "nothing was added at '%s'", destinations->items[i]);
		taken[found] = true;
		removed[i] = record->mounts.items[found];
	}
	work.removed = removed;
	work.count = destinations->count;
	if (result >= 0)
		result = run_inside(record, &work, err);
	if (result < 0)
		return result;
	for (size_t i = 0; i < record->mounts.count; i++)
		if (!taken[i])
			record->mounts.items[left++] = record->mounts.items[i];
	record->mounts.count = left;
	return lifecycle_write(record, instance.state_fd, err);
}

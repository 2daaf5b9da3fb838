/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The interface: checks, makes, opens, joins and updates a cgroup, whoever makes its folders.
 */
#include "cgroups/cg.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "cgroups/ahead_parts.h"
#include "cgroups/devices.h"
#include "cgroups/driver.h"
#include "cgroups/limits_host.h"
#include "cgroups/limits_table.h"
#include "cgroups/limits_undo.h"
#include "cgroups/limits_write.h"
#include "cgroups/path.h"
#include "runtime/base/file.h"
#include "runtime/base/path.h"
#include "runtime/base/process.h"

static const struct cg_driver *const drivers[] = {
	[CG_DRIVER_CGROUPFS] = &cg_driver_cgroupfs,
	[CG_DRIVER_SYSTEMD] = &cg_driver_systemd,
	[CG_DRIVER_DISABLED] = &cg_driver_disabled,
};

static const struct cg_driver *find_driver(enum cg_driver_kind kind, struct err *err)
{
	const struct cg_driver *driver = kind < ARRAY_SIZE(drivers) ? drivers[kind] : NULL;

	if (!driver)
		err_say(err, EINVAL, "cgroups: there is no driver %d", (int)kind);
	return driver;
}

int cg_check(const struct cg_request *request, struct err *err)
{
	const struct cg_driver *driver = find_driver(request->driver, err);

	return driver ? driver->check(request, err) : -err->code;
}

struct cg *cg_alloc(enum cg_driver_kind kind)
{
	struct arena arena = ARENA_INIT;
	struct cg *cg = ARENA_NEW(&arena, struct cg);

	if (cg) {
		cg->arena = arena;
		cg->driver = kind;
	}
	return cg;
}

/* `request`: of one that is to be made; NULL: it is there already. */
static struct cg *new_cg(const struct cg_driver *driver, enum cg_driver_kind kind, const char *path,
			 const struct cg_request *request, struct err *err)
{
	struct cg *cg = cg_alloc(kind);

	if (!cg) {
		err_set(err, ENOMEM, "cgroup '%s'", path);
		return NULL;
	}
	if ((request && driver->begin && driver->begin(cg, request, &path, err) < 0) ||
	    driver->locate(cg, path, err) < 0)
		cg_close(&cg);
	return cg;
}

static int make_folders(struct cg *cg, const struct cg_driver *driver, uint32_t needed, struct err *err)
{
	for (size_t i = 0; i < cg->folder_count; i++) {
		int fd = driver->make(cg, &cg->folders[i], needed, err);

		if (fd < 0)
			return fd;
		cg->folders[i].fd = fd;
	}
	return 0;
}

/* Only what this call has made is open. Nothing has joined it, so removing does not fail. */
static void undo_folders(const struct cg *cg)
{
	for (size_t i = 0; i < cg->folder_count; i++)
		if (cg->folders[i].fd >= 0)
			(void)rmdir(cg->folders[i].path);
}

/* The processes of the container are there. Or the cgroup is to go. */
static void release_holder(struct cg *cg)
{
	int status;

	if (cg->holder <= 0)
		return;
	(void)kill(cg->holder, SIGKILL);
	(void)proc_wait(cg->holder, &status);
	cg->holder = 0;
}

static void unmake(struct cg *cg)
{
	release_holder(cg);
	undo_folders(cg);
	if (drivers[cg->driver]->end)
		drivers[cg->driver]->end(cg);
}

/* Everything but the limits. */
static int make(struct cg *cg, const struct cg_driver *driver, const struct cg_limits *limits, struct err *err)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	struct cg_writes writes = {.arena = &arena, .layout = cg->layout, .limits = limits};
	int r = cg->folder_count ? cg_limits_to_writes(&writes, err) : 0;

	if (r == 0)
		r = make_folders(cg, driver, writes.needed, err);
	if (r < 0)
		unmake(cg);
	return r;
}

int cg_limit(struct cg *cg, const struct cg_limits *limits, struct err *err)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	struct cg_writes writes = {.arena = &arena, .layout = cg->layout, .limits = limits};
	int r = cg->folder_count ? cg_limits_to_writes(&writes, err) : 0;

	if (r == 0)
		r = cg_limits_write(cg, &writes, err);
	return r < 0 ? r : cg_devices_apply(cg, limits, true, err);
}

int cg_make(const struct cg_request *request, struct cg **ret, struct err *err)
{
	const struct cg_driver *driver = find_driver(request->driver, err);
	CLEANUP_CG struct cg *cg = NULL;
	int r;

	if (!driver || (request->driver == CG_DRIVER_CGROUPFS && cg_path_check(request->path, err) < 0))
		return -err->code;
	cg = new_cg(driver, request->driver, request->path, request, err);
	if (!cg)
		return -err->code;
	cg_ahead_take(cg);
	if (!cg->folder_count && request->driver != CG_DRIVER_DISABLED)
		return err_say(err, ENOTSUP, "no cgroup tree is mounted here: mount one, or disable cgroups");
	r = make(cg, driver, request->limits, err);
	if (r < 0)
		return r;
	*ret = PTR_TAKE(cg);
	return 0;
}

int cg_create(const struct cg_request *request, struct cg **ret, struct err *err)
{
	CLEANUP_CG struct cg *cg = NULL;
	int r = cg_make(request, &cg, err);

	if (r == 0)
		r = cg_limit(cg, request->limits, err);
	if (r == 0)
		*ret = PTR_TAKE(cg);
	else if (cg)
		unmake(cg);
	return r;
}

void cg_forget(const struct cg *cg)
{
	if (drivers[cg->driver]->end && cg_has_folder(cg))
		drivers[cg->driver]->end(cg);
}

int cg_open_folders(struct cg *cg, struct err *err)
{
	for (size_t i = 0; i < cg->folder_count; i++) {
		int fd = cg->folders[i].fd >= 0 ? cg->folders[i].fd : cg_folder_open(cg->folders[i].path);

		if (fd < 0 && fd != -ENOENT)
			return err_set(err, -fd, "open cgroup '%s'", cg->folders[i].path);
		cg->folders[i].fd = fd < 0 ? -1 : fd;
	}
	return 0;
}

static int find(enum cg_driver_kind kind, const char *place, bool opens, struct cg **ret, struct err *err)
{
	const struct cg_driver *driver = find_driver(kind, err);
	CLEANUP_CG struct cg *cg = driver ? new_cg(driver, kind, place, NULL, err) : NULL;

	if (!cg)
		return -err->code;
	if ((opens || driver->end) && cg_open_folders(cg, err) < 0)
		return -err->code;
	*ret = PTR_TAKE(cg);
	return 0;
}

int cg_open(enum cg_driver_kind kind, const char *place, struct cg **ret, struct err *err)
{
	return find(kind, place, true, ret, err);
}

int cg_open_to_remove(enum cg_driver_kind kind, const char *place, struct cg **ret, struct err *err)
{
	return find(kind, place, false, ret, err);
}

void cg_close(struct cg **cg)
{
	struct arena arena;

	if (!*cg)
		return;
	release_holder(*cg);
	for (size_t i = 0; i < (*cg)->folder_count; i++)
		scope_fd(&(*cg)->folders[i].fd);
	arena = (*cg)->arena;
	arena_free(&arena);
	*cg = NULL;
}

const char *cg_place(const struct cg *cg)
{
	return cg->place;
}

bool cg_is_gone(const struct cg *cg)
{
	return cg->driver != CG_DRIVER_DISABLED && !cg_has_folder(cg);
}

/* A user's processes may be where only systemd can take them from. */
static bool systemd_has_to_move(const struct cg *cg)
{
	return cg->driver == CG_DRIVER_SYSTEMD && geteuid() != 0;
}

/*
 * On hybrid every v1 tree needs a migration anyway, and the v2 one costs a few microseconds among them: less than being
 * born there.
 */
int cg_birth_fd(const struct cg *cg)
{
	const struct cg_folder *v2 = cg_folder_v2(cg);

	return v2 && cg->layout->kind == CG_LAYOUT_V2 && !systemd_has_to_move(cg) ? v2->fd : -1;
}

bool cg_has_birth(enum cg_driver_kind driver)
{
	const struct cg_layout *layout;
	struct err ignored = ERR_INIT;

	return driver != CG_DRIVER_DISABLED && cg_layout_get(&layout, &ignored) >= 0 && layout->kind == CG_LAYOUT_V2;
}

bool cg_birth_is_enough(const struct cg *cg)
{
	return !cg->folder_count || (cg->layout->kind == CG_LAYOUT_V2 && !cg->holder);
}

static int say_not_joined(const struct cg_folder *folder, pid_t pid, int code, struct err *err)
{
	err_set(err, code, "move process %d into cgroup '%s'", (int)pid, folder->path);
	if (code == EBUSY && folder->tree->v2)
		return err_hint(err, "it has handed controllers to cgroups below it, and takes no process itself");
	if (code == EINVAL && folder->tree->controllers & CG_BIT(CG_CPU))
		return err_hint(err, "a realtime process needs cpu.realtimeRuntime there");
	return -err->code;
}

/*
 * A container may move its processes to cgroups below its own, as an init does, and hand controllers to them; by v2's
 * rule no process can be in its own any more. The first process says where it has gone. It cannot lead out: only what
 * is below the folder counts.
 */
static int join_where_first_is(const struct cg_folder *folder, pid_t first, const char *number)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	const char *place = cg_tree_place_of(&arena, folder->tree, first);
	size_t len = strlen(folder->below);
	struct err ignored = ERR_INIT;
	CLEANUP_FD int fd = -1;

	if (!place || strncmp(place, folder->below, len) != 0 || place[len] != '/')
		return -EBUSY;
	fd = path_open(folder->fd, place + len + 1, O_PATH | O_DIRECTORY | O_CLOEXEC, PATH_NO_LINKS | PATH_NO_MOUNTS,
		       &ignored);
	return fd < 0 ? fd : file_write_value(fd, "cgroup.procs", number);
}

int cg_join_beside(struct cg *cg, pid_t pid, pid_t first, struct err *err)
{
	char number[16];

	(void)snprintf(number, sizeof(number), "%d", (int)pid);
	for (size_t i = 0; i < cg->folder_count; i++) {
		const struct cg_folder *folder = &cg->folders[i];
		int r = folder->fd < 0 ? 0 : file_write_value(folder->fd, "cgroup.procs", number);

		if (r == -EBUSY && folder->tree->v2 && first > 0)
			r = join_where_first_is(folder, first, number);
		if ((r == -EACCES || r == -EPERM) && drivers[cg->driver]->join)
			return drivers[cg->driver]->join(cg, pid, err);
		if (r < 0)
			return say_not_joined(folder, pid, -r, err);
	}
	release_holder(cg);
	return 0;
}

int cg_join(struct cg *cg, pid_t pid, struct err *err)
{
	return cg_join_beside(cg, pid, 0, err);
}

/* OCI's checkBeforeUpdate: v2 would take a limit below what is in use, and kill. */
static int check_usage(struct cg *cg, const struct cg_limits *limits, struct err *err)
{
	struct cg_stat stat;

	if (!limits->memory_check_before_update.set || !limits->memory_check_before_update.value ||
	    !limits->memory_limit.set || limits->memory_limit.value <= 0)
		return 0;
	if (cg_stat(cg, &stat, err) < 0)
		return -err->code;
	if (stat.has_memory && stat.memory_usage_bytes > (uint64_t)limits->memory_limit.value)
		return err_say(err, EBUSY, "limit 'memory.limit': %lld bytes are less than the %llu in use",
			       (long long)limits->memory_limit.value, (unsigned long long)stat.memory_usage_bytes);
	return 0;
}

/* All of it, or none: what was so before is written again when something fails. */
static int write_or_restore(struct cg *cg, const struct cg_writes *writes, struct err *err)
{
	struct cg_writes before = {.arena = writes->arena, .layout = cg->layout};
	struct err ignored = ERR_INIT;
	int result = cg_limits_remember(cg, writes, &before, err);

	if (result < 0)
		return result;
	result = cg_limits_write(cg, writes, err);
	if (result >= 0)
		result = cg_devices_apply(cg, writes->limits, false, err);
	if (result < 0)
		(void)cg_limits_write(cg, &before, &ignored);
	return result;
}

int cg_update(struct cg *cg, const struct cg_limits *limits, struct err *err)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	struct cg_writes writes = {.arena = &arena, .layout = cg->layout, .existing = cg, .limits = limits};

	if (cg->driver == CG_DRIVER_DISABLED)
		return cg_limits_any(limits)
			       ? err_say(err, ENOTSUP,
					 "resource limits need cgroups, which are disabled for this container")
			       : 0;
	if (cg_is_gone(cg))
		return err_say(err, ENOENT, "the container's cgroup is gone");
	if (cg_limits_to_writes(&writes, err) < 0 || cg_limits_check_host(&writes, cg->place, err) < 0 ||
	    cg_devices_check(limits, cg->layout, err) < 0 || check_usage(cg, limits, err) < 0)
		return -err->code;
	/* systemd first: it writes files too, and hull's word is the last one. */
	if (drivers[cg->driver]->update && drivers[cg->driver]->update(cg, limits, err) < 0)
		return -err->code;
	return write_or_restore(cg, &writes, err);
}

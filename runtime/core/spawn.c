// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/core/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/sched.h>
#include <sched.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "runtime/base/arena.h"
#include "runtime/base/fd.h"
#include "runtime/base/file.h"
#include "runtime/base/process.h"
#include "runtime/base/scope.h"
#include "runtime/base/sync.h"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif

enum { SPAWN_DONE = 1, SPAWN_STAGE_COUNT };
static const char *const stage_names[SPAWN_STAGE_COUNT] = {[SPAWN_DONE] = "clone"};

/* --- The process in between --------------------------------------------------------------------------------------- */

static int add_offset(char *line, size_t room, const char *clock, const struct plan_time_offset *offset)
{
	if (!offset || !offset->set)
		return 0;
	return snprintf(line, room, "%s %" PRId64 " %" PRIu32 "\n", clock, offset->secs, offset->nanosecs);
}

/* Clocks can be set until the first process is in the namespace, which the clone that follows makes. */
static int make_time_namespace(const struct spawn_request *request, struct err *err)
{
	char lines[128];
	int len = 0, result;

	if (unshare(CLONE_NEWTIME) < 0)
		return err_set(err, errno, "make a time namespace");
	len += add_offset(lines, sizeof(lines), "monotonic", request->monotonic);
	len += add_offset(lines + len, sizeof(lines) - (size_t)len, "boottime", request->boottime);
	if (len == 0)
		return 0;
	result = file_write_value(AT_FDCWD, "/proc/self/timens_offsets", lines);
	return result < 0 ? err_set(err, -result, "set the clocks of the time namespace") : 0;
}

/* What is still needed: `main`'s descriptors, and those of the joining itself. */
static int close_others(const struct spawn_request *request, const struct sync *sync, struct err *err)
{
	const size_t own = NS_COUNT + 3;
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	int *kept = arena_array(&arena, request->keep_count + own, sizeof(*kept));
	size_t count = 0;

	if (!kept)
		return arena_check(&arena, err);
	for (; count < request->keep_count; count++)
		kept[count] = request->keeps[count];
	for (int kind = 0; kind < NS_COUNT; kind++)
		kept[count++] = request->joins ? request->joins[kind] : -1;
	kept[count++] = sync->fd;
	kept[count++] = request->cgroup_fd;
	kept[count++] = request->has_root ? request->root_fd : -1;
	return fd_close_except(request->keeps_from, kept, count, err);
}

static void close_namespaces(const struct spawn_request *request)
{
	for (int kind = 0; request->joins && kind < NS_COUNT; kind++)
		if (request->joins[kind] >= 0)
			(void)close(request->joins[kind]);
}

/* Before the clone: nobody inside ever sees a process of ours that has the mount namespace's own root. */
static int enter_root(const struct spawn_request *request, struct err *err)
{
	int result =
		fchdir(request->root_fd) < 0 || chroot(".") < 0 ? err_set(err, errno, "enter the container's root") : 0;

	(void)close(request->root_fd);
	return result;
}

/*
 * Not dumpable, and with no descriptor that is not needed: from the moment it has joined, processes inside could trace
 * it or look at what it has (CVE-2016-9962).
 */
static int join_and_clone(const struct spawn_request *request, struct sync *sync, struct err *err)
{
	CLEANUP_FD int pidfd = -1;
	struct proc_clone how = {
		.flags = (request->fresh & ~(uint64_t)CLONE_NEWTIME) | CLONE_PARENT,
		.cgroup_fd = request->cgroup_fd,
		.ret_pidfd = &pidfd,
	};
	int result = close_others(request, sync, err);
	pid_t pid;

	if (result < 0)
		return result;
	if (prctl(PR_SET_DUMPABLE, 0) < 0)
		return err_set(err, errno, "become undumpable");
	if (request->joins)
		result = ns_join_all(request->joins, err);
	close_namespaces(request);
	if (result >= 0 && request->has_root)
		result = enter_root(request, err);
	if (result >= 0 && (request->fresh & CLONE_NEWTIME))
		result = make_time_namespace(request, err);
	if (result < 0)
		return result;
	pid = proc_clone(&how);
	if (pid < 0)
		return err_set(err, -pid, "clone into new namespaces");
	if (pid == 0) {
		sync_close(sync);
		request->main(request->context);
	}
	return sync_send_data(sync, SPAWN_DONE, &pid, sizeof(pid), &pidfd, pidfd >= 0 ? 1 : 0, err);
}

static _Noreturn void be_in_between(const struct spawn_request *request, struct sync *sync)
{
	struct err err = ERR_INIT;

	if (join_and_clone(request, sync, &err) < 0)
		sync_send_err(sync, &err);
	_exit(0);
}

static int spawn_by_joining(const struct spawn_request *request, pid_t *ret_pid, int *ret_pidfd, struct err *err)
{
	CLEANUP_SYNC struct sync ours = {.fd = -1}, theirs = {.fd = -1};
	size_t len = sizeof(*ret_pid);
	unsigned fd_count = 1;
	int result = sync_pair(&ours, &theirs, stage_names, SPAWN_STAGE_COUNT, err), status;
	pid_t between;

	if (result < 0)
		return result;
	between = proc_clone(&(struct proc_clone){.cgroup_fd = -1});
	if (between < 0)
		return err_set(err, -between, "start the process that joins namespaces");
	if (between == 0) {
		sync_close(&ours);
		be_in_between(request, &theirs);
	}
	sync_close(&theirs);
	result = sync_wait_data(&ours, SPAWN_DONE, ret_pid, &len, ret_pidfd, &fd_count, err);
	(void)proc_wait(between, &status);
	if (result >= 0 && fd_count == 0)
		*ret_pidfd = -1;
	return result;
}

/* --- What the caller calls ---------------------------------------------------------------------------------------- */

static bool needs_joining(const struct spawn_request *request)
{
	if ((request->fresh & CLONE_NEWTIME) || request->has_root)
		return true;
	for (int kind = 0; request->joins && kind < NS_COUNT; kind++)
		if (request->joins[kind] >= 0)
			return true;
	return false;
}

int spawn(const struct spawn_request *request, pid_t *ret_pid, int *ret_pidfd, struct err *err)
{
	struct proc_clone how = {.flags = request->fresh, .cgroup_fd = request->cgroup_fd, .ret_pidfd = ret_pidfd};
	pid_t pid;

	*ret_pidfd = -1;
	if (needs_joining(request))
		return spawn_by_joining(request, ret_pid, ret_pidfd, err);
	pid = proc_clone(&how);
	if (pid < 0)
		return err_set(err, -pid, "clone into new namespaces");
	if (pid == 0)
		request->main(request->context);
	*ret_pid = pid;
	return 0;
}

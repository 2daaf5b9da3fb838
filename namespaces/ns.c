/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "namespaces/ns.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <linux/nsfs.h>
#include <linux/sched.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/path.h"

struct ns_row {
	const char *name; /* OCI */
	const char *proc_name;
	uint64_t clone_flag;
};

static const struct ns_row rows[NS_COUNT] = {
	[NS_USER] = {"user", "user", CLONE_NEWUSER},
	[NS_MOUNT] = {"mount", "mnt", CLONE_NEWNS},
	[NS_PID] = {"pid", "pid", CLONE_NEWPID},
	[NS_NET] = {"network", "net", CLONE_NEWNET},
	[NS_IPC] = {"ipc", "ipc", CLONE_NEWIPC},
	[NS_UTS] = {"uts", "uts", CLONE_NEWUTS},
	[NS_CGROUP] = {"cgroup", "cgroup", CLONE_NEWCGROUP},
	[NS_TIME] = {"time", "time", CLONE_NEWTIME},
};

const char *ns_name(enum ns_kind kind)
{
	return rows[kind].name;
}

const char *ns_proc_name(enum ns_kind kind)
{
	return rows[kind].proc_name;
}

uint64_t ns_clone_flag(enum ns_kind kind)
{
	return rows[kind].clone_flag;
}

int ns_parse(const char *name)
{
	for (int kind = 0; kind < NS_COUNT; kind++)
		if (strcmp(rows[kind].name, name) == 0)
			return kind;
	return -EINVAL;
}

uint64_t ns_fresh_flags(const struct ns_set *set)
{
	uint64_t flags = 0;

	for (int kind = 0; kind < NS_COUNT; kind++)
		if (set->kind[kind].how == NS_FRESH)
			flags |= rows[kind].clone_flag;
	return flags;
}

int ns_open_path(enum ns_kind kind, const char *path, struct err *err)
{
	/* O_NONBLOCK: the path may name a FIFO, and nothing of what it names is trusted yet. */
	CLEANUP_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	int type;

	if (fd < 0)
		return err_set(err, errno, "%s namespace '%s'", rows[kind].name, path);
	if (path_verify_fs(fd, NSFS_MAGIC, path, NULL) < 0)
		return err_say(err, EINVAL, "%s namespace '%s': not a namespace file", rows[kind].name, path);
	type = ioctl(fd, NS_GET_NSTYPE);
	if (type < 0)
		return err_set(err, errno, "%s namespace '%s': asking for its kind", rows[kind].name, path);
	if ((uint64_t)type != rows[kind].clone_flag)
		return err_say(err, EINVAL, "%s namespace '%s': it is a namespace of another kind", rows[kind].name,
			       path);
	return fd_take(&fd);
}

static uint64_t inode_of(int fd)
{
	struct stat found;

	return fstat(fd, &found) < 0 ? 0 : found.st_ino;
}

bool ns_is_below(int fd, uint64_t userns)
{
	CLEANUP_FD int at = ioctl(fd, NS_GET_USERNS);

	while (at >= 0 && inode_of(at) != userns) {
		int above = ioctl(at, NS_GET_PARENT);

		(void)close(at);
		at = above;
	}
	return at >= 0;
}

uint64_t ns_own(enum ns_kind kind)
{
	char path[64];
	struct stat found;

	(void)snprintf(path, sizeof(path), "/proc/self/ns/%s", rows[kind].proc_name);
	return stat(path, &found) < 0 ? 0 : found.st_ino;
}

/* The user namespace is not in here: what can be joined without it goes before, the rest after. */
static const enum ns_kind join_order[] = {NS_CGROUP, NS_IPC, NS_UTS, NS_NET, NS_PID, NS_TIME, NS_MOUNT};

/*
 * One pass over the kinds that `waiting` still has. A refusal (EPERM) is left for the next pass, unless this is the
 * last one.
 */
static int join_pass(const int fds[NS_COUNT], bool *waiting, bool last, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(join_order); i++) {
		enum ns_kind kind = join_order[i];

		if (!waiting[kind])
			continue;
		if (setns(fds[kind], (int)rows[kind].clone_flag) < 0) {
			if (errno == EPERM && !last)
				continue;
			return err_set(err, errno, "joining the %s namespace", rows[kind].name);
		}
		waiting[kind] = false;
	}
	return 0;
}

int ns_join_all(const int fds[NS_COUNT], struct err *err)
{
	bool waiting[NS_COUNT];
	bool has_user = fds[NS_USER] >= 0;
	int r;

	for (int kind = 0; kind < NS_COUNT; kind++)
		waiting[kind] = kind != NS_USER && fds[kind] >= 0;
	r = join_pass(fds, waiting, !has_user, err);
	if (r < 0 || !has_user)
		return r;
	if (setns(fds[NS_USER], CLONE_NEWUSER) < 0)
		return err_set(err, errno, "joining the user namespace");
	return join_pass(fds, waiting, true, err);
}

int ns_join_process(int pidfd, unsigned kinds, struct err *err)
{
	uint64_t flags = 0;

	for (int kind = 0; kind < NS_COUNT; kind++)
		if (kinds & (1u << kind))
			flags |= rows[kind].clone_flag;
	if (flags && setns(pidfd, (int)flags) < 0)
		return err_set(err, errno, "joining the namespaces of the container");
	return 0;
}

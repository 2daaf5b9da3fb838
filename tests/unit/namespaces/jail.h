/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A container as small as the tests of roots need it: a scratch image with busybox, a child in new namespaces, a
 * function that looks around inside. No cgroup, no network, no seccomp.
 */
#ifndef HULL_TESTS_UNIT_JAIL_H
#define HULL_TESTS_UNIT_JAIL_H

#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

#include "namespaces/mount.h"
#include "namespaces/rootfs.h"
#include "runtime/base/file.h"
#include "runtime/base/process.h"
#include "runtime/base/sync.h"
#include "tests/unit/tap.h"

#define JAIL_BASE  1900000000u
#define JAIL_COUNT 65536u

static const struct idmap_range jail_range = {0, JAIL_BASE, JAIL_COUNT};
static const struct idmap jail_map = {&jail_range, &jail_range, 1, 1};

struct jail {
	struct root_request request;
	const struct root_copies *copies; /* NULL: layers that cannot be mapped are refused */
	bool no_userns;
	bool cover;	      /* without pivot_root */
	bool prepare;	      /* make fresh file systems while the parent builds */
	uint64_t extra_flags; /* CLONE_NEWCGROUP… */
	void (*inside)(void); /* in the child, everything done; CHECKs count */
	void (*before_pivot)(const struct root_handle *handle);
	int (*in_parent)(pid_t pid); /* while the child waits after it has finished */
	int failing_side;	     /* out: 0 none, 1 parent, 2 child */
};

enum { JAIL_MAPPED = 1, JAIL_ROOT, JAIL_READY, JAIL_LOOK, JAIL_LOOKED };
static const char *const jail_stages[] = {"none", "mapped", "root", "ready", "look", "looked"};

static char jail_dir[PATH_MAX];

static inline const char *jail_path(const char *name)
{
	static char paths[16][PATH_MAX];
	static unsigned next;
	char *path = paths[next++ % 16];

	snprintf(path, PATH_MAX, "%.2000s/%.2000s", jail_dir, name);
	return path;
}

static inline void jail_write(const char *name, const char *words)
{
	FILE *file = fopen(jail_path(name), "we");

	if (!file || fputs(words, file) < 0 || fclose(file) != 0)
		tap_fail(__FILE__, __LINE__, name);
}

static inline void jail_mkdir(const char *name)
{
	if (mkdir(jail_path(name), 0755) < 0 && errno != EEXIST)
		tap_fail(__FILE__, __LINE__, name);
}

/* low: busybox, etc/passwd; top: what lies over it; up, work: the instance's. */
static inline void jail_open(void)
{
	static const char *const folders[] = {"low",	 "low/bin",  "low/etc", "low/proc", "low/sys", "low/dev",
					      "low/mnt", "low/root", "top",	"top/etc",  "up",      "work"};
	char command[PATH_MAX + 64];

	snprintf(jail_dir, sizeof(jail_dir), "%s/hull-jail-XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
	if (!mkdtemp(jail_dir)) {
		tap_fail(__FILE__, __LINE__, "mkdtemp");
		return;
	}
	chmod(jail_dir, 0755);
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++)
		jail_mkdir(folders[i]);
	snprintf(command, sizeof(command), "cp /bin/busybox '%s'", jail_path("low/bin/busybox"));
	CHECK(system(command) == 0);
	CHECK(symlink("busybox", jail_path("low/bin/sh")) == 0);
	jail_write("low/etc/base", "low\n");
	jail_write("top/etc/base", "top\n");
	jail_write("top/etc/owned", "5\n");
	CHECK(chown(jail_path("top/etc/owned"), 5, 6) == 0);
	CHECK(chown(jail_path("up"), JAIL_BASE, JAIL_BASE) == 0);
	CHECK(chown(jail_path("work"), JAIL_BASE, JAIL_BASE) == 0);
}

static inline void jail_close(void)
{
	struct err err = ERR_INIT;

	if (file_remove_tree(AT_FDCWD, jail_dir, &err) < 0)
		tap_fail(__FILE__, __LINE__, err.msg);
}

/* The layered root that most tests look at. */
static inline struct root_request jail_layers(void)
{
	static const char *lowers[2];
	static char upper[PATH_MAX], work[PATH_MAX];

	snprintf(upper, sizeof(upper), "%s", jail_path("up"));
	snprintf(work, sizeof(work), "%s", jail_path("work"));
	free((void *)(uintptr_t)lowers[0]);
	free((void *)(uintptr_t)lowers[1]);
	lowers[0] = strdup(jail_path("top"));
	lowers[1] = strdup(jail_path("low"));
	return (struct root_request){.lowers = lowers,
				     .lower_count = 2,
				     .upper = upper,
				     .work = work,
				     .idmap_lowers = true,
				     .user_namespace = true,
				     .bind_devices = true};
}

static inline int jail_child_setup(struct jail *jail, struct root_sources *sources, struct sync *sync, struct err *err)
{
	CLEANUP_ROOT_HANDLE struct root_handle handle = ROOT_HANDLE_INIT;
	unsigned fd_count = 1;
	char nothing[1];
	size_t len = 0;
	int root_fd;
	int r = sync_wait(sync, JAIL_MAPPED, err);

	if (r < 0)
		return r;
	if (!jail->no_userns && (setgid(0) < 0 || setuid(0) < 0))
		return err_set(err, errno, "setuid");
	if (jail->prepare)
		r = rootfs_prepare(&jail->request, sources, false, err);
	if (r == 0)
		r = sync_wait_data(sync, JAIL_ROOT, nothing, &len, &root_fd, &fd_count, err);
	if (r < 0)
		return r;
	r = rootfs_assemble(&jail->request, sources, NULL, root_fd, &handle, err);
	if (r == 0 && jail->before_pivot)
		jail->before_pivot(&handle);
	if (r == 0)
		r = jail->cover ? rootfs_cover(&handle, err) : rootfs_pivot(&handle, err);
	if (r == 0)
		r = rootfs_finish(&jail->request, &handle, err);
	return r;
}

static inline void jail_child(struct jail *jail, struct root_sources *sources, struct sync *sync)
{
	struct err err = ERR_INIT;

	tap_failures = 0;
	if (jail_child_setup(jail, sources, sync, &err) < 0) {
		sync_send_err(sync, &err);
		_exit(0);
	}
	root_sources_close(sources);
	if (sync_send(sync, JAIL_READY, &err) < 0 || sync_wait(sync, JAIL_LOOK, &err) < 0)
		_exit(99);
	if (jail->inside)
		jail->inside();
	fflush(stdout);
	_exit(tap_failures > 90 ? 90 : tap_failures);
}

static inline int jail_parent(struct jail *jail, struct root_sources *sources, struct sync *sync, pid_t pid,
			      struct err *err)
{
	CLEANUP_FD int userns = -1;
	CLEANUP_FD int root_fd = -1;
	char name[64];
	int r;

	jail->failing_side = 1;
	if (!jail->no_userns) {
		r = idmap_write(pid, &jail_map, true, err);
		if (r < 0)
			return r;
		snprintf(name, sizeof(name), "/proc/%d/ns/user", pid);
		userns = open(name, O_RDONLY | O_CLOEXEC);
	}
	r = sync_send(sync, JAIL_MAPPED, err);
	if (r == 0)
		r = rootfs_build(&jail->request, sources, userns, jail->copies, &root_fd, err);
	if (r == 0)
		r = sync_send_data(sync, JAIL_ROOT, "", 0, &root_fd, 1, err);
	if (r < 0)
		return r;
	root_sources_close(sources);
	jail->failing_side = 2;
	r = sync_wait(sync, JAIL_READY, err);
	if (r < 0)
		return r;
	if (jail->in_parent)
		CHECK(jail->in_parent(pid) == 0);
	jail->failing_side = 0;
	return sync_send(sync, JAIL_LOOK, err);
}

/* Runs it to its end. 0, or the error of the side that failed. */
static inline int jail_run(struct jail *jail, struct err *err)
{
	CLEANUP_ROOT_SOURCES struct root_sources sources = ROOT_SOURCES_INIT;
	CLEANUP_SYNC struct sync parent = {.fd = -1};
	struct sync child = {.fd = -1};
	struct proc_clone how = {.cgroup_fd = -1};
	int status = 0, r;
	pid_t pid;

	fflush(stdout);
	jail->failing_side = 1;
	r = rootfs_open_sources(&jail->request, &sources, err);
	if (r < 0)
		return r;
	CHECK(sync_pair(&parent, &child, jail_stages, ARRAY_SIZE(jail_stages), NULL) == 0);
	how.flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNET | jail->extra_flags |
		    (jail->no_userns ? 0 : CLONE_NEWUSER);
	pid = proc_clone(&how);
	if (pid == 0) {
		sync_close(&parent);
		jail_child(jail, &sources, &child);
	}
	sync_close(&child);
	if (pid < 0)
		return err_set(err, -pid, "clone");
	r = jail_parent(jail, &sources, &parent, pid, err);
	sync_close(&parent);
	CHECK(proc_wait(pid, &status) == 0);
	/* A child whose parent gave up exits 0 or 99 itself. */
	if (r == 0)
		CHECK_INT(proc_exit_code(status), 0);
	return r;
}

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Cgroups of this machine for a test's own, and children that begin when they are in one. */
#ifndef HULL_TESTS_UNIT_CGROUPS_CGROUP_FIXTURE_H
#define HULL_TESTS_UNIT_CGROUPS_CGROUP_FIXTURE_H

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "cgroups/cg.h"
#include "cgroups/folder.h"
#include "cgroups/layout.h"
#include "cgroups/procs.h"
#include "cgroups/v1.h"
#include "cgroups/v2.h"
#include "runtime/base/file.h"
#include "runtime/base/process.h"
#include "runtime/base/text.h"
#include "tests/unit/tap.h"

static struct err err;
static char path[128];

static inline struct cg *create(const struct cg_limits *limits)
{
	static int number;
	struct cg_request request = {.driver = CG_DRIVER_CGROUPFS, .path = path, .limits = limits};
	struct cg *cg = NULL;

	err_clear(&err);
	(void)snprintf(path, sizeof(path), "/hull-test-%d/%d", (int)getpid(), number++);
	if (cg_check(&request, &err) < 0 || cg_create(&request, &cg, &err) < 0)
		tap_fail(__FILE__, __LINE__, err.msg);
	return cg;
}

static inline void destroy(struct cg *cg)
{
	if (cg && cg_remove(cg, 30000, &err) < 0)
		tap_fail(__FILE__, __LINE__, err.msg);
	cg_close(&cg);
}

static inline bool exists_anywhere(const char *below)
{
	const struct cg_layout *layout;
	char full[PATH_MAX];

	if (cg_layout_get(&layout, &err) < 0)
		return true;
	for (size_t i = 0; i < layout->tree_count; i++) {
		(void)snprintf(full, sizeof(full), "%s%s", layout->trees[i].mount_point, below);
		if (access(full, F_OK) == 0)
			return true;
	}
	return false;
}

/*
 * A child that waits for a byte, then does its work: so that it is in the cgroup before. Its exit status is the work's
 * answer.
 */
struct child {
	pid_t pid;
	int go;
};

static inline struct child start(int (*work)(void *data), void *data)
{
	struct child child = {0};
	int fds[2];
	char byte;

	if (pipe2(fds, O_CLOEXEC) < 0)
		abort();
	fflush(stdout);
	child.pid = fork();
	if (child.pid == 0) {
		(void)close(fds[1]);
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		_exit(read(fds[0], &byte, 1) == 1 ? work(data) : 99);
	}
	(void)close(fds[0]);
	child.go = fds[1];
	return child;
}

static inline void go(struct child *child)
{
	CHECK(write(child->go, "g", 1) == 1);
	(void)close(child->go);
}

/* The wait status; 0xff00 with a failure when it does not end: a test that goes wrong shall not hang. */
static inline int end_of(const struct child *child)
{
	int status = 0xff00, pidfd = proc_pidfd(child->pid);

	if (proc_wait_end(pidfd, 60000) < 0)
		tap_fail(__FILE__, __LINE__, "a process that should have ended is there");
	else
		(void)waitpid(child->pid, &status, 0);
	(void)close(pidfd);
	return status;
}

static inline int wait_for_signals(void *data)
{
	(void)data;
	while (pause() < 0)
		;
	return 0;
}

static inline struct child start_sleeper(struct cg *cg)
{
	struct child child = start(wait_for_signals, NULL);

	if (cg_join(cg, child.pid, &err) < 0)
		tap_fail(__FILE__, __LINE__, err.msg);
	go(&child);
	return child;
}

static inline int read_file(const struct cg *cg, enum cg_controller controller, const char *v1, const char *v2,
			    char to[static 256])
{
	const struct cg_folder *folder = cg_folder_of(cg, controller);

	*to = '\0';
	return folder ? (int)file_read_line(folder->fd, folder->tree->v2 ? v2 : v1, to, 256) : -ENOENT;
}

static inline void remove_parent(void)
{
	const struct cg_layout *layout;
	char full[PATH_MAX];

	if (cg_layout_get(&layout, &err) < 0)
		return;
	for (size_t i = 0; i < layout->tree_count; i++) {
		(void)snprintf(full, sizeof(full), "%s/hull-test-%d", layout->trees[i].mount_point, (int)getpid());
		(void)rmdir(full);
	}
}

#endif

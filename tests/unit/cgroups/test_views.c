/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The other layouts: the same machine with a part of its mounts taken away, in a mount namespace of its own. Each case
 * is a process, since a process looks its layout up once.
 */
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "cgroups/cg.h"
#include "cgroups/folder.h"
#include "cgroups/layout.h"
#include "runtime/base/file.h"
#include "runtime/base/process.h"
#include "tests/unit/tap.h"

static struct err err;

/* Leaves the mounts of one design. false: this host has none of it. */
static bool keep_only(bool v2)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	char *text, *position = NULL;
	size_t len;
	bool kept = false;

	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    file_read(&arena, AT_FDCWD, "/proc/self/mounts", 1 << 20, &text, &len, &err) < 0)
		return false;
	for (char *line = strtok_r(text, "\n", &position); line; line = strtok_r(NULL, "\n", &position)) {
		char point[PATH_MAX], type[64];

		if (sscanf(line, "%*s %4095s %63s", point, type) != 2 || strncmp(type, "cgroup", 6) != 0)
			continue;
		if ((strcmp(type, "cgroup2") == 0) == v2)
			kept = true;
		else if (umount2(point, MNT_DETACH) < 0)
			return false;
	}
	return kept;
}

static pid_t start_sleeper(int birth_fd)
{
	pid_t pid = proc_clone(&(struct proc_clone){.cgroup_fd = birth_fd});

	if (pid == 0)
		while (pause() < 0)
			;
	return pid;
}

static void forks_for_ever(struct cg *cg)
{
	pid_t pid = fork();

	if (pid == 0) {
		(void)cg_join(cg, getpid(), &err);
		for (int i = 0; i < 2000; i++) {
			if (fork() > 0)
				_exit(0);
			(void)poll(NULL, 0, 1);
		}
		_exit(0);
	}
	(void)waitpid(pid, NULL, 0);
}

static void check_design(enum cg_layout_kind kind)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	struct cg_request request = {.driver = CG_DRIVER_CGROUPFS, .path = "/hull-test-views/one"};
	const struct cg_layout *layout;
	struct cg *cg = NULL;
	bool frozen = false;
	size_t count = 0;
	pid_t *pids;
	int status = 0;

	CHECK_INT(cg_layout_get(&layout, &err), 0);
	CHECK_INT(layout->kind, kind);
	CHECK_INT(cg_warm_start() == 0, kind == CG_LAYOUT_V1);
	CHECK_INT(cg_create(&request, &cg, &err), 0);
	CHECK(cg_birth_is_enough(cg) == (kind == CG_LAYOUT_V2));
	CHECK((cg_birth_fd(cg) >= 0) == (kind == CG_LAYOUT_V2));

	pid_t pid = start_sleeper(cg_birth_fd(cg));

	CHECK(pid > 0);
	cg_warm_join();
	if (!cg_birth_is_enough(cg))
		CHECK_INT(cg_join(cg, pid, &err), 0);
	CHECK_INT(cg_pids(cg, &arena, &pids, &count, &err), 0);
	CHECK(count == 1 && pids[0] == pid);
	CHECK_INT(cg_freeze(cg, true, &err), 0);
	CHECK(cg_frozen(cg, &frozen, &err) == 0 && frozen);
	CHECK_INT(cg_signal(cg, SIGKILL, &err), 0);
	CHECK(waitpid(pid, &status, 0) == pid && WTERMSIG(status) == SIGKILL);
	/* v1 dies thawed, v2 may stay frozen and empty */
	CHECK_INT(cg_freeze(cg, false, &err), 0);
	/* A process whose pid is another one every millisecond. */
	forks_for_ever(cg);
	CHECK_INT(cg_remove(cg, 30000, &err), 0);
	for (size_t i = 0; i < cg->folder_count; i++) {
		char parent[PATH_MAX];

		CHECK(access(cg->folders[i].path, F_OK) < 0);
		(void)snprintf(parent, sizeof(parent), "%s/hull-test-views", cg->folders[i].tree->mount_point);
		CHECK_INT(rmdir(parent), 0);
	}
	cg_close(&cg);
}

static void run_view(bool v2)
{
	int status = -1;

	fflush(stdout);
	pid_t pid = fork();

	if (pid == 0) {
		if (!keep_only(v2))
			_exit(77);
		check_design(v2 ? CG_LAYOUT_V2 : CG_LAYOUT_V1);
		if (err.code)
			printf("# the last error: %s\n", err.msg);
		fflush(stdout);
		_exit(tap_failures > 0);
	}
	(void)waitpid(pid, &status, 0);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		SKIP("this host has no such tree");
	CHECK_INT(status, 0);
}

static void test_v1_alone(void)
{
	run_view(false);
}

static void test_v2_alone(void)
{
	run_view(true);
}

/* A tmpfs over the whole: the trees below it are in mountinfo, but nobody gets there. */
static void test_hidden_trees(void)
{
	int status = -1;

	fflush(stdout);
	pid_t pid = fork();

	if (pid == 0) {
		struct cg_request request = {.driver = CG_DRIVER_CGROUPFS, .path = "/hull-test-views/hidden"};
		struct cg *cg = NULL;

		if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
		    mount("none", "/sys/fs/cgroup", "tmpfs", 0, NULL) < 0)
			_exit(2);
		CHECK_INT(cg_check(&request, &err), -ENOTSUP);
		CHECK_HAS(err.msg, "no cgroup tree is mounted");
		CHECK_INT(cg_create(&request, &cg, &err), -ENOTSUP);
		CHECK(access("/sys/fs/cgroup/hull-test-views", F_OK) < 0);
		fflush(stdout);
		_exit(tap_failures > 0);
	}
	(void)waitpid(pid, &status, 0);
	CHECK_INT(status, 0);
}

int main(void)
{
	return TAP_RUN(TAP_CASE(test_v1_alone), TAP_CASE(test_v2_alone), TAP_CASE(test_hidden_trees));
}

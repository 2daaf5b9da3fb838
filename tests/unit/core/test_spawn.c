// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/core/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "runtime/base/process.h"
#include "tests/unit/tap.h"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif

static ino_t inode_of(const char *path)
{
	struct stat found = {0};

	CHECK(stat(path, &found) == 0);
	return found.st_ino;
}

static __attribute__((noreturn)) void exit_with_ppid(void *context)
{
	_exit(getppid() == *(pid_t *)context ? 42 : 1);
}

static __attribute__((noreturn)) void exit_with_pid(void *context)
{
	(void)context;
	_exit(getpid());
}

static __attribute__((noreturn)) void exit_with_namespace(void *context)
{
	struct stat found;

	_exit(stat("/proc/self/ns/uts", &found) == 0 && found.st_ino == *(ino_t *)context && prctl(PR_GET_DUMPABLE) == 0
		      ? 42
		      : 1);
}

/* Whether only the kept one is open, beside the standard ones. */
static __attribute__((noreturn)) void exit_with_descriptors(void *context)
{
	const int kept = *(int *)context;

	for (int fd = 3; fd < 64; fd++)
		if ((fcntl(fd, F_GETFD) >= 0) != (fd == kept))
			_exit(fd);
	_exit(100);
}

static __attribute__((noreturn)) void exit_with_clock(void *context)
{
	struct timespec now;

	(void)context;
	(void)clock_gettime(CLOCK_BOOTTIME, &now);
	_exit(now.tv_sec >= 1000000 ? 42 : 1);
}

/* The exit code of a process made so; -1 and words when it was not. No other child is left. */
static int run(const struct spawn_request *request)
{
	struct err err = ERR_INIT;
	int pidfd = -1, status = 0, result;
	pid_t pid = 0;

	(void)fflush(stdout);
	result = spawn(request, &pid, &pidfd, &err);
	if (result < 0) {
		CHECK(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD);
		return result;
	}
	CHECK(pidfd >= 0 && (fcntl(pidfd, F_GETFD) & FD_CLOEXEC));
	CHECK(proc_wait_end(pidfd, 5000) == 0);
	CHECK(waitpid(pid, &status, 0) == pid); /* so it is this one's own child */
	CHECK(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD);
	(void)close(pidfd);
	return proc_exit_code(status);
}

static void test_fresh(void)
{
	pid_t self = getpid();

	CHECK_INT(run(&(struct spawn_request){.cgroup_fd = -1,
					      .keeps_from = 3,
					      .main = exit_with_ppid,
					      .context = &self}),
		  42);
	CHECK_INT(run(&(struct spawn_request){.fresh = CLONE_NEWPID | CLONE_NEWNS,
					      .cgroup_fd = -1,
					      .keeps_from = 3,
					      .main = exit_with_pid}),
		  1);
}

static void test_joined(void)
{
	int joins[NS_COUNT], ends[2];
	char byte, path[64];
	struct err err = ERR_INIT;
	pid_t holder, self = getpid();
	ino_t inode;

	for (int kind = 0; kind < NS_COUNT; kind++)
		joins[kind] = -1;
	CHECK(pipe2(ends, O_CLOEXEC) == 0);
	holder = fork();
	if (holder == 0) {
		(void)!write(ends[1], unshare(CLONE_NEWUTS) == 0 ? "y" : "n", 1);
		(void)pause();
		_exit(0);
	}
	CHECK(read(ends[0], &byte, 1) == 1 && byte == 'y');
	(void)snprintf(path, sizeof(path), "/proc/%d/ns/uts", holder);
	joins[NS_UTS] = ns_open_path(NS_UTS, path, &err);
	inode = inode_of(path);
	(void)kill(holder, SIGKILL);
	(void)waitpid(holder, NULL, 0);
	CHECK(inode != inode_of("/proc/self/ns/uts"));
	CHECK_INT(run(&(struct spawn_request){.joins = joins,
					      .cgroup_fd = -1,
					      .keeps_from = 3,
					      .main = exit_with_namespace,
					      .context = &inode}),
		  42);
	/* Its parent is who asked for it, not the process in between. */
	CHECK_INT(run(&(struct spawn_request){.joins = joins,
					      .cgroup_fd = -1,
					      .keeps_from = 3,
					      .main = exit_with_ppid,
					      .context = &self}),
		  42);
	/* Nor has it what it does not need, the namespaces' own files among it (CVE-2016-9962). */
	CHECK_INT(run(&(struct spawn_request){.joins = joins,
					      .cgroup_fd = -1,
					      .keeps = &ends[0],
					      .keep_count = 1,
					      .keeps_from = 3,
					      .main = exit_with_descriptors,
					      .context = &ends[0]}),
		  100);
	/* A namespace that is none. */
	(void)close(joins[NS_UTS]);
	joins[NS_UTS] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	CHECK(run(&(struct spawn_request){.joins = joins, .cgroup_fd = -1, .keeps_from = 3, .main = exit_with_pid}) <
	      0);
	(void)close(joins[NS_UTS]);
	(void)close(ends[0]);
	(void)close(ends[1]);
}

static void test_clocks(void)
{
	struct plan_time_offset offset = {.set = true, .secs = 1000000};

	if (access("/proc/self/ns/time", F_OK) < 0)
		SKIP("this kernel has no time namespaces");
	CHECK_INT(run(&(struct spawn_request){.fresh = CLONE_NEWTIME,
					      .boottime = &offset,
					      .cgroup_fd = -1,
					      .keeps_from = 3,
					      .main = exit_with_clock}),
		  42);
	offset.secs = INT64_MAX;
	CHECK(run(&(struct spawn_request){.fresh = CLONE_NEWTIME,
					  .boottime = &offset,
					  .cgroup_fd = -1,
					  .keeps_from = 3,
					  .main = exit_with_clock}) < 0);
}

int main(void)
{
	return TAP_RUN(TAP_CASE(test_fresh), TAP_CASE(test_joined), TAP_CASE(test_clocks));
}

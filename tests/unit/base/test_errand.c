// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/base/errand.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/tap.h"

struct work {
	pid_t pid, parent;
	int fd, given;
	ino_t mounts;
	char deep[64];
};

static ino_t mounts_of(void)
{
	struct stat found = {0};

	return stat("/proc/self/ns/mnt", &found) < 0 ? 0 : found.st_ino;
}

/* Stack as deep as the real work has it. */
static int work(void *context, struct err *err)
{
	struct work *work = context;
	volatile char room[64 * 1024];

	room[0] = room[sizeof(room) - 1] = 'x';
	work->pid = getpid();
	work->parent = getppid();
	work->mounts = mounts_of();
	work->fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	work->deep[0] = room[sizeof(room) - 1];
	(void)close(work->given);
	return chdir("/") < 0 ? err_set(err, errno, "chdir") : 7;
}

static void test_does_it_for_the_caller(void)
{
	struct work done = {.given = open("/dev/null", O_RDONLY | O_CLOEXEC)};
	struct err err = ERR_INIT;
	char before[4096], after[4096];

	CHECK(getcwd(before, sizeof(before)) != NULL);
	CHECK_INT(errand_run(0, work, &done, &err), 7);
	CHECK_INT(err.code, 0);
	CHECK(done.pid > 0 && done.pid != getpid());
	CHECK_INT(done.parent, getpid());
	CHECK_INT(done.deep[0], 'x');
	CHECK_INT(write(done.fd, "x", 1), 1);
	CHECK_INT(close(done.fd), 0);
	CHECK_INT(fcntl(done.given, F_GETFD), -1);
	CHECK(getcwd(after, sizeof(after)) && strcmp(before, after) == 0);
	CHECK_INT(waitpid(-1, NULL, WNOHANG), -1);
	CHECK_INT(errno, ECHILD);
}

static void test_another_namespace(void)
{
	struct work done = {.given = -1};
	struct err err = ERR_INIT;
	ino_t own = mounts_of();

	if (geteuid() != 0)
		SKIP("only root may make a mount namespace");
	CHECK_INT(errand_run(CLONE_NEWNS, work, &done, &err), 7);
	CHECK(done.mounts != 0 && done.mounts != own);
	CHECK(mounts_of() == own);
	CHECK_INT(close(done.fd), 0);
}

static int fail(void *context, struct err *err)
{
	(void)context;
	return err_say(err, ENOTDIR, "no way");
}

static int be_killed(void *context, struct err *err)
{
	(void)context;
	(void)err;
	(void)kill(getpid(), SIGKILL);
	return 0;
}

static void test_failures(void)
{
	struct err err = ERR_INIT;

	CHECK_INT(errand_run(0, fail, NULL, &err), -ENOTDIR);
	CHECK_STR(err.msg, "no way");
	err = ERR_INIT;
	CHECK_INT(errand_run(0, be_killed, NULL, &err), -EINTR);
	CHECK_HAS(err.msg, "was killed at its work");
	err = ERR_INIT;
	/* What cannot be together with borrowed memory. */
	CHECK_INT(errand_run(CLONE_THREAD, fail, NULL, &err), -EINVAL);
	CHECK_HAS(err.msg, "start a process for another namespace");
}

static int wait_for_ever(void *context, struct err *err)
{
	(void)err;
	(void)!write(*(int *)context, "x", 1);
	while (pause() < 0)
		;
	return 0;
}

/* The caller is killed: whoever does its work ends, and with it the end of the pipe that it holds. */
static void test_ends_with_the_caller(void)
{
	int ends[2];
	struct err err = ERR_INIT;
	pid_t caller;
	char byte;

	CHECK_INT(pipe2(ends, O_CLOEXEC), 0);
	caller = fork();
	if (caller == 0) {
		(void)close(ends[0]);
		(void)errand_run(0, wait_for_ever, &ends[1], &err);
		_exit(0);
	}
	(void)close(ends[1]);
	CHECK_INT(read(ends[0], &byte, 1), 1);
	CHECK_INT(kill(caller, SIGKILL), 0);
	CHECK_INT(read(ends[0], &byte, 1), 0);
	CHECK_INT(waitpid(caller, NULL, 0), caller);
	(void)close(ends[0]);
}

int main(void)
{
	return TAP_RUN(TAP_CASE(test_does_it_for_the_caller), TAP_CASE(test_another_namespace), TAP_CASE(test_failures),
		       TAP_CASE(test_ends_with_the_caller));
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime/core/unmounting.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/base/process.h"
#include "tests/unit/tap.h"

struct sleeper {
	pid_t pid;
	int pidfd;
	ino_t mountns;
};

static ino_t mountns_of(pid_t pid)
{
	struct stat found = {0};
	char path[32];

	(void)snprintf(path, sizeof(path), "/proc/%d/ns/mnt", (int)pid);
	return stat(path, &found) == 0 ? found.st_ino : 0;
}

/* A process in a mount namespace of its own. */
static struct sleeper start_sleeper(void)
{
	struct sleeper sleeper = {.pidfd = -1};
	int ready[2];
	char byte;

	CHECK_INT(pipe2(ready, O_CLOEXEC), 0);
	sleeper.pid = fork();
	if (sleeper.pid == 0) {
		if (unshare(CLONE_NEWNS) < 0 || write(ready[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			(void)pause();
	}
	(void)close(ready[1]);
	CHECK_INT(read(ready[0], &byte, 1), 1);
	(void)close(ready[0]);
	sleeper.pidfd = proc_pidfd(sleeper.pid);
	sleeper.mountns = mountns_of(sleeper.pid);
	return sleeper;
}

static void end(const struct sleeper *sleeper)
{
	CHECK_INT(kill(sleeper->pid, SIGKILL), 0);
	CHECK_INT(waitpid(sleeper->pid, NULL, 0), sleeper->pid);
	(void)close(sleeper->pidfd);
}

/* How many descriptors a process has; and whether one of them is a mount namespace, and which. */
static unsigned count_open(pid_t pid, ino_t *ret_mountns)
{
	char path[64];
	unsigned count = 0;

	for (int fd = 0; fd < 64; fd++) {
		char words[64] = "";
		unsigned long long number;

		(void)snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)pid, fd);
		if (readlink(path, words, sizeof(words) - 1) < 0)
			continue;
		count++;
		if (sscanf(words, "mnt:[%llu]", &number) == 1)
			*ret_mountns = (ino_t)number;
	}
	return count;
}

/* It holds that namespace, and nothing else that somebody waits for the end of. */
static bool comes_to_hold_only(pid_t helper, const struct sleeper *sleeper)
{
	for (int tries = 0; tries < 500; tries++) {
		ino_t held = 0;

		if (count_open(helper, &held) == 2 && held == sleeper->mountns)
			return true;
		(void)poll(NULL, 0, 10);
	}
	return false;
}

static void test_holds_it_until_the_end(void)
{
	struct sleeper sleeper = start_sleeper();
	struct aside helper = ASIDE_INIT;

	unmounting_start(sleeper.pid, sleeper.pidfd, &helper);
	CHECK(helper.pidfd >= 0);
	CHECK(comes_to_hold_only(helper.pid, &sleeper));
	CHECK_INT(proc_wait_end(helper.pidfd, 50), -ETIMEDOUT);
	end(&sleeper);
	CHECK_INT(proc_wait_end(helper.pidfd, 5000), 0);
	unmounting_wait(&helper);
	CHECK_INT(helper.pidfd, -1);
	CHECK(waitpid(-1, NULL, __WALL | WNOHANG) < 0);
}

/* A creation that has failed does not wait for what goes on. */
static void test_is_dropped(void)
{
	struct sleeper sleeper = start_sleeper();
	struct aside helper = ASIDE_INIT;

	unmounting_start(sleeper.pid, sleeper.pidfd, &helper);
	unmounting_drop(&helper);
	CHECK_INT(helper.pidfd, -1);
	CHECK_INT(kill(sleeper.pid, 0), 0);
	end(&sleeper);
	unmounting_drop(&helper);
	CHECK(waitpid(-1, NULL, __WALL | WNOHANG) < 0);
}

/* Nothing is left of it when its parent is killed, though what it holds lives on. */
static void test_ends_with_its_parent(void)
{
	struct sleeper sleeper = start_sleeper();
	struct aside helper = ASIDE_INIT;
	int told[2], pidfd, status;
	pid_t parent, pid = 0;

	CHECK_INT(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	CHECK_INT(pipe2(told, O_CLOEXEC), 0);
	parent = fork();
	if (parent == 0) {
		/* Not its child: but the number is its own as long as nobody waits for it. */
		unmounting_start(sleeper.pid, sleeper.pidfd, &helper);
		if (write(told[1], &helper.pid, sizeof(helper.pid)) != sizeof(helper.pid))
			_exit(1);
		for (;;)
			(void)pause();
	}
	CHECK_INT(read(told[0], &pid, sizeof(pid)), sizeof(pid));
	pidfd = proc_pidfd(pid);
	CHECK(pidfd >= 0);
	CHECK(comes_to_hold_only(pid, &sleeper));
	CHECK_INT(kill(parent, SIGKILL), 0);
	CHECK_INT(waitpid(parent, &status, 0), parent);
	CHECK_INT(proc_wait_end(pidfd, 5000), 0);
	(void)kill(pid, SIGKILL); /* should that have failed */
	CHECK_INT(waitpid(pid, NULL, __WALL), pid);
	(void)close(pidfd);
	(void)close(told[0]);
	(void)close(told[1]);
	end(&sleeper);
}

/* Where there is nobody, or no pidfd, none runs; and that is all. */
static void test_without_one(void)
{
	struct sleeper sleeper = start_sleeper();
	struct aside helper = ASIDE_INIT;

	unmounting_start(sleeper.pid, -1, &helper);
	CHECK_INT(helper.pidfd, -1);
	CHECK_INT(kill(sleeper.pid, SIGKILL), 0);
	CHECK_INT(proc_wait_end(sleeper.pidfd, 5000), 0);
	unmounting_start(sleeper.pid, sleeper.pidfd, &helper);
	CHECK_INT(helper.pidfd, -1);
	unmounting_wait(&helper);
	CHECK_INT(waitpid(sleeper.pid, NULL, 0), sleeper.pid);
	(void)close(sleeper.pidfd);
}

int main(void)
{
	return TAP_RUN(TAP_CASE(test_holds_it_until_the_end), TAP_CASE(test_is_dropped),
		       TAP_CASE(test_ends_with_its_parent), TAP_CASE(test_without_one));
}

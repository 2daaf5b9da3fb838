// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/base/aside.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/base/scope.h"
#include "tests/unit/tap.h"

struct job {
	int number, fd;
	long result, pid;
};

static void work(void *context)
{
	struct job *job = context;

	job->number++;
	job->pid = aside_call(SYS_getpid, 0, 0, 0, 0);
	job->result = aside_call(SYS_close, -1, 0, 0, 0);
	job->fd = (int)aside_call(SYS_openat, AT_FDCWD, (long)"/dev/null", O_WRONLY | O_CLOEXEC, 0);
}

static void test_works_beside(void)
{
	struct aside aside = ASIDE_INIT;
	struct job job = {.number = 6}, *done;

	errno = 0;
	CHECK_INT(aside_start(&aside, work, &job, sizeof(job), ASIDE_SHARES_FILES), 0);
	CHECK_INT(waitpid(-1, NULL, WNOHANG), -1); /* a plain wait knows of no child */
	errno = 0;
	done = aside_wait(&aside);
	CHECK(done && done == aside_wait(&aside));
	CHECK_INT(errno, 0); /* a call that fails beside is no error here */
	CHECK_INT(job.number, 6);
	CHECK_INT(done->number, 7);
	CHECK(done->pid > 0 && done->pid != getpid());
	CHECK_INT(done->result, -EBADF);
	CHECK_INT(write(done->fd, "x", 1), 1); /* what it has opened is ours */
	CHECK_INT(close(done->fd), 0);
	aside_close(&aside);
	CHECK(aside_wait(&aside) == NULL);
	aside_close(&aside);
	CHECK_INT(waitpid(-1, NULL, __WALL | WNOHANG), -1);
}

static void test_own_descriptors(void)
{
	struct aside aside = ASIDE_INIT;
	struct job job = {0}, *done;

	CHECK_INT(aside_start(&aside, work, &job, sizeof(job), 0), 0);
	done = aside_wait(&aside);
	CHECK(done && done->fd >= 0);
	CHECK(done && done->fd != aside.pidfd ? fcntl(done->fd, F_GETFD) < 0 : true);
	aside_close(&aside);
}

static void until_told(void *context)
{
	const struct job *job = context;
	char byte;

	(void)aside_call(SYS_read, job->fd, (long)&byte, 1, 0);
}

/* A child of the process that started it waits, too; and a signal that finds the helper is not handled twice. */
static volatile sig_atomic_t signals;

static void count_signal(int signo)
{
	(void)signo;
	signals++;
}

static void test_signals_and_children(void)
{
	struct aside aside = ASIDE_INIT;
	struct job job = {0};
	int pipes[2], status = 1;
	pid_t child;

	CHECK_INT(pipe2(pipes, O_CLOEXEC), 0);
	job.fd = pipes[0];
	CHECK(signal(SIGUSR1, count_signal) != SIG_ERR);
	CHECK_INT(aside_start(&aside, until_told, &job, sizeof(job), ASIDE_SHARES_FILES), 0);
	CHECK_INT(kill(aside.pid, SIGUSR1), 0);
	CHECK_INT(raise(SIGUSR1), 0); /* ours are not blocked */
	child = fork();
	if (child == 0) {
		_exit(aside_wait(&aside) ? 0 : 1);
	}
	CHECK_INT(write(pipes[1], "x", 1), 1);
	CHECK_INT(waitpid(child, &status, 0), child);
	CHECK_INT(status, 0);
	aside_close(&aside);
	CHECK_INT(signals, 1);
	(void)close(pipes[0]);
	(void)close(pipes[1]);
}

/* What stands back keeps the policy that takes no processor from anybody; all others are as their caller. */
static void test_stands_back(void)
{
	for (int back = 0; back < 2; back++) {
		struct aside aside = ASIDE_INIT;
		struct job job = {0};
		int pipes[2];

		CHECK_INT(pipe2(pipes, O_CLOEXEC), 0);
		job.fd = pipes[0];
		CHECK_INT(aside_start(&aside, until_told, &job, sizeof(job), back ? ASIDE_STANDS_BACK : 0), 0);
		CHECK_INT(syscall(SYS_sched_getscheduler, aside.pid), back ? SCHED_BATCH : SCHED_OTHER);
		CHECK_INT(syscall(SYS_sched_getscheduler, 0), SCHED_OTHER);
		CHECK_INT(write(pipes[1], "x", 1), 1);
		aside_close(&aside);
		(void)close(pipes[0]);
		(void)close(pipes[1]);
	}
}

struct telling {
	struct job job;
	unsigned told;
};

static void tell(void *context)
{
	struct telling *telling = context;

	telling->job.number = 7;
	aside_tell(&telling->told);
	until_told(&telling->job);
}

/* What it has to tell is taken while it goes on; and who is killed before that is not waited for. */
static void test_tells(void)
{
	struct aside aside = ASIDE_INIT;
	struct telling telling = {0}, *seen;
	int pipes[2];

	CHECK(aside_context(&aside) == NULL);
	CHECK_INT(pipe2(pipes, O_CLOEXEC), 0);
	telling.job.fd = pipes[0];
	CHECK_INT(aside_start(&aside, tell, &telling, sizeof(telling), 0), 0);
	seen = aside_context(&aside);
	aside_wait_told(&aside, &seen->told);
	CHECK_INT(seen->job.number, 7);
	CHECK_INT(kill(aside.pid, 0), 0);
	CHECK_INT(write(pipes[1], "x", 1), 1);
	aside_close(&aside);
	CHECK_INT(aside_start(&aside, until_told, &telling, sizeof(telling), 0), 0);
	CHECK_INT(kill(aside.pid, SIGKILL), 0);
	seen = aside_context(&aside);
	aside_wait_told(&aside, &seen->told);
	CHECK_INT(seen->told, 0);
	aside_close(&aside);
	(void)close(pipes[0]);
	(void)close(pipes[1]);
}

static void test_too_much(void)
{
	static const char much[ASIDE_CONTEXT_BYTES + 1];
	struct aside aside = ASIDE_INIT;

	CHECK_INT(aside_start(&aside, work, much, sizeof(much), 0), -ENOMEM);
	CHECK(aside_wait(&aside) == NULL);
}

int main(void)
{
	return TAP_RUN(TAP_CASE(test_works_beside), TAP_CASE(test_own_descriptors), TAP_CASE(test_signals_and_children),
		       TAP_CASE(test_stands_back), TAP_CASE(test_tells), TAP_CASE(test_too_much));
}

// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/core/hooks.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/base/file.h"
#include "runtime/base/process.h"
#include "tests/unit/tap.h"

static char dir[64];

static void begin(void)
{
	(void)snprintf(dir, sizeof(dir), "/tmp/hull-hooks-XXXXXX");
	CHECK(mkdtemp(dir) != NULL);
	(void)fflush(stdout);
}

static void end(void)
{
	struct err err = ERR_INIT;

	CHECK(file_remove_tree(AT_FDCWD, dir, &err) == 0);
}

static const char *read_out(const char *name)
{
	static char words[512];
	char path[128];
	ssize_t len;
	int fd;

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	len = fd < 0 ? 0 : read(fd, words, sizeof(words) - 1);
	words[len > 0 ? len : 0] = '\0';
	if (fd >= 0)
		(void)close(fd);
	return words;
}

/* Runs scripts as hooks, with the folder as $0. */
static int run(enum plan_hook_kind kind, const char *const *scripts, size_t count, uint64_t timeout_ms, struct err *err)
{
	static char variable[] = "ONLY=this";
	char *env[] = {variable, NULL};
	char *args[8][5];
	struct plan_hook hooks[8];
	plan_hook_list list = {.items = hooks, .count = count};

	for (size_t i = 0; i < count; i++) {
		char *words[] = {(char *)(uintptr_t) "sh", (char *)(uintptr_t) "-c", (char *)(uintptr_t)scripts[i], dir,
				 NULL};

		memcpy(args[i], words, sizeof(words));
		hooks[i] = (struct plan_hook){.path = "/bin/sh",
					      .args = {.items = args[i], .count = 4},
					      .env = {.items = env, .count = 1},
					      .timeout_ms = timeout_ms};
	}
	return hooks_run(&list, kind, "{\"state\":1}", 11, err);
}
#define RUN(kind, timeout_ms, err, ...)                                                                            \
	run(kind, (const char *const[]){__VA_ARGS__}, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *), \
	    timeout_ms, err)

static void test_state_environment_and_descriptors(void)
{
	struct err err = ERR_INIT;
	int leak = open("/dev/null", O_RDONLY); /* without CLOEXEC: a caller's */

	begin();
	CHECK(RUN(HOOK_PRESTART, 0, &err, "cat > $0/one; env > $0/env; ls /proc/self/fd | wc -l > $0/fds",
		  "cat > $0/two") == 0);
	CHECK_STR(read_out("one"), "{\"state\":1}");
	CHECK_STR(read_out("two"), "{\"state\":1}"); /* each gets all of it */
	CHECK_HAS(read_out("env"), "ONLY=this");
	CHECK(!strstr(read_out("env"), "HOME="));
	CHECK_STR(read_out("fds"), "4\n"); /* 0, 1, 2, and the folder that ls reads */
	(void)close(leak);
	end();
}

static void test_a_failure_ends_it(void)
{
	struct err err = ERR_INIT;

	begin();
	CHECK(RUN(HOOK_CREATE_RUNTIME, 0, &err, "echo 1 >> $0/ran", "exit 3", "echo 3 >> $0/ran") < 0);
	CHECK_STR(err.msg, "createRuntime hook: hook '/bin/sh' ended with exit code 3");
	CHECK_STR(read_out("ran"), "1\n");
	end();
}

static void test_late_ones_only_warn(void)
{
	struct err err = ERR_INIT;

	begin();
	CHECK_INT(RUN(HOOK_POSTSTOP, 0, &err, "exit 3", "echo 2 >> $0/ran"), 0);
	CHECK_INT(RUN(HOOK_POSTSTART, 0, &err, "exit 3", "echo 3 >> $0/ran"), 0);
	CHECK_INT(err.code, 0);
	CHECK_STR(read_out("ran"), "2\n3\n");
	end();
}

static void test_time_limit_takes_the_whole_group(void)
{
	struct err err = ERR_INIT;
	uint64_t start_ns = proc_monotonic_ns(), ticks = 0;
	pid_t grandchild;

	begin();
	CHECK_INT(RUN(HOOK_PRESTART, 1000, &err, "sleep 300 & echo $! > $0/pid; wait"), -ETIMEDOUT);
	CHECK_HAS(err.msg, "took longer than 1000 ms and was killed");
	CHECK(proc_monotonic_ns() - start_ns < UINT64_C(60000000000));
	grandchild = (pid_t)atoi(read_out("pid"));
	CHECK(grandchild > 0);
	/* Whose child it is by now may be late to reap it. */
	(void)proc_start_time(grandchild, &ticks);
	for (int i = 0; i < 3000 && proc_look(grandchild, ticks) == PROC_ALIVE; i++)
		(void)usleep(10000);
	CHECK(proc_look(grandchild, ticks) != PROC_ALIVE);
	CHECK(waitpid(-1, NULL, WNOHANG) < 0); /* no zombie */
	end();
}

static void test_missing_program(void)
{
	char *args[] = {(char *)(uintptr_t) "none", NULL};
	struct plan_hook hook = {.path = "/none/such", .args = {.items = args, .count = 1}};
	plan_hook_list list = {.items = &hook, .count = 1};
	struct err err = ERR_INIT;

	CHECK(hooks_run(&list, HOOK_PRESTART, "", 0, &err) < 0);
	CHECK_HAS(err.msg, "'/none/such'");
}

static void test_signals_are_default(void)
{
	struct err err = ERR_INIT;
	sigset_t blocked, before;

	begin();
	(void)signal(SIGPIPE, SIG_IGN);
	(void)sigfillset(&blocked);
	(void)sigprocmask(SIG_SETMASK, &blocked, &before);
	CHECK(RUN(HOOK_PRESTART, 0, &err, "grep -E 'SigBlk|SigIgn' /proc/self/status > $0/signals") == 0);
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	(void)signal(SIGPIPE, SIG_DFL);
	CHECK_STR(read_out("signals"), "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
	end();
}

/* The kernel reaps what ends then, and how it ended is lost: that must not count as success. */
static void test_unknown_status_is_no_success(void)
{
	struct err err = ERR_INIT;

	begin();
	(void)signal(SIGCHLD, SIG_IGN);
	CHECK(RUN(HOOK_PRESTART, 0, &err, "exit 3") < 0);
	(void)signal(SIGCHLD, SIG_DFL);
	end();
}

int main(void)
{
	return TAP_RUN(TAP_CASE(test_state_environment_and_descriptors), TAP_CASE(test_a_failure_ends_it),
		       TAP_CASE(test_late_ones_only_warn), TAP_CASE(test_time_limit_takes_the_whole_group),
		       TAP_CASE(test_missing_program), TAP_CASE(test_signals_are_default),
		       TAP_CASE(test_unknown_status_is_no_success));
}

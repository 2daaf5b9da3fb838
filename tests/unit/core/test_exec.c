// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/core/exec.h"

#include <sys/prctl.h>

#include "tests/unit/core/bundle_fixture.h"

/* The plan of another process in the bundle's container. */
static int execute(struct bundle *b, const char *script, bool ignore_paused, struct exec_running *ret, struct err *err)
{
	struct plan plan;
	char *args[] = {(char *)(uintptr_t) "/bin/sh", (char *)(uintptr_t) "-c", (char *)(uintptr_t)script, NULL};
	struct exec_request request = {.store = &b->store,
				       .id = b->id,
				       .stdio = {-1, -1, 2},
				       .pid_file = arena_strdup(&b->arena, bundle_path(b, "pid")),
				       .ignore_paused = ignore_paused};
	int result = bundle_plan(b, b->id, &plan, err);

	if (result < 0)
		return result;
	if (!script[0])
		args[0] = (char *)(uintptr_t) "/bin/no";
	plan.process.args = (struct strv){.items = args, .count = 3};
	request.process = &plan.process;
	return exec_start(&request, ret, err);
}

static int end_of(struct exec_running *running)
{
	int status = 0;
	int result = proc_wait(running->pid, &status);

	exec_running_close(running);
	return result < 0 ? result : proc_exit_code(status);
}

static void test_it_is_inside(void)
{
	struct bundle b;
	struct exec_running running;
	struct err err = ERR_INIT;
	char words[1024], name[64];
	pid_t first;

	bundle_open(&b, "echo > /out/up; exec sleep 60", "");
	first = bundle_start(&b, false);
	(void)signal(SIGPIPE, SIG_IGN);
	CHECK(execute(&b,
		      "cat /proc/self/cgroup > /out/cgroup; cat /proc/1/cgroup > /out/cgroup1;"
		      "for n in pid mnt net; do readlink /proc/self/ns/$n >> /out/ns; readlink /proc/1/ns/$n >> "
		      "/out/ns1; done;"
		      "grep SigIgn /proc/self/status > /out/signals; exit 5",
		      false, &running, &err) == 0);
	(void)signal(SIGPIPE, SIG_DFL);
	(void)snprintf(words, sizeof(words), "%d", running.pid);
	CHECK_STR(bundle_read(&b, "pid"), words);
	CHECK_INT(end_of(&running), 5);
	(void)snprintf(words, sizeof(words), "%s", bundle_read(&b, "out/ns1"));
	CHECK_STR(bundle_read(&b, "out/ns"), words);
	CHECK_HAS(words, "net:[");
	(void)snprintf(words, sizeof(words), "%s", bundle_read(&b, "out/cgroup1"));
	CHECK_STR(bundle_read(&b, "out/cgroup"), words);
	CHECK_STR(bundle_read(&b, "out/signals"), "SigIgn:\t0000000000000000\n");
	(void)snprintf(name, sizeof(name), "/proc/%d/cgroup", first);
	CHECK(access(name, F_OK) == 0);
	bundle_close(&b);
}

static void test_a_program_that_is_not_there(void)
{
	struct bundle b;
	struct exec_running running;
	struct err err = ERR_INIT;

	bundle_open(&b, "sleep 60", "");
	bundle_start(&b, false);
	CHECK_INT(execute(&b, "", false, &running, &err), -ENOENT);
	CHECK_INT(err.exit_code, 127);
	CHECK_HAS(err.msg, "exec: \"/bin/no\": no such file or directory");
	CHECK(!bundle_has(&b, "pid"));
	CHECK_INT(waitpid(-1, NULL, WNOHANG), 0); /* only the container's first process is this one's child */
	bundle_close(&b);
}

static void test_states(void)
{
	struct bundle b;
	struct exec_running running;
	struct err err = ERR_INIT;

	bundle_open(&b, "sleep 60", "");
	CHECK_INT(execute(&b, "true", false, &running, &err), -ENOENT);
	bundle_start(&b, true);
	CHECK_INT(execute(&b, "exit 4", false, &running, &err), 0);
	CHECK_INT(end_of(&running), 4);
	CHECK(control_start(&b.store, b.id, &err) == 0);
	CHECK(control_pause(&b.store, b.id, &err) == 0);
	CHECK_INT(execute(&b, "true", false, &running, &err), -EINVAL);
	CHECK_HAS(err.msg, "is paused: it cannot run another process");
	CHECK(control_resume(&b.store, b.id, &err) == 0);
	CHECK(control_kill(&b.store, b.id, SIGKILL, true, &err) == 0);
	EVENTUALLY(bundle_status(&b) == RECORD_STOPPED);
	CHECK_INT(execute(&b, "true", false, &running, &err), -EINVAL);
	CHECK_HAS(err.msg, "is stopped");
	bundle_close(&b);
}

/*
 * The container is killed and removed at any moment of an exec: either it worked, or the error says that the container
 * has ended; and no process of it is left, in no cgroup.
 */
static void test_while_it_dies(void)
{
	int failed = 0;

	CHECK(prctl(PR_SET_CHILD_SUBREAPER, 1) == 0);
	/* Until one came in between, if that is later. */
	for (unsigned wait_us = 0; wait_us < (failed > 0 ? 12000 : 120000); wait_us += 400) {
		struct bundle b;
		struct exec_running running;
		struct err err = ERR_INIT;
		pid_t killer;

		bundle_open(&b, "sleep 60", "");
		bundle_start(&b, false);
		(void)fflush(stdout);
		killer = fork();
		if (killer == 0) {
			struct err words = ERR_INIT;

			(void)usleep(wait_us % 12000);
			_exit(control_delete(&b.store, b.id, true, &words) < 0);
		}
		if (execute(&b, "sleep 1004", false, &running, &err) < 0) {
			failed++;
			/* "ended before": the new process was killed while the first one still was there. */
			if (!strstr(err.msg, "has just ended") && !strstr(err.msg, "is stopped") &&
			    !strstr(err.msg, "does not exist") &&
			    !strstr(err.msg, "process for the container ended before"))
				tap_fail(__FILE__, __LINE__, err.msg);
		}
		EVENTUALLY(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD);
		bundle_close(&b);
	}
	CHECK(failed > 0); /* else this has tested nothing */
}

int main(void)
{
	return TAP_RUN(TAP_CASE(test_it_is_inside), TAP_CASE(test_a_program_that_is_not_there), TAP_CASE(test_states),
		       TAP_CASE(test_while_it_dies));
}

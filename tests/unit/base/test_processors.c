/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where a child begins, and that it may run everywhere again. */
#include "runtime/base/processors.h"

#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/tap.h"

static cpu_set_t own;

static void stay_on_one(void)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	for (int cpu = 0; CPU_COUNT(&one) == 0; cpu++)
		if (CPU_ISSET(cpu, &own))
			CPU_SET(cpu, &one);
	CHECK_INT(sched_setaffinity(0, sizeof(one), &one), 0);
}

static bool is_bound_to(pid_t pid, const cpu_set_t *wanted)
{
	cpu_set_t set;

	return sched_getaffinity(pid, sizeof(set), &set) == 0 && CPU_EQUAL(&set, wanted);
}

/* Where it runs: field 39 of its state, whose name has no space here. */
static int processor_of(pid_t pid)
{
	char path[64], line[1024] = "", *rest = line;
	FILE *file;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	file = fopen(path, "re");
	if (file && !fgets(line, sizeof(line), file))
		line[0] = '\0';
	if (file)
		(void)fclose(file);
	for (int field = 1; rest && field < 39; field++)
		rest = strchr(rest + 1, ' ');
	return rest ? atoi(rest) : -1;
}

static pid_t start_child(void)
{
	pid_t pid = fork();

	if (pid == 0)
		for (;;) {}
	return pid;
}

static void end_child(pid_t pid)
{
	(void)kill(pid, SIGKILL);
	CHECK_INT(waitpid(pid, NULL, 0), pid);
}

/* Whether a child that is on the caller's processor is on another one then. */
static bool goes_away(pid_t pid, void (*send)(pid_t pid))
{
	cpu_set_t one;
	int here = sched_getcpu();

	CPU_ZERO(&one);
	CPU_SET((unsigned)here, &one);
	(void)sched_setaffinity(pid, sizeof(one), &one);
	(void)sched_setaffinity(pid, sizeof(own), &own);
	send(pid);
	return processor_of(pid) != here;
}

/*
 * The scheduler moves the one and the other when it likes; but not as a rule within these few calls, nor each time that
 * they are made, whoever else is busy here.
 */
static void check_that_it_goes(void (*send)(pid_t pid))
{
	pid_t pid = start_child();
	int count = 0;

	for (int times = 0; times < 20 && count <= 10; times++) {
		count = 0;
		for (int i = 0; i < 20; i++)
			count += goes_away(pid, send);
	}
	CHECK(count > 10 || CPU_COUNT(&own) == 1);
	CHECK(is_bound_to(pid, &own));
	end_child(pid);
}

static void test_elsewhere(void)
{
	check_that_it_goes(processors_send_elsewhere);
	check_that_it_goes(processors_begin_elsewhere);
}

static void *wait_for_end(void *end_fd)
{
	char byte;

	(void)!read(*(int *)end_fd, &byte, 1);
	return NULL;
}

/* A thread is not the caller, nor bound to where it was sent. */
static void test_thread(void)
{
	pthread_t thread;
	cpu_set_t set;
	int pair[2];

	CHECK_INT(pipe(pair), 0);
	CHECK_INT(pthread_create(&thread, NULL, wait_for_end, &pair[0]), 0);
	processors_begin_thread_elsewhere(thread);
	CHECK_INT(pthread_getaffinity_np(thread, sizeof(set), &set), 0);
	CHECK(CPU_EQUAL(&set, &own));
	CHECK(is_bound_to(0, &own));
	(void)close(pair[1]);
	CHECK_INT(pthread_join(thread, NULL), 0);
	(void)close(pair[0]);
}

/* With nowhere to go to it stays, and with a caller that is bound so is what it begins. */
static void test_bounds(void)
{
	cpu_set_t one;
	pid_t pid;

	stay_on_one();
	CHECK_INT(sched_getaffinity(0, sizeof(one), &one), 0);
	pid = start_child();
	processors_send_elsewhere(pid);
	processors_begin_elsewhere(pid);
	CHECK(is_bound_to(pid, &one));
	end_child(pid);
	CHECK_INT(sched_setaffinity(0, sizeof(own), &own), 0);
}

/* The same where it could go: bound to two of three and more. */
static void test_bounds_of_many(void)
{
	cpu_set_t two;
	pid_t pid;

	if (CPU_COUNT(&own) < 3)
		SKIP("this machine has less than three processors");
	CPU_ZERO(&two);
	for (int cpu = 0; CPU_COUNT(&two) < 2; cpu++)
		if (CPU_ISSET(cpu, &own))
			CPU_SET(cpu, &two);
	CHECK_INT(sched_setaffinity(0, sizeof(two), &two), 0);
	pid = start_child();
	processors_begin_elsewhere(pid);
	CHECK(is_bound_to(pid, &two));
	end_child(pid);
	CHECK_INT(sched_setaffinity(0, sizeof(own), &own), 0);
}

/* What begins in between, and takes no processor from its parent, has the policy of any other process afterwards. */
static void test_keep(void)
{
	static const struct sched_param none;
	bool kept = processors_keep();
	pid_t pid;

	CHECK(kept);
	CHECK_INT(sched_getscheduler(0), SCHED_BATCH);
	pid = start_child();
	CHECK_INT(sched_getscheduler(pid), SCHED_BATCH);
	processors_keep_end(kept, pid);
	CHECK_INT(sched_getscheduler(pid), SCHED_OTHER);
	CHECK_INT(sched_getscheduler(0), SCHED_OTHER);
	end_child(pid);

	kept = processors_keep();
	processors_keep_end(kept, -1);
	CHECK_INT(sched_getscheduler(0), SCHED_OTHER);

	/* A policy of the caller's own is the child's, too, as without hull in between. */
	CHECK_INT(sched_setscheduler(0, SCHED_BATCH, &none), 0);
	kept = processors_keep();
	CHECK(!kept);
	pid = start_child();
	processors_keep_end(kept, pid);
	CHECK_INT(sched_getscheduler(pid), SCHED_BATCH);
	CHECK_INT(sched_getscheduler(0), SCHED_BATCH);
	end_child(pid);
	CHECK_INT(sched_setscheduler(0, SCHED_OTHER, &none), 0);
}

/* struct sched_attr of linux/sched/types.h, which defines what <sched.h> defines, too. */
struct attr {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t turn_ns, deadline_ns, period_ns;
};

/* As the kernel has it: how long the turns of `pid` are, and what its children get. Without an answer all are 0. */
static struct attr turns_of(pid_t pid)
{
	struct attr attr = {0};

	(void)syscall(SYS_sched_getattr, pid, &attr, sizeof(attr), 0);
	return attr;
}

static bool has_turns_like(pid_t pid, const struct attr *usual)
{
	struct attr attr = turns_of(pid);

	return attr.policy == SCHED_OTHER && attr.turn_ns == usual->turn_ns && attr.flags == usual->flags &&
	       attr.nice == usual->nice;
}

/* Long ones are the caller's alone, also in between and behind that; whatever it begins knows nothing of them. */
static void test_long_turns(void)
{
	const struct attr usual = turns_of(0);
	bool kept;
	pid_t pid;

	processors_give_way();
	if (usual.turn_ns > 0)
		CHECK_INT((int)turns_of(0).turn_ns, 100000000);
	pid = start_child();
	CHECK(has_turns_like(pid, &usual));
	end_child(pid);

	kept = processors_keep();
	CHECK(kept);
	pid = start_child();
	processors_keep_end(kept, pid);
	CHECK(has_turns_like(pid, &usual));
	end_child(pid);
	if (usual.turn_ns > 0)
		CHECK_INT((int)turns_of(0).turn_ns, 100000000);
	pid = start_child();
	CHECK(has_turns_like(pid, &usual));
	end_child(pid);
}

/* One that was begun with a niceness of its own has it for what it begins, too. */
static void test_nice(void)
{
	pid_t pid = fork(), child;
	int status = -1;

	if (pid == 0) {
		struct attr usual;

		if (setpriority(PRIO_PROCESS, 0, -1) < 0)
			_exit(2);
		usual = turns_of(0);
		processors_give_way();
		child = start_child();
		status = has_turns_like(child, &usual) && has_turns_like(0, &usual) ? 0 : 1;
		(void)kill(child, SIGKILL);
		_exit(status);
	}
	CHECK_INT(waitpid(pid, &status, 0), pid);
	if (WEXITSTATUS(status) == 2)
		SKIP("this user may take no niceness below 0");
	CHECK_INT(status, 0);
}

int main(void)
{
	if (sched_getaffinity(0, sizeof(own), &own) < 0)
		return 1;
	return TAP_RUN(TAP_CASE(test_elsewhere), TAP_CASE(test_thread), TAP_CASE(test_bounds),
		       TAP_CASE(test_bounds_of_many), TAP_CASE(test_keep), TAP_CASE(test_nice),
		       TAP_CASE(test_long_turns));
}

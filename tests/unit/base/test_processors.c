/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where a child begins, and that it may run everywhere again. */
#include "runtime/base/processors.h"

#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/tap.h"

static cpu_set_t own;

static int count_of(pid_t pid)
{
	cpu_set_t set;

	return sched_getaffinity(pid, sizeof(set), &set) < 0 ? -1 : CPU_COUNT(&set);
}

static void stay_on_one(void)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	for (int cpu = 0; CPU_COUNT(&one) == 0; cpu++)
		if (CPU_ISSET(cpu, &own))
			CPU_SET(cpu, &one);
	CHECK_INT(sched_setaffinity(0, sizeof(one), &one), 0);
}

/* A parent with one of many is not as free as a process with all of them. */
static void test_all_or_not(void)
{
	bool were_all = processors_are_all_allowed();

	if (CPU_COUNT(&own) > 1) {
		stay_on_one();
		CHECK(!processors_are_all_allowed());
		CHECK_INT(sched_setaffinity(0, sizeof(own), &own), 0);
	}
	CHECK(processors_are_all_allowed() == were_all);
}

static void test_elsewhere_and_back(void)
{
	int go[2], status;
	char byte = 0;
	pid_t pid;

	CHECK_INT(pipe(go), 0);
	pid = fork();
	if (pid == 0) {
		if (read(go[0], &byte, 1) != 1)
			_exit(1);
		processors_allow_all();
		_exit(count_of(0) == CPU_COUNT(&own) ? 0 : 2);
	}
	processors_begin_elsewhere(pid);
	CHECK_INT(count_of(pid), CPU_COUNT(&own) > 1 ? CPU_COUNT(&own) - 1 : 1);
	CHECK_INT(write(go[1], &byte, 1), 1);
	CHECK_INT(waitpid(pid, &status, 0), pid);
	CHECK_INT(status, 0);
	(void)close(go[0]);
	(void)close(go[1]);
}

/* With nowhere to go to, it stays. */
static void test_nowhere_else(void)
{
	pid_t pid;

	stay_on_one();
	pid = fork();
	if (pid == 0)
		_exit(pause());
	processors_begin_elsewhere(pid);
	CHECK_INT(count_of(pid), 1);
	(void)kill(pid, SIGKILL);
	CHECK_INT(waitpid(pid, NULL, 0), pid);
	CHECK_INT(sched_setaffinity(0, sizeof(own), &own), 0);
}

int main(void)
{
	if (sched_getaffinity(0, sizeof(own), &own) < 0)
		return 1;
	return TAP_RUN(TAP_CASE(test_all_or_not), TAP_CASE(test_elsewhere_and_back), TAP_CASE(test_nowhere_else));
}

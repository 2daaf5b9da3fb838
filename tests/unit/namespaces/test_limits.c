// SPDX-License-Identifier: GPL-2.0-or-later
#include "namespaces/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/ioprio.h>
#include <linux/mempolicy.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/capability.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/base/file.h"
#include "runtime/base/scope.h"
#include "tests/unit/tap.h"

static void test_words(void)
{
	CHECK_INT(rlimit_parse("RLIMIT_NOFILE"), RLIMIT_NOFILE);
	CHECK_INT(rlimit_parse("nofile"), RLIMIT_NOFILE);
	CHECK_INT(rlimit_parse("RLIMIT_"), -EINVAL);
	CHECK_INT(rlimit_parse("rlimit_nofile"), -EINVAL);
	for (int i = 0; i < (int)RLIM_NLIMITS; i++) {
		CHECK(rlimit_name(i) != NULL);
		CHECK_INT(rlimit_parse(rlimit_name(i)), i);
	}
	CHECK(rlimit_name((int)RLIM_NLIMITS) == NULL);
	CHECK_INT(limits_parse_policy("SCHED_OTHER"), SCHED_OTHER);
	CHECK_INT(limits_parse_policy("SCHED_IDLE"), SCHED_IDLE);
	CHECK_INT(limits_parse_policy("OTHER"), -EINVAL);
	CHECK_INT(limits_parse_scheduler_flag("SCHED_FLAG_UTIL_CLAMP_MAX"), 0x40);
	CHECK_INT(limits_parse_io_class("IOPRIO_CLASS_IDLE"), IOPRIO_CLASS_IDLE);
	CHECK_INT(limits_parse_memory_mode("MPOL_WEIGHTED_INTERLEAVE"), 6);
	CHECK_INT(limits_parse_memory_flag("MPOL_F_STATIC_NODES"), MPOL_F_STATIC_NODES);
	CHECK_INT(limits_parse_memory_flag("x"), -EINVAL);
	CHECK_INT(limits_parse_personality("LINUX32"), PER_LINUX32);
	CHECK_STR(limits_memory_mode_words()[0], "MPOL_DEFAULT");
	CHECK(limits_memory_mode_words()[7] == NULL);
	CHECK(limits_memory_flag_words()[3] == NULL);
}

static void test_lists(void)
{
	uint64_t set[2];

	CHECK_INT(limits_parse_list("0-3,5", set, 128), 0);
	CHECK_INT(set[0], 0x2f);
	CHECK_INT(limits_parse_list(" 1 , 64 - 65 ", set, 128), 0);
	CHECK_INT(set[0], 2);
	CHECK_INT(set[1], 3);
	CHECK_INT(limits_parse_list("127", set, 128), 0);
	CHECK_INT(limits_parse_list("128", set, 128), -ERANGE);
	CHECK_INT(limits_parse_list("0-4294967296", set, 128), -EINVAL);
	static const char *const wrong[] = {"", ",", "1,", ",1", "1-", "-1", "3-1", "a", "1 2", "0x1", "1--2", "1;2"};
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		CHECK_INT(limits_parse_list(wrong[i], set, 128), -EINVAL);
}

static void refused(const struct limits_request *request, const char *words)
{
	struct err err = ERR_INIT;

	CHECK(limits_check(request, &err) < 0);
	CHECK_HAS(err.msg, words);
}

static void test_check_rlimits_and_numbers(void)
{
	struct limits_rlimit limits[2] = {{RLIMIT_NOFILE, 10, 5}, {RLIMIT_NOFILE, 1, 2}};
	struct limits_request request = {.rlimits = limits, .rlimit_count = 2};

	refused(&request, "RLIMIT_NOFILE: the soft limit 10 is above the hard limit 5");
	limits[0].soft = 5;
	refused(&request, "RLIMIT_NOFILE is given twice");
	limits[1].resource = 99;
	refused(&request, "99");
	limits[1] = (struct limits_rlimit){RLIMIT_AS, LIMITS_UNLIMITED, LIMITS_UNLIMITED};
	CHECK_INT(limits_check(&request, NULL), 0);
	refused(&(struct limits_request){.has_oom_score_adj = true, .oom_score_adj = 1001}, "1001");
	refused(&(struct limits_request){.has_umask = true, .umask = 01000}, "01000");
	refused(&(struct limits_request){.cpus = "3-"}, "'3-'");
	refused(&(struct limits_request){.cpus = "5000"}, "1023");
	refused(&(struct limits_request){.io_priority = &(struct limits_io_priority){2, 8}}, "level 8");
	refused(&(struct limits_request){.io_priority = &(struct limits_io_priority){4, 0}}, "class 4");
}

static void refused_scheduler(struct limits_scheduler scheduler, const char *words)
{
	refused(&(struct limits_request){.scheduler = &scheduler}, words);
}

static void refused_memory(struct limits_memory_policy policy, const char *words)
{
	refused(&(struct limits_request){.memory_policy = &policy}, words);
}

static void test_check_scheduler_and_memory(void)
{
	refused_scheduler((struct limits_scheduler){.policy = 4}, "SCHED_ISO");
	refused_scheduler((struct limits_scheduler){.policy = 9}, "policy 9");
	refused_scheduler((struct limits_scheduler){.nice = 20}, "nice 20");
	refused_scheduler((struct limits_scheduler){.policy = SCHED_FIFO}, "priority 0");
	refused_scheduler((struct limits_scheduler){.priority = 1}, "priority 1");
	refused_scheduler((struct limits_scheduler){.runtime_ns = 1}, "SCHED_DEADLINE");
	refused_scheduler((struct limits_scheduler){.policy = 6, .runtime_ns = 5, .deadline_ns = 4},
			  "runtime <= deadline");
	refused_memory((struct limits_memory_policy){.mode = MPOL_BIND}, "needs nodes");
	refused_memory((struct limits_memory_policy){.mode = MPOL_DEFAULT, .nodes = "0"}, "takes no nodes");
	refused_memory((struct limits_memory_policy){MPOL_BIND, MPOL_F_STATIC_NODES | MPOL_F_RELATIVE_NODES, "0"},
		       "exclude one another");
	refused_memory((struct limits_memory_policy){MPOL_BIND, 0, "x"}, "'x'");
}

/* A process that waits, for what is applied from outside. */
static pid_t start_waiting(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		for (;;)
			pause();
	}
	return pid;
}

static void stop_waiting(pid_t pid)
{
	CHECK_INT(kill(pid, SIGKILL), 0);
	CHECK(waitpid(pid, NULL, 0) == pid);
}

static void test_from_outside(void)
{
	static const struct limits_rlimit rlimits[] = {{RLIMIT_NOFILE, 100, 200}, {RLIMIT_CORE, 0, 0}};
	static const struct limits_scheduler scheduler = {.policy = SCHED_BATCH, .nice = 7, .flags = 1};
	static const struct limits_io_priority io = {IOPRIO_CLASS_BE, 6};
	const struct limits_request request = {.rlimits = rlimits,
					       .rlimit_count = 2,
					       .has_oom_score_adj = true,
					       .oom_score_adj = 321,
					       .scheduler = &scheduler,
					       .io_priority = &io,
					       .cpus = "0"};
	pid_t pid = start_waiting();
	struct rlimit now;
	struct err err = ERR_INIT;
	char path[64], words[32];
	cpu_set_t cpus;

	CHECK_INT(limits_apply_outside(&request, pid, &err), 0);
	CHECK_STR(err.msg, "");
	CHECK_INT(prlimit(pid, RLIMIT_NOFILE, NULL, &now), 0);
	CHECK_INT(now.rlim_cur, 100);
	CHECK_INT(now.rlim_max, 200);
	CHECK_INT(sched_getscheduler(pid), SCHED_BATCH | SCHED_RESET_ON_FORK);
	CHECK_INT(getpriority(PRIO_PROCESS, (id_t)pid), 7);
	CHECK_INT(syscall(SYS_ioprio_get, IOPRIO_WHO_PROCESS, pid), IOPRIO_CLASS_BE << 13 | 6);
	CHECK_INT(sched_getaffinity(pid, sizeof(cpus), &cpus), 0);
	CHECK_INT(CPU_COUNT(&cpus), 1);
	snprintf(path, sizeof(path), "/proc/%d/oom_score_adj", pid);
	CHECK(file_read_line(AT_FDCWD, path, words, sizeof(words)) > 0);
	CHECK_STR(words, "321");
	stop_waiting(pid);
}

/* The same, of user 33 and group 44. Whether it has become that. */
static bool other_user_waits(pid_t *ret)
{
	int ready[2];
	char byte;
	bool there;

	if (pipe2(ready, O_CLOEXEC) < 0)
		return false;
	*ret = fork();
	if (*ret == 0) {
		if (setresgid(44, 44, 44) == 0 && setresuid(33, 33, 33) == 0)
			(void)!write(ready[1], "", 1);
		for (;;)
			pause();
	}
	(void)close(ready[1]);
	there = read(ready[0], &byte, 1) == 1;
	(void)close(ready[0]);
	return there;
}

/*
 * The limits of a process that is another user's by now, by a root that has no CAP_SYS_RESOURCE: as some machines'
 * roots are.
 */
static void test_of_another_user(void)
{
	static const struct limits_rlimit low = {RLIMIT_NOFILE, 10, 64}, high = {RLIMIT_NOFILE, 10, 65};
	const struct limits_request lower = {.rlimits = &low, .rlimit_count = 1},
				    raise = {.rlimits = &high, .rlimit_count = 1};
	cap_value_t resource = CAP_SYS_RESOURCE;
	struct err err = ERR_INIT;
	cap_t caps = cap_get_proc(), without = cap_dup(caps);
	struct rlimit now;
	pid_t pid = 0;

	if (geteuid() != 0)
		SKIP("needs root");
	CHECK(cap_set_flag(without, CAP_EFFECTIVE, 1, &resource, CAP_CLEAR) == 0 && cap_set_proc(without) == 0);
	CHECK(other_user_waits(&pid));
	CHECK_INT(limits_apply_outside(&lower, pid, &err), 0);
	CHECK_STR(err.msg, "");
	CHECK_INT(limits_apply_outside(&raise, pid, &err), -EPERM);
	CHECK(strstr(err.msg, "from 64 to 65 needs CAP_SYS_RESOURCE"));
	CHECK(getuid() == 0 && geteuid() == 0 && getgid() == 0);
	CHECK_INT(cap_set_proc(caps), 0);
	stop_waiting(pid);
	CHECK_INT(prlimit(0, RLIMIT_NOFILE, NULL, &now), 0);
	CHECK(now.rlim_max != 64);
	(void)cap_free(caps);
	(void)cap_free(without);
}

/*
 * Raising a hard limit without the right to: one clear line. In a user namespace nobody has it, whatever this machine
 * gives root.
 */
static void test_raising_is_refused_clearly(void)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		static const struct limits_rlimit low = {RLIMIT_NOFILE, 10, 64}, high = {RLIMIT_NOFILE, 10, 65};
		struct err err = ERR_INIT;

		if (unshare(CLONE_NEWUSER) < 0 ||
		    limits_apply_outside(&(struct limits_request){.rlimits = &low, .rlimit_count = 1}, 0, NULL) < 0)
			_exit(1);
		if (limits_apply_outside(&(struct limits_request){.rlimits = &high, .rlimit_count = 1}, 0, &err) !=
		    -EPERM)
			_exit(2);
		if (strcmp(err.msg, "RLIMIT_NOFILE: raising the hard limit from 64 to 65 needs CAP_SYS_RESOURCE, which "
				    "this process "
				    "lacks") != 0)
			_exit(3);
		if (limits_apply_outside(&(struct limits_request){.has_oom_score_adj = true, .oom_score_adj = -1000}, 0,
					 &err) >= 0)
			_exit(4);
		_exit(strstr(err.msg, "needs CAP_SYS_RESOURCE") ? 0 : 5);
	}
	CHECK(waitpid(pid, &status, 0) == pid);
	CHECK_INT(WEXITSTATUS(status), 0);
}

static void test_no_such_cpu(void)
{
	struct err err = ERR_INIT;

	CHECK(limits_set_affinity(0, "1000", &err) < 0);
	CHECK_HAS(err.msg, "'1000'");
}

static int run_inside(void)
{
	static const struct limits_memory_policy policy = {MPOL_BIND, MPOL_F_STATIC_NODES, "0"};
	const struct limits_request request = {.memory_policy = &policy,
					       .has_umask = true,
					       .umask = 027,
					       .has_personality = true,
					       .personality = PER_LINUX32};
	struct err err = ERR_INIT;
	int mode = -1;

	if (limits_apply_inside(&request, &err) < 0) {
		printf("# %s\n", err.msg);
		return 1;
	}
	if (umask(0) != 027)
		return 2;
	if (personality(0xffffffff) != PER_LINUX32)
		return 3;
	if (syscall(SYS_get_mempolicy, &mode, NULL, 0, 0, 0) == 0 && mode != (MPOL_BIND | MPOL_F_STATIC_NODES))
		return 4;
	return 0;
}

/* What a child without any right can do to itself. */
static void test_who_may_set_them(void)
{
	struct rlimit now = {0};
	struct limits_rlimit rlimits[] = {{.resource = RLIMIT_CORE}, {.resource = RLIMIT_NOFILE}};
	struct limits_request request = {.rlimits = rlimits, .rlimit_count = ARRAY_SIZE(rlimits)};

	CHECK(getrlimit(RLIMIT_NOFILE, &now) == 0 && now.rlim_max > 1);
	rlimits[1].soft = rlimits[1].hard = now.rlim_max;
	CHECK(limits_only_fall(&request));
	rlimits[1].hard = now.rlim_max + 1;
	CHECK(!limits_only_fall(&request));
	rlimits[1].hard = rlimits[1].soft = 1;
	CHECK(limits_only_fall(&request));
	request.has_oom_score_adj = true;
	CHECK(!limits_only_fall(&request));
	request.has_oom_score_adj = false;
	request.cpus = "0";
	CHECK(!limits_only_fall(&request));
	request = (struct limits_request){0};
	CHECK(limits_only_fall(&request));
}

static void test_inside(void)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		status = run_inside();
		fflush(stdout);
		_exit(status);
	}
	CHECK(waitpid(pid, &status, 0) == pid);
	if (WEXITSTATUS(status) == 1 && syscall(SYS_get_mempolicy, NULL, NULL, 0, 0, 0) < 0 && errno == ENOSYS)
		SKIP("this kernel is built without NUMA memory policies");
	CHECK_INT(WEXITSTATUS(status), 0);
}

int main(void)
{
	return TAP_RUN(TAP_CASE(test_words), TAP_CASE(test_lists), TAP_CASE(test_check_rlimits_and_numbers),
		       TAP_CASE(test_check_scheduler_and_memory), TAP_CASE(test_from_outside),
		       TAP_CASE(test_of_another_user), TAP_CASE(test_raising_is_refused_clearly),
		       TAP_CASE(test_no_such_cpu), TAP_CASE(test_who_may_set_them), TAP_CASE(test_inside));
}

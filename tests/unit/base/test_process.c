/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime/base/process.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "runtime/base/confine.h"
#include "runtime/base/host.h"
#include "tests/unit/tap.h"

#define WAIT_MS 20000

/* Waits for the child and gives its exit code. */
static int exit_code_of(pid_t pid)
{
	int status = 0;

	return proc_wait(pid, &status) < 0 ? -1 : proc_exit_code(status);
}

/* A child that stays until it is killed. */
static pid_t sleeper(void)
{
	pid_t pid = fork();

	if (pid == 0)
		for (;;)
			pause();
	return pid;
}

static void end(pid_t pid)
{
	int status;

	kill(pid, SIGKILL);
	CHECK_INT(proc_wait(pid, &status), 0);
}

/* --- clone --- */

static void check_clone(void)
{
	int pidfd = -1;
	struct proc_clone how = {.cgroup_fd = -1, .ret_pidfd = &pidfd};
	pid_t pid = proc_clone(&how);

	if (pid == 0)
		_exit(42);
	CHECK(pid > 0);
	CHECK(pidfd >= 0);
	CHECK_INT(fcntl(pidfd, F_GETFD), FD_CLOEXEC);
	CHECK_INT(proc_wait_end(pidfd, WAIT_MS), 0);
	CHECK_INT(proc_signal(pidfd, 0), 0);
	CHECK_INT(exit_code_of(pid), 42);
	CHECK_INT(proc_signal(pidfd, 0), -ESRCH);
	close(pidfd);
}

static void test_clone(void)
{
	check_clone();
}

static void test_clone_without_clone3(void)
{
	int pidfd = -1;
	struct proc_clone into_cgroup = {.cgroup_fd = 0, .ret_pidfd = &pidfd};
	struct proc_clone new_time = {.flags = CLONE_NEWTIME, .cgroup_fd = -1};

	host_override("clone3=0");
	check_clone();
	CHECK_INT(proc_clone(&into_cgroup), -ENOSYS);
	CHECK_INT(proc_clone(&new_time), -ENOSYS);
	CHECK_INT(pidfd, -1);
	host_override(NULL);
}

/* As under an older container engine's filter, which refuses what it does not know. */
static int clone_when_filtered(void)
{
	static const struct sock_filter instructions[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone3, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct confine_filter filter = {instructions, ARRAY_SIZE(instructions)};
	struct proc_clone how = {.cgroup_fd = -1};
	pid_t pid;

	host_override(NULL);
	if (confine_no_new_privs(NULL) < 0 || confine_load(&filter, 0, NULL) < 0)
		return 1;
	pid = proc_clone(&how);
	if (pid == 0)
		_exit(5);
	return pid > 0 && exit_code_of(pid) == 5 ? 0 : 2;
}

static void test_clone_when_filtered(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(clone_when_filtered());
	CHECK_INT(exit_code_of(pid), 0);
}

static void check_new_pid_namespace(void)
{
	struct proc_clone how = {.flags = CLONE_NEWPID, .cgroup_fd = -1};
	pid_t pid = proc_clone(&how);

	if (pid == 0)
		_exit(getpid() == 1 ? 0 : 1);
	CHECK(pid > 0);
	CHECK_INT(exit_code_of(pid), 0);
}

static void test_clone_namespaces(void)
{
	if (getuid() != 0)
		SKIP("needs root");
	check_new_pid_namespace();
	host_override("clone3=0");
	check_new_pid_namespace();
	host_override(NULL);
}

/* A child made by a child, but ours: we wait for it. */
static void check_sibling(void)
{
	struct proc_clone how = {.cgroup_fd = -1}, sibling = {.flags = CLONE_PARENT, .cgroup_fd = -1};
	int channel[2];
	pid_t maker, made = -1;

	CHECK_INT(pipe2(channel, O_CLOEXEC), 0);
	maker = proc_clone(&how);
	if (maker == 0) {
		made = proc_clone(&sibling);
		if (made == 0)
			_exit(9);
		_exit(write(channel[1], &made, sizeof(made)) != (ssize_t)sizeof(made));
	}
	CHECK_INT(read(channel[0], &made, sizeof(made)), sizeof(made));
	CHECK_INT(exit_code_of(maker), 0);
	CHECK(made > 0);
	if (made > 0)
		CHECK_INT(exit_code_of(made), 9);
	close(channel[0]);
	close(channel[1]);
}

static void test_clone_sibling(void)
{
	check_sibling();
	host_override("clone3=0");
	check_sibling();
	host_override(NULL);
}

static void test_clone_says_why_not(void)
{
	struct proc_clone how = {.flags = CLONE_FS | CLONE_NEWNS, .cgroup_fd = -1};

	CHECK_INT(proc_clone(&how), -EINVAL);
}

/* --- born in a cgroup --- */

static bool born_in(const char *name)
{
	char line[512];
	bool found = false;
	FILE *file = fopen("/proc/self/cgroup", "re");

	while (file && fgets(line, sizeof(line), file))
		found = found || (strncmp(line, "0::", 3) == 0 && strstr(line, name));
	if (file)
		fclose(file);
	return found;
}

static void test_clone_into_cgroup(void)
{
	static const char *const mounts[] = {"/sys/fs/cgroup/unified", "/sys/fs/cgroup"};
	char path[128], name[64];
	int fd = -1;

	snprintf(name, sizeof(name), "hull-test-process-%d", (int)getpid());
	for (size_t i = 0; i < 2 && fd < 0; i++) {
		snprintf(path, sizeof(path), "%s/cgroup.procs", mounts[i]);
		if (access(path, W_OK) < 0)
			continue;
		snprintf(path, sizeof(path), "%s/%s", mounts[i], name);
		if (mkdir(path, 0755) == 0)
			fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	}
	if (fd < 0)
		SKIP("no cgroup v2 tree to write to");

	struct proc_clone how = {.cgroup_fd = fd};
	pid_t pid = host_has(HOST_CLONE3) ? proc_clone(&how) : -ENOSYS;

	if (pid == 0)
		_exit(born_in(name) ? 0 : 1);
	if (pid > 0)
		CHECK_INT(exit_code_of(pid), 0);
	else
		CHECK_INT(pid, -ENOSYS);
	close(fd);
	CHECK_INT(rmdir(path), 0);
}

/* --- identity --- */

static void test_look(void)
{
	uint64_t ticks = 0;
	int status;
	pid_t pid = sleeper();
	CLEANUP_FD int pidfd = -1;

	CHECK_INT(proc_start_time(pid, &ticks), 0);
	CHECK(ticks > 0);
	CHECK_INT(proc_look(pid, ticks), PROC_ALIVE);
	CHECK_INT(proc_look(pid, ticks + 1), PROC_GONE);
	pidfd = proc_open(pid, ticks);
	CHECK(pidfd >= 0);
	CHECK_INT(proc_open(pid, ticks + 1), -ESRCH);

	CHECK_INT(proc_signal(pidfd, SIGKILL), 0);
	CHECK_INT(proc_wait_end(pidfd, WAIT_MS), 0);
	CHECK_INT(proc_look(pid, ticks), PROC_ZOMBIE);
	int zombie = proc_open(pid, ticks);
	CHECK(zombie >= 0);
	scope_fd(&zombie);

	CHECK_INT(proc_wait(pid, &status), 0);
	CHECK_INT(proc_look(pid, ticks), PROC_GONE);
	CHECK_INT(proc_open(pid, ticks), -ESRCH);
	CHECK_INT(proc_start_time(pid, &ticks), -ESRCH);
}

/* With no descriptor left /proc can't be asked: not knowing must not read as gone. */
static void test_look_without_fds(void)
{
	struct rlimit old, none;
	uint64_t ticks = 0;

	CHECK_INT(proc_start_time(getpid(), &ticks), 0);
	CHECK_INT(getrlimit(RLIMIT_NOFILE, &old), 0);
	none = old;
	none.rlim_cur = 0;
	CHECK_INT(setrlimit(RLIMIT_NOFILE, &none), 0);
	CHECK_INT(proc_look(getpid(), ticks), PROC_ALIVE);
	CHECK_INT(proc_open(getpid(), ticks), -EMFILE);
	CHECK_INT(setrlimit(RLIMIT_NOFILE, &old), 0);
}

static void test_no_such_pid(void)
{
	uint64_t ticks;

	CHECK_INT(proc_start_time(0, &ticks), -ESRCH);
	CHECK_INT(proc_start_time(-1, &ticks), -ESRCH);
	CHECK_INT(proc_look(0, 0), PROC_GONE);
	CHECK_INT(proc_open(-1, 0), -ESRCH);
	CHECK_INT(proc_open(0, 0), -ESRCH);
}

/* A program's name can look like the rest of the line. */
static void test_hostile_names(void)
{
	static const char *const names[] = {") Z 1 2 3 4 5 6", "a) R (b", "))))", "\n) X 0", " "};
	char before[17] = "";
	uint64_t ticks = 0, found = 0;

	prctl(PR_GET_NAME, before);
	CHECK_INT(proc_start_time(getpid(), &ticks), 0);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		prctl(PR_SET_NAME, names[i]);
		CHECK_INT(proc_start_time(getpid(), &found), 0);
		CHECK_INT(found, ticks);
		CHECK_INT(proc_look(getpid(), ticks), PROC_ALIVE);
	}
	prctl(PR_SET_NAME, before);
}

static void *outlive(void *channel)
{
	char byte;

	/*
	 * Tells that the first thread is gone only by staying itself: the parent looks until it is a zombie in /proc.
	 */
	(void)!read(*(int *)channel, &byte, 1);
	_exit(0);
}

static char stat_state(pid_t pid)
{
	char path[32], line[512] = "";
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	file = fopen(path, "re");
	if (!file)
		return '?';
	const char *at = fgets(line, sizeof(line), file) ? strrchr(line, ')') : NULL;
	fclose(file);
	return at ? at[2] : '?';
}

/* The first thread has ended and shows as a zombie, another one runs on: the process lives. */
static void test_first_thread_gone(void)
{
	static int channel[2];
	uint64_t ticks = 0, begin_ns = proc_monotonic_ns();
	pid_t pid;

	CHECK_INT(pipe2(channel, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		pthread_t other;

		close(channel[1]);
		if (pthread_create(&other, NULL, outlive, &channel[0]) != 0)
			_exit(1);
		pthread_exit(NULL);
	}
	close(channel[0]);
	CHECK_INT(proc_start_time(pid, &ticks), 0);
	while (stat_state(pid) != 'Z' && proc_monotonic_ns() - begin_ns < WAIT_MS * UINT64_C(1000000))
		nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
	CHECK_INT(stat_state(pid), 'Z');
	CHECK_INT(proc_look(pid, ticks), PROC_ALIVE);
	close(channel[1]);
	CHECK_INT(exit_code_of(pid), 0);
}

/* --- the end --- */

static void nothing(int signo)
{
	(void)signo;
}

/* Signals that come in between neither end the wait nor lengthen it. */
static void test_wait_end_times_out(void)
{
	struct sigaction action = {.sa_handler = nothing}, before;
	pid_t self = getpid(), pid = sleeper(), disturber;
	CLEANUP_FD int pidfd = proc_pidfd(pid);
	uint64_t begin_ns, took_ms;

	CHECK_INT(proc_wait_end(pidfd, 0), -ETIMEDOUT);
	sigaction(SIGUSR1, &action, &before);
	disturber = fork();
	if (disturber == 0)
		for (;;) {
			nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
			if (kill(self, SIGUSR1) < 0)
				_exit(0);
		}
	begin_ns = proc_monotonic_ns();
	CHECK_INT(proc_wait_end(pidfd, 150), -ETIMEDOUT);
	took_ms = (proc_monotonic_ns() - begin_ns) / 1000000;
	CHECK(took_ms >= 150);
	CHECK(took_ms < 10000);
	end(disturber);
	sigaction(SIGUSR1, &before, NULL);
	end(pid);
	CHECK_INT(proc_wait_end(pidfd, -1), 0);
}

static void test_exit_info(void)
{
	struct proc_clone how = {.cgroup_fd = -1};
	int pidfd = -1, status = 0, found = -1, zombie = -1;

	how.ret_pidfd = &pidfd;
	if (!host_has(HOST_PIDFD_EXIT))
		SKIP("the kernel does not tell an exit status by pidfd");
	for (int how_it_ends = 0; how_it_ends < 2; how_it_ends++) {
		pid_t pid = proc_clone(&how);

		if (pid == 0) {
			if (how_it_ends == 0)
				_exit(77);
			for (;;)
				pause();
		}
		if (how_it_ends == 1) {
			CHECK_INT(proc_exit_info(pidfd, &found), -EAGAIN);
			CHECK_INT(proc_signal(pidfd, SIGTERM), 0);
		}
		CHECK_INT(proc_wait_end(pidfd, WAIT_MS), 0);
		CHECK_INT(proc_exit_info(pidfd, &found), -EAGAIN);
		CHECK_INT(proc_zombie_status(pid, &zombie), 0);
		CHECK_INT(proc_wait(pid, &status), 0);
		CHECK_INT(zombie, status);
		CHECK_INT(proc_zombie_status(pid, &zombie), -ESRCH);
		CHECK_INT(proc_exit_info(pidfd, &found), 0);
		CHECK_INT(found, status);
		CHECK_INT(proc_exit_code(found), how_it_ends == 0 ? 77 : 128 + SIGTERM);
		close(pidfd);
	}
	CHECK_INT(proc_exit_info(-1, &found), -EBADF);
	CHECK_INT(proc_exit_info(0, &found), -ENODATA);
}

static void test_exit_code(void)
{
	CHECK_INT(proc_exit_code(0), 0);
	CHECK_INT(proc_exit_code(255 << 8), 255);
	CHECK_INT(proc_exit_code(SIGKILL), 137);
	CHECK_INT(proc_exit_code(SIGSEGV | 0x80), 139);
	CHECK_INT(proc_exit_code(SIGSTOP << 8 | 0x7f), -EINVAL);
}

static void test_wait_for_no_child(void)
{
	int status;

	CHECK_INT(proc_wait(getpid(), &status), -ECHILD);
}

/* --- signals --- */

static void test_signal_parse(void)
{
	const struct {
		const char *words;
		int signo;
	} cases[] = {
		{"KILL", SIGKILL},
		{"SIGKILL", SIGKILL},
		{"sigkill", SIGKILL},
		{"kill", SIGKILL},
		{"9", SIGKILL},
		{"15", SIGTERM},
		{"64", 64},
		{"SIGRTMIN+3", SIGRTMIN + 3},
		{"rtmin", SIGRTMIN},
		{"RTMAX", SIGRTMAX},
		{"RTMAX-1", SIGRTMAX - 1},
		{"CLD", SIGCHLD},
		{"SIGPOLL", SIGIO},
		{"iot", SIGABRT},
		{"WINCH", SIGWINCH},
		{"RTMIN+30", SIGRTMAX},
		{"", -EINVAL},
		{"SIG", -EINVAL},
		{"0", -EINVAL},
		{"65", -EINVAL},
		{"-9", -EINVAL},
		{"9 ", -EINVAL},
		{"SIG9", -EINVAL},
		{"KILLX", -EINVAL},
		{"RTMIN-1", -EINVAL},
		{"RTMAX+1", -EINVAL},
		{"RTMIN+31", -EINVAL},
		{"RTMIN+", -EINVAL},
		{"RTMIN+-1", -EINVAL},
		{"RTMIN3", -EINVAL},
		{"SIGSIGKILL", -EINVAL},
		{"RTMIN+4294967295", -EINVAL},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		if (proc_signal_parse(cases[i].words) != cases[i].signo)
			printf("# '%s'\n", cases[i].words);
		CHECK_INT(proc_signal_parse(cases[i].words), cases[i].signo);
	}
}

static void test_signal_names(void)
{
	for (int signo = 1; signo <= 64; signo++) {
		const char *name = proc_signal_name(signo);

		/* The C library keeps two for itself, which have no name. */
		CHECK((name == NULL) == (signo > 31 && signo < SIGRTMIN));
		if (name)
			CHECK_INT(proc_signal_parse(name), signo);
	}
	CHECK_STR(proc_signal_name(SIGTERM), "TERM");
	CHECK(proc_signal_name(0) == NULL);
	CHECK(proc_signal_name(-1) == NULL);
	CHECK(proc_signal_name(65) == NULL);
}

static int signals_are_reset(void)
{
	sigset_t all, found;
	struct sigaction action;

	signal(SIGPIPE, SIG_IGN);
	signal(SIGRTMIN + 1, SIG_IGN);
	signal(SIGTERM, nothing);
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	proc_reset_signals();
	sigprocmask(SIG_SETMASK, NULL, &found);
	for (int signo = 1; signo <= 64; signo++) {
		if (sigismember(&found, signo) == 1)
			return signo;
		if (sigaction(signo, NULL, &action) == 0 && action.sa_handler != SIG_DFL)
			return signo + 100;
	}
	return 0;
}

static void test_reset_signals(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(signals_are_reset());
	CHECK_INT(exit_code_of(pid), 0);
}

/* --- boot and time --- */

static void test_boot_id(void)
{
	char id[37], again[37];
	struct err err = ERR_INIT;

	CHECK_INT(proc_boot_id(id, &err), 0);
	CHECK_INT(strlen(id), 36);
	CHECK_INT(id[8], '-');
	CHECK_INT(proc_boot_id(again, &err), 0);
	CHECK_STR(again, id);
	CHECK_INT(err.code, 0);
}

static void test_clocks(void)
{
	uint64_t before = proc_monotonic_ns();

	CHECK(proc_monotonic_ns() >= before);
	CHECK(llabs((long long)(proc_now_ns() / 1000000000) - (long long)time(NULL)) <= 5);
}

int main(void)
{
	return TAP_RUN(TAP_CASE(test_clone), TAP_CASE(test_clone_without_clone3), TAP_CASE(test_clone_when_filtered),
		       TAP_CASE(test_clone_namespaces), TAP_CASE(test_clone_sibling), TAP_CASE(test_clone_says_why_not),
		       TAP_CASE(test_clone_into_cgroup), TAP_CASE(test_look), TAP_CASE(test_look_without_fds),
		       TAP_CASE(test_no_such_pid), TAP_CASE(test_hostile_names), TAP_CASE(test_first_thread_gone),
		       TAP_CASE(test_wait_end_times_out), TAP_CASE(test_exit_info), TAP_CASE(test_exit_code),
		       TAP_CASE(test_wait_for_no_child), TAP_CASE(test_signal_parse), TAP_CASE(test_signal_names),
		       TAP_CASE(test_reset_signals), TAP_CASE(test_boot_id), TAP_CASE(test_clocks));
}

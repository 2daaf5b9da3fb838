/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime/base/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/base/process.h"
#include "runtime/base/scope.h"
#include "tests/unit/tap.h"

/* Runs `body` in a child, since nothing here can be undone, and gives its exit code. */
static int in_child(int (*body)(void))
{
	pid_t child = fork();
	int status = 0;

	if (child == 0)
		_exit(body());
	if (child < 0 || proc_wait(child, &status) < 0)
		return -1;
	return proc_exit_code(status);
}

/* getppid(2) fails with EDOM, everything else goes on. */
static const struct sock_filter no_getppid[] = {
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EDOM),
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
};
static const struct confine_filter filter = {no_getppid, ARRAY_SIZE(no_getppid)};

static int body_no_new_privs(void)
{
	struct err err = ERR_INIT;

	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 0)
		return 1;
	if (confine_no_new_privs(&err) < 0 || err.code != 0)
		return 2;
	return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? 0 : 3;
}

static void test_no_new_privs(void)
{
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1)
		SKIP("no_new_privs is already set here");
	CHECK_INT(in_child(body_no_new_privs), 0);
}

static int body_filter(void)
{
	struct err err = ERR_INIT;

	if (syscall(SYS_getppid) < 0 || confine_no_new_privs(&err) < 0)
		return 1;
	if (confine_load(&filter, 0, &err) != 0)
		return 2;
	errno = 0;
	return syscall(SYS_getppid) == -1 && errno == EDOM ? 0 : 3;
}

static void test_filter_holds(void)
{
	CHECK_INT(in_child(body_filter), 0);
}

static int body_listener(void)
{
	struct err err = ERR_INIT;
	int fd;

	if (confine_no_new_privs(&err) < 0)
		return 1;
	fd = confine_load(&filter, SECCOMP_FILTER_FLAG_NEW_LISTENER, &err);
	if (fd < 0)
		return 2;
	return fcntl(fd, F_GETFD) == FD_CLOEXEC ? 0 : 3;
}

static void test_listener(void)
{
	CHECK_INT(in_child(body_listener), 0);
}

static int body_without_right(void)
{
	struct err err = ERR_INIT;

	if (setresuid(65534, 65534, 65534) < 0)
		return 1;
	if (confine_load(&filter, 0, &err) != -EACCES)
		return 2;
	return strstr(err.msg, "no_new_privs") ? 0 : 3;
}

static void test_needs_a_right(void)
{
	if (getuid() != 0)
		SKIP("needs root");
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1)
		SKIP("no_new_privs is already set here");
	CHECK_INT(in_child(body_without_right), 0);
}

static void test_refuses_sizes(void)
{
	struct err err = ERR_INIT;
	struct confine_filter none = {no_getppid, 0}, many = {no_getppid, BPF_MAXINSNS + 1};

	CHECK_INT(confine_load(&none, 0, &err), -EINVAL);
	CHECK_INT(confine_load(&many, 0, &err), -EINVAL);
	CHECK_HAS(err.msg, "4097");
	CHECK_INT(confine_load(&many, 0, NULL), -EINVAL);
}

/* A parent that makes a child and ends; the child's end closes the last copy of the pipe. */
static void test_dies_with_parent(void)
{
	int alive[2];
	char byte;
	pid_t parent;
	int status;

	CHECK_INT(pipe2(alive, O_CLOEXEC), 0);
	parent = fork();
	if (parent == 0) {
		int self = proc_pidfd(getpid());

		if (fork() == 0) {
			if (confine_die_with_parent(self, NULL) < 0)
				_exit(1);
			(void)!write(alive[1], "r", 1);
			for (;;)
				pause();
		}
		/* Ends only when the child has asked. */
		(void)!read(alive[0], &byte, 1);
		_exit(0);
	}
	close(alive[1]);
	CHECK_INT(proc_wait(parent, &status), 0);
	CHECK_INT(status, 0);
	alarm(60);
	CHECK_INT(read(alive[0], &byte, 1), 0);
	alarm(0);
	close(alive[0]);
}

static int body_parent_gone(void)
{
	struct err err = ERR_INIT;
	int status;
	pid_t gone = fork();
	CLEANUP_FD int pidfd = -1;

	if (gone == 0)
		_exit(0);
	pidfd = proc_pidfd(gone);
	if (pidfd < 0 || proc_wait_end(pidfd, 20000) < 0)
		return 1;
	if (confine_die_with_parent(pidfd, &err) != -ESRCH || !*err.msg)
		return 2;
	if (proc_wait(gone, &status) < 0 || confine_die_with_parent(pidfd, NULL) != -ESRCH)
		return 3;
	return confine_die_with_parent(-1, NULL) == 0 ? 0 : 4;
}

static void test_parent_already_gone(void)
{
	CHECK_INT(in_child(body_parent_gone), 0);
}

int main(void)
{
	return TAP_RUN(TAP_CASE(test_no_new_privs), TAP_CASE(test_filter_holds), TAP_CASE(test_listener),
		       TAP_CASE(test_needs_a_right), TAP_CASE(test_refuses_sizes), TAP_CASE(test_dies_with_parent),
		       TAP_CASE(test_parent_already_gone));
}

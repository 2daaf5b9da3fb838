// SPDX-License-Identifier: GPL-2.0-or-later
/* What is left in the socket stays open until its other end is closed, peeked at or not. */
#include "runtime/vm/remains.h"

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/base/socket.h"
#include "tests/unit/tap.h"

#define FAR_FD 200

/* A pipe whose writing end hangs up on the reading one as soon as nobody has it. */
static bool is_closed(int reading)
{
	struct pollfd end = {.fd = reading, .events = POLLIN};

	return poll(&end, 1, 0) == 1 && (end.revents & POLLHUP);
}

static void test_held(void)
{
	int ends[2], slow[2];
	struct err err = ERR_INIT;
	char word = 0;

	CHECK_INT(sock_pair(ends, &err), 0);
	CHECK_INT(pipe(slow), 0);
	remains_leave(ends[1], true, &slow[1], 1);
	CHECK_INT(close(slow[1]), 0);
	CHECK_INT(close(ends[1]), 0);
	CHECK(!is_closed(slow[0]));
	for (int i = 0; i < 2; i++) {
		CHECK_INT(recv(ends[0], &word, 1, MSG_PEEK | MSG_DONTWAIT), 1);
		CHECK_INT(word, REMAINS_OOM);
	}
	CHECK(!is_closed(slow[0]));
	CHECK_INT(close(ends[0]), 0);
	CHECK(is_closed(slow[0]));
	CHECK_INT(close(slow[0]), 0);
}

static bool closes_soon(int reading)
{
	struct pollfd end = {.fd = reading, .events = POLLIN};

	return poll(&end, 1, 10000) == 1 && (end.revents & POLLHUP);
}

/* With nobody at the other end, as with no socket at all: not held for ever, and not even a signal. */
static void test_nobody(void)
{
	for (int has_socket = 0; has_socket < 2; has_socket++) {
		int ends[2], slow[2];
		struct err err = ERR_INIT;
		pid_t pid;

		CHECK_INT(sock_pair(ends, &err), 0);
		CHECK_INT(close(ends[0]), 0);
		CHECK_INT(pipe(slow), 0);
		pid = fork();
		if (pid == 0) {
			remains_leave(has_socket ? ends[1] : -1, false, &slow[1], 1);
			_exit(0);
		}
		CHECK_INT(close(slow[1]), 0);
		CHECK_INT(close(ends[1]), 0);
		CHECK_INT(waitpid(pid, NULL, 0), pid);
		CHECK(closes_soon(slow[0]));
		CHECK_INT(close(slow[0]), 0);
	}
}

/* None of these is open, and the process ends where somebody asks for one of them what it is. */
static int forbid_to_look_far(void)
{
	struct sock_filter words[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_fstat, 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_newfstatat, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args)),
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, FAR_FD, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog program = {.len = ARRAY_SIZE(words), .filter = words};

	if (fd_close_from(FAR_FD, NULL) < 0)
		return -1;
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? -1 : prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

/*
 * Sockets are closed before, and nothing else is: found with one look at all numbers, or, where that many descriptors
 * are not allowed, by asking for each.
 */
static void test_sockets_go_first(void)
{
	for (int is_limited = 0; is_limited < 2; is_limited++) {
		int ends[2], slow[2], status;
		struct err err = ERR_INIT;
		pid_t pid;

		CHECK_INT(sock_pair(ends, &err), 0);
		CHECK_INT(pipe(slow), 0);
		pid = fork();
		if (pid == 0) {
			const struct rlimit few = {64, 64};

			if ((is_limited ? setrlimit(RLIMIT_NOFILE, &few) : forbid_to_look_far()) < 0)
				_exit(2);
			remains_leave(-1, false, &slow[1], 1);
			_exit(fcntl(ends[0], F_GETFD) < 0 && fcntl(slow[0], F_GETFD) >= 0 ? 0 : 1);
		}
		CHECK_INT(waitpid(pid, &status, 0), pid);
		CHECK_INT(status, 0);
		for (int i = 0; i < 2; i++) {
			CHECK_INT(close(ends[i]), 0);
			CHECK_INT(close(slow[i]), 0);
		}
	}
}

int main(void)
{
	return TAP_RUN(TAP_CASE(test_held), TAP_CASE(test_nobody), TAP_CASE(test_sockets_go_first));
}

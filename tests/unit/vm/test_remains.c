// SPDX-License-Identifier: GPL-2.0-or-later
/* What is left in the socket stays open until its other end is closed, peeked at or not. */
#include "runtime/vm/remains.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/base/socket.h"
#include "tests/unit/tap.h"

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

int main(void)
{
	return TAP_RUN(TAP_CASE(test_held), TAP_CASE(test_nobody));
}

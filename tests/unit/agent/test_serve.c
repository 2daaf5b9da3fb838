// SPDX-License-Identifier: GPL-2.0-or-later
/* What the agent does for its host: programs, streams, windows, signals, ends, figures. */
#include "tests/unit/agent/serve_fixture.h"

static void test_program(void)
{
	char output[64], mark = 0;

	start("echo out; exit 7");
	CHECK_INT(collect(AGENT_FIRST, output, sizeof(output)), 7);
	CHECK_STR(output, "out\n");
	/* Its last word came behind the last byte on the disk. */
	CHECK_INT(poll(&(struct pollfd){.fd = marks, .events = POLLIN}, 1, 0), 1);
	CHECK_INT(read(marks, &mark, 1), 1);
	CHECK_INT(mark, 'u');
	CHECK_INT(end(), 0);
}

static void test_killed(void)
{
	char output[64];

	start("echo up; exec sleep 100");
	CHECK(hears(AGENT_STDOUT, AGENT_FIRST, NULL));
	send_signal(AGENT_FIRST, SIGTERM);
	CHECK_INT(collect(AGENT_FIRST, output, sizeof(output)), 143);
	CHECK_INT(end(), 0);
}

static void test_failed(void)
{
	struct agent_failed failed = {0};
	struct agent_message message;

	greet();
	ask(AGENT_START, AGENT_FIRST, "fail");
	CHECK(hears(AGENT_FAILED, AGENT_FIRST, &message));
	memcpy(&failed, message.payload, sizeof(failed));
	CHECK_INT(failed.exit_code, 127);
	CHECK(message.len == sizeof(failed) + 15 &&
	      memcmp(message.payload + sizeof(failed), "no such program", 15) == 0);
	CHECK_INT(end(), 0);
}

/* A megabyte through a program, in windows, both ways at once. */
static void test_streams(void)
{
	static unsigned char bytes[AGENT_CHUNK];
	struct agent_eof eof = {.stream = AGENT_STREAM_IN};
	struct agent_message message;
	size_t sent = 0, got = 0, window = AGENT_WINDOW, total = (size_t)1 << 20;

	start("cat");
	while (got < total) {
		while (sent < total && window >= sizeof(bytes)) {
			for (size_t i = 0; i < sizeof(bytes); i++)
				bytes[i] = (unsigned char)((sent + i) * 31 >> 5);
			say(AGENT_STDIN, AGENT_FIRST, bytes, sizeof(bytes));
			sent += sizeof(bytes);
			window -= sizeof(bytes);
		}
		if (!hear(&message))
			break;
		if (message.type == AGENT_CREDIT)
			window += ((const struct agent_credit *)(const void *)message.payload)->bytes;
		for (size_t i = 0; message.type == AGENT_STDOUT && i < message.len; i++, got++)
			if (message.payload[i] != (unsigned char)(got * 31 >> 5))
				tap_fail(__FILE__, __LINE__, "another byte");
		if (message.type == AGENT_STDOUT)
			give_credit(AGENT_FIRST, AGENT_STREAM_OUT, message.len);
	}
	CHECK_INT(got, total);
	say(AGENT_EOF, AGENT_FIRST, &eof, sizeof(eof));
	while (message.type != AGENT_EXIT && hear(&message))
		;
	CHECK_INT(message.type, AGENT_EXIT);
	CHECK_INT(end(), 0);
}

/* No more than a window without credit; another process's goes on meanwhile. */
static void test_window(void)
{
	char output[64];
	struct agent_message message;
	size_t got = 0;

	start("cat /dev/zero");
	while (got < AGENT_WINDOW && hears(AGENT_STDOUT, AGENT_FIRST, &message))
		got += message.len;
	CHECK_INT(got, AGENT_WINDOW);
	ask(AGENT_EXEC, 2, "echo other; exit 3");
	CHECK(hears(AGENT_STARTED, 2, NULL));
	CHECK_INT(collect(2, output, sizeof(output)), 3);
	CHECK_STR(output, "other\n");
	give_credit(AGENT_FIRST, AGENT_STREAM_OUT, 10);
	CHECK(hears(AGENT_STDOUT, AGENT_FIRST, &message));
	CHECK_INT(message.len, 10);
	CHECK_INT(end(), ECONNRESET);
}

/*
 * What is typed into a terminal that its program has closed goes nowhere; nobody waits for it, and the window is open
 * for more.
 */
static void test_closed_terminal(void)
{
	size_t taken = 0;
	struct agent_message message;
	struct agent_credit credit;
	static char typed[AGENT_CHUNK];
	char output[64];

	memset(typed, '\n', sizeof(typed));
	start(ON_TERMINAL
	      "trap 'exec sleep 100 <&- >&- 2>&-' USR1; stty -echo; echo ready; while :; do sleep 0.02; done");
	while (hear(&message) && message.type != AGENT_STDOUT)
		;
	/* More than a terminal keeps for who does not read. */
	for (size_t sent = 0; sent < AGENT_WINDOW; sent += sizeof(typed))
		say(AGENT_STDIN, AGENT_FIRST, typed, sizeof(typed));
	send_signal(AGENT_FIRST, SIGUSR1);
	while (taken < AGENT_WINDOW * 3 / 4 && hear(&message)) {
		if (message.type != AGENT_CREDIT)
			continue;
		memcpy(&credit, message.payload, sizeof(credit));
		taken += credit.bytes;
	}
	CHECK(taken >= AGENT_WINDOW * 3 / 4);
	send_signal(AGENT_FIRST, SIGKILL);
	CHECK_INT(collect(AGENT_FIRST, output, sizeof(output)), 137);
	CHECK_INT(end(), 0);
}

static void test_execs(void)
{
	char output[64];

	start("exec sleep 100");
	/* Pieces of two documents, one after another's. */
	say(AGENT_EXEC, 2, "echo ", 5);
	say(AGENT_EXEC, 3, "echo", 4);
	say(AGENT_EXEC, 2, "two", 3);
	say(AGENT_EXEC, 3, " three; exit 5", 14);
	say(AGENT_EXEC, 3, NULL, 0);
	CHECK(hears(AGENT_STARTED, 3, NULL));
	CHECK_INT(collect(3, output, sizeof(output)), 5);
	CHECK_STR(output, "three\n");
	say(AGENT_EXEC, 2, NULL, 0);
	CHECK(hears(AGENT_STARTED, 2, NULL));
	CHECK_INT(collect(2, output, sizeof(output)), 0);
	CHECK_STR(output, "two\n");
	/* Said of one that has ended: it crossed. */
	send_signal(2, SIGKILL);
	give_credit(3, AGENT_STREAM_OUT, 1);
	ask(AGENT_EXEC, 4, "fail");
	CHECK(hears(AGENT_FAILED, 4, NULL));
	CHECK_INT(end(), ECONNRESET);
}

/* Nobody listens any more: its input ends, and it hears so when it writes. */
static void test_close(void)
{
	char output[64];

	start("exec sleep 100");
	ask(AGENT_EXEC, 2, "cat; exit 6");
	CHECK(hears(AGENT_STARTED, 2, NULL));
	say(AGENT_CLOSE, 2, NULL, 0);
	CHECK_INT(collect(2, output, sizeof(output)), 6);
	ask(AGENT_EXEC, 3, "exec cat /dev/zero");
	CHECK(hears(AGENT_STARTED, 3, NULL));
	say(AGENT_CLOSE, 3, NULL, 0);
	CHECK_INT(collect(3, output, sizeof(output)), 141);
	say(AGENT_EXEC, 4, "half", 4);
	say(AGENT_CLOSE, 4, NULL, 0);
	CHECK(hears(AGENT_FAILED, 4, NULL));
	CHECK_INT(end(), ECONNRESET);
}

/* Whoever a program leaves behind with its output open does not keep its end from being told. */
static void test_left_behind(void)
{
	char output[64];

	start("exec sleep 100");
	ask(AGENT_EXEC, 2, "sleep 1000 & echo $!");
	CHECK(hears(AGENT_STARTED, 2, NULL));
	CHECK_INT(collect(2, output, sizeof(output)), 0);
	CHECK(atoi(output) > 1 && kill(atoi(output), SIGKILL) == 0);
	CHECK_INT(end(), ECONNRESET);
}

/* The first program's end waits for the others' output, but not for ever; theirs is told before. */
static void test_end_with_stalled_exec(void)
{
	struct agent_message message;
	bool heard_other = false;
	uint64_t began_ns;

	start("read line; exit 4");
	ask(AGENT_EXEC, 2, "exec cat /dev/zero");
	while (hear(&message) && message.type != AGENT_STDOUT)
		;
	began_ns = proc_monotonic_ns();
	say(AGENT_STDIN, AGENT_FIRST, "\n", 1);
	while (hear(&message) && (message.type != AGENT_EXIT || message.process != AGENT_FIRST))
		heard_other = heard_other || (message.type == AGENT_EXIT && message.process == 2);
	CHECK(heard_other && message.type == AGENT_EXIT);
	CHECK(proc_monotonic_ns() - began_ns < UINT64_C(15000000000));
	CHECK_INT(end(), 0);
}

static void test_shutdown(void)
{
	char output[64];

	start("trap '' TERM; exec sleep 100");
	say(AGENT_SHUTDOWN, 0, NULL, 0);
	CHECK_INT(collect(AGENT_FIRST, output, sizeof(output)), 137);
	CHECK_INT(end(), 0);
	greet();
	say(AGENT_SHUTDOWN, 0, NULL, 0);
	CHECK_INT(end(), 0);
}

static void test_figures_and_clock(void)
{
	struct agent_message message;
	struct agent_clock clock = {.epoch_ns = 77};
	char mark = 0;

	start("exec sleep 100");
	say(AGENT_CLOCK, 0, &clock, sizeof(clock));
	say(AGENT_STATS, 0, NULL, 0);
	CHECK(hears(AGENT_STATS, 0, &message) && message.len == 13);
	CHECK_INT(read(marks, &mark, 1), 1);
	CHECK_INT(mark, 'c');
	send_signal(0, SIGKILL);
	while (hear(&message) && message.type != AGENT_EXIT)
		;
	CHECK_INT(message.type, AGENT_EXIT);
	CHECK_INT(end(), 0);
}

int main(void)
{
	return TAP_RUN(TAP_CASE(test_program), TAP_CASE(test_killed), TAP_CASE(test_failed), TAP_CASE(test_streams),
		       TAP_CASE(test_window), TAP_CASE(test_closed_terminal), TAP_CASE(test_execs),
		       TAP_CASE(test_close), TAP_CASE(test_left_behind), TAP_CASE(test_end_with_stalled_exec),
		       TAP_CASE(test_shutdown), TAP_CASE(test_figures_and_clock));
}

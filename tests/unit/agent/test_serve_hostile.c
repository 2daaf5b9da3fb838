// SPDX-License-Identifier: GPL-2.0-or-later
/* What hosts say to the agent that no host may say: the channel ends, and with it the machine. */
#include "tests/unit/agent/serve_fixture.h"

static void say_start_again(void)
{
	say(AGENT_START, AGENT_FIRST, "x", 1);
}

static void say_start_of_another(void)
{
	say(AGENT_START, 2, "x", 1);
}

static void say_exec_of_first(void)
{
	say(AGENT_EXEC, AGENT_FIRST, "x", 1);
}

static void say_of_nobody(void)
{
	say(AGENT_STDIN, 9, "x", 1);
}

static void say_hello_again(void)
{
	struct agent_hello hello = {.version = AGENT_VERSION};

	say(AGENT_HELLO, 0, &hello, sizeof(hello));
}

static void say_too_much(void)
{
	static char bytes[AGENT_CHUNK];

	/* `sleep` reads none: what its pipe takes is credited, and no more. */
	for (size_t sent = 0; sent < 3 * (size_t)AGENT_WINDOW; sent += sizeof(bytes))
		say(AGENT_STDIN, AGENT_FIRST, bytes, sizeof(bytes));
}

static void say_behind_end(void)
{
	struct agent_eof eof = {.stream = AGENT_STREAM_IN};

	say(AGENT_EOF, AGENT_FIRST, &eof, sizeof(eof));
	say(AGENT_STDIN, AGENT_FIRST, "x", 1);
}

static void say_unsent_credit(void)
{
	give_credit(AGENT_FIRST, AGENT_STREAM_OUT, 1);
}

static void say_streams_of_half(void)
{
	say(AGENT_EXEC, 2, "x", 1);
	say(AGENT_STDIN, 2, "x", 1);
}

static void say_endless_document(void)
{
	static char bytes[AGENT_PAYLOAD_MAX];

	memset(bytes, 'x', sizeof(bytes));
	for (size_t sent = 0; sent <= AGENT_DOCUMENT_MAX; sent += sizeof(bytes))
		say(AGENT_EXEC, 2, bytes, sizeof(bytes));
}

static void say_garbage(void)
{
	(void)!write(wire.fd, "GET / HTTP/1.0\r\n\r\n", 18);
}

/* Each ends the channel, and with it the machine: what runs is killed, and the disk put in order. */
static void test_hostile_hosts(void)
{
	static void (*const hostile[])(void) = {
		say_start_again,     say_start_of_another, say_exec_of_first, say_of_nobody,
		say_hello_again,     say_too_much,	   say_behind_end,    say_unsent_credit,
		say_streams_of_half, say_endless_document, say_garbage,
	};
	struct agent_message message;
	char mark = 0;

	(void)signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; i < ARRAY_SIZE(hostile); i++) {
		start("exec sleep 100");
		hostile[i]();
		while (hear(&message))
			;
		CHECK_INT(read(marks, &mark, 1), 1);
		CHECK_INT(mark, 'u');
		if (end() != EPROTO)
			printf("# script %zu\n", i), tap_fail(__FILE__, __LINE__, "not a breach");
	}
}

static void test_before_hello(void)
{
	begin();
	CHECK(hears(AGENT_HELLO, 0, NULL));
	say(AGENT_START, AGENT_FIRST, "x", 1);
	CHECK_INT(end(), EPROTO);
	greet();
	say(AGENT_EXEC, 2, "x", 1);
	CHECK_INT(end(), EPROTO);
}

static void test_other_version(void)
{
	struct agent_hello hello = {.version = AGENT_VERSION + 1};

	begin();
	say(AGENT_HELLO, 0, &hello, sizeof(hello));
	CHECK_INT(end(), EPROTO);
}

int main(void)
{
	return TAP_RUN(TAP_CASE(test_hostile_hosts), TAP_CASE(test_before_hello), TAP_CASE(test_other_version));
}

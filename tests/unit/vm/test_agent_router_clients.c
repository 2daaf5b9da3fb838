// SPDX-License-Identifier: GPL-2.0-or-later
/* The router between a machine's agent and the clients of exec, stats and signals. */
#include <errno.h>
#include <signal.h>

#include "tests/unit/vm/agent_router_fixture.h"

static void test_two_clients(void)
{
	struct agent_message message;
	struct agent_exit how = {0};

	script_open(&s);
	script_start(&s);
	script_connect(&s, &one);
	script_connect(&s, &two);
	/* Both call theirs 5. */
	script_exec(&s, &one, 5, 2);
	script_exec(&s, &two, 5, 3);
	guest_says(AGENT_STDOUT, 3, "second", 6);
	guest_says(AGENT_STDERR, 2, "first", 5);
	CHECK(script_hears(&s, &one, AGENT_STDERR, 5, &message) && message.len == 5);
	CHECK(script_hears(&s, &two, AGENT_STDOUT, 5, &message) && message.len == 6);
	script_say(&s, &two, AGENT_STDIN, 5, "in", 2);
	CHECK(script_hears(&s, &s.guest, AGENT_STDIN, 3, &message));
	CHECK(message.len == 2 && memcmp(message.payload, "in", 2) == 0);
	guest_exits(2, 9);
	CHECK(script_hears(&s, &one, AGENT_EXIT, 5, &message));
	memcpy(&how, message.payload, sizeof(how));
	CHECK_INT(how.code, 9);
	/* Said of one that has ended: it crossed on the way. */
	script_say(&s, &one, AGENT_STDIN, 5, "late", 4);
	script_say(&s, &one, AGENT_CLOSE, 5, NULL, 0);
	/* The number is free again for the client; in the guest it never is. */
	script_exec(&s, &one, 5, 4);
	CHECK(!s.has_ended);
	close_client(&one);
	close_client(&two);
	script_close(&s);
}

/*
 * All that a client's process may have on its way, without one credit from the client: then the guest has none either.
 */
static void test_client_that_does_not_read(void)
{
	struct agent_message message;
	size_t got = 0;

	script_open(&s);
	script_start(&s);
	script_connect(&s, &one);
	script_connect(&s, &two);
	script_exec(&s, &one, 1, 2);
	script_exec(&s, &two, 1, 3);
	for (size_t sent = 0; sent < AGENT_WINDOW; sent += 8192) {
		guest_says(AGENT_STDOUT, 2, bytes, 8192);
		guest_says(AGENT_STDERR, 2, bytes, 8192);
	}
	/* The other one's goes on all the same. */
	guest_says(AGENT_STDOUT, 3, "other", 5);
	CHECK(script_hears(&s, &two, AGENT_STDOUT, 1, &message));
	while (got < 2 * (size_t)AGENT_WINDOW && script_hear(&s, &one, &message))
		got += message.len;
	CHECK_INT(got, 2 * AGENT_WINDOW);
	credit(&one, 1, AGENT_STREAM_OUT, 1000);
	CHECK(script_hears(&s, &s.guest, AGENT_CREDIT, 2, &message));
	guest_says(AGENT_STDOUT, 2, bytes, 1000);
	CHECK(script_hears(&s, &one, AGENT_STDOUT, 1, &message) && message.len == 1000);
	guest_says(AGENT_STDOUT, 2, bytes, 1);
	SCRIPT_UNTIL(&s, s.has_ended);
	CHECK_HAS(s.outcome.err.msg, "more bytes than it had credit for (process 2)");
	close_client(&one);
	close_client(&two);
	script_close(&s);
}

static void test_client_goes(void)
{
	struct agent_message message;

	script_open(&s);
	script_start(&s);
	script_connect(&s, &one);
	script_exec(&s, &one, 1, 2);
	close_client(&one);
	CHECK(script_hears(&s, &s.guest, AGENT_CLOSE, 2, &message));
	/* What crossed is dropped, its end is heard, and then it is nobody. */
	guest_says(AGENT_STDOUT, 2, "x", 1);
	guest_exits(2, 0);
	script_turn(&s);
	CHECK(!s.has_ended);
	guest_exits(2, 0);
	SCRIPT_UNTIL(&s, s.has_ended);
	CHECK_INT(s.outcome.ending, AGENT_ENDED_BROKEN);
	script_close(&s);
}

static void test_client_goes_within_a_document(void)
{
	script_open(&s);
	script_start(&s);
	script_connect(&s, &one);
	script_say(&s, &one, AGENT_EXEC, 1, "{", 1);
	CHECK(script_hears(&s, &s.guest, AGENT_EXEC, 2, NULL));
	close_client(&one);
	CHECK(script_hears(&s, &s.guest, AGENT_CLOSE, 2, NULL));
	CHECK(!s.has_ended);
	script_close(&s);
}

/* A client that breaks the protocol loses its connection; neither the guest nor the others notice. */
static void test_hostile_clients(void)
{
	static const struct {
		uint32_t type, process, first, second;
		size_t len;
		bool before_exec;
	} said[] = {
		{AGENT_START, AGENT_FIRST, 0, 0, 4, true},
		{AGENT_SHUTDOWN, 0, 0, 0, 0, true},
		{AGENT_CLOCK, 0, 1, 0, 8, true},
		{AGENT_STDOUT, 1, 0, 0, 4, true},
		{AGENT_HELLO, 0, AGENT_VERSION, 0, 4, true},
		{AGENT_EXEC, 1, 0, 0, 4, false},
		{AGENT_CREDIT, 1, AGENT_STREAM_OUT, 1, 8, false},
		{AGENT_CREDIT, 1, AGENT_STREAM_IN, 1, 8, false},
		{AGENT_SIGNAL, 1, 65, 0, 4, false},
	};
	struct agent_message message;

	script_open(&s);
	script_start(&s);
	script_connect(&s, &two);
	for (size_t i = 0; i < ARRAY_SIZE(said); i++) {
		uint32_t payload[2] = {said[i].first, said[i].second};

		script_connect(&s, &one);
		if (!said[i].before_exec)
			script_exec(&s, &one, 1, 2 + (uint32_t)(i - 5));
		script_say(&s, &one, said[i].type, said[i].process, payload, said[i].len);
		CHECK(!script_hear(&s, &one, &message));
		close_client(&one);
		if (!said[i].before_exec)
			CHECK(script_hears(&s, &s.guest, AGENT_CLOSE, 2 + (uint32_t)(i - 5), NULL));
	}
	CHECK(!s.has_ended);
	script_exec(&s, &two, 1, 6);
	close_client(&two);
	script_close(&s);
}

/* More than its window of input: the client's fault, of which the guest hears nothing but CLOSE. */
static void test_client_says_too_much(void)
{
	struct agent_message message;
	size_t got = 0;

	script_open(&s);
	script_start(&s);
	script_connect(&s, &one);
	script_exec(&s, &one, 1, 2);
	for (size_t sent = 0; sent < AGENT_WINDOW; sent += AGENT_CHUNK) {
		script_say(&s, &one, AGENT_STDIN, 1, bytes, AGENT_CHUNK);
		CHECK(script_hears(&s, &s.guest, AGENT_STDIN, 2, &message));
		got += message.len;
	}
	script_say(&s, &one, AGENT_STDIN, 1, "x", 1);
	CHECK(!script_hear(&s, &one, &message));
	CHECK(script_hears(&s, &s.guest, AGENT_CLOSE, 2, &message));
	CHECK_INT(got, AGENT_WINDOW);
	close_client(&one);
	script_close(&s);
}

/* A guest that does not read holds its clients up, and nothing grows. When it reads again all comes, in order. */
static void test_guest_that_does_not_read(void)
{
	struct agent_message message;
	unsigned said = 0, heard = 0;

	script_open(&s);
	script_start(&s);
	script_connect(&s, &one);
	agent_wire_begin_turn(&one);
	while (said < 200000) {
		uint32_t number = said + 1;

		if (!agent_wire_put(&one, AGENT_EXEC, 1, bytes, 8192 - (number % 7))) {
			CHECK_INT(agent_wire_flush(&one, &(struct err){0}), 0);
			agent_wire_begin_turn(&one);
			if (agent_wire_room(&one) > 8192)
				continue;
			for (int turns = 0; turns < 5; turns++)
				script_turn(&s);
			CHECK_INT(agent_wire_flush(&one, &(struct err){0}), 0);
			if (agent_wire_room(&one) < 8192)
				break;
			continue;
		}
		said++;
	}
	CHECK(said > 10 && said < 500);
	CHECK(!s.has_ended);
	while (heard < said && script_hears(&s, &s.guest, AGENT_EXEC, 2, &message)) {
		heard++;
		CHECK_INT(message.len, 8192 - (heard % 7));
		CHECK_INT(agent_wire_flush(&one, &(struct err){0}), 0);
	}
	CHECK_INT(heard, said);
	close_client(&one);
	script_close(&s);
}

static void test_too_many_processes(void)
{
	struct agent_failed failed = {0};
	struct agent_message message;

	script_open(&s);
	script_start(&s);
	script_connect(&s, &one);
	for (uint32_t i = 0; i < AGENT_EXECS_MAX; i++)
		script_exec(&s, &one, 1 + i, 2 + i);
	script_say(&s, &one, AGENT_EXEC, 1000, "{}", 2);
	script_say(&s, &one, AGENT_EXEC, 1000, NULL, 0);
	CHECK(script_hears(&s, &one, AGENT_FAILED, 1000, &message));
	memcpy(&failed, message.payload, sizeof(failed));
	CHECK_INT(failed.code, EAGAIN);
	CHECK_INT(failed.exit_code, 125);
	guest_exits(2, 0);
	CHECK(script_hears(&s, &one, AGENT_EXIT, 1, NULL));
	script_exec(&s, &one, 1000, 2 + AGENT_EXECS_MAX);
	close_client(&one);
	script_close(&s);
}

/* Who comes before the first program runs waits for it. */
static void test_early_client(void)
{
	script_open(&s);
	script_connect(&s, &one);
	script_say(&s, &one, AGENT_EXEC, 1, "{}", 2);
	script_say(&s, &one, AGENT_EXEC, 1, NULL, 0);
	script_start(&s);
	CHECK(script_hears(&s, &s.guest, AGENT_EXEC, 2, NULL));
	CHECK(script_hears(&s, &s.guest, AGENT_EXEC, 2, NULL));
	close_client(&one);
	script_close(&s);
}

static void test_figures(void)
{
	struct agent_message message;

	script_open(&s);
	script_start(&s);
	script_connect(&s, &one);
	script_connect(&s, &two);
	script_say(&s, &one, AGENT_STATS, 0, NULL, 0);
	CHECK(script_hears(&s, &s.guest, AGENT_STATS, 0, &message));
	/* Who asks now hears of what is true later. */
	script_say(&s, &two, AGENT_STATS, 0, NULL, 0);
	script_turn(&s);
	guest_says(AGENT_STATS, 0, "{\"n\":1}", 7);
	CHECK(script_hears(&s, &one, AGENT_STATS, 0, &message) && message.len == 7);
	CHECK(script_hears(&s, &s.guest, AGENT_STATS, 0, &message));
	guest_says(AGENT_STATS, 0, "{\"n\":22}", 8);
	CHECK(script_hears(&s, &two, AGENT_STATS, 0, &message) && message.len == 8);
	close_client(&one);
	close_client(&two);
	script_close(&s);
}

static void test_signal_to_all(void)
{
	struct agent_signal signal = {.signo = SIGHUP};
	struct agent_message message;

	script_open(&s);
	/* While nobody is up nobody gets it, and who has said it is not kept waiting. */
	script_connect(&s, &two);
	script_say(&s, &two, AGENT_SIGNAL, 0, &signal, sizeof(signal));
	CHECK(!script_hear(&s, &two, &message));
	CHECK(two.ended);
	close_client(&two);
	script_start(&s);
	script_connect(&s, &one);
	script_say(&s, &one, AGENT_SIGNAL, 0, &signal, sizeof(signal));
	CHECK(script_hears(&s, &s.guest, AGENT_SIGNAL, 0, NULL));
	close_client(&one);
	script_close(&s);
}

/* The first program's end: clients get what is theirs, and `ended` waits for that, but not for ever. */
static void test_end_with_clients(void)
{
	struct agent_message message;

	script_open(&s);
	script_start(&s);
	script_connect(&s, &one);
	script_connect(&s, &two);
	script_exec(&s, &one, 1, 2);
	script_exec(&s, &two, 1, 3);
	guest_says(AGENT_STDOUT, 2, "last", 4);
	guest_exits(2, 137);
	guest_exits(AGENT_FIRST, 3);
	CHECK(script_hears(&s, &one, AGENT_STDOUT, 1, &message));
	CHECK(script_hears(&s, &one, AGENT_EXIT, 1, &message));
	CHECK(!script_hear(&s, &one, &message));
	CHECK(!script_hear(&s, &two, &message));
	SCRIPT_UNTIL(&s, s.has_ended);
	CHECK_INT(s.outcome.code, 3);
	close_client(&one);
	close_client(&two);
	script_close(&s);
}

/* As many connections as it takes, and one more, which waits its turn. */
static void test_many_clients(void)
{
	static struct agent_wire crowd[AGENT_ROUTER_CLIENTS];

	script_open(&s);
	script_start(&s);
	for (size_t i = 0; i < AGENT_ROUTER_CLIENTS; i++)
		script_connect(&s, &crowd[i]);
	close_client(&crowd[10]);
	script_connect(&s, &one);
	script_exec(&s, &one, 1, 2);
	close_client(&one);
	for (size_t i = 0; i < AGENT_ROUTER_CLIENTS; i++)
		if (crowd[i].fd >= 0)
			close_client(&crowd[i]);
	script_close(&s);
}

int main(void)
{
	return TAP_RUN(TAP_CASE(test_two_clients), TAP_CASE(test_client_that_does_not_read), TAP_CASE(test_client_goes),
		       TAP_CASE(test_client_goes_within_a_document), TAP_CASE(test_hostile_clients),
		       TAP_CASE(test_client_says_too_much), TAP_CASE(test_guest_that_does_not_read),
		       TAP_CASE(test_too_many_processes), TAP_CASE(test_early_client), TAP_CASE(test_figures),
		       TAP_CASE(test_signal_to_all), TAP_CASE(test_end_with_clients), TAP_CASE(test_many_clients));
}

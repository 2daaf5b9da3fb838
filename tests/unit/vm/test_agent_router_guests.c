// SPDX-License-Identifier: GPL-2.0-or-later
/* The router before guests that are hostile, silent or late. */
#include <errno.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/base/process.h"
#include "tests/unit/vm/agent_router_fixture.h"

static void say_started(void)
{
	struct agent_started started = {.pid = 1};

	guest_says(AGENT_STARTED, AGENT_FIRST, &started, sizeof(started));
}

static void say_hello(void)
{
	struct agent_hello hello = {.version = AGENT_VERSION};

	guest_says(AGENT_HELLO, 0, &hello, sizeof(hello));
}

static void say_too_much(void)
{
	/*
	 * The first program's output is a pipe that takes 64 KiB, which are credited: three windows are always too
	 * much.
	 */
	for (size_t sent = 0; sent < 3 * (size_t)AGENT_WINDOW && !s.has_ended; sent += 16384)
		guest_says(AGENT_STDOUT, AGENT_FIRST, bytes, 16384);
	for (int turns = 0; turns < 20; turns++)
		script_turn(&s);
	while (read(s.out, bytes, sizeof(bytes)) > 0)
		script_turn(&s);
}

static void say_behind_end(void)
{
	guest_ends_stream(AGENT_FIRST, AGENT_STREAM_ERR);
	guest_says(AGENT_STDERR, AGENT_FIRST, "x", 1);
}

static void say_end_twice(void)
{
	guest_ends_stream(AGENT_FIRST, AGENT_STREAM_OUT);
	guest_ends_stream(AGENT_FIRST, AGENT_STREAM_OUT);
}

static void say_of_nobody(void)
{
	guest_says(AGENT_STDOUT, 2, "x", 1);
}

static void say_credit(void)
{
	credit(&s.guest, AGENT_FIRST, AGENT_STREAM_IN, 1);
}

static void say_figures(void)
{
	guest_says(AGENT_STATS, 0, "{}", 2);
}

static void say_failed(void)
{
	struct agent_failed failed = {.code = 1, .exit_code = 1};

	guest_says(AGENT_FAILED, AGENT_FIRST, &failed, sizeof(failed));
}

static void say_exit_of_nobody(void)
{
	guest_exits(UINT32_MAX, 0);
}

static void say_garbage(void)
{
	CHECK_INT(fd_write_all(s.guest.fd, "GET / HTTP/1.0\r\n\r\n", 18), 0);
}

static const struct {
	void (*say)(void);
	const char *words;
} hostile[] = {
	{say_started, "STARTED of a program that runs"},
	{say_hello, "HELLO, twice"},
	{say_too_much, "more bytes than it had credit for"},
	{say_behind_end, "bytes behind a stream's end"},
	{say_end_twice, "a stream's end, twice"},
	{say_of_nobody, "STDOUT of a process that is not there (2)"},
	{say_credit, "CREDIT for bytes that were never sent"},
	{say_figures, "STATS that nobody has asked for"},
	{say_failed, "FAILED of a program that runs"},
	{say_exit_of_nobody, "EXIT of a process that is not there"},
	{say_garbage, "was not expected"},
};

/* Each ends the channel with one line, and a client hears that the machine is gone, and nothing else. */
static void test_hostile_guests(void)
{
	struct agent_message message;

	for (size_t i = 0; i < ARRAY_SIZE(hostile); i++) {
		script_open(&s);
		script_connect(&s, &one);
		script_start(&s);
		hostile[i].say();
		SCRIPT_UNTIL(&s, s.has_ended);
		CHECK_INT(s.outcome.ending, AGENT_ENDED_BROKEN);
		CHECK_INT(s.outcome.code, 125);
		CHECK_HAS(s.outcome.err.msg, "the machine's agent broke the protocol: ");
		CHECK_HAS(s.outcome.err.msg, hostile[i].words);
		CHECK(!script_hear(&s, &one, &message));
		close_client(&one);
		script_close(&s);
	}
}

/* A reader that never comes does not keep a broken machine's end from being told. */
static void test_broken_with_stalled_output(void)
{
	script_open(&s);
	script_start(&s);
	for (size_t sent = 0; sent < AGENT_WINDOW; sent += 16384)
		guest_says(AGENT_STDOUT, AGENT_FIRST, bytes, 16384);
	say_of_nobody();
	for (int turns = 0; turns < 20; turns++)
		script_turn(&s);
	CHECK(!s.has_ended);
	SCRIPT_UNTIL(&s, s.has_ended);
	CHECK_INT(s.outcome.ending, AGENT_ENDED_BROKEN);
	script_close(&s);
}

static void test_before_hello(void)
{
	script_open(&s);
	guest_says(AGENT_STDOUT, AGENT_FIRST, "x", 1);
	SCRIPT_UNTIL(&s, s.has_ended);
	CHECK_HAS(s.outcome.err.msg, "STDOUT before HELLO");
	script_close(&s);
}

/* Its client waits no longer either. */
static void test_guest_that_does_not_come_up(void)
{
	char byte;

	script_open_within(&s, 1);
	script_connect(&s, &one);
	CHECK(!agent_router_is_greeted(s.router));
	SCRIPT_UNTIL(&s, s.has_ended);
	CHECK_INT(s.outcome.ending, AGENT_ENDED_SILENT);
	CHECK_INT(s.outcome.code, ERR_EXIT_FAILED);
	CHECK_HAS(s.outcome.err.msg, "not up after 1 seconds");
	CHECK_INT(read(one.fd, &byte, 1), 0);
	close_client(&one);
	script_close(&s);
}

/* Time that is not the guest's is not counted: it stood still until then. */
static void test_guest_that_begins_late(void)
{
	uint64_t began_ns = proc_monotonic_ns();

	script_open(&s);
	SCRIPT_UNTIL(&s, proc_monotonic_ns() - began_ns > 1500000000);
	CHECK(!s.has_ended);
	agent_router_await_hello(s.router, 1);
	SCRIPT_UNTIL(&s, s.has_ended);
	CHECK_INT(s.outcome.ending, AGENT_ENDED_SILENT);
	CHECK_HAS(s.outcome.err.msg, "not up after 1 seconds");
	CHECK_INT(s.greetings, 0);
	script_close(&s);
}

/* Nor is time in which it was paused. */
static void test_guest_that_is_paused(void)
{
	uint64_t began_ns = proc_monotonic_ns();

	script_open_within(&s, 1);
	agent_router_paused(s.router);
	SCRIPT_UNTIL(&s, proc_monotonic_ns() - began_ns > 1500000000);
	CHECK(!s.has_ended);
	agent_router_resumed(s.router, 1);
	SCRIPT_UNTIL(&s, s.has_ended);
	CHECK_INT(s.outcome.ending, AGENT_ENDED_SILENT);
	script_close(&s);
}

/*
 * Nor does one for a program that is never started. Whatever else such a guest says: the document that it was told it
 * has taken.
 */
static void test_guest_that_starts_nothing(void)
{
	struct agent_hello hello = {.version = AGENT_VERSION};
	struct agent_message message;
	char byte;

	script_open_within(&s, 2);
	script_connect(&s, &one);
	guest_says(AGENT_HELLO, 0, &hello, sizeof(hello));
	CHECK(script_hears(&s, &s.guest, AGENT_HELLO, 0, NULL));
	CHECK(script_hears(&s, &s.guest, AGENT_CLOCK, 0, NULL));
	while (script_hears(&s, &s.guest, AGENT_START, AGENT_FIRST, &message) && message.len > 0) {}
	CHECK(agent_router_is_greeted(s.router) && !agent_router_has_started(s.router));
	SCRIPT_UNTIL(&s, s.has_ended);
	CHECK_INT(s.outcome.ending, AGENT_ENDED_STUCK);
	CHECK_INT(s.outcome.code, ERR_EXIT_FAILED);
	CHECK_HAS(s.outcome.err.msg, "not started after 2 seconds");
	CHECK_INT(read(one.fd, &byte, 1), 0);
	close_client(&one);
	script_close(&s);
}

/* A program that runs, or that cannot, is no matter of time any more. */
static void test_guest_that_comes_up_in_time(void)
{
	uint64_t began_ns;

	script_open_within(&s, 2);
	script_start(&s);
	CHECK(agent_router_is_greeted(s.router));
	CHECK_INT(s.greetings, 1);
	began_ns = proc_monotonic_ns();
	SCRIPT_UNTIL(&s, proc_monotonic_ns() - began_ns > 2500000000);
	CHECK(!s.has_ended);
	guest_exits(AGENT_FIRST, 3);
	SCRIPT_UNTIL(&s, s.has_ended);
	CHECK_INT(s.outcome.ending, AGENT_ENDED_EXIT);
	CHECK_INT(s.outcome.code, 3);
	script_close(&s);
}

/* Frames of one byte: each is delivered, and what is kept of them is bytes, not frames. */
static void test_flood_of_small_frames(void)
{
	size_t got = 0;

	script_open(&s);
	script_start(&s);
	for (unsigned i = 0; i < 30000; i++)
		guest_says(i % 2 ? AGENT_STDOUT : AGENT_STDERR, AGENT_FIRST, "x", 1);
	SCRIPT_UNTIL(&s, (got += (size_t)(read(s.out, bytes, 64) > 0 ? 64 : 0)) >= 14900);
	CHECK(!s.has_ended);
	script_close(&s);
}

int main(void)
{
	return TAP_RUN(TAP_CASE(test_hostile_guests), TAP_CASE(test_broken_with_stalled_output),
		       TAP_CASE(test_before_hello), TAP_CASE(test_guest_that_does_not_come_up),
		       TAP_CASE(test_guest_that_starts_nothing), TAP_CASE(test_guest_that_begins_late),
		       TAP_CASE(test_guest_that_is_paused), TAP_CASE(test_guest_that_comes_up_in_time),
		       TAP_CASE(test_flood_of_small_frames));
}

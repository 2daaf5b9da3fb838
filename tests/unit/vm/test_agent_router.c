// SPDX-License-Identifier: GPL-2.0-or-later
/* The router between a scripted guest, often a hostile one, scripted clients, and the first program's streams. */
#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/base/process.h"
#include "runtime/base/socket.h"
#include "tests/unit/tap.h"
#include "tests/unit/vm/agent_script.h"

static struct script s;
static struct agent_wire one, two;
static unsigned char bytes[AGENT_PAYLOAD_MAX];

static void guest_says(unsigned type, uint32_t process, const void *payload, size_t len)
{
	script_say(&s, &s.guest, type, process, payload, len);
}

static void guest_exits(uint32_t process, int code)
{
	struct agent_exit how = {.code = code};

	guest_says(AGENT_EXIT, process, &how, sizeof(how));
}

static void guest_ends_stream(uint32_t process, uint32_t stream)
{
	struct agent_eof eof = {.stream = stream};

	guest_says(AGENT_EOF, process, &eof, sizeof(eof));
}

static void credit(struct agent_wire *who, uint32_t process, uint32_t stream, uint32_t count)
{
	struct agent_credit given = {.stream = stream, .bytes = count};

	script_say(&s, who, AGENT_CREDIT, process, &given, sizeof(given));
}

static void close_client(struct agent_wire *client)
{
	(void)close(client->fd);
	client->fd = -1;
}

/* --- The first program ------------------------------------------------------------------------------------------------ */

static void test_start_output_exit(void)
{
	char got[64] = {0};
	char document[SCRIPT_DOCUMENT_BYTES];
	struct agent_hello hello = {.version = AGENT_VERSION};
	struct agent_started started = {.pid = 7};
	struct agent_clock clock;
	struct agent_message message;
	uint64_t began_ns = proc_now_ns();
	size_t len = 0;

	script_open(&s);
	guest_says(AGENT_HELLO, 0, &hello, sizeof(hello));
	CHECK(script_hears(&s, &s.guest, AGENT_HELLO, 0, NULL));
	CHECK(script_hears(&s, &s.guest, AGENT_CLOCK, 0, &message));
	memcpy(&clock, message.payload, sizeof(clock));
	CHECK(clock.epoch_ns >= began_ns && clock.epoch_ns <= proc_now_ns());
	while (script_hears(&s, &s.guest, AGENT_START, AGENT_FIRST, &message) && message.len > 0) {
		CHECK(len + message.len <= sizeof(document));
		memcpy(document + len, message.payload, message.len);
		len += message.len;
	}
	CHECK(len == sizeof(document) && memcmp(document, s.document, len) == 0);
	CHECK(!agent_router_has_started(s.router));
	guest_says(AGENT_STARTED, AGENT_FIRST, &started, sizeof(started));
	guest_says(AGENT_STDOUT, AGENT_FIRST, "out", 3);
	guest_says(AGENT_STDERR, AGENT_FIRST, "error", 5);
	guest_ends_stream(AGENT_FIRST, AGENT_STREAM_OUT);
	guest_exits(AGENT_FIRST, 7);
	SCRIPT_UNTIL(&s, s.has_ended);
	CHECK_INT(s.outcome.ending, AGENT_ENDED_EXIT);
	CHECK_INT(s.outcome.code, 7);
	CHECK_INT(read(s.out, got, sizeof(got)), 3);
	CHECK_STR(got, "out");
	CHECK_INT(read(s.error, got, sizeof(got)), 5);
	CHECK_STR(got, "error");
	script_close(&s);
}

static void test_failed(void)
{
	struct {
		struct agent_failed failed;
		char words[9];
	} failed = {{.code = ENOENT, .exit_code = 127}, "not found"};
	struct agent_hello hello = {.version = AGENT_VERSION};

	script_open(&s);
	guest_says(AGENT_HELLO, 0, &hello, sizeof(hello));
	guest_says(AGENT_FAILED, AGENT_FIRST, &failed, sizeof(failed.failed) + 9);
	SCRIPT_UNTIL(&s, s.has_ended);
	CHECK_INT(s.outcome.ending, AGENT_ENDED_FAILED);
	CHECK_INT(s.outcome.code, 127);
	CHECK_INT(s.outcome.err.code, ENOENT);
	CHECK_STR(s.outcome.err.msg, "not found");
	script_close(&s);
}

/* Words of the guest's are shown to people: nothing in them is obeyed by a terminal. */
static void test_failed_with_escapes(void)
{
	struct {
		struct agent_failed failed;
		char words[8];
	} failed = {{.code = EIO, .exit_code = 125}, "\033[2J\nx\0y"};
	struct agent_hello hello = {.version = AGENT_VERSION};

	script_open(&s);
	guest_says(AGENT_HELLO, 0, &hello, sizeof(hello));
	guest_says(AGENT_FAILED, AGENT_FIRST, &failed, sizeof(failed));
	SCRIPT_UNTIL(&s, s.has_ended);
	CHECK(!strchr(s.outcome.err.msg, '\033') && !strchr(s.outcome.err.msg, '\n'));
	script_close(&s);
}

static void test_old_agent(void)
{
	struct agent_hello hello = {.version = AGENT_VERSION + 1};

	script_open(&s);
	guest_says(AGENT_HELLO, 0, &hello, sizeof(hello));
	SCRIPT_UNTIL(&s, s.has_ended);
	CHECK_INT(s.outcome.ending, AGENT_ENDED_BROKEN);
	CHECK_HAS(s.outcome.err.msg, "version 2 of the protocol, this hull 1");
	script_close(&s);
}

static void test_lost(void)
{
	script_open(&s);
	script_start(&s);
	(void)close(fd_take(&s.guest.fd));
	SCRIPT_UNTIL(&s, s.has_ended);
	CHECK_INT(s.outcome.ending, AGENT_ENDED_LOST);
	CHECK_INT(s.outcome.code, 125);
	CHECK_HAS(s.outcome.err.msg, "the stream has ended");
	script_close(&s);
}

static void test_lost_within_a_frame(void)
{
	script_open(&s);
	script_start(&s);
	CHECK_INT(fd_write_all(s.guest.fd, "\20\0\0\0\42\0", 6), 0);
	script_turn(&s);
	CHECK(!s.has_ended);
	(void)close(fd_take(&s.guest.fd));
	SCRIPT_UNTIL(&s, s.has_ended);
	CHECK_INT(s.outcome.ending, AGENT_ENDED_LOST);
	CHECK_HAS(s.outcome.err.msg, "within a frame");
	script_close(&s);
}

static void test_input(void)
{
	struct agent_message message;
	size_t got = 0;

	script_open(&s);
	script_start(&s);
	/* No more than a window, however much there is to read. */
	while (got < AGENT_WINDOW) {
		(void)!write(s.in, bytes, 4096);
		if (!script_hears(&s, &s.guest, AGENT_STDIN, AGENT_FIRST, &message))
			break;
		got += message.len;
	}
	CHECK_INT(got, AGENT_WINDOW);
	CHECK_INT(write(s.in, "xyz", 3), 3);
	for (int turns = 0; turns < 20; turns++)
		script_turn(&s);
	CHECK_INT(agent_wire_fill(&s.guest, &(struct err){0}), 0);
	credit(&s.guest, AGENT_FIRST, AGENT_STREAM_IN, 2);
	CHECK(script_hears(&s, &s.guest, AGENT_STDIN, AGENT_FIRST, &message));
	CHECK_INT(message.len, 2);
	credit(&s.guest, AGENT_FIRST, AGENT_STREAM_IN, 100);
	CHECK(script_hears(&s, &s.guest, AGENT_STDIN, AGENT_FIRST, &message));
	(void)close(s.in);
	s.in = -1;
	while (message.type == AGENT_STDIN && script_hear(&s, &s.guest, &message))
		;
	CHECK_INT(message.type, AGENT_EOF);
	script_close(&s);
}

/* An output that nobody reads fills its pipe and a window, and no more; the other one goes on. */
static void test_stalled_output(void)
{
	struct agent_message message;
	char got[16];
	size_t sent = 0, read_back = 0, credited = 0;

	script_open(&s);
	script_start(&s);
	for (; sent < AGENT_WINDOW; sent += 4096)
		guest_says(AGENT_STDOUT, AGENT_FIRST, bytes, 4096);
	/* What the pipe took is credited. */
	while (credited < 32768 && script_hears(&s, &s.guest, AGENT_CREDIT, AGENT_FIRST, &message))
		credited += ((const struct agent_credit *)(const void *)message.payload)->bytes;
	guest_says(AGENT_STDERR, AGENT_FIRST, "other", 5);
	SCRIPT_UNTIL(&s, read(s.error, got, sizeof(got)) == 5);
	for (; sent < AGENT_WINDOW + credited; sent += 4096)
		guest_says(AGENT_STDOUT, AGENT_FIRST, bytes, 4096);
	guest_exits(AGENT_FIRST, 0);
	for (int turns = 0; turns < 20; turns++)
		script_turn(&s);
	CHECK(!s.has_ended); /* not before the last byte was written */
	while (!s.has_ended || read_back < sent) {
		ssize_t n = read(s.out, bytes, sizeof(bytes));

		if (n > 0)
			read_back += (size_t)n;
		else if (s.has_ended)
			break;
		script_turn(&s);
	}
	CHECK_INT(read_back, sent);
	script_close(&s);
}

static void test_signals(void)
{
	struct agent_message message;
	struct agent_signal signal = {0};

	script_open(&s);
	script_start(&s);
	CHECK_INT(raise(SIGUSR1), 0);
	CHECK(script_hears(&s, &s.guest, AGENT_SIGNAL, AGENT_FIRST, &message));
	memcpy(&signal, message.payload, sizeof(signal));
	CHECK_INT(signal.signo, SIGUSR1);
	script_close(&s);
}

static void test_passed_signals(void)
{
	sigset_t set;

	agent_router_signals(&set);
	CHECK(sigismember(&set, SIGTERM) && sigismember(&set, SIGHUP) && sigismember(&set, SIGRTMIN + 3));
	CHECK(sigismember(&set, SIGWINCH));
	CHECK(!sigismember(&set, SIGKILL) && !sigismember(&set, SIGCHLD) && !sigismember(&set, SIGSEGV) &&
	      !sigismember(&set, SIGPIPE));
}

static void test_clock_and_shutdown(void)
{
	struct agent_message message;
	uint64_t epoch_ns = 0;

	script_open(&s);
	script_start(&s);
	agent_router_clock(s.router, 123456789);
	CHECK(script_hears(&s, &s.guest, AGENT_CLOCK, 0, &message));
	memcpy(&epoch_ns, message.payload, sizeof(epoch_ns));
	CHECK_INT(epoch_ns, 123456789);
	agent_router_shutdown(s.router);
	CHECK(script_hears(&s, &s.guest, AGENT_SHUTDOWN, 0, &message));
	script_close(&s);
}

/* Who reads the output is gone: as with a pipe on one machine, its writer hears of it. */
static void test_broken_output(void)
{
	struct sigaction ignore = {.sa_handler = SIG_IGN}, before;

	(void)sigaction(SIGPIPE, &ignore, &before);
	script_open(&s);
	script_start(&s);
	(void)close(s.out);
	s.out = -1;
	guest_says(AGENT_STDOUT, AGENT_FIRST, "lost", 4);
	CHECK(script_hears(&s, &s.guest, AGENT_CLOSE, AGENT_FIRST, NULL));
	script_close(&s);
	(void)sigaction(SIGPIPE, &before, NULL);
}

static void test_terminal(void)
{
	struct winsize size = {.ws_row = 30, .ws_col = 90};
	struct termios before, now;
	struct agent_router *router;
	struct agent_resize resize = {0};
	struct agent_message message;
	struct err err = ERR_INIT;
	int master, slave;

	CHECK_INT(openpty(&master, &slave, NULL, NULL, &size), 0);
	CHECK_INT(tcgetattr(slave, &before), 0);
	script_open(&s);
	/* The same router once more, with a terminal. */
	agent_router_close(&s.router);
	CHECK_INT(agent_router_open(&s.loop,
				    &(struct agent_router_request){.channel_fd = s.channel,
								   .listen_fd = -1,
								   .stdio = {slave, slave, slave},
								   .terminal = true,
								   .start = s.document,
								   .start_len = 3},
				    &router, &err),
		  0);
	s.router = router;
	script_start(&s);
	CHECK_INT(tcgetattr(slave, &now), 0);
	CHECK((before.c_lflag & ICANON) && !(now.c_lflag & (ICANON | ECHO | ISIG)));
	CHECK(script_hears(&s, &s.guest, AGENT_RESIZE, AGENT_FIRST, &message));
	memcpy(&resize, message.payload, sizeof(resize));
	CHECK(resize.rows == 30 && resize.columns == 90);
	CHECK_INT(write(master, "\003", 1), 1);
	CHECK(script_hears(&s, &s.guest, AGENT_STDIN, AGENT_FIRST, &message));
	CHECK(message.len == 1 && message.payload[0] == 3);
	agent_router_close(&s.router);
	CHECK_INT(tcgetattr(slave, &now), 0);
	CHECK(now.c_lflag == before.c_lflag);
	script_close(&s);
	(void)close(master);
	(void)close(slave);
}

/* --- Hostile guests --------------------------------------------------------------------------------------------------- */

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
	/* The first program's output is a pipe that takes 64 KiB, which are credited: three windows are always too much. */
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

/* Nor does one for a program that is never started. Whatever else such a guest says: the document that it was told it has taken. */
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

/* --- Clients ---------------------------------------------------------------------------------------------------------- */

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

/* All that a client's process may have on its way, without one credit from the client: then the guest has none either. */
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
	sigset_t blocked;

	sigemptyset(&blocked);
	sigaddset(&blocked, SIGUSR1);
	(void)sigprocmask(SIG_BLOCK, &blocked, NULL);
	return TAP_RUN(TAP_CASE(test_start_output_exit), TAP_CASE(test_failed), TAP_CASE(test_failed_with_escapes),
		       TAP_CASE(test_old_agent), TAP_CASE(test_lost), TAP_CASE(test_lost_within_a_frame),
		       TAP_CASE(test_input), TAP_CASE(test_stalled_output), TAP_CASE(test_signals),
		       TAP_CASE(test_passed_signals), TAP_CASE(test_clock_and_shutdown), TAP_CASE(test_broken_output),
		       TAP_CASE(test_terminal), TAP_CASE(test_hostile_guests),
		       TAP_CASE(test_broken_with_stalled_output), TAP_CASE(test_before_hello),
		       TAP_CASE(test_guest_that_does_not_come_up), TAP_CASE(test_guest_that_starts_nothing),
		       TAP_CASE(test_guest_that_begins_late), TAP_CASE(test_guest_that_comes_up_in_time),
		       TAP_CASE(test_flood_of_small_frames), TAP_CASE(test_two_clients),
		       TAP_CASE(test_client_that_does_not_read), TAP_CASE(test_client_goes),
		       TAP_CASE(test_client_goes_within_a_document), TAP_CASE(test_hostile_clients),
		       TAP_CASE(test_client_says_too_much), TAP_CASE(test_guest_that_does_not_read),
		       TAP_CASE(test_too_many_processes), TAP_CASE(test_early_client), TAP_CASE(test_figures),
		       TAP_CASE(test_signal_to_all), TAP_CASE(test_end_with_clients), TAP_CASE(test_many_clients));
}

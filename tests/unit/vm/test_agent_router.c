// SPDX-License-Identifier: GPL-2.0-or-later
/* The router between a machine's agent and the first program's streams, signals and end. */
#include <errno.h>
#include <pty.h>
#include <signal.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/base/process.h"
#include "tests/unit/vm/agent_router_fixture.h"

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
	agent_router_resumed(s.router, 123456789);
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

int main(void)
{
	return TAP_RUN(TAP_CASE(test_start_output_exit), TAP_CASE(test_failed), TAP_CASE(test_failed_with_escapes),
		       TAP_CASE(test_old_agent), TAP_CASE(test_lost), TAP_CASE(test_lost_within_a_frame),
		       TAP_CASE(test_input), TAP_CASE(test_stalled_output), TAP_CASE(test_signals),
		       TAP_CASE(test_passed_signals), TAP_CASE(test_clock_and_shutdown), TAP_CASE(test_broken_output),
		       TAP_CASE(test_terminal));
}

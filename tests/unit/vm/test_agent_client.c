// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A client of a router that is a script in another process: what it sends, what it makes of what it hears, and what it
 * does with nonsense.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/base/socket.h"
#include "runtime/vm/agent_client.h"
#include "runtime/vm/agent_protocol.h"
#include "tests/unit/tap.h"

/* --- The router's script, in a child that blocks ------------------------------------------------------------------ */

static struct agent_wire wire;

static void say(unsigned type, uint32_t process, const void *payload, size_t len)
{
	struct err err = ERR_INIT;

	agent_wire_begin_turn(&wire);
	if (!agent_wire_put(&wire, type, process, payload, len))
		_exit(90);
	while (agent_wire_has_output(&wire)) {
		struct pollfd ready = {.fd = wire.fd, .events = POLLOUT};

		(void)poll(&ready, 1, 1000);
		if (agent_wire_flush(&wire, &err) < 0)
			_exit(91);
	}
}

static bool hear(struct agent_message *ret)
{
	struct err err = ERR_INIT;

	for (;;) {
		struct pollfd ready = {.fd = wire.fd, .events = POLLIN};
		int result = agent_wire_next(&wire, ret, &err);

		if (result == 0 && poll(&ready, 1, 30000) > 0 && agent_wire_fill(&wire, &err) < 0)
			return false;
		if (result == 0 && ready.revents == 0)
			_exit(92); /* the client says nothing more, and should */
		if (result != 0)
			return result > 0;
	}
}

static void expect(unsigned type)
{
	struct agent_message message;

	if (!hear(&message) || message.type != type)
		_exit(93);
}

static void say_hello(uint32_t version)
{
	struct agent_hello hello = {.version = version};

	expect(AGENT_HELLO);
	say(AGENT_HELLO, 0, &hello, sizeof(hello));
}

/* To the document's end. */
static size_t take_document(void)
{
	struct agent_message message;
	size_t len = 0;

	do {
		if (!hear(&message) || message.type != AGENT_EXEC)
			_exit(94);
		len += message.len;
	} while (message.len > 0);
	return len;
}

static void say_started(void)
{
	struct agent_started started = {.pid = 77};

	say_hello(AGENT_VERSION);
	(void)take_document();
	say(AGENT_STARTED, 1, &started, sizeof(started));
}

static void say_exit(int code, int signo)
{
	struct agent_exit how = {.code = code, .signal = signo};

	say(AGENT_EXIT, 1, &how, sizeof(how));
}

/* --- Running ------------------------------------------------------------------------------------------------------ */

static struct agent_client_result result;
static struct err err;
static int out[2], in[2];
static char document[100000];
static int script_status;

/* In place of a descriptor: an end of `in` or `out`. */
#define PIPED	-2
#define STREAMS .stdio = {PIPED, PIPED, PIPED}, .raw_fd = -1

/* Runs the client against a script; its return value. */
static int run_with(void (*script)(void), struct agent_client_request request)
{
	int ends[2], returned;
	pid_t child;

	err = ERR_INIT;
	CHECK(sock_pair(ends, &err) == 0);
	CHECK(pipe2(out, O_CLOEXEC) == 0 && pipe2(in, O_CLOEXEC) == 0);
	child = fork();
	if (child == 0) {
		(void)alarm(60);
		/* The client may break off while more is said. */
		(void)signal(SIGPIPE, SIG_IGN);
		for (int i = 0; i < 2; i++) {
			(void)close(in[i]);
			(void)close(out[i]);
		}
		(void)close(ends[0]);
		(void)fd_set_nonblock(ends[1], true);
		agent_wire_init(&wire, ends[1], AGENT_SIDE_CLIENT);
		script();
		_exit(0);
	}
	(void)close(ends[1]);
	(void)fd_set_nonblock(ends[0], true);
	request.fd = ends[0];
	for (int i = 0; i < 3; i++)
		if (request.stdio[i] == PIPED)
			request.stdio[i] = i == 0 ? in[0] : out[1];
	if (!request.document) {
		request.document = document;
		request.document_len = 10;
	}
	returned = agent_client_run(&request, &result, &err);
	(void)close(ends[0]);
	CHECK(waitpid(child, &script_status, 0) == child);
	CHECK_INT(script_status, 0);
	return returned;
}

static int run(void (*script)(void))
{
	return run_with(script, (struct agent_client_request){STREAMS});
}

static void end_run(void)
{
	int fds[] = {in[0], in[1], out[0], out[1]};

	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		if (fds[i] >= 0)
			(void)close(fds[i]);
}

static void script_output(void)
{
	struct agent_eof eof = {.stream = AGENT_STREAM_OUT};

	say_started();
	say(AGENT_STDOUT, 1, "hello", 5);
	say(AGENT_EOF, 1, &eof, sizeof(eof));
	say_exit(7, 0);
}

static void test_output_and_exit(void)
{
	char got[16] = {0};

	CHECK_INT(run(script_output), 0);
	CHECK_INT(result.code, 7);
	CHECK_INT(read(out[0], got, sizeof(got)), 5);
	CHECK_STR(got, "hello");
	end_run();
}

static void script_document(void)
{
	say_hello(AGENT_VERSION);
	if (take_document() != sizeof(document))
		_exit(95);
	say(AGENT_STARTED, 1, &(struct agent_started){.pid = 1}, sizeof(struct agent_started));
	say_exit(137, 9);
}

static void test_long_document(void)
{
	struct agent_client_request request = {STREAMS};

	request.document = document;
	request.document_len = sizeof(document);
	CHECK_INT(run_with(script_document, request), 0);
	CHECK_INT(result.code, 137);
	CHECK_INT(result.signal, 9);
	end_run();
}

static void script_failed(void)
{
	struct {
		struct agent_failed failed;
		char words[6];
	} failed = {{.code = ENOENT, .exit_code = 127}, "no foo"};

	say_hello(AGENT_VERSION);
	(void)take_document();
	say(AGENT_FAILED, 1, &failed, sizeof(failed.failed) + 6);
}

static void test_failed(void)
{
	CHECK_INT(run(script_failed), -ENOENT);
	CHECK_INT(err.exit_code, 127);
	CHECK_STR(err.msg, "no foo");
	end_run();
}

static void script_gone(void)
{
	say_started();
}

static void test_machine_ends(void)
{
	CHECK_INT(run(script_gone), -ECONNRESET);
	CHECK_STR(err.msg, "the machine has ended");
	end_run();
}

static void script_old(void)
{
	say_hello(AGENT_VERSION + 1);
}

static void test_other_version(void)
{
	CHECK_INT(run(script_old), -ENOTSUP);
	CHECK_HAS(err.msg, "version 2");
	end_run();
}

static int count_started(void *user, pid_t guest_pid, struct err *failure)
{
	(void)failure;
	*(pid_t *)user = guest_pid;
	return 0;
}

static void script_detached(void)
{
	struct agent_message message;

	say_started();
	if (hear(&message))
		_exit(96);
}

static void test_detached(void)
{
	struct agent_client_request request = {.stdio = {-1, -1, -1}, .raw_fd = -1, .detach = true};
	pid_t pid = 0;

	request.started = count_started;
	request.user = &pid;
	CHECK_INT(run_with(script_detached, request), 0);
	CHECK_INT(result.code, 0);
	CHECK_INT(pid, 77);
	end_run();
}

static int refuse_started(void *user, pid_t guest_pid, struct err *failure)
{
	(void)user, (void)guest_pid;
	return err_say(failure, EPERM, "not now");
}

static void test_refused_start(void)
{
	struct agent_client_request request = {.stdio = {-1, -1, -1}, .raw_fd = -1, .started = refuse_started};

	CHECK_INT(run_with(script_gone, request), -EPERM);
	CHECK_STR(err.msg, "not now");
	end_run();
}

/* All input, with credits; then its end. */
static void script_input(void)
{
	struct agent_message message;
	size_t got = 0;

	say_started();
	while (hear(&message) && message.type == AGENT_STDIN) {
		struct agent_credit credit = {.stream = AGENT_STREAM_IN, .bytes = (uint32_t)message.len};

		got += message.len;
		say(AGENT_CREDIT, 1, &credit, sizeof(credit));
	}
	if (message.type != AGENT_EOF)
		_exit(97);
	say_exit(got == 500000 ? 0 : 1, 0);
}

/* A file is always ready, and epoll does not know it. */
static void test_input_from_a_file(void)
{
	struct agent_client_request request = {.stdio = {-1, -1, -1}, .raw_fd = -1};
	FILE *file = tmpfile();

	for (unsigned i = 0; i < 5; i++)
		(void)fwrite(document, 1, sizeof(document), file);
	rewind(file);
	request.stdio[0] = fileno(file);
	CHECK_INT(run_with(script_input, request), 0);
	CHECK_INT(result.code, 0);
	(void)fclose(file);
	end_run();
}

static void script_until_closed(void)
{
	struct agent_message message;

	say_started();
	say(AGENT_STDOUT, 1, "y\n", 2);
	do
		if (!hear(&message))
			_exit(98);
	while (message.type != AGENT_CLOSE);
	say_exit(141, SIGPIPE);
}

/* `exec … yes | head -1`: the reader goes, so the writer is told. */
static void test_broken_output(void)
{
	struct agent_client_request request = {.stdio = {-1, -1, -1}, .raw_fd = -1};
	int gone[2];

	CHECK(pipe2(gone, O_CLOEXEC) == 0);
	(void)close(gone[0]);
	request.stdio[1] = gone[1];
	CHECK_INT(run_with(script_until_closed, request), 0);
	CHECK_INT(result.code, 141);
	(void)close(gone[1]);
	end_run();
}

static void script_signal(void)
{
	struct agent_message message;
	struct agent_signal signal = {0};

	say_started();
	(void)kill(getppid(), SIGTERM);
	do
		if (!hear(&message))
			_exit(98);
	while (message.type != AGENT_SIGNAL);
	memcpy(&signal, message.payload, sizeof(signal));
	say_exit(128 + signal.signo, signal.signo);
}

static void test_signal(void)
{
	struct agent_client_request request = {.stdio = {-1, -1, -1}, .raw_fd = -1};

	CHECK_INT(run_with(script_signal, request), 0);
	CHECK_INT(result.code, 143);
	end_run();
}

/* --- Routers that talk nonsense ----------------------------------------------------------------------------------- */

static void script_too_much(void)
{
	static char bytes[AGENT_CHUNK];

	say_started();
	/* Nobody reads the client's output, so no credit comes beyond what its pipe took. */
	for (unsigned i = 0; i < 16; i++)
		say(AGENT_STDOUT, 1, bytes, sizeof(bytes));
	for (;;) {
		struct agent_message message;

		if (!hear(&message))
			_exit(0);
	}
}

static void script_of_another(void)
{
	say_started();
	say(AGENT_STDOUT, 2, "x", 1);
}

static void script_twice(void)
{
	say_started();
	say(AGENT_STARTED, 1, &(struct agent_started){.pid = 1}, sizeof(struct agent_started));
}

static void script_early(void)
{
	say_hello(AGENT_VERSION);
	(void)take_document();
	say(AGENT_STDOUT, 1, "x", 1);
}

static void script_garbage(void)
{
	expect(AGENT_HELLO);
	(void)!write(wire.fd, "HTTP/1.1 400 Bad Request\r\n\r\n", 28);
}

static void script_unasked(void)
{
	say_started();
	say(AGENT_STATS, 0, "{}", 2);
}

static void test_nonsense(void)
{
	static const struct {
		void (*script)(void);
		const char *words;
	} said[] = {
		{script_of_another, "for a process that is not there"},
		{script_twice, "STARTED, twice"},
		{script_early, "STDOUT before STARTED"},
		{script_garbage, "was not expected"},
		{script_unasked, "STATS for a process that is not there"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(said); i++) {
		CHECK_INT(run(said[i].script), -EPROTO);
		CHECK_HAS(err.msg, said[i].words);
		end_run();
	}
	CHECK_INT(run(script_too_much), -EPROTO);
	CHECK_HAS(err.msg, "more bytes than it had credit for");
	end_run();
}

/* --- Requests ----------------------------------------------------------------------------------------------------- */

static void script_figures(void)
{
	say_hello(AGENT_VERSION);
	expect(AGENT_STATS);
	say(AGENT_STATS, 0, "{\"a\":1}", 7);
}

static void script_silent(void)
{
	struct agent_message message;

	say_hello(AGENT_VERSION);
	while (hear(&message))
		;
}

static void script_signal_all(void)
{
	say_hello(AGENT_VERSION);
	expect(AGENT_SIGNAL);
	expect(AGENT_STATS);
	say(AGENT_STATS, 0, "{}", 2);
}

static int start_script(void (*script)(void), pid_t *ret_child)
{
	int ends[2];

	err = ERR_INIT;
	CHECK(sock_pair(ends, &err) == 0);
	*ret_child = fork();
	if (*ret_child == 0) {
		(void)alarm(60);
		(void)close(ends[0]);
		(void)fd_set_nonblock(ends[1], true);
		agent_wire_init(&wire, ends[1], AGENT_SIDE_CLIENT);
		script();
		_exit(0);
	}
	(void)close(ends[1]);
	(void)fd_set_nonblock(ends[0], true);
	return ends[0];
}

static void end_script(int fd, pid_t child)
{
	(void)close(fd);
	CHECK(waitpid(child, &script_status, 0) == child);
	CHECK_INT(script_status, 0);
}

static void test_requests(void)
{
	char figures[8] = {0};
	pid_t child;
	int fd = start_script(script_figures, &child);

	CHECK_INT(agent_client_stats(fd, 5000, figures, sizeof(figures), &err), 7);
	CHECK_STR(figures, "{\"a\":1}");
	end_script(fd, child);
	fd = start_script(script_figures, &child);
	CHECK_INT(agent_client_stats(fd, 5000, figures, 6, &err), -EMSGSIZE);
	end_script(fd, child);
	fd = start_script(script_silent, &child);
	CHECK_INT(agent_client_stats(fd, 50, figures, sizeof(figures), &err), -ETIMEDOUT);
	end_script(fd, child);
	fd = start_script(script_signal_all, &child);
	CHECK_INT(agent_client_signal_all(fd, SIGHUP, &err), 0);
	end_script(fd, child);
	fd = start_script(script_old, &child);
	CHECK_INT(agent_client_signal_all(fd, SIGHUP, &err), -ENOTSUP);
	end_script(fd, child);
}

int main(void)
{
	return TAP_RUN(TAP_CASE(test_output_and_exit), TAP_CASE(test_long_document), TAP_CASE(test_failed),
		       TAP_CASE(test_machine_ends), TAP_CASE(test_other_version), TAP_CASE(test_detached),
		       TAP_CASE(test_refused_start), TAP_CASE(test_input_from_a_file), TAP_CASE(test_broken_output),
		       TAP_CASE(test_signal), TAP_CASE(test_nonsense), TAP_CASE(test_requests));
}

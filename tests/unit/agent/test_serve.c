// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The agent's side of its channel, in a process of its own, against a host that is a script, often a hostile one. In
 * place of containers its programs are shells: the document is their command. What a guest has besides (disks, modules,
 * a clock) is not there.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/agent/agent.h"
#include "runtime/base/fd.h"
#include "runtime/base/process.h"
#include "runtime/base/socket.h"
#include "tests/unit/tap.h"

/* --- In place of the guest ---------------------------------------------------------------------------------------- */

/* How a command begins that wants one. */
#define ON_TERMINAL ": on a terminal; "

static int open_terminal(struct task *task, int stdio[3], struct err *err)
{
	int master = -1;

	CHECK(openpty(&master, &stdio[0], NULL, NULL, NULL) == 0);
	(void)fcntl(master, F_SETFD, FD_CLOEXEC);
	(void)fcntl(stdio[0], F_SETFD, FD_CLOEXEC);
	stdio[1] = fd_dup(stdio[0], 3);
	stdio[2] = fd_dup(stdio[0], 3);
	return task_open_terminal(task, master, err);
}

static int run_shell(struct task *task, bool detached, struct err *err)
{
	int stdio[3] = {-1, -1, -1};
	const char *command = text_get(&task->document);

	if (strcmp(command, "fail") == 0) {
		(void)err_say(err, ENOENT, "no such program");
		return err_exit_with(err, ERR_EXIT_NOT_FOUND);
	}
	if (strncmp(command, ON_TERMINAL, strlen(ON_TERMINAL)) == 0
		    ? open_terminal(task, stdio, err) < 0
		    : task_open_streams(task, true, detached, stdio, err) < 0)
		return -err->code;
	task->pid = fork();
	if (task->pid == 0) {
		proc_reset_signals();
		for (int i = 0; i < 3; i++)
			(void)fd_place(stdio[i], i);
		(void)execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		_exit(99);
	}
	task->pidfd = proc_pidfd(task->pid);
	for (int i = 0; i < 3; i++)
		(void)close(stdio[i]);
	return 0;
}

int program_start(struct agent *agent, struct task *task, struct err *err)
{
	(void)agent;
	return run_shell(task, false, err);
}

int program_exec(struct agent *agent, struct task *task, struct err *err)
{
	(void)agent;
	return run_shell(task, false, err);
}

int program_stats(struct agent *agent, struct text *out, struct err *err)
{
	(void)agent, (void)err;
	text_add(out, "{\"figures\":1}");
	return 0;
}

void program_signal_all(struct agent *agent, int signo)
{
	for (size_t i = 0; i < AGENT_TASKS_MAX; i++)
		if (agent->tasks[i].state == TASK_RUNNING)
			(void)kill(agent->tasks[i].pid, signo);
}

bool program_ran_out_of_memory(struct agent *agent)
{
	(void)agent;
	return false;
}

/* The host hears of it before the last word: by what is on its standard error. */
void disks_unmount(void)
{
	(void)!write(2, "u", 1);
}

void wires_clock(uint64_t epoch_ns)
{
	(void)!write(2, epoch_ns == 77 ? "c" : "?", 1);
}

int boot_load_modules(const char *purpose, struct err *err)
{
	(void)purpose, (void)err;
	return 0;
}

bool boot_has_device(unsigned virtio_id)
{
	(void)virtio_id;
	return false;
}

/* --- The host's script -------------------------------------------------------------------------------------------- */

static struct agent_wire wire;
static pid_t child;
static int marks; /* what the guest did that is not said */

static void begin(void)
{
	static struct agent agent;
	struct err err = ERR_INIT;
	int ends[2], errors[2];

	CHECK(sock_pair(ends, &err) == 0);
	CHECK(pipe2(errors, O_CLOEXEC) == 0);
	child = fork();
	if (child == 0) {
		(void)alarm(60);
		(void)close(ends[0]);
		(void)dup2(errors[1], 2);
		(void)fd_set_nonblock(ends[1], true);
		agent.channel.fd = ends[1];
		agent.store.fd = -1;
		_exit(-serve(&agent, &err));
	}
	(void)close(ends[1]);
	(void)close(errors[1]);
	marks = errors[0];
	(void)fd_set_nonblock(ends[0], true);
	agent_wire_init(&wire, ends[0], AGENT_SIDE_GUEST);
}

/* How serve() ended: 0, or an errno. */
static int end(void)
{
	int status = 0;

	if (wire.fd >= 0)
		(void)close(wire.fd);
	CHECK(waitpid(child, &status, 0) == child);
	CHECK(WIFEXITED(status));
	(void)close(marks);
	return WEXITSTATUS(status);
}

static void say(unsigned type, uint32_t process, const void *payload, size_t len)
{
	struct err err = ERR_INIT;

	agent_wire_begin_turn(&wire);
	CHECK(agent_wire_put(&wire, type, process, payload, len));
	while (agent_wire_has_output(&wire)) {
		struct pollfd ready = {.fd = wire.fd, .events = POLLOUT};

		(void)poll(&ready, 1, 5000);
		if (agent_wire_flush(&wire, &err) < 0)
			break;
	}
}

static bool hear(struct agent_message *ret)
{
	struct err err = ERR_INIT;

	for (;;) {
		struct pollfd ready = {.fd = wire.fd, .events = POLLIN};
		int result = agent_wire_next(&wire, ret, &err);

		if (result == 0 && (poll(&ready, 1, 20000) <= 0 || agent_wire_fill(&wire, &err) < 0))
			return false;
		if (result != 0)
			return result > 0;
	}
}

static bool hears(unsigned type, uint32_t process, struct agent_message *ret)
{
	struct agent_message message = {0};
	bool heard = hear(&message);

	if (ret)
		*ret = message;
	if (heard && message.type == type && message.process == process)
		return true;
	printf("# heard %s of %u, wanted %s of %u\n", heard ? agent_frame_name(message.type) : "nothing",
	       heard ? message.process : 0, agent_frame_name(type), process);
	return false;
}

static void greet(void)
{
	struct agent_hello hello = {.version = AGENT_VERSION};

	begin();
	CHECK(hears(AGENT_HELLO, 0, NULL));
	say(AGENT_HELLO, 0, &hello, sizeof(hello));
}

static void ask(unsigned type, uint32_t process, const char *command)
{
	say(type, process, command, strlen(command));
	say(type, process, NULL, 0);
}

static void start(const char *command)
{
	greet();
	ask(AGENT_START, AGENT_FIRST, command);
	CHECK(hears(AGENT_STARTED, AGENT_FIRST, NULL));
}

static void give_credit(uint32_t process, uint32_t stream, size_t bytes)
{
	struct agent_credit credit = {.stream = stream, .bytes = (uint32_t)bytes};

	say(AGENT_CREDIT, process, &credit, sizeof(credit));
}

static void send_signal(uint32_t process, int signo)
{
	struct agent_signal signal = {.signo = signo};

	say(AGENT_SIGNAL, process, &signal, sizeof(signal));
}

/* Up to its EXIT, whose code is returned; its output goes to `to`, at most `room` bytes. */
static int collect(uint32_t process, char *to, size_t room)
{
	struct agent_message message;
	struct agent_exit how;
	size_t len = 0;

	while (hear(&message)) {
		if (message.process != process)
			continue;
		if (message.type == AGENT_EXIT) {
			memcpy(&how, message.payload, sizeof(how));
			to[len] = '\0';
			return how.code;
		}
		if (message.type != AGENT_STDOUT && message.type != AGENT_STDERR)
			continue;
		give_credit(process,
			    message.type - AGENT_STDIN == 16 ? AGENT_STREAM_OUT : message.type - AGENT_STDOUT + 1,
			    message.len);
		if (len + message.len < room)
			memcpy(to + len, message.payload, message.len);
		len += message.len < room - len ? message.len : 0;
	}
	return -1;
}

/* --- What it does ------------------------------------------------------------------------------------------------- */

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

/* --- Hostile hosts ------------------------------------------------------------------------------------------------ */

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
	return TAP_RUN(TAP_CASE(test_program), TAP_CASE(test_killed), TAP_CASE(test_failed), TAP_CASE(test_streams),
		       TAP_CASE(test_window), TAP_CASE(test_closed_terminal), TAP_CASE(test_execs),
		       TAP_CASE(test_close), TAP_CASE(test_left_behind), TAP_CASE(test_end_with_stalled_exec),
		       TAP_CASE(test_shutdown), TAP_CASE(test_figures_and_clock), TAP_CASE(test_hostile_hosts),
		       TAP_CASE(test_before_hello), TAP_CASE(test_other_version));
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The agent's side of its channel, in a process of its own, against a host that is a script. In place of containers its
 * programs are shells: the document is their command. What a guest has besides (disks, modules, a clock) is not there.
 */
#ifndef HULL_TESTS_UNIT_AGENT_SERVE_FIXTURE_H
#define HULL_TESTS_UNIT_AGENT_SERVE_FIXTURE_H

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
#include "tests/unit/agent/guest_parts.h"
#include "tests/unit/tap.h"
#include "tests/unit/vm/agent_heard.h"

/* --- In place of the guest ---------------------------------------------------------------------------------------- */

/* How a command begins that wants one. */
#define ON_TERMINAL ": on a terminal; "

static inline int open_terminal(struct task *task, int stdio[3], struct err *err)
{
	int master = -1;

	CHECK(openpty(&master, &stdio[0], NULL, NULL, NULL) == 0);
	(void)fcntl(master, F_SETFD, FD_CLOEXEC);
	(void)fcntl(stdio[0], F_SETFD, FD_CLOEXEC);
	stdio[1] = fd_dup(stdio[0], 3);
	stdio[2] = fd_dup(stdio[0], 3);
	return task_open_terminal(task, master, err);
}

static inline int run_shell(struct task *task, bool detached, struct err *err)
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

/* The host hears of it before the last word: by what is on its standard error. */
void disks_unmount(void)
{
	(void)!write(2, "u", 1);
}

void wires_clock(uint64_t epoch_ns)
{
	(void)!write(2, epoch_ns == 77 ? "c" : "?", 1);
}

/* --- The host's script -------------------------------------------------------------------------------------------- */

static struct agent_wire wire;
static pid_t child;
static int marks; /* what the guest did that is not said */

static inline void begin(void)
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
static inline int end(void)
{
	int status = 0;

	if (wire.fd >= 0)
		(void)close(wire.fd);
	CHECK(waitpid(child, &status, 0) == child);
	CHECK(WIFEXITED(status));
	(void)close(marks);
	return WEXITSTATUS(status);
}

static inline void say(unsigned type, uint32_t process, const void *payload, size_t len)
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

static inline bool hear(struct agent_message *ret)
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

static inline bool hears(unsigned type, uint32_t process, struct agent_message *ret)
{
	struct agent_message message = {0};
	bool heard = hear(&message);

	if (ret)
		*ret = message;
	return agent_is_heard(heard ? &message : NULL, type, process);
}

static inline void greet(void)
{
	struct agent_hello hello = {.version = AGENT_VERSION};

	begin();
	CHECK(hears(AGENT_HELLO, 0, NULL));
	say(AGENT_HELLO, 0, &hello, sizeof(hello));
}

static inline void ask(unsigned type, uint32_t process, const char *command)
{
	say(type, process, command, strlen(command));
	say(type, process, NULL, 0);
}

static inline void start(const char *command)
{
	greet();
	ask(AGENT_START, AGENT_FIRST, command);
	CHECK(hears(AGENT_STARTED, AGENT_FIRST, NULL));
}

static inline void give_credit(uint32_t process, uint32_t stream, size_t bytes)
{
	struct agent_credit credit = {.stream = stream, .bytes = (uint32_t)bytes};

	say(AGENT_CREDIT, process, &credit, sizeof(credit));
}

static inline void send_signal(uint32_t process, int signo)
{
	struct agent_signal signal = {.signo = signo};

	say(AGENT_SIGNAL, process, &signal, sizeof(signal));
}

/* Up to its EXIT, whose code is returned; its output goes to `to`, at most `room` bytes. */
static inline int collect(uint32_t process, char *to, size_t room)
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

#endif

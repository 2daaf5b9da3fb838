// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/unit/vm/agent_script.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/base/file.h"
#include "runtime/base/socket.h"
#include "tests/unit/vm/agent_heard.h"

static struct err err;

/* A script that cannot even be set up proves nothing. */
static void want(bool condition, const char *words)
{
	if (condition)
		return;
	fprintf(stderr, "script: %s: %s\n", words, err.msg);
	abort();
}

static void greeted(struct agent_router *router, void *user)
{
	struct script *script = user;

	(void)router;
	script->greetings++;
}

static void ended(struct agent_router *router, const struct agent_outcome *outcome, void *user)
{
	struct script *script = user;

	(void)router;
	want(!script->has_ended, "ended twice");
	script->has_ended = true;
	script->outcome = *outcome;
}

static void step_over(struct loop *loop, struct loop_timer *timer)
{
	(void)timer;
	loop_stop(loop, 0);
}

static void open_streams(struct script *script)
{
	int ends[3][2];

	for (int i = 0; i < 3; i++)
		want(pipe2(ends[i], O_CLOEXEC) == 0, "pipe");
	script->stdio[0] = ends[0][0];
	script->in = ends[0][1];
	script->stdio[1] = ends[1][1];
	script->out = ends[1][0];
	script->stdio[2] = ends[2][1];
	script->error = ends[2][0];
	for (int i = 1; i < 3; i++)
		(void)fd_set_nonblock(ends[i][0], true);
	(void)fd_set_nonblock(script->in, true);
}

void script_open(struct script *script)
{
	script_open_within(script, 0);
}

void script_open_within(struct script *script, unsigned seconds)
{
	struct agent_router_request request = {.boot_seconds = seconds,
					       .start_seconds = seconds,
					       .greeted = greeted,
					       .ended = ended,
					       .user = script,
					       .start_len = SCRIPT_DOCUMENT_BYTES};
	static sigset_t signals;
	int ends[2], folder;

	memset(script, 0, offsetof(struct script, document));
	script->greetings = 0;
	script->has_ended = false;
	for (size_t i = 0; i < sizeof(script->document); i++)
		script->document[i] = (char)('a' + i % 26);
	want(loop_open(&script->loop, &err) == 0, "loop");
	script->step.expired = step_over;
	want(loop_timer_open(&script->loop, &script->step, &err) == 0, "timer");
	want(sock_pair(ends, &err) == 0, "pair");
	script->channel = ends[0];
	(void)fd_set_nonblock(ends[1], true);
	agent_wire_init(&script->guest, ends[1], AGENT_SIDE_HOST);
	(void)strcpy(script->folder, "/tmp/hull-script.XXXXXX");
	want(mkdtemp(script->folder) != NULL, "folder");
	folder = file_open_dir(AT_FDCWD, script->folder, &err);
	script->listener = sock_listen(folder, AGENT_SOCKET, &err);
	want(script->listener >= 0, "listen");
	(void)close(folder);
	open_streams(script);
	sigemptyset(&signals);
	sigaddset(&signals, SIGUSR1);
	sigaddset(&signals, SIGTERM);
	request.channel_fd = script->channel;
	request.listen_fd = script->listener;
	memcpy(request.stdio, script->stdio, sizeof(request.stdio));
	request.start = script->document;
	request.signals = &signals;
	want(agent_router_open(&script->loop, &request, &script->router, &err) == 0, "router");
}

void script_close(struct script *script)
{
	int fds[] = {script->guest.fd, script->channel,	 script->listener, script->in,	    script->out,
		     script->error,    script->stdio[0], script->stdio[1], script->stdio[2]};
	CLEANUP_FD int folder = file_open_dir(AT_FDCWD, script->folder, &err);

	agent_router_close(&script->router);
	loop_timer_close(&script->loop, &script->step);
	loop_close(&script->loop);
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		if (fds[i] >= 0)
			(void)close(fds[i]);
	(void)unlinkat(folder, AGENT_SOCKET, 0);
	(void)rmdir(script->folder);
}

void script_turn(struct script *script)
{
	script->loop.stop = false;
	want(loop_timer_set(&script->step, 2) == 0, "timer");
	want(loop_run(&script->loop, &err) == 0, "loop");
}

void script_say(struct script *script, struct agent_wire *who, unsigned type, uint32_t process, const void *payload,
		size_t len)
{
	agent_wire_begin_turn(who);
	want(agent_wire_put(who, type, process, payload, len), "put");
	for (int turns = 0; agent_wire_has_output(who) && turns < 3000; turns++) {
		want(agent_wire_flush(who, &err) == 0, "flush");
		if (agent_wire_has_output(who))
			script_turn(script);
	}
}

bool script_hear(struct script *script, struct agent_wire *who, struct agent_message *ret)
{
	for (int turns = 0; turns < 1500; turns++) {
		int result = agent_wire_next(who, ret, &err);

		if (result == 0)
			result = agent_wire_fill(who, &err) > 0 ? agent_wire_next(who, ret, &err) : 0;
		if (result != 0)
			return result > 0;
		if (who->ended)
			return false;
		script_turn(script);
	}
	return false;
}

bool script_hears(struct script *script, struct agent_wire *who, unsigned type, uint32_t process,
		  struct agent_message *ret)
{
	struct agent_message message;
	bool heard = script_hear(script, who, &message);

	if (ret)
		*ret = message;
	return agent_is_heard(heard ? &message : NULL, type, process);
}

void script_start(struct script *script)
{
	struct agent_hello hello = {.version = AGENT_VERSION};
	struct agent_started started = {.pid = 42};
	struct agent_message message;

	script_say(script, &script->guest, AGENT_HELLO, 0, &hello, sizeof(hello));
	want(script_hears(script, &script->guest, AGENT_HELLO, 0, &message), "hello");
	want(script_hears(script, &script->guest, AGENT_CLOCK, 0, &message), "clock");
	do
		want(script_hears(script, &script->guest, AGENT_START, AGENT_FIRST, &message), "start");
	while (message.len > 0);
	script_say(script, &script->guest, AGENT_STARTED, AGENT_FIRST, &started, sizeof(started));
	for (int turns = 0; turns < 3000 && !agent_router_has_started(script->router); turns++)
		script_turn(script);
}

void script_connect(struct script *script, struct agent_wire *client)
{
	struct agent_hello hello = {.version = AGENT_VERSION};
	CLEANUP_FD int folder = file_open_dir(AT_FDCWD, script->folder, &err);
	int fd = sock_connect(folder, AGENT_SOCKET, &err);

	want(fd >= 0, "connect");
	(void)fd_set_nonblock(fd, true);
	agent_wire_init(client, fd, AGENT_SIDE_GUEST);
	script_say(script, client, AGENT_HELLO, 0, &hello, sizeof(hello));
	want(script_hears(script, client, AGENT_HELLO, 0, NULL), "hello of a client");
}

void script_exec(struct script *script, struct agent_wire *client, uint32_t number, uint32_t guest)
{
	struct agent_started started = {.pid = (int32_t)guest};
	struct agent_message message;

	script_say(script, client, AGENT_EXEC, number, "{}", 2);
	script_say(script, client, AGENT_EXEC, number, NULL, 0);
	want(script_hears(script, &script->guest, AGENT_EXEC, guest, &message) && message.len == 2, "exec");
	want(script_hears(script, &script->guest, AGENT_EXEC, guest, &message) && message.len == 0, "exec's end");
	script_say(script, &script->guest, AGENT_STARTED, guest, &started, sizeof(started));
	want(script_hears(script, client, AGENT_STARTED, number, &message), "started");
}

// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/vm/agent_client.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/fd.h"
#include "runtime/base/process.h"
#include "runtime/base/scope.h"
#include "runtime/base/socket.h"
#include "runtime/vm/agent_local.h"

/* The one process of this connection. */
#define PROCESS 1u
/* How long a guest may take to answer that it has sent a signal. */
#define SIGNAL_MS 10000

/* --- The connection ----------------------------------------------------------------------------------------------- */

int agent_client_connect(int state_fd, struct err *err)
{
	CLEANUP_FD int fd = sock_connect(state_fd, AGENT_SOCKET, err);
	int result;

	if (fd < 0)
		return fd;
	result = fd_set_nonblock(fd, true);
	if (result < 0)
		return err_set(err, -result, "set up the connection to the machine");
	return fd_take(&fd);
}

static void put_hello(struct agent_wire *wire)
{
	struct agent_hello hello = {.version = AGENT_VERSION};

	(void)agent_wire_put(wire, AGENT_HELLO, 0, &hello, sizeof(hello));
}

static int take_hello(const struct agent_message *message, struct err *err)
{
	struct agent_hello hello;

	if (message->type != AGENT_HELLO)
		return err_say(err, EPROTO, "the machine's router said %s before HELLO",
			       agent_frame_name(message->type));
	memcpy(&hello, message->payload, sizeof(hello));
	if (hello.version != AGENT_VERSION)
		return err_say(err, ENOTSUP, "the machine speaks version %u of the agent's protocol, this hull %u",
			       hello.version, AGENT_VERSION);
	return 0;
}

/* Writes out what was put, for who has no loop. */
static int flush_blocking(struct agent_wire *wire, struct err *err)
{
	struct pollfd ready = {.fd = wire->fd, .events = POLLOUT};

	while (agent_wire_has_output(wire)) {
		int result = agent_wire_flush(wire, err);

		if (result < 0)
			return result;
		if (agent_wire_has_output(wire) && poll(&ready, 1, -1) < 0 && errno != EINTR)
			return err_set(err, errno, "wait for the machine's router");
	}
	return 0;
}

/* --- A process ---------------------------------------------------------------------------------------------------- */

struct client {
	const struct agent_client_request *request;
	struct agent_client_result *result;
	struct loop loop;
	struct loop_source source;
	struct agent_local local;
	struct err *err;
	bool is_greeted, has_ended;
	struct agent_wire wire;
};

static void stop(struct client *client, int result)
{
	client->has_ended = true;
	loop_stop(&client->loop, result);
}

static int take_started(struct client *client, const void *payload)
{
	struct agent_started started;
	int result = 0;

	memcpy(&started, payload, sizeof(started));
	if (client->local.is_started)
		return err_say(client->err, EPROTO, "STARTED, twice");
	agent_local_started(&client->local);
	if (client->request->started)
		result = client->request->started(client->request->user, started.pid, client->err);
	if (result >= 0 && client->request->detach)
		stop(client, 0);
	return result;
}

static int take_failed(struct client *client, const struct agent_message *message)
{
	struct agent_failed failed;
	size_t words = message->len - sizeof(failed);

	memcpy(&failed, message->payload, sizeof(failed));
	(void)err_say(client->err, failed.code, "%.*s", (int)words, (const char *)message->payload + sizeof(failed));
	return err_exit_with(client->err, failed.exit_code);
}

static void take_exit(struct client *client, const void *payload)
{
	struct agent_exit how;

	memcpy(&how, payload, sizeof(how));
	*client->result = (struct agent_client_result){.code = how.code, .signal = how.signal, .oom = how.oom != 0};
	agent_local_ended(&client->local);
	client->has_ended = true;
}

static int take(struct client *client, const struct agent_message *message)
{
	int result;

	if (!client->is_greeted) {
		result = take_hello(message, client->err);
		client->is_greeted = true;
		return result;
	}
	if (message->process != PROCESS || client->has_ended)
		return err_say(client->err, EPROTO, "%s for a process that is not there",
			       agent_frame_name(message->type));
	switch (message->type) {
	case AGENT_STARTED:
		return take_started(client, message->payload);
	case AGENT_FAILED:
		return take_failed(client, message);
	case AGENT_EXIT:
		take_exit(client, message->payload);
		return 0;
	default:
		return agent_local_take(&client->local, message, client->err);
	}
}

/* Behind every event. */
static void settle(void *user)
{
	struct client *client = user;
	int result;

	agent_wire_begin_turn(&client->wire);
	result = agent_local_settle(&client->local, &client->wire, client->err);

	if (result >= 0)
		result = agent_wire_flush(&client->wire, client->err);
	if (result >= 0 && !client->wire.ended)
		result = loop_watch(&client->loop, &client->source,
				    EPOLLIN | (agent_wire_has_output(&client->wire) ? EPOLLOUT : 0u), client->err);
	if (result < 0)
		stop(client, result);
	else if (client->has_ended && agent_local_is_drained(&client->local))
		stop(client, 0);
}

static int take_all(struct client *client)
{
	struct agent_message message;
	int result = agent_wire_fill(&client->wire, client->err);
	while (result > 0 && !client->loop.stop) {
		result = agent_wire_next(&client->wire, &message, client->err);
		if (result > 0 && take(client, &message) < 0)
			result = -client->err->code;
	}
	/* Of one that has ended only its own output is still to be written. */
	if (result == -ECONNRESET && client->has_ended) {
		err_clear(client->err);
		loop_forget(&client->loop, &client->source);
		return 0;
	}
	if (result == -ECONNRESET)
		return err_say(client->err, ECONNRESET, "the machine has ended");
	return result;
}

static void wire_ready(struct loop *loop, struct loop_source *source, uint32_t events)
{
	struct client *client = CONTAINER_OF(source, struct client, source);
	int result = take_all(client);

	(void)loop, (void)events;
	if (result < 0)
		stop(client, result);
	else if (!client->loop.stop)
		settle(client);
}

static void default_signals(sigset_t *ret, bool has_terminal)
{
	static const int passed_on[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};

	sigemptyset(ret);
	for (size_t i = 0; i < ARRAY_SIZE(passed_on); i++)
		sigaddset(ret, passed_on[i]);
	if (has_terminal)
		sigaddset(ret, SIGWINCH);
}

static int open_client(struct client *client, struct err *err)
{
	const struct agent_client_request *request = client->request;
	int terminal = request->terminal ? request->raw_fd : -1;
	sigset_t signals;
	struct agent_local_request local = {
		.process = PROCESS,
		.type = AGENT_EXEC,
		.document = request->document,
		.document_len = request->document_len,
		.stdio = {request->stdio[0], request->stdio[1], request->stdio[2]},
		.terminal = terminal,
		.signals = request->signals ? request->signals : &signals,
		.changed = settle,
		.user = client,
	};
	int result;

	default_signals(&signals, terminal >= 0);
	if (request->document_len > AGENT_DOCUMENT_MAX)
		return err_say(err, E2BIG, "the process's arguments and environment are too large (%zu bytes)",
			       request->document_len);
	result = agent_local_open(&client->local, &client->loop, &local, err);
	if (result < 0)
		return result;
	client->source = (struct loop_source){.fd = request->fd, .ready = wire_ready};
	agent_wire_init(&client->wire, request->fd, AGENT_SIDE_GUEST);
	put_hello(&client->wire);
	settle(client);
	return 0;
}

int agent_client_run(const struct agent_client_request *request, struct agent_client_result *ret, struct err *err)
{
	CLEANUP_FREE struct client *client = calloc(1, sizeof(*client));
	struct sigaction ignore = {.sa_handler = SIG_IGN}, before;
	int result;

	*ret = (struct agent_client_result){.code = ERR_EXIT_FAILED};
	if (!client)
		return err_set(err, ENOMEM, "run a process in the machine");
	client->request = request;
	client->result = ret;
	client->err = err;
	result = loop_open(&client->loop, err);
	if (result < 0)
		return result;
	(void)sigaction(SIGPIPE, &ignore, &before);
	result = open_client(client, err);
	if (result >= 0)
		result = loop_run(&client->loop, err);
	agent_local_close(&client->local);
	loop_close(&client->loop);
	(void)sigaction(SIGPIPE, &before, NULL);
	if (result >= 0 && request->detach)
		*ret = (struct agent_client_result){.code = 0};
	return result;
}

/* --- Requests ----------------------------------------------------------------------------------------------------- */

/* The next frame behind the router's HELLO. */
static int await(struct agent_wire *wire, uint64_t until_ns, struct agent_message *ret, struct err *err)
{
	for (;;) {
		struct pollfd ready = {.fd = wire->fd, .events = POLLIN};
		uint64_t now_ns = proc_monotonic_ns();
		int result = agent_wire_next(wire, ret, err);

		if (result != 0)
			return result;
		result = agent_wire_fill(wire, err);
		if (result < 0)
			return result;
		if (result > 0)
			continue;
		if (now_ns >= until_ns)
			return err_say(err, ETIMEDOUT, "the machine's agent does not answer");
		if (poll(&ready, 1, (int)((until_ns - now_ns + 999999) / 1000000)) < 0 && errno != EINTR)
			return err_set(err, errno, "wait for the machine's agent");
	}
}

/* Says HELLO, perhaps a signal, and asks for figures; waits for them, behind which everything before has been done. */
static int ask(struct agent_wire *wire, int fd, int signo, unsigned timeout_ms, struct agent_message *ret,
	       struct err *err)
{
	uint64_t until_ns = proc_monotonic_ns() + (uint64_t)timeout_ms * 1000000;
	struct agent_signal signal = {.signo = signo};
	int result;

	agent_wire_init(wire, fd, AGENT_SIDE_GUEST);
	put_hello(wire);
	if (signo > 0)
		(void)agent_wire_put(wire, AGENT_SIGNAL, 0, &signal, sizeof(signal));
	(void)agent_wire_put(wire, AGENT_STATS, 0, NULL, 0);
	result = flush_blocking(wire, err);
	if (result >= 0)
		result = await(wire, until_ns, ret, err);
	if (result >= 0)
		result = take_hello(ret, err);
	if (result >= 0)
		result = await(wire, until_ns, ret, err);
	if (result == -ECONNRESET)
		return err_say(err, ECONNRESET, "the machine has ended");
	if (result >= 0 && ret->type != AGENT_STATS)
		return err_say(err, EPROTO, "the machine's router said %s", agent_frame_name(ret->type));
	return result;
}

ssize_t agent_client_stats(int fd, unsigned timeout_ms, char *to, size_t room, struct err *err)
{
	CLEANUP_FREE struct agent_wire *wire = calloc(1, sizeof(*wire));
	struct agent_message message;
	int result =
		wire ? ask(wire, fd, 0, timeout_ms, &message, err) : err_set(err, ENOMEM, "ask the machine's agent");

	if (result < 0)
		return result;
	if (message.len > room)
		return err_say(err, EMSGSIZE, "the machine's figures are %zu bytes long", message.len);
	memcpy(to, message.payload, message.len);
	return (ssize_t)message.len;
}

int agent_client_signal_all(int fd, int signo, struct err *err)
{
	CLEANUP_FREE struct agent_wire *wire = calloc(1, sizeof(*wire));
	struct agent_message message;
	int result =
		wire ? ask(wire, fd, signo, SIGNAL_MS, &message, err) : err_set(err, ENOMEM, "ask the machine's agent");

	return result < 0 ? result : 0;
}

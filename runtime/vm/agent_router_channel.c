// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/vm/agent_router.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/fd.h"
#include "runtime/base/process.h"
#include "runtime/base/scope.h"
#include "runtime/vm/agent_router_parts.h"

#define ROUTER_OF(pointer, member) CONTAINER_OF(pointer, struct agent_router, member)

/* Behind whatever may have changed something. The last thing in a callback: the router may be gone behind it. */
static void settle(struct agent_router *router);

/* --- The end ------------------------------------------------------------------------------------------------------ */

/* What the outcome is has been found out; what is left is that everybody hears it. */
static void begin_end(struct agent_router *router, enum agent_ending ending, int code)
{
	if (router->is_ending)
		return;
	router->is_ending = true;
	router->outcome.ending = ending;
	router->outcome.code = code;
	agent_local_ended(&router->first);
	loop_forget(router->loop, &router->channel);
	if (router->has_patience)
		(void)loop_timer_set(&router->patience, AGENT_ROUTER_PATIENCE_MS);
}

static void break_off(struct agent_router *router, enum agent_ending ending, const struct err *err)
{
	if (router->is_ending)
		return;
	router->outcome.err = *err;
	begin_end(router, ending, ERR_EXIT_FAILED);
}

/* Of what is waited for now; 0: for nothing, or for ever. */
static unsigned patience_seconds(const struct agent_router *router)
{
	if (router->is_ending || router->first.is_started)
		return 0;
	return router->is_greeted ? router->request.start_seconds : router->request.boot_seconds;
}

static void begin_waiting(struct agent_router *router)
{
	router->waited_seconds = 0;
	(void)loop_timer_set(&router->patience, patience_seconds(router) > 0 ? 1000 : 0);
}

/* A second more without it. */
static void go_on_waiting(struct agent_router *router)
{
	const unsigned patience = patience_seconds(router);
	struct err err = ERR_INIT;

	if (patience == 0)
		return;
	if (router->is_paused || ++router->waited_seconds < patience) {
		(void)loop_timer_set(&router->patience, 1000);
		return;
	}
	if (router->is_greeted)
		(void)err_say(&err, ETIMEDOUT,
			      "the guest's program was not started after %u seconds: hull's agent runs there, or "
			      "waits, and has not come as far as that",
			      patience);
	else
		(void)err_say(&err, ETIMEDOUT,
			      "the guest was not up after %u seconds: its kernel runs, or waits, and has not come as "
			      "far as hull's agent",
			      patience);
	break_off(router, router->is_greeted ? AGENT_ENDED_STUCK : AGENT_ENDED_SILENT, &err);
}

static void patience_expired(struct loop *loop, struct loop_timer *timer)
{
	struct agent_router *router = ROUTER_OF(timer, patience);

	(void)loop;
	if (!router->is_ending) {
		go_on_waiting(router);
	} else {
		router_clients_close(router);
		/*
		 * Of a program that has ended every byte is owed to its reader; of a machine that broke nobody knows
		 * what is.
		 */
		if (router->outcome.ending != AGENT_ENDED_EXIT && router->outcome.ending != AGENT_ENDED_FAILED)
			agent_local_drop(&router->first);
	}
	settle(router);
}

/* Last thing in a callback: the router may be gone behind it. */
static void tell_end(struct agent_router *router)
{
	struct agent_outcome outcome = router->outcome;

	if (router->is_told || !agent_local_is_drained(&router->first) || !router_clients_are_gone(router))
		return;
	router->is_told = true;
	router->request.ended(router, &outcome, router->request.user);
}

/* --- From the guest ----------------------------------------------------------------------------------------------- */

static int take_hello(struct agent_router *router, const struct agent_message *message, struct err *err)
{
	struct agent_hello hello;

	if (message->type != AGENT_HELLO)
		return err_say(err, EPROTO, "%s before HELLO", agent_frame_name(message->type));
	memcpy(&hello, message->payload, sizeof(hello));
	if (hello.version != AGENT_VERSION)
		return err_say(err, EPROTO, "it speaks version %u of the protocol, this hull %u", hello.version,
			       AGENT_VERSION);
	router->is_greeted = router->is_hello_due = true;
	router->clock_due = proc_now_ns();
	begin_waiting(router);
	if (router->request.greeted)
		router->request.greeted(router, router->request.user);
	return 0;
}

static void take_exit(struct agent_router *router, const void *payload)
{
	struct agent_exit how;

	memcpy(&how, payload, sizeof(how));
	router->outcome.signal = how.signal;
	router->outcome.oom = how.oom != 0;
	begin_end(router, AGENT_ENDED_EXIT, how.code);
}

static void take_failed(struct agent_router *router, const struct agent_message *message)
{
	struct agent_failed failed;

	memcpy(&failed, message->payload, sizeof(failed));
	(void)err_say(&router->outcome.err, failed.code, "%.*s", (int)(message->len - sizeof(failed)),
		      (const char *)message->payload + sizeof(failed));
	router->outcome.err.exit_code = failed.exit_code;
	begin_end(router, AGENT_ENDED_FAILED, failed.exit_code);
}

static int take_of_first(struct agent_router *router, const struct agent_message *message, struct err *err)
{
	bool is_first_word = message->type == AGENT_STARTED || message->type == AGENT_FAILED;

	if (is_first_word == router->first.is_started)
		return err_say(err, EPROTO, "%s of a program that %s", agent_frame_name(message->type),
			       is_first_word ? "runs" : "does not run yet");
	switch (message->type) {
	case AGENT_STARTED:
		agent_local_started(&router->first);
		begin_waiting(router);
		return 0;
	case AGENT_FAILED:
		take_failed(router, message);
		return 0;
	case AGENT_EXIT:
		take_exit(router, message->payload);
		return 0;
	default:
		return agent_local_take(&router->first, message, err);
	}
}

static int take(struct agent_router *router, const struct agent_message *message, struct err *err)
{
	struct router_process *process;

	if (!router->is_greeted)
		return take_hello(router, message, err);
	if (message->type == AGENT_HELLO)
		return err_say(err, EPROTO, "HELLO, twice");
	if (message->type == AGENT_STATS)
		return router_clients_stats(router, message, err);
	if (message->process == AGENT_FIRST)
		return take_of_first(router, message, err);
	process = router_process_of_guest(router, message->process);
	if (!process)
		return err_say(err, EPROTO, "%s of a process that is not there (%u)", agent_frame_name(message->type),
			       message->process);
	return router_process_take(process, message, err);
}

/* One read at a time, so that a guest that floods leaves time for all else in this loop. */
static void channel_ready(struct loop *loop, struct loop_source *source, uint32_t events)
{
	struct agent_router *router = ROUTER_OF(source, channel);
	struct agent_message message;
	struct err err = ERR_INIT;
	int result = agent_wire_fill(&router->wire, &err);

	(void)loop, (void)events;
	while (result > 0 && !router->is_ending) {
		result = agent_wire_next(&router->wire, &message, &err);
		if (result > 0 && take(router, &message, &err) < 0)
			result = -EPROTO;
	}
	if (result == -EPROTO) {
		(void)err_wrap(&err, "the machine's agent broke the protocol");
		break_off(router, AGENT_ENDED_BROKEN, &err);
	} else if (result < 0) {
		(void)err_wrap(&err, "the channel to the machine's agent");
		break_off(router, AGENT_ENDED_LOST, &err);
	}
	settle(router);
}

/* --- To the guest ------------------------------------------------------------------------------------------------- */

static void put_own(struct agent_router *router)
{
	struct agent_wire *wire = &router->wire;
	struct agent_hello hello = {.version = AGENT_VERSION};
	struct agent_clock clock = {.epoch_ns = router->clock_due};

	if (router->is_hello_due)
		router->is_hello_due = !agent_wire_put(wire, AGENT_HELLO, 0, &hello, sizeof(hello));
	if (router->is_shutdown_due)
		router->is_shutdown_due = !agent_wire_put(wire, AGENT_SHUTDOWN, 0, NULL, 0);
	if (router->clock_due && agent_wire_put(wire, AGENT_CLOCK, 0, &clock, sizeof(clock)))
		router->clock_due = 0;
}

static int settle_channel(struct agent_router *router, struct err *err)
{
	uint32_t events;
	int result = agent_wire_flush(&router->wire, err);

	if (result < 0 || router->is_ending)
		return result;
	events = EPOLLIN | (agent_wire_has_output(&router->wire) ? (uint32_t)EPOLLOUT : 0u);
	return loop_watch(router->loop, &router->channel, events, err);
}

/* The first program's streams, while it lives and until its last output is written. */
static int settle_first(struct agent_router *router, struct err *err)
{
	if (!router->is_greeted && !router->is_ending)
		return 0;
	return agent_local_settle(&router->first, &router->wire, err);
}

static void settle(struct agent_router *router)
{
	struct err err = ERR_INIT;
	int result;

	if (router->is_told)
		return;
	agent_wire_begin_turn(&router->wire);
	if (router->is_greeted && !router->is_ending)
		put_own(router);
	/* Whoever is first in a turn has what room there is. */
	router->is_clients_turn = !router->is_clients_turn;
	if (router->is_clients_turn)
		router_clients_settle(router);
	result = settle_first(router, &err);
	if (!router->is_clients_turn)
		router_clients_settle(router);
	if (result >= 0)
		result = settle_channel(router, &err);
	if (result < 0) {
		break_off(router, AGENT_ENDED_LOST, &err);
		router_clients_settle(router);
	}
	if (router->is_ending)
		tell_end(router);
}

static void first_changed(void *user)
{
	settle(user);
}

static void client_ready(struct loop *loop, struct loop_source *source, uint32_t events)
{
	struct router_client *client = CONTAINER_OF(source, struct router_client, source);
	struct agent_router *router = client->router;

	(void)loop;
	router_client_read(client, events);
	settle(router);
}

static void listener_ready(struct loop *loop, struct loop_source *source, uint32_t events)
{
	struct agent_router *router = ROUTER_OF(source, listener);

	(void)loop, (void)events;
	router_clients_accept(router, client_ready);
	settle(router);
}

void agent_router_shutdown(struct agent_router *router)
{
	router->is_shutdown_due = true;
	settle(router);
}

void agent_router_paused(struct agent_router *router)
{
	router->is_paused = true;
}

void agent_router_resumed(struct agent_router *router, uint64_t epoch_ns)
{
	router->is_paused = false;
	router->clock_due = epoch_ns;
	settle(router);
}

void agent_router_await_hello(struct agent_router *router, unsigned seconds)
{
	router->request.boot_seconds = seconds;
	if (!router->is_greeted)
		begin_waiting(router);
}

bool agent_router_is_greeted(const struct agent_router *router)
{
	return router->is_greeted;
}

bool agent_router_has_started(const struct agent_router *router)
{
	return router->first.is_started && !router->is_ending;
}

/* --- Beginning ---------------------------------------------------------------------------------------------------- */

void agent_router_signals(sigset_t *ret)
{
	static const int kept[] = {SIGKILL, SIGSTOP, SIGCHLD, SIGPIPE, SIGSEGV, SIGBUS, SIGFPE,
				   SIGILL,  SIGTRAP, SIGSYS,  SIGABRT, SIGTTIN, SIGTTOU};

	sigfillset(ret);
	for (size_t i = 0; i < ARRAY_SIZE(kept); i++)
		sigdelset(ret, kept[i]);
}

static int open_parts(struct agent_router *router, struct err *err)
{
	const struct agent_router_request *request = &router->request;
	struct agent_local_request first = {
		.process = AGENT_FIRST,
		.type = AGENT_START,
		.document = request->start,
		.document_len = request->start_len,
		.stdio = {request->stdio[0], request->stdio[1], request->terminal ? -1 : request->stdio[2]},
		.terminal = request->terminal ? request->stdio[0] : -1,
		.signals = request->signals,
		.changed = first_changed,
		.user = router,
	};
	int result = fd_set_nonblock(request->channel_fd, true);

	if (result < 0)
		return err_set(err, -result, "set up the channel to the machine's agent");
	agent_wire_init(&router->wire, request->channel_fd, AGENT_SIDE_GUEST);
	router->channel = (struct loop_source){.fd = request->channel_fd, .ready = channel_ready};
	router->patience.expired = patience_expired;
	result = loop_timer_open(router->loop, &router->patience, err);
	router->has_patience = result >= 0;
	if (result >= 0)
		begin_waiting(router);
	if (result >= 0)
		result = agent_local_open(&router->first, router->loop, &first, err);
	if (result >= 0)
		result = router_clients_open(router, err);
	return result;
}

int agent_router_open(struct loop *loop, const struct agent_router_request *request, struct agent_router **ret,
		      struct err *err)
{
	struct agent_router *router = calloc(1, sizeof(*router));
	int result;

	*ret = NULL;
	if (!router)
		return err_set(err, ENOMEM, "route between the machine and its clients");
	if (request->start_len > AGENT_DOCUMENT_MAX) {
		free(router);
		return err_say(err, E2BIG, "what the machine's agent is to be told is too large (%zu bytes)",
			       request->start_len);
	}
	router->request = *request;
	router->loop = loop;
	router->last_number = AGENT_FIRST;
	router->listener = (struct loop_source){.fd = request->listen_fd, .ready = listener_ready};
	result = open_parts(router, err);
	if (result >= 0)
		result = settle_channel(router, err);
	if (result < 0) {
		agent_router_close(&router);
		return result;
	}
	router_clients_settle(router);
	*ret = router;
	return 0;
}

void agent_router_close(struct agent_router **router)
{
	struct agent_router *r = *router;

	if (!r)
		return;
	router_clients_close(r);
	for (size_t i = 0; i < AGENT_EXECS_MAX; i++)
		if (r->processes[i].guest != 0)
			router_process_free(r, &r->processes[i]);
	loop_forget(r->loop, &r->channel);
	if (r->has_patience)
		loop_timer_close(r->loop, &r->patience);
	agent_local_close(&r->first);
	free(r);
	*router = NULL;
}

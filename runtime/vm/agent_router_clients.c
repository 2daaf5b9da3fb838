// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/base/scope.h"
#include "runtime/vm/agent_router_parts.h"

/* --- Coming and going --------------------------------------------------------------------------------------------- */

static bool is_used(const struct router_client *client)
{
	return client->router != NULL;
}

static void close_client(struct router_client *client)
{
	struct agent_router *router = client->router;

	for (size_t i = 0; i < AGENT_EXECS_MAX; i++)
		if (router->processes[i].guest != 0 && router->processes[i].client == client)
			router_process_abandon(&router->processes[i]);
	loop_forget(router->loop, &client->source);
	scope_fd(&client->source.fd);
	free(client->wire);
	free(client->stats);
	*client = (struct router_client){.router = NULL};
}

static struct router_client *find_free(struct agent_router *router)
{
	for (size_t i = 0; i < AGENT_ROUTER_CLIENTS; i++)
		if (!is_used(&router->clients[i]))
			return &router->clients[i];
	return NULL;
}

void router_clients_accept(struct agent_router *router,
			   void (*ready)(struct loop *loop, struct loop_source *source, uint32_t events))
{
	struct router_client *client = find_free(router);
	int fd = client ? accept4(router->listener.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK) : -1;

	if (fd < 0)
		return;
	client->wire = calloc(1, sizeof(*client->wire));
	if (!client->wire) {
		(void)close(fd);
		return;
	}
	agent_wire_init(client->wire, fd, AGENT_SIDE_CLIENT);
	client->router = router;
	client->source = (struct loop_source){.fd = fd, .ready = ready};
}

int router_clients_open(struct agent_router *router, struct err *err)
{
	int result;

	if (router->listener.fd < 0)
		return 0;
	result = fd_set_nonblock(router->listener.fd, true);
	return result < 0 ? err_set(err, -result, "listen for clients of the machine") : 0;
}

void router_clients_close(struct agent_router *router)
{
	loop_forget(router->loop, &router->listener);
	for (size_t i = 0; i < AGENT_ROUTER_CLIENTS; i++)
		if (is_used(&router->clients[i]))
			close_client(&router->clients[i]);
}

/* --- What a client says ------------------------------------------------------------------------------------------- */

/* 1: done; 0: the guest's wire has no room, hold it; -EPROTO: drop the client. */

static int take_hello(struct router_client *client, const struct agent_message *message)
{
	struct agent_hello hello;

	memcpy(&hello, message->payload, sizeof(hello));
	/* One of another version is answered too: it says best what to do about it. */
	client->is_greeted = client->is_hello_due = true;
	return 1;
}

static int put_failed(struct router_client *client, uint32_t number, int code, const char *words)
{
	struct {
		struct agent_failed failed;
		char words[128];
	} payload = {.failed = {.code = code, .exit_code = ERR_EXIT_FAILED}};
	size_t len = strlen(words);

	memcpy(payload.words, words, len);
	return agent_wire_put(client->wire, AGENT_FAILED, number, &payload, sizeof(payload.failed) + len);
}

/* Of a process that cannot be had, the document is read to its end all the same. */
static int take_refused(struct router_client *client, const struct agent_message *message)
{
	client->refused = message->process;
	if (message->len > 0)
		return 1;
	if (!put_failed(client, message->process, EAGAIN, "too many processes of 'exec' in the machine at a time"))
		return 0;
	client->refused = 0;
	return 1;
}

static int take_exec(struct router_client *client, const struct agent_message *message)
{
	struct agent_router *router = client->router;
	struct router_process *process = router_process_of_client(client, message->process);

	if (client->refused == message->process)
		return take_refused(client, message);
	if (process && process->is_asked_whole)
		return -EPROTO;
	if (!router->first.is_started || !agent_wire_fits(&router->wire, message->len))
		return 0;
	if (!process)
		process = router_process_new(client, message->process);
	if (!process)
		return take_refused(client, message);
	process->is_asked_whole = message->len == 0;
	return agent_wire_put(&router->wire, AGENT_EXEC, process->guest, message->payload, message->len);
}

static int pass_on(struct agent_router *router, const struct router_process *process,
		   const struct agent_message *message)
{
	return agent_wire_put(&router->wire, message->type, process->guest, message->payload, message->len);
}

static int take_stdin(struct agent_router *router, struct router_process *process, const struct agent_message *message)
{
	if (process->is_input_ended || message->len > process->in_window)
		return -EPROTO;
	if (!pass_on(router, process, message))
		return 0;
	process->in_window -= (uint32_t)message->len;
	process->in_sent += (uint32_t)message->len;
	return 1;
}

static int take_input_end(struct agent_router *router, struct router_process *process,
			  const struct agent_message *message)
{
	if (process->is_input_ended)
		return -EPROTO;
	process->is_input_ended = pass_on(router, process, message);
	return process->is_input_ended;
}

static int take_credit(struct router_process *process, const void *payload)
{
	struct agent_credit credit;
	struct router_output *output;

	memcpy(&credit, payload, sizeof(credit));
	output = &process->outputs[credit.stream - AGENT_STREAM_OUT];
	if (credit.bytes > output->unread)
		return -EPROTO;
	output->unread -= credit.bytes;
	output->owed += credit.bytes;
	return 1;
}

/* A frame about a process of its own. One that has ended meanwhile gets no more. */
static int take_of_process(struct router_client *client, const struct agent_message *message)
{
	struct router_process *process = router_process_of_client(client, message->process);

	if (!process || process->verdict != VERDICT_NONE)
		return 1;
	if (!process->is_started && message->type != AGENT_CLOSE)
		return -EPROTO;
	switch (message->type) {
	case AGENT_STDIN:
		return take_stdin(client->router, process, message);
	case AGENT_EOF:
		return take_input_end(client->router, process, message);
	case AGENT_CREDIT:
		return take_credit(process, message->payload);
	case AGENT_CLOSE:
		process->is_close_due = true;
		return 1;
	default:
		return pass_on(client->router, process, message);
	}
}

/*
 * While the guest is not up there is nobody to get it, nor anything on its disks to be lost: who wants an end makes
 * one, and need not wait.
 */
static int take_signal_to_all(struct router_client *client, const struct agent_message *message)
{
	if (!client->router->is_greeted)
		return -EPROTO;
	if (!client->router->first.is_started)
		return 0;
	return agent_wire_put(&client->router->wire, AGENT_SIGNAL, 0, message->payload, message->len);
}

static int take(struct router_client *client, const struct agent_message *message)
{
	if (client->is_greeted == (message->type == AGENT_HELLO))
		return -EPROTO;
	switch (message->type) {
	case AGENT_HELLO:
		return take_hello(client, message);
	case AGENT_EXEC:
		return take_exec(client, message);
	case AGENT_STATS:
		client->wants_stats = true;
		return 1;
	case AGENT_SIGNAL:
		return message->process == 0 ? take_signal_to_all(client, message) : take_of_process(client, message);
	default:
		return take_of_process(client, message);
	}
}

/* Goes on with the frame that was held, and with those behind it that have come. */
static void hear(struct router_client *client)
{
	struct err ignored = ERR_INIT;

	while (!client->is_gone) {
		int result = client->held.type ? 1 : agent_wire_next(client->wire, &client->held, &ignored);

		if (result > 0)
			result = take(client, &client->held);
		if (result == 0)
			return;
		client->held.type = 0;
		client->is_gone = result < 0;
	}
}

void router_client_read(struct router_client *client, uint32_t events)
{
	struct err ignored = ERR_INIT;

	if (client->held.type)
		client->is_gone = (events & (EPOLLHUP | EPOLLERR)) != 0;
	else if (agent_wire_fill(client->wire, &ignored) < 0)
		client->is_gone = true;
}

/* --- Figures ------------------------------------------------------------------------------------------------------ */

int router_clients_stats(struct agent_router *router, const struct agent_message *message, struct err *err)
{
	if (!router->is_stats_asked)
		return err_say(err, EPROTO, "STATS that nobody has asked for");
	router->is_stats_asked = false;
	for (size_t i = 0; i < AGENT_ROUTER_CLIENTS; i++) {
		struct router_client *client = &router->clients[i];

		if (!is_used(client) || !client->waits_for_stats)
			continue;
		client->waits_for_stats = false;
		client->stats = malloc(message->len);
		if (!client->stats) {
			client->is_gone = true;
			continue;
		}
		memcpy(client->stats, message->payload, message->len);
		client->stats_len = message->len;
	}
	return 0;
}

/* One question for all who want to know; who asks while it is on its way waits for the next. */
static void ask_for_stats(struct agent_router *router)
{
	bool is_wanted = false;

	if (router->is_stats_asked || !router->first.is_started)
		return;
	for (size_t i = 0; i < AGENT_ROUTER_CLIENTS; i++)
		is_wanted = is_wanted || (is_used(&router->clients[i]) && router->clients[i].wants_stats);
	if (!is_wanted || !agent_wire_put(&router->wire, AGENT_STATS, 0, NULL, 0))
		return;
	router->is_stats_asked = true;
	for (size_t i = 0; i < AGENT_ROUTER_CLIENTS; i++) {
		struct router_client *client = &router->clients[i];

		if (is_used(client) && client->wants_stats && !client->stats) {
			client->wants_stats = false;
			client->waits_for_stats = true;
		}
	}
}

static void put_stats(struct router_client *client)
{
	if (!client->stats || !agent_wire_put(client->wire, AGENT_STATS, 0, client->stats, client->stats_len))
		return;
	free(client->stats);
	client->stats = NULL;
}

/* --- Behind every event ------------------------------------------------------------------------------------------- */

static void put_hello(struct router_client *client)
{
	struct agent_hello hello = {.version = AGENT_VERSION};

	if (client->is_hello_due)
		client->is_hello_due = !agent_wire_put(client->wire, AGENT_HELLO, 0, &hello, sizeof(hello));
}

/* A frame that is held stops the reading, so that a client's haste is its own. */
static void watch_client(struct router_client *client)
{
	uint32_t events = (client->held.type ? 0u : (uint32_t)EPOLLIN) |
			  (agent_wire_has_output(client->wire) ? (uint32_t)EPOLLOUT : 0u);
	struct err ignored = ERR_INIT;

	if (loop_watch(client->router->loop, &client->source, events, &ignored) < 0)
		client->is_gone = true;
}

static void settle_client(struct router_client *client)
{
	struct agent_router *router = client->router;
	struct err ignored = ERR_INIT;

	agent_wire_begin_turn(client->wire);
	hear(client);
	put_hello(client);
	put_stats(client);
	for (size_t i = 0; i < AGENT_EXECS_MAX; i++)
		if (router->processes[i].guest != 0 && router->processes[i].client == client)
			router_process_settle(router, &router->processes[i]);
	if (agent_wire_flush(client->wire, &ignored) < 0)
		client->is_gone = true;
	if (!client->is_gone)
		watch_client(client);
}

static void settle_abandoned(struct agent_router *router)
{
	for (size_t i = 0; i < AGENT_EXECS_MAX; i++)
		if (router->processes[i].guest != 0 && !router->processes[i].client)
			router_process_settle(router, &router->processes[i]);
}

static bool has_news(const struct router_client *client)
{
	const struct agent_router *router = client->router;

	for (size_t i = 0; i < AGENT_EXECS_MAX; i++)
		if (router->processes[i].client == client && router_process_has_news(&router->processes[i]))
			return true;
	return agent_wire_has_output(client->wire) || client->stats;
}

static void watch_listener(struct agent_router *router)
{
	struct err ignored = ERR_INIT;
	bool wanted = router->listener.fd >= 0 && !router->is_ending && find_free(router);

	if (wanted && !router->listener.registered)
		(void)loop_watch(router->loop, &router->listener, EPOLLIN, &ignored);
	else if (!wanted)
		loop_forget(router->loop, &router->listener);
}

void router_clients_settle(struct agent_router *router)
{
	for (size_t i = 0; i < AGENT_ROUTER_CLIENTS; i++) {
		struct router_client *client = &router->clients[i];

		if (!is_used(client))
			continue;
		settle_client(client);
		if (client->is_gone || (router->is_ending && !has_news(client)))
			close_client(client);
	}
	settle_abandoned(router);
	ask_for_stats(router);
	watch_listener(router);
}

bool router_clients_are_gone(const struct agent_router *router)
{
	for (size_t i = 0; i < AGENT_ROUTER_CLIENTS; i++)
		if (is_used(&router->clients[i]))
			return false;
	return true;
}

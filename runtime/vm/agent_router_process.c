// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <string.h>

#include "runtime/vm/agent_router_parts.h"

/* --- Finding, making, freeing ------------------------------------------------------------------------------------- */

struct router_process *router_process_of_guest(struct agent_router *router, uint32_t number)
{
	for (size_t i = 0; i < AGENT_EXECS_MAX; i++)
		if (router->processes[i].guest == number)
			return &router->processes[i];
	return NULL;
}

struct router_process *router_process_of_client(struct router_client *client, uint32_t number)
{
	struct agent_router *router = client->router;

	for (size_t i = 0; i < AGENT_EXECS_MAX; i++) {
		struct router_process *process = &router->processes[i];

		if (process->guest != 0 && process->client == client && process->number == number)
			return process;
	}
	return NULL;
}

struct router_process *router_process_new(struct router_client *client, uint32_t number)
{
	struct agent_router *router = client->router;
	struct router_process *process = router_process_of_guest(router, 0);
	struct err ignored = ERR_INIT;

	/* Numbers are never used again: what is said of one that has ended means nothing else. */
	if (!process || router->last_number == UINT32_MAX)
		return NULL;
	*process = (struct router_process){
		.guest = ++router->last_number,
		.client = client,
		.number = number,
		.in_window = AGENT_WINDOW,
	};
	for (size_t i = 0; i < ARRAY_SIZE(process->outputs); i++) {
		process->outputs[i].window = AGENT_WINDOW;
		if (agent_ring_open(&process->outputs[i].ring, &ignored) < 0) {
			router_process_free(router, process);
			return NULL;
		}
	}
	return process;
}

void router_process_free(struct agent_router *router, struct router_process *process)
{
	(void)router;
	for (size_t i = 0; i < ARRAY_SIZE(process->outputs); i++)
		agent_ring_close(&process->outputs[i].ring);
	*process = (struct router_process){.guest = 0};
}

void router_process_abandon(struct router_process *process)
{
	process->client = NULL;
	process->is_close_due = process->verdict == VERDICT_NONE;
	for (size_t i = 0; i < ARRAY_SIZE(process->outputs); i++)
		agent_ring_close(&process->outputs[i].ring);
}

/* --- From the guest ----------------------------------------------------------------------------------------------- */

static int take_output(struct router_process *process, struct router_output *output,
		       const struct agent_message *message, struct err *err)
{
	if (output->is_ended || message->len > output->window)
		return err_say(err, EPROTO, "%s (process %u)",
			       output->is_ended ? "bytes behind a stream's end" : "more bytes than it had credit for",
			       process->guest);
	output->window -= (uint32_t)message->len;
	/* Of a process that nobody listens to, nothing is kept. */
	(void)agent_ring_add(&output->ring, message->payload, message->len);
	return 0;
}

static int take_eof(struct router_process *process, const void *payload, struct err *err)
{
	struct agent_eof eof;
	struct router_output *output;

	memcpy(&eof, payload, sizeof(eof));
	output = &process->outputs[eof.stream - AGENT_STREAM_OUT];
	if (output->is_ended)
		return err_say(err, EPROTO, "a stream's end, twice (process %u)", process->guest);
	output->is_ended = true;
	return 0;
}

static int take_credit(struct router_process *process, const void *payload, struct err *err)
{
	struct agent_credit credit;

	memcpy(&credit, payload, sizeof(credit));
	if (credit.bytes > process->in_sent)
		return err_say(err, EPROTO, "CREDIT for bytes that were never sent (process %u)", process->guest);
	process->in_sent -= credit.bytes;
	process->in_owed += credit.bytes;
	return 0;
}

static void take_verdict(struct router_process *process, const struct agent_message *message)
{
	if (message->type == AGENT_EXIT) {
		memcpy(&process->exit, message->payload, sizeof(process->exit));
		process->verdict = VERDICT_EXIT;
		return;
	}
	memcpy(&process->failed, message->payload, sizeof(process->failed));
	process->words_len = message->len - sizeof(process->failed);
	memcpy(process->words, message->payload + sizeof(process->failed), process->words_len);
	process->verdict = VERDICT_FAILED;
}

int router_process_take(struct router_process *process, const struct agent_message *message, struct err *err)
{
	bool is_first_word = message->type == AGENT_STARTED || message->type == AGENT_FAILED;
	struct agent_started started;

	if (process->verdict != VERDICT_NONE || is_first_word == process->is_started)
		return err_say(err, EPROTO, "%s of a process that %s (%u)", agent_frame_name(message->type),
			       process->verdict != VERDICT_NONE ? "has ended"
			       : process->is_started		? "runs"
								: "does not run yet",
			       process->guest);
	switch (message->type) {
	case AGENT_STARTED:
		memcpy(&started, message->payload, sizeof(started));
		process->is_started = true;
		process->pid = started.pid;
		return 0;
	case AGENT_STDOUT:
	case AGENT_STDERR:
		return take_output(process, &process->outputs[message->type - AGENT_STDOUT], message, err);
	case AGENT_EOF:
		return take_eof(process, message->payload, err);
	case AGENT_CREDIT:
		return take_credit(process, message->payload, err);
	default:
		take_verdict(process, message);
		return 0;
	}
}

/* --- To the guest ------------------------------------------------------------------------------------------------- */

static void put_for_guest(struct agent_router *router, struct router_process *process)
{
	if (process->verdict != VERDICT_NONE)
		return;
	if (process->is_close_due && agent_wire_put(&router->wire, AGENT_CLOSE, process->guest, NULL, 0))
		process->is_close_due = false;
	for (size_t i = 0; i < ARRAY_SIZE(process->outputs); i++) {
		struct router_output *output = &process->outputs[i];
		struct agent_credit credit = {.stream = AGENT_STREAM_OUT + (uint32_t)i, .bytes = output->owed};

		if (output->owed == 0 ||
		    !agent_wire_put(&router->wire, AGENT_CREDIT, process->guest, &credit, sizeof(credit)))
			continue;
		output->window += output->owed;
		output->owed = 0;
	}
}

/* --- To the client ------------------------------------------------------------------------------------------------ */

static void put_started(struct router_process *process, struct agent_wire *wire)
{
	struct agent_started started = {.pid = process->pid};

	if (process->is_started && !process->is_started_told)
		process->is_started_told =
			agent_wire_put(wire, AGENT_STARTED, process->number, &started, sizeof(started));
}

static void put_credit(struct router_process *process, struct agent_wire *wire)
{
	struct agent_credit credit = {.stream = AGENT_STREAM_IN, .bytes = process->in_owed};

	if (process->in_owed == 0 || !agent_wire_put(wire, AGENT_CREDIT, process->number, &credit, sizeof(credit)))
		return;
	process->in_window += process->in_owed;
	process->in_owed = 0;
}

static void put_output(struct router_process *process, unsigned which, struct agent_wire *wire)
{
	struct router_output *output = &process->outputs[which];
	struct agent_eof eof = {.stream = AGENT_STREAM_OUT + which};

	while (output->ring.len > 0) {
		size_t len, room;
		const unsigned char *bytes = agent_ring_peek(&output->ring, &len);

		if (!agent_wire_fits(wire, 1))
			return;
		room = agent_wire_room(wire);
		len = len < room ? len : room;
		len = len < AGENT_CHUNK ? len : AGENT_CHUNK;
		if (!agent_wire_put(wire, AGENT_STDOUT + which, process->number, bytes, len))
			return;
		agent_ring_drop(&output->ring, len);
		output->unread += (uint32_t)len;
	}
	if (output->is_ended && !output->is_end_told)
		output->is_end_told = agent_wire_put(wire, AGENT_EOF, process->number, &eof, sizeof(eof));
}

/* The last word, behind all output. True when it was told. */
static bool put_verdict(const struct router_process *process, struct agent_wire *wire)
{
	unsigned char failed[sizeof(process->failed) + sizeof(process->words)];

	if (process->verdict == VERDICT_EXIT)
		return agent_wire_put(wire, AGENT_EXIT, process->number, &process->exit, sizeof(process->exit));
	memcpy(failed, &process->failed, sizeof(process->failed));
	memcpy(failed + sizeof(process->failed), process->words, process->words_len);
	return agent_wire_put(wire, AGENT_FAILED, process->number, failed,
			      sizeof(process->failed) + process->words_len);
}

static bool is_output_told(const struct router_process *process)
{
	for (size_t i = 0; i < ARRAY_SIZE(process->outputs); i++)
		if (process->outputs[i].ring.len > 0 || process->outputs[i].is_ended != process->outputs[i].is_end_told)
			return false;
	return process->is_started == process->is_started_told;
}

bool router_process_has_news(const struct router_process *process)
{
	return process->client && (process->verdict != VERDICT_NONE || !is_output_told(process));
}

void router_process_settle(struct agent_router *router, struct router_process *process)
{
	struct agent_wire *wire = process->client ? process->client->wire : NULL;
	bool is_over = process->verdict != VERDICT_NONE;

	put_for_guest(router, process);
	if (wire && !process->client->is_gone) {
		put_started(process, wire);
		if (!is_over)
			put_credit(process, wire);
		put_output(process, 0, wire);
		put_output(process, 1, wire);
		is_over = is_over && is_output_told(process) && put_verdict(process, wire);
	}
	if (is_over)
		router_process_free(router, process);
}

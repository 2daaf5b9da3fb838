// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/vm/agent_local.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>

#include "runtime/base/scope.h"

#define LOCAL_OF(pointer, member) CONTAINER_OF(pointer, struct agent_local, member)

/* --- From the loop ------------------------------------------------------------------------------------------------ */

static void input_ready(struct loop *loop, struct loop_source *source, uint32_t events)
{
	struct agent_local *local = LOCAL_OF(source, in.source);

	(void)loop, (void)events;
	local->in.is_ready = true;
	local->request.changed(local->request.user);
}

static void output_ready(struct loop *loop, struct loop_source *source, uint32_t events)
{
	struct agent_local *local = LOCAL_OF(source, out.source);

	(void)loop, (void)events;
	local->request.changed(local->request.user);
}

static void error_ready(struct loop *loop, struct loop_source *source, uint32_t events)
{
	struct agent_local *local = LOCAL_OF(source, err.source);

	(void)loop, (void)events;
	local->request.changed(local->request.user);
}

static void signal_arrived(struct loop *loop, struct loop_signals *signals, int signo)
{
	struct agent_local *local = LOCAL_OF(signals, signals);

	(void)loop;
	if (signo == SIGWINCH && local->request.terminal >= 0)
		local->is_resize_due = true;
	else
		local->signals_due |= UINT64_C(1) << (signo - 1);
	local->request.changed(local->request.user);
}

/* --- The terminal ------------------------------------------------------------------------------------------------- */

/* The guest has a terminal of its own with all its manners: this one passes every byte. */
static int make_raw(struct agent_local *local, struct err *err)
{
	struct termios raw;

	if (local->request.terminal < 0)
		return 0;
	if (tcgetattr(local->request.terminal, &local->saved) < 0)
		return err_set(err, errno, "look at the terminal");
	raw = local->saved;
	cfmakeraw(&raw);
	if (tcsetattr(local->request.terminal, TCSANOW, &raw) < 0)
		return err_set(err, errno, "set the terminal to raw mode");
	local->is_raw = true;
	local->is_resize_due = true;
	return 0;
}

static void put_size(struct agent_local *local, struct agent_wire *wire)
{
	struct winsize size;
	struct agent_resize resize;

	if (!local->is_resize_due)
		return;
	if (ioctl(local->request.terminal, TIOCGWINSZ, &size) < 0 || (size.ws_row == 0 && size.ws_col == 0)) {
		local->is_resize_due = false; /* a terminal without a size has none to pass on */
		return;
	}
	resize = (struct agent_resize){.rows = size.ws_row, .columns = size.ws_col};
	if (agent_wire_put(wire, AGENT_RESIZE, local->request.process, &resize, sizeof(resize)))
		local->is_resize_due = false;
}

/* --- What there is to say ----------------------------------------------------------------------------------------- */

/* The document's pieces, and the empty one that ends it. */
static int put_document(struct agent_local *local, struct agent_wire *wire, struct err *err)
{
	const struct agent_local_request *request = &local->request;

	while (!local->is_document_told) {
		size_t rest = request->document_len - local->document_sent, room;
		int result = agent_wire_flush(wire, err);

		if (result < 0)
			return result;
		room = agent_wire_room(wire);
		if (rest > 0 && !agent_wire_fits(wire, 1))
			return 0;
		rest = rest < room ? rest : room;
		rest = rest < AGENT_CHUNK ? rest : AGENT_CHUNK;
		if (!agent_wire_put(wire, request->type, request->process,
				    (const char *)request->document + local->document_sent, rest))
			return 0;
		local->document_sent += rest;
		local->is_document_told = rest == 0;
	}
	return 0;
}

static void put_signals(struct agent_local *local, struct agent_wire *wire)
{
	for (int signo = 1; signo <= 64 && local->signals_due; signo++) {
		uint64_t bit = UINT64_C(1) << (signo - 1);
		struct agent_signal signal = {.signo = signo};

		if (!(local->signals_due & bit))
			continue;
		if (!agent_wire_put(wire, AGENT_SIGNAL, local->request.process, &signal, sizeof(signal)))
			return;
		local->signals_due &= ~bit;
	}
}

/* A broken pipe on the host is one in the guest. */
static void put_close(struct agent_local *local, struct agent_wire *wire)
{
	bool is_broken = (local->request.stdio[1] >= 0 && local->out.source.fd < 0) ||
			 (local->request.stdio[2] >= 0 && local->err.source.fd < 0);

	if (is_broken && !local->has_ended && !local->is_close_told)
		local->is_close_told = agent_wire_put(wire, AGENT_CLOSE, local->request.process, NULL, 0);
}

int agent_local_settle(struct agent_local *local, struct agent_wire *wire, struct err *err)
{
	int result = put_document(local, wire, err);

	if (result < 0 || !local->is_started)
		return result;
	put_signals(local, wire);
	put_size(local, wire);
	result = agent_source_pump(&local->in, local->loop, wire, err);
	if (result >= 0)
		result = agent_sink_settle(&local->out, local->loop, wire, err);
	if (result >= 0)
		result = agent_sink_settle(&local->err, local->loop, wire, err);
	if (result >= 0)
		put_close(local, wire);
	return result;
}

/* --- What is heard ------------------------------------------------------------------------------------------------ */

static int take_eof(struct agent_local *local, const void *payload, struct err *err)
{
	struct agent_eof eof;

	memcpy(&eof, payload, sizeof(eof));
	return agent_sink_end(eof.stream == AGENT_STREAM_OUT ? &local->out : &local->err, err);
}

static int take_credit(struct agent_local *local, const void *payload, struct err *err)
{
	struct agent_credit credit;

	memcpy(&credit, payload, sizeof(credit));
	return agent_source_credit(&local->in, credit.bytes, err);
}

int agent_local_take(struct agent_local *local, const struct agent_message *message, struct err *err)
{
	if (!local->is_started)
		return err_say(err, EPROTO, "%s before STARTED", agent_frame_name(message->type));
	switch (message->type) {
	case AGENT_STDOUT:
		return agent_sink_take(&local->out, local->loop, message->payload, message->len, err);
	case AGENT_STDERR:
		return agent_sink_take(&local->err, local->loop, message->payload, message->len, err);
	case AGENT_EOF:
		return take_eof(local, message->payload, err);
	case AGENT_CREDIT:
		return take_credit(local, message->payload, err);
	default:
		return err_say(err, EPROTO, "%s of a process that runs", agent_frame_name(message->type));
	}
}

bool agent_local_is_drained(const struct agent_local *local)
{
	return agent_sink_is_empty(&local->out) && agent_sink_is_empty(&local->err);
}

void agent_local_started(struct agent_local *local)
{
	local->is_started = true;
}

/* --- Beginning and end -------------------------------------------------------------------------------------------- */

int agent_local_open(struct agent_local *local, struct loop *loop, const struct agent_local_request *request,
		     struct err *err)
{
	struct agent_line in = {request->process, AGENT_STREAM_IN}, out = {request->process, AGENT_STREAM_OUT},
			  error = {request->process, AGENT_STREAM_ERR};
	int result;

	*local = (struct agent_local){.request = *request, .loop = loop};
	agent_source_init(&local->in, request->stdio[0], false, in, input_ready);
	result = agent_sink_open(&local->out, request->stdio[1], false, out, output_ready, err);
	if (result >= 0)
		result = agent_sink_open(&local->err, request->stdio[2], false, error, error_ready, err);
	if (result >= 0)
		result = make_raw(local, err);
	if (result >= 0 && request->signals) {
		local->signals.arrived = signal_arrived;
		result = loop_signals_open(loop, &local->signals, request->signals, err);
		local->has_signals = result >= 0;
	}
	if (result < 0)
		agent_local_close(local);
	return result;
}

void agent_local_ended(struct agent_local *local)
{
	agent_source_end(&local->in, local->loop);
	local->in.is_told = true;
	local->signals_due = 0;
	local->is_resize_due = false;
	local->is_document_told = true;
	local->is_started = local->has_ended = true;
}

void agent_local_drop(struct agent_local *local)
{
	agent_sink_drop(&local->out, local->loop);
	agent_sink_drop(&local->err, local->loop);
}

void agent_local_close(struct agent_local *local)
{
	if (!local->loop)
		return;
	if (local->has_signals)
		loop_signals_close(local->loop, &local->signals);
	agent_source_end(&local->in, local->loop);
	agent_sink_close(&local->out, local->loop);
	agent_sink_close(&local->err, local->loop);
	if (local->is_raw)
		(void)tcsetattr(local->request.terminal, TCSANOW, &local->saved);
	*local = (struct agent_local){.loop = NULL};
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Any bytes as one side of the agent's protocol. The first byte says who speaks: a guest or a client to the frames
 * alone, or one of both to a router in front of which everything else is as it should be. A router ends one way or the
 * other, or goes on; it never writes more than it was given credit for.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/fuzz/fuzz.h"
#include "tests/unit/vm/agent_script.h"

/* --- Frames ------------------------------------------------------------------------------------------------------- */

static void check_message(const struct agent_wire *wire, const struct agent_message *message)
{
	fuzz_want(message->len <= AGENT_PAYLOAD_MAX, "an overlong frame");
	fuzz_want(message->payload >= wire->in && message->payload + message->len <= wire->in + sizeof(wire->in),
		  "a payload outside the buffer");
	fuzz_want(agent_frame_name(message->type)[0] != '?', "a frame of an unknown type");
}

static struct agent_wire frames;

/* How the wire is behind these bytes: 0, or that it broke. */
static int feed(const uint8_t *data, size_t size)
{
	struct agent_message message;
	struct err err = ERR_INIT;
	int result = 0;

	while (size > 0 && result >= 0) {
		size_t took = agent_wire_feed(&frames, data, size);

		data += took;
		size -= took;
		while ((result = agent_wire_next(&frames, &message, &err)) > 0)
			check_message(&frames, &message);
		fuzz_want(result < 0 || took > 0, "a buffer that is full without a frame");
	}
	fuzz_want(result >= 0 || (result == -EPROTO && err.msg[0] && frames.ended), "a breach without words");
	return result;
}

/* Behind the input, as many zeros as the longest frame has and more: what was begun ends. */
static void feed_frames(enum agent_side side, const uint8_t *data, size_t size)
{
	static const uint8_t zeros[AGENT_WIRE_BYTES + 16];

	agent_wire_init(&frames, -1, side);
	if (feed(data, size) >= 0)
		(void)feed(zeros, sizeof(zeros));
}

/* --- The router --------------------------------------------------------------------------------------------------- */

static struct script script;
static struct agent_wire client;

/* What the router said is looked at as its peer would: it never breaks the protocol itself. */
static void hear_all(struct agent_wire *wire)
{
	struct agent_message message;
	struct err err = ERR_INIT;

	while (wire->fd >= 0 && !wire->ended && agent_wire_fill(wire, &err) > 0) {
		int result;

		while ((result = agent_wire_next(wire, &message, &err)) > 0)
			check_message(wire, &message);
		fuzz_want(result == 0, err.msg);
	}
}

static void feed_router(struct agent_wire *who, const uint8_t *data, size_t size)
{
	char drained[4096];

	while (size > 0 && !script.has_ended) {
		ssize_t wrote = write(who->fd, data, size);

		if (wrote < 0 && errno != EAGAIN)
			break;
		if (wrote > 0) {
			data += wrote;
			size -= (size_t)wrote;
		}
		script_turn(&script);
		hear_all(&script.guest);
		hear_all(&client);
		(void)!read(script.out, drained, sizeof(drained));
	}
	for (int turns = 0; turns < 2; turns++)
		script_turn(&script);
	hear_all(&script.guest);
	hear_all(&client);
}

static void try_router(bool is_guest, const uint8_t *data, size_t size)
{
	script_open(&script);
	script_start(&script);
	script_connect(&script, &client);
	script_exec(&script, &client, 1, 2);
	feed_router(is_guest ? &script.guest : &client, data, size);
	/* A client can do nothing to the machine. */
	fuzz_want(is_guest || !script.has_ended, "a client ended the machine");
	(void)close(client.fd);
	script_close(&script);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum agent_side sides[] = {AGENT_SIDE_GUEST, AGENT_SIDE_CLIENT, AGENT_SIDE_HOST};
	sigset_t blocked;

	if (size == 0)
		return 0;
	(void)signal(SIGPIPE, SIG_IGN);
	sigemptyset(&blocked);
	(void)sigprocmask(SIG_BLOCK, &blocked, NULL);
	/* A router costs milliseconds, frames alone nothing. */
	if (data[0] % 16 < 2)
		try_router(data[0] % 16 == 0, data + 1, size - 1);
	else
		feed_frames(sides[data[0] % 3], data + 1, size - 1);
	return 0;
}

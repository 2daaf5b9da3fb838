/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A router and those it speaks with, in one process: the guest and the clients are scripts that say frames and look at
 * what they hear. The router's loop is run while a script waits. For tests/unit/vm and tests/fuzz.
 */
#ifndef HULL_TESTS_UNIT_VM_AGENT_SCRIPT_H
#define HULL_TESTS_UNIT_VM_AGENT_SCRIPT_H

#include "runtime/vm/agent_protocol.h"
#include "runtime/vm/agent_router.h"

#define SCRIPT_DOCUMENT_BYTES 40000

struct script {
	struct loop loop;
	struct loop_timer step;
	struct agent_router *router;
	struct agent_wire guest; /* fd: the guest's end */
	int channel;
	int listener;
	char folder[64];    /* of vm.sock */
	int in, out, error; /* the other ends of the first program's streams */
	int stdio[3];
	char document[SCRIPT_DOCUMENT_BYTES];
	unsigned greetings;
	bool has_ended;
	struct agent_outcome outcome;
};

/* Everything there, nothing said yet. */
void script_open(struct script *script);
/* The same, with a guest that has to say HELLO within so many seconds, and STARTED within as many more. */
void script_open_within(struct script *script, unsigned seconds);
void script_close(struct script *script);
/* Lets the router do what it can for a moment. */
void script_turn(struct script *script);
/* Until the condition holds; fails the test after some seconds. */
#define SCRIPT_UNTIL(script, condition)                                                      \
	do {                                                                                 \
		int turns = 0;                                                               \
		while (!(condition)) {                                                       \
			if (++turns == 3000) {                                               \
				tap_fail(__FILE__, __LINE__, "waited in vain: " #condition); \
				break;                                                       \
			}                                                                    \
			script_turn(script);                                                 \
		}                                                                            \
	} while (0)

/* One end says a frame, whole (the router takes it meanwhile), or hears the next one: false when none comes. */
void script_say(struct script *script, struct agent_wire *who, unsigned type, uint32_t process, const void *payload,
		size_t len);
bool script_hear(struct script *script, struct agent_wire *who, struct agent_message *ret);
/* The next frame is of this type and process: else false. */
bool script_hears(struct script *script, struct agent_wire *who, unsigned type, uint32_t process,
		  struct agent_message *ret);

/* HELLO and START, STARTED: the first program runs. */
void script_start(struct script *script);
/* A client that has said HELLO and been answered. The wire is the caller's, its fd too. */
void script_connect(struct script *script, struct agent_wire *client);
/* A client's process `number` that runs as `guest` in the guest. */
void script_exec(struct script *script, struct agent_wire *client, uint32_t number, uint32_t guest);

#endif

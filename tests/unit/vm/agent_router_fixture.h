/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the tests of the router share: a script (agent_script.h), two clients, and what a guest often says. */
#ifndef HULL_TESTS_UNIT_VM_AGENT_ROUTER_FIXTURE_H
#define HULL_TESTS_UNIT_VM_AGENT_ROUTER_FIXTURE_H

#include <errno.h>

#include "tests/unit/tap.h"
#include "tests/unit/vm/agent_script.h"

static __attribute__((unused)) struct script s;
static __attribute__((unused)) struct agent_wire one, two;
static __attribute__((unused)) unsigned char bytes[AGENT_PAYLOAD_MAX];

static inline void guest_says(unsigned type, uint32_t process, const void *payload, size_t len)
{
	script_say(&s, &s.guest, type, process, payload, len);
}

static inline void guest_exits(uint32_t process, int code)
{
	struct agent_exit how = {.code = code};

	guest_says(AGENT_EXIT, process, &how, sizeof(how));
}

static inline void guest_ends_stream(uint32_t process, uint32_t stream)
{
	struct agent_eof eof = {.stream = stream};

	guest_says(AGENT_EOF, process, &eof, sizeof(eof));
}

static inline void credit(struct agent_wire *who, uint32_t process, uint32_t stream, uint32_t count)
{
	struct agent_credit given = {.stream = stream, .bytes = count};

	script_say(&s, who, AGENT_CREDIT, process, &given, sizeof(given));
}

static inline void close_client(struct agent_wire *client)
{
	(void)close(client->fd);
	client->fd = -1;
}

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef HULL_TESTS_UNIT_VM_AGENT_HEARD_H
#define HULL_TESTS_UNIT_VM_AGENT_HEARD_H

#include <stdio.h>

#include "runtime/vm/agent_protocol.h"

/* Whether a frame (NULL: none came) is of this type and process; says which it was when not. */
static inline bool agent_is_heard(const struct agent_message *message, unsigned type, uint32_t process)
{
	if (message && message->type == type && message->process == process)
		return true;
	printf("# heard %s of %u, wanted %s of %u\n", message ? agent_frame_name(message->type) : "nothing",
	       message ? message->process : 0, agent_frame_name(type), process);
	return false;
}

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * In place of the agent's parts that are about the guest's kernel, and that a test of its channel has no use for.
 * Defines them: for one file of a program.
 */
#ifndef HULL_TESTS_UNIT_AGENT_GUEST_PARTS_H
#define HULL_TESTS_UNIT_AGENT_GUEST_PARTS_H

#include "runtime/agent/agent.h"

bool program_ran_out_of_memory(struct agent *agent)
{
	(void)agent;
	return false;
}

int boot_load_modules(const char *purpose, struct err *err)
{
	(void)purpose, (void)err;
	return 0;
}

bool boot_has_device(unsigned virtio_id)
{
	(void)virtio_id;
	return false;
}

#endif

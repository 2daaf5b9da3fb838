/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From a bundle to something that runs: the plan, with what only runs of other instances tell, and the start. */
#ifndef HULL_CLI_INSTANCE_START_H
#define HULL_CLI_INSTANCE_START_H

#include "cli/hull.h"

/*
 * Starts a defined instance from its bundle: plans, and hands it to the engine. With `in_place` this process becomes
 * its keeper.
 */
struct instance_starting {
	const char *id;
	bool attach;
	bool in_place;
};
int instance_start(const struct command_call *call, const struct stores *stores, const struct instance_starting *how,
		   int *ret_client_fd, struct err *err);

/*
 * Reads the bundle back and sees whether it can be planned, as a start would. Instances whose namespaces it joins need
 * not run.
 */
int instance_check(const struct command_call *call, const struct stores *stores, const char *id, struct err *err);

#endif

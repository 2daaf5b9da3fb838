/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From a bundle to something that runs: the plan, with what only runs of other instances tell, and the start. */
#ifndef HULL_CLI_INSTANCE_START_H
#define HULL_CLI_INSTANCE_START_H

#include "cli/hull.h"

struct instance_starting {
	const char *id;
	bool attach;
	bool is_restart; /* nobody has asked for it just now: -ECANCELED when somebody has stopped it meanwhile */
	bool in_place;	 /* this process becomes its keeper */
};
/*
 * Starts a defined instance from its bundle: plans, and hands it to the engine. When another command has begun to start
 * it first, that one's success is this one's, unless there is something to attach to: then -EBUSY.
 */
int instance_start(const struct command_call *call, const struct stores *stores, const struct instance_starting *how,
		   int *ret_client_fd, struct err *err);

/*
 * Reads the bundle back and sees whether it can be planned, as a start would. Instances whose namespaces it joins need
 * not run.
 */
int instance_check(const struct command_call *call, const struct stores *stores, const char *id, struct err *err);

#endif

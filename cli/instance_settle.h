/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What crashes leave, and who clears it away: the next command does. */
#ifndef HULL_CLI_INSTANCE_SETTLE_H
#define HULL_CLI_INSTANCE_SETTLE_H

#include "cli/hull.h"

/*
 * Sets right what crashes have left: interrupted creations, instances whose end nobody saw, keepers that are gone,
 * definitions half made, addresses and ranges that nobody holds. What cannot be set right is said on standard error.
 */
void instance_settle(const struct command_call *call, const struct stores *stores);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Instances whose definition is gone while their state is there: somebody has removed the folder by hand. They have to be seen, or nobody could end
 * them.
 */
#ifndef HULL_CLI_LOST_H
#define HULL_CLI_LOST_H

#include "cli/hull.h"
#include "cli/instance_view.h"

/* What the record alone tells of one. -ENOENT without words when there is none, or when it is not one of this data folder's. */
int lost_look(const struct command_call *call, const struct stores *stores, const char *id, struct instance_view *ret);
/* By name, id or the beginning of one, as in instance_look() of instance.h. -ENOENT without words. */
int lost_find(const struct command_call *call, const struct stores *stores, const char *words,
	      struct instance_view *ret);
/* Adds the ids of all of them to a list of ids that are known already. */
int lost_list(const struct command_call *call, const struct stores *stores, struct strv *ids, struct err *err);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Instances whose definition is lost: somebody has removed the folder by hand while they ran, or what is in it cannot
 * be read any more. They have to be seen, or nobody could end them, or free what they hold.
 */
#ifndef HULL_CLI_LOST_H
#define HULL_CLI_LOST_H

#include "cli/hull.h"
#include "cli/instance_view.h"

/*
 * What the record alone tells of one. -ENOENT without words when there is none, or when it is not one of this data
 * folder's.
 */
int lost_look(const struct command_call *call, const struct stores *stores, const char *id, struct instance_view *ret);
/*
 * What there is to know of one whose folder is there, and its hull.json cannot be used; the caller looks for a record.
 * -ENOENT without words when it is one whose creation was interrupted: lost_half_made().
 */
int lost_look_damaged(const struct command_call *call, const struct stores *stores, const char *id, int folder,
		      struct instance_view *ret);
/*
 * Whether a folder is of a creation that was interrupted: hull.json is written last, and nothing was written below the
 * root before that. One that has lost the file and has something there is somebody's.
 */
bool lost_half_made(int folder);
/* By name, id or the beginning of one, as in instance_look() of instance.h. -ENOENT without words. */
int lost_find(const struct command_call *call, const struct stores *stores, const char *words,
	      struct instance_view *ret);
/* What to say to who wants more of it than its end. -ENOENT. */
int lost_refuse(const char *words, struct err *err);
/* Adds the ids of all of them to a list of ids that are known already. */
int lost_list(const struct command_call *call, const struct stores *stores, struct strv *ids, struct err *err);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An instance as the user knows it: its definition, what it runs as now, its image and its ids. This is where the folders that do not know one
 * another meet.
 */
#ifndef HULL_CLI_INSTANCE_H
#define HULL_CLI_INSTANCE_H

#include "cli/hull.h"
#include "runtime/core/engine.h"
#include "runtime/spec/extension.h"

/* What there is to know of one, together. Strings live in the arena. */
struct instance_view {
	char id[DEFINITION_ID_BYTES];
	const char *data_dir;
	const struct extension *extension;
	bool has_record; /* it runs, or was not unmade yet */
	struct record record;
	struct lifecycle now; /* without a record: stopped, or 'created' when it never ran */
	bool never_ran;
	struct definition_exit last; /* how it ended last, if it has */
};

/* Looks one up by name, id or the beginning of an id. -ENOENT with words. */
int instance_look(const struct command_call *call, const struct stores *stores, const char *words,
		  struct instance_view *ret, struct err *err);
/* All of them, newest first. One that goes away meanwhile is left out. */
int instance_list(const struct command_call *call, const struct stores *stores, struct instance_view **ret,
		  size_t *ret_count, struct err *err);

/* Whether root inside is the host's root: no range of its own, and no other instance's user namespace. */
bool instance_has_host_ids(const struct extension *extension);

/*
 * Removes a stopped one wholly: writable layer, definition, name, hold on the image, range of ids; with `volumes` also those volumes that nobody has
 * named. Idempotent.
 */
int instance_remove(const struct command_call *call, const struct stores *stores, const char *id, bool volumes,
		    struct err *err);

/*
 * Sets right what crashes have left: interrupted creations, instances whose end nobody saw, keepers that are gone, definitions half made, addresses
 * and ranges that nobody holds. What cannot be set right is said on standard error.
 */
void instance_settle(const struct command_call *call, const struct stores *stores);

/* Starts a defined instance from its bundle: plans, and hands it to the engine. With `in_place` this process becomes its keeper. */
struct instance_starting {
	const char *id;
	bool attach;
	bool in_place;
};
int instance_start(const struct command_call *call, const struct stores *stores, const struct instance_starting *how,
		   int *ret_client_fd, struct err *err);

/* Reads the bundle back and sees whether it can be planned, as a start would. Instances whose namespaces it joins need not run. */
int instance_check(const struct command_call *call, const struct stores *stores, const char *id, struct err *err);

#endif

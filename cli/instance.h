/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An instance as the user knows it: its definition, what it runs as now, its image and its ids. This is where the
 * folders that do not know one another meet.
 */
#ifndef HULL_CLI_INSTANCE_H
#define HULL_CLI_INSTANCE_H

#include "cli/hull.h"
#include "cli/instance_view.h"
#include "runtime/spec/extension.h"

/* Looks one up by name, id or the beginning of an id. -ENOENT with words. */
int instance_look(const struct command_call *call, const struct stores *stores, const char *words,
		  struct instance_view *ret, struct err *err);
/* Whether it runs, or is paused. */
bool instance_is_up(const struct instance_view *view);
/* -EINVAL where it has ended, with words that end in `hint`: "see 'hull ps -a'". `words`: how the user calls it. */
int instance_check_running(const struct instance_view *view, const char *words, const char *hint, struct err *err);
/* All of them, newest first. One that goes away meanwhile is left out. */
int instance_list(const struct command_call *call, const struct stores *stores, struct instance_view **ret,
		  size_t *ret_count, struct err *err);

/* Whether root inside is the host's root: no range of its own, and no other instance's user namespace. */
bool instance_has_host_ids(const struct extension *extension);

/* Whether it has the named volume. */
bool instance_has_volume(const struct extension *extension, const char *name);

/*
 * Removes a stopped one wholly: writable layer, definition, name, hold on the image, range of ids; with `volumes` also
 * those volumes that nobody has named, and that no other instance has. Idempotent.
 */
int instance_remove(const struct command_call *call, const struct stores *stores, const char *id, bool volumes,
		    struct err *err);

#endif

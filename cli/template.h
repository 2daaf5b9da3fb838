/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Templates of --format: text with expressions in {{…}}, after Go's templates as far as command lines use them.
 *
 *     {{.ID}}  {{.State.Pid}}           a field, by its path; upper and lower case are the same
 *     {{json .Mounts}}  {{json .}}      as JSON
 *     {{len .Ports}}                    how many
 *     {{index .Labels "a.b"}}           a member by name (nothing when it is not there), or an item by number from 0
 *     {{.Label "a.b"}}                  short for {{index .Labels "a.b"}}
 *     {{join .Args " "}}                items with words between
 *
 * Outside of expressions \t and \n are a tab and a new line. Values are escaped, so that no name or label from an image
 * steers the user's terminal.
 */
#ifndef HULL_CLI_TEMPLATE_H
#define HULL_CLI_TEMPLATE_H

#include <stdbool.h>

#include "runtime/base/arena.h"
#include "runtime/base/err.h"
#include "runtime/base/json.h"
#include "runtime/base/text.h"

/* What the names in a template mean. */
struct template_data {
	const char *const *names;    /* fields that are words for people, ends with NULL; may be NULL */
	const char *const *values;   /* for each of `names` */
	const struct json *document; /* looked at for every other name; may be NULL */
	/* `values` are titles, and a name that is not among them is its own, in capitals: the first line of a table */
	bool heading;
};

/* Adds what the template makes of the data. 0; -EINVAL with words that show the expression that is wrong. */
int template_expand(struct arena *arena, const char *words, const struct template_data *data, struct text *to,
		    struct err *err);

#endif

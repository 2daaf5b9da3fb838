/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * --filter KEY=VALUE of lists, as a table of keys. Filters of different keys must all match; of those with the same key
 * one is enough, but for labels, of which all must match.
 */
#ifndef HULL_CLI_FILTER_H
#define HULL_CLI_FILTER_H

#include <stdbool.h>

#include "runtime/base/err.h"
#include "runtime/base/text.h"
#include "runtime/spec/fields.h"

struct filter_key {
	const char *name;
	bool all; /* several values must all match */
	/* Whether the item has it; `context` is the list's own. */
	bool (*matches)(const void *item, const char *value, void *context);
	const char *const *words; /* the values there are, NULL at the end; NULL: any */
};

/* Whether every filter is KEY=VALUE with a known key and value. `keys` ends with a row without name. */
int filter_check(const struct filter_key *keys, const struct strv *filters, struct err *err);
bool filter_matches(const struct filter_key *keys, const struct strv *filters, const void *item, void *context);
/* Whether any filter is for this key. */
bool filter_has(const struct strv *filters, const char *key);

/* "KEY" or "KEY=VALUE" among labels. */
bool filter_label(const struct strmap *labels, const char *words);
/* Whether a regular expression (POSIX extended) is found in the words; what is none never matches. */
bool filter_regex(const char *words, const char *expression);

#endif

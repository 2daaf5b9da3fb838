/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A JSON document as a tree of values, and reading them, with words that say where in it something is wrong. */
#ifndef HULL_RUNTIME_BASE_JSON_VALUE_H
#define HULL_RUNTIME_BASE_JSON_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/arena.h"
#include "runtime/base/err.h"
#include "runtime/base/text.h"

#define JSON_MAX_DEPTH 64

enum json_type { JSON_NULL, JSON_BOOL, JSON_INT, JSON_DOUBLE, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

/* A value. Arrays and objects are linked lists of their children, in document order. */
struct json {
	enum json_type type;
	const char *key; /* in an object: its name; else NULL */
	/* NULL at the root. Words for errors are made from it: "linux.namespaces[2].type". */
	const struct json *parent;
	struct json *next; /* sibling */
	union {
		bool boolean;
		struct {
			bool negative;	    /* the value is -magnitude */
			uint64_t magnitude; /* integers of up to 64 bits keep every bit */
		} integer;
		double number;
		const char *string;
		struct {
			struct json *first, *last;
			size_t count;
		} children;
	};
};

/*
 * The member of an object, or NULL. On NULL or another type: NULL. Goes through the members: to look at all of them,
 * use json_each().
 */
const struct json *json_get(const struct json *object, const char *key);
#define json_each(child, container) for (const struct json *child = json_first(container); child; child = child->next)
const struct json *json_first(const struct json *container); /* NULL for scalars and empty ones */

/*
 * Typed reading of one value. Each fails with -EINVAL and words such as "linux.resources.pids.limit: want an integer,
 * found a string". Strings point into the arena. NULL (what json_get() did not find) fails as well, with words but
 * without a path. *ret stays on failure.
 */
int json_string(const struct json *value, const char **ret, struct err *err);
int json_bool(const struct json *value, bool *ret, struct err *err);
int json_i64(const struct json *value, int64_t *ret, struct err *err);
int json_u64(const struct json *value, uint64_t *ret, struct err *err);
int json_u32(const struct json *value, uint32_t *ret, struct err *err);
int json_strv(struct arena *arena, const struct json *value, struct strv *ret, struct err *err); /* array of strings */
int json_want(const struct json *value, enum json_type type, struct err *err);
/* Fails with -EINVAL and "<path>: <words>". */
int json_complain(const struct json *value, struct err *err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
const char *json_type_words(enum json_type type); /* "an integer" */

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * JSON, bounded: the one place that knows yajl. Reading gives a tree in an arena; writing fills a text.
 *
 * Reading refuses: documents over the cap, nesting past the cap, duplicate keys, NUL inside strings, strings that are
 * not UTF-8 (halves of surrogate pairs too), text behind the value, numbers out of range. RFC 8259.
 */
#ifndef HULL_RUNTIME_BASE_JSON_H
#define HULL_RUNTIME_BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/arena.h"
#include "runtime/base/err.h"
#include "runtime/base/text.h"

#define JSON_MAX_BYTES ((size_t)8 << 20)
#define JSON_MAX_DEPTH 64

enum json_type { JSON_NULL, JSON_BOOL, JSON_INT, JSON_DOUBLE, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

/* A value. Arrays and objects are linked lists of their children, in document order. */
struct json {
	enum json_type type;
	const char *key; /* in an object: its name; else NULL */
	const struct json
		*parent;   /* NULL at the root: words for errors are made from it ("linux.namespaces[2].type") */
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
 * Parses `len` bytes. The tree lives in `arena`. `what` names the document in errors ("config.json"). 0 or -errno
 * (-EINVAL, -EFBIG, -ENOMEM).
 */
int json_parse(struct arena *arena, const char *data, size_t len, const char *what, const struct json **ret,
	       struct err *err);
/* file_read() and json_parse() with JSON_MAX_BYTES. */
int json_read_file(struct arena *arena, int dirfd, const char *name, const struct json **ret, struct err *err);

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

/*
 * Writing: commas, quotes and escapes are the writer's. With `indent`, for people. Check with text_check(writer.out):
 * nesting past JSON_MAX_DEPTH and a close without its open fail there too. JSON holds only Unicode: a byte that is not
 * UTF-8 becomes U+FFFD. No line end behind the document.
 */
struct json_writer {
	struct text *out;
	bool indent;
	int depth;
	bool has_member[JSON_MAX_DEPTH]; /* a comma is due */
};

void json_open(struct json_writer *w, const char *key); /* object; key NULL inside arrays and at the root */
void json_open_array(struct json_writer *w, const char *key);
void json_close(struct json_writer *w); /* closes the innermost object */
void json_close_array(struct json_writer *w);
void json_put_string(struct json_writer *w, const char *key, const char *value); /* NULL writes null */
void json_put_bool(struct json_writer *w, const char *key, bool value);
void json_put_i64(struct json_writer *w, const char *key, int64_t value);
void json_put_u64(struct json_writer *w, const char *key, uint64_t value);
void json_put_strv(struct json_writer *w, const char *key, const struct strv *list);
void json_put(struct json_writer *w, const char *key, const struct json *value); /* a parsed value, whole */

#endif

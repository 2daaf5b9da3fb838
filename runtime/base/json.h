/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * JSON, bounded: the one place that knows yajl. Reading gives a tree in an arena (json_value.h); writing fills a text
 * (json_write.h).
 *
 * Reading refuses: documents over the cap, nesting past the cap, duplicate keys, NUL inside strings, strings that are
 * not UTF-8 (halves of surrogate pairs too), text behind the value, numbers out of range. RFC 8259.
 */
#ifndef HULL_RUNTIME_BASE_JSON_H
#define HULL_RUNTIME_BASE_JSON_H

#include "runtime/base/json_value.h"
#include "runtime/base/json_write.h"

#define JSON_MAX_BYTES ((size_t)8 << 20)

/*
 * Parses `len` bytes. The tree lives in `arena`. `what` names the document in errors ("config.json"). 0 or -errno
 * (-EINVAL, -EFBIG, -ENOMEM).
 */
int json_parse(struct arena *arena, const char *data, size_t len, const char *what, const struct json **ret,
	       struct err *err);
/* file_read() and json_parse() with JSON_MAX_BYTES. */
int json_read_file(struct arena *arena, int dirfd, const char *name, const struct json **ret, struct err *err);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writing: commas, quotes and escapes are the writer's. With `indent`, for people. Check with text_check(writer.out):
 * nesting past JSON_MAX_DEPTH and a close without its open fail there too. JSON holds only Unicode: a byte that is not
 * UTF-8 becomes U+FFFD. No line end behind the document.
 */
#ifndef HULL_RUNTIME_BASE_JSON_WRITE_H
#define HULL_RUNTIME_BASE_JSON_WRITE_H

#include "runtime/base/json_value.h"

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

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writing JSON. Errors gather in the text: its user looks once, with text_check(). */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/json_write.h"
#include "runtime/base/utf8.h"

#define INDENT	    "  "
#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

/* How a character that may not stand in a string is written: RFC 8259, section 7. */
static void add_escape(struct text *out, unsigned char c)
{
	static const char short_of[] = "\b\f\n\r\t\"\\";
	static const char letters[] = "bfnrt\"\\";
	const char *found = strchr(short_of, c);

	if (found)
		text_addf(out, "\\%c", letters[found - short_of]);
	else
		text_addf(out, "\\u%04x", c);
}

static void add_string(struct text *out, const char *s)
{
	text_add(out, "\"");
	while (*s) {
		const char *start = s;
		size_t length;

		while ((length = utf8_length(s)) > 0 && (unsigned char)*s >= 0x20 && *s != '"' && *s != '\\')
			s += length;
		text_add_bytes(out, start, (size_t)(s - start));
		if (!*s)
			break;
		if (length > 0)
			add_escape(out, (unsigned char)*s);
		else
			text_add(out, REPLACEMENT);
		s++;
	}
	text_add(out, "\"");
}

static void new_line(struct json_writer *w)
{
	if (!w->indent)
		return;
	text_add(w->out, "\n");
	for (int i = 0; i < w->depth; i++)
		text_add(w->out, INDENT);
}

/* What stands in front of a value: the comma behind the one before, the line, the key. */
static void begin_value(struct json_writer *w, const char *key)
{
	if (w->depth > 0) {
		bool *has_member = &w->has_member[w->depth - 1];

		if (*has_member)
			text_add(w->out, ",");
		*has_member = true;
		new_line(w);
	}
	if (key) {
		add_string(w->out, key);
		text_add(w->out, w->indent ? ": " : ":");
	}
}

static void open_container(struct json_writer *w, const char *key, const char *bracket)
{
	if (w->depth >= JSON_MAX_DEPTH) {
		w->out->failed = true; /* what hull writes it has to be able to read */
		return;
	}
	begin_value(w, key);
	text_add(w->out, bracket);
	w->has_member[w->depth++] = false;
}

static void close_container(struct json_writer *w, const char *bracket)
{
	bool had_member;

	if (w->depth == 0) {
		w->out->failed = true;
		return;
	}
	had_member = w->has_member[--w->depth];
	if (had_member)
		new_line(w);
	text_add(w->out, bracket);
}

void json_open(struct json_writer *w, const char *key)
{
	open_container(w, key, "{");
}

void json_open_array(struct json_writer *w, const char *key)
{
	open_container(w, key, "[");
}

void json_close(struct json_writer *w)
{
	close_container(w, "}");
}

void json_close_array(struct json_writer *w)
{
	close_container(w, "]");
}

void json_put_string(struct json_writer *w, const char *key, const char *value)
{
	begin_value(w, key);
	if (value)
		add_string(w->out, value);
	else
		text_add(w->out, "null");
}

void json_put_bool(struct json_writer *w, const char *key, bool value)
{
	begin_value(w, key);
	text_add(w->out, value ? "true" : "false");
}

void json_put_i64(struct json_writer *w, const char *key, int64_t value)
{
	begin_value(w, key);
	text_addf(w->out, "%" PRId64, value);
}

void json_put_u64(struct json_writer *w, const char *key, uint64_t value)
{
	begin_value(w, key);
	text_addf(w->out, "%" PRIu64, value);
}

void json_put_strv(struct json_writer *w, const char *key, const struct strv *list)
{
	json_open_array(w, key);
	for (size_t i = 0; i < list->count; i++)
		json_put_string(w, NULL, list->items[i]);
	json_close_array(w);
}

/*
 * The shortest digits that read back as the same number, and a fraction or exponent, so that its type comes back too.
 */
static void put_double(struct json_writer *w, const char *key, double value)
{
	char words[40];
	int digits = 15;

	do {
		(void)snprintf(words, sizeof(words), "%.*g", digits, value);
	} while (strtod(words, NULL) != value && digits++ < 17);
	begin_value(w, key);
	text_addf(w->out, "%s%s", words, strpbrk(words, ".e") ? "" : ".0");
}

/* Recursion of at most JSON_MAX_DEPTH: a parsed tree is not deeper. */
static void put_container(struct json_writer *w, const char *key, const struct json *value)
{
	bool is_object = value->type == JSON_OBJECT;

	open_container(w, key, is_object ? "{" : "[");
	json_each (child, value)
		json_put(w, child->key, child);
	close_container(w, is_object ? "}" : "]");
}

void json_put(struct json_writer *w, const char *key, const struct json *value)
{
	switch (value->type) {
	case JSON_NULL:
		json_put_string(w, key, NULL);
		break;
	case JSON_BOOL:
		json_put_bool(w, key, value->boolean);
		break;
	case JSON_INT:
		begin_value(w, key);
		text_addf(w->out, "%s%" PRIu64, value->integer.negative ? "-" : "", value->integer.magnitude);
		break;
	case JSON_DOUBLE:
		put_double(w, key, value->number);
		break;
	case JSON_STRING:
		json_put_string(w, key, value->string);
		break;
	case JSON_ARRAY:
	case JSON_OBJECT:
		put_container(w, key, value);
		break;
	}
}

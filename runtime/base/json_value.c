/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reading values of a parsed tree, and saying where in the document something is wrong. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "runtime/base/json_value.h"

static bool is_container(const struct json *value)
{
	return value && (value->type == JSON_ARRAY || value->type == JSON_OBJECT);
}

const struct json *json_first(const struct json *container)
{
	return is_container(container) ? container->children.first : NULL;
}

const struct json *json_get(const struct json *object, const char *key)
{
	if (!object || object->type != JSON_OBJECT)
		return NULL;
	json_each (member, object) {
		if (strcmp(member->key, key) == 0)
			return member;
	}
	return NULL;
}

const char *json_type_words(enum json_type type)
{
	static const char *const words[] = {
		[JSON_NULL] = "null",	     [JSON_BOOL] = "a boolean",
		[JSON_INT] = "an integer",   [JSON_DOUBLE] = "a number with a fraction or an exponent",
		[JSON_STRING] = "a string",  [JSON_ARRAY] = "an array",
		[JSON_OBJECT] = "an object",
	};

	return words[type];
}

/* Adds "a.b[2]" for a value, from the root on. Nothing for the root itself. */
static void add_path(struct text *path, const struct json *value)
{
	const struct json *chain[JSON_MAX_DEPTH + 1];
	size_t count = 0;

	for (; value && value->parent && count < ARRAY_SIZE(chain); value = value->parent)
		chain[count++] = value;
	while (count-- > 0) {
		size_t index = 0;

		if (chain[count]->key) {
			text_addf(path, "%s%s", path->len ? "." : "", chain[count]->key);
			continue;
		}
		json_each (sibling, chain[count]->parent) {
			if (sibling == chain[count])
				break;
			index++;
		}
		text_addf(path, "[%zu]", index);
	}
}

int json_complain(const struct json *value, struct err *err, const char *fmt, ...)
{
	CLEANUP_TEXT struct text path = {.max_bytes = ERR_MSG_BYTES};
	char words[ERR_MSG_BYTES];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(words, sizeof(words), fmt, args);
	va_end(args);
	add_path(&path, value);
	(void)err_say(err, EINVAL, "%s", words);
	/* In front by wrapping: of a path that is too long the end is kept. */
	if (path.len > 0)
		(void)err_wrap(err, "%s", text_get(&path));
	return -EINVAL;
}

int json_want(const struct json *value, enum json_type type, struct err *err)
{
	if (!value)
		return err_say(err, EINVAL, "want %s, found nothing", json_type_words(type));
	if (value->type != type)
		return json_complain(value, err, "want %s, found %s", json_type_words(type),
				     json_type_words(value->type));
	return 0;
}

int json_string(const struct json *value, const char **ret, struct err *err)
{
	int r = json_want(value, JSON_STRING, err);

	if (r < 0)
		return r;
	*ret = value->string;
	return 0;
}

int json_bool(const struct json *value, bool *ret, struct err *err)
{
	int r = json_want(value, JSON_BOOL, err);

	if (r < 0)
		return r;
	*ret = value->boolean;
	return 0;
}

int json_i64(const struct json *value, int64_t *ret, struct err *err)
{
	int r = json_want(value, JSON_INT, err);

	if (r < 0)
		return r;
	if (!value->integer.negative && value->integer.magnitude > INT64_MAX)
		return json_complain(value, err, "%" PRIu64 " is more than %" PRId64, value->integer.magnitude,
				     INT64_MAX);
	/* Negated while unsigned: INT64_MIN has no positive counterpart. */
	*ret = (int64_t)(value->integer.negative ? 0 - value->integer.magnitude : value->integer.magnitude);
	return 0;
}

static int bounded(const struct json *value, uint64_t max, uint64_t *ret, struct err *err)
{
	int r = json_want(value, JSON_INT, err);

	if (r < 0)
		return r;
	if (value->integer.negative)
		return json_complain(value, err, "-%" PRIu64 " is negative", value->integer.magnitude);
	if (value->integer.magnitude > max)
		return json_complain(value, err, "%" PRIu64 " is more than %" PRIu64, value->integer.magnitude, max);
	*ret = value->integer.magnitude;
	return 0;
}

int json_u64(const struct json *value, uint64_t *ret, struct err *err)
{
	return bounded(value, UINT64_MAX, ret, err);
}

int json_u32(const struct json *value, uint32_t *ret, struct err *err)
{
	uint64_t wide = 0;
	int r = bounded(value, UINT32_MAX, &wide, err);

	if (r < 0)
		return r;
	*ret = (uint32_t)wide;
	return 0;
}

int json_strv(struct arena *arena, const struct json *value, struct strv *ret, struct err *err)
{
	struct strv list = {0};
	int r = json_want(value, JSON_ARRAY, err);

	if (r < 0)
		return r;
	json_each (item, value) {
		const char *string;

		r = json_string(item, &string, err);
		if (r < 0)
			return r;
		r = strv_add(arena, &list, string);
		if (r < 0)
			return err_set(err, -r, "copy a list of %zu strings", value->children.count);
	}
	*ret = list;
	return 0;
}

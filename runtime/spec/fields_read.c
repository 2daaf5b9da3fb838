/* SPDX-License-Identifier: GPL-2.0-or-later */
/* JSON to structs: one walk over a table. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "runtime/spec/any_list.h"
#include "runtime/spec/fields.h"

#define IGNORED_MAX	   64
#define IGNORED_PATH_DEPTH 8 /* of a path that is only shown */

struct kind_range {
	int64_t min;
	uint64_t max;
};

static struct kind_range kind_range(enum field_kind kind)
{
	switch (kind) {
	case FIELD_I32:
		return (struct kind_range){INT32_MIN, INT32_MAX};
	case FIELD_I64:
	case FIELD_OPT_I64:
		return (struct kind_range){INT64_MIN, INT64_MAX};
	case FIELD_U16:
		return (struct kind_range){0, UINT16_MAX};
	case FIELD_U32:
	case FIELD_NUMBERS:
		return (struct kind_range){0, UINT32_MAX};
	default:
		return (struct kind_range){0, UINT64_MAX};
	}
}

/* An integer of any kind as its bits; *ret is the two's complement of a negative one. */
static int read_integer(const struct json *value, struct kind_range range, uint64_t max, uint64_t *ret, struct err *err)
{
	bool negative = value->type == JSON_INT && value->integer.negative && value->integer.magnitude;
	uint64_t magnitude;

	if (json_want(value, JSON_INT, err) < 0)
		return -EINVAL;
	magnitude = value->integer.magnitude;
	if (max && max < range.max)
		range.max = max;
	if (negative ? range.min == 0 || magnitude > (uint64_t)INT64_MAX + 1 || -magnitude < (uint64_t)range.min
		     : magnitude > range.max)
		return json_complain(value, err, "%s%llu is out of range: want %lld to %llu", negative ? "-" : "",
				     (unsigned long long)magnitude, (long long)range.min,
				     (unsigned long long)range.max);
	*ret = negative ? -magnitude : magnitude;
	return 0;
}

static void store_integer(enum field_kind kind, uint64_t bits, void *to)
{
	switch (kind) {
	case FIELD_I32:
		*(int32_t *)to = (int32_t)(int64_t)bits;
		break;
	case FIELD_U16:
		*(uint16_t *)to = (uint16_t)bits;
		break;
	case FIELD_U32:
		*(uint32_t *)to = (uint32_t)bits;
		break;
	case FIELD_I64:
		*(int64_t *)to = (int64_t)bits;
		break;
	case FIELD_OPT_I64:
		*(struct opt_i64 *)to = (struct opt_i64){true, (int64_t)bits};
		break;
	case FIELD_OPT_U64:
		*(struct opt_u64 *)to = (struct opt_u64){true, bits};
		break;
	default:
		*(uint64_t *)to = bits;
		break;
	}
}

static int read_time(const struct json *value, uint64_t *ret, struct err *err)
{
	const char *words;

	if (json_string(value, &words, err) < 0)
		return -EINVAL;
	if (text_time_parse(words, ret) < 0)
		return json_complain(value, err, "'%s' is no time as RFC 3339 writes it", words);
	return 0;
}

static int read_enum(const struct json *value, const char *const *words, int *ret, struct err *err)
{
	const char *word;
	char known[256];
	size_t len = 0;

	if (json_string(value, &word, err) < 0)
		return -EINVAL;
	for (int i = 0; words[i]; i++) {
		if (strcmp(words[i], word) == 0) {
			*ret = i;
			return 0;
		}
		if (len < sizeof(known))
			len += (size_t)snprintf(known + len, sizeof(known) - len, "%s'%s'", i ? ", " : "", words[i]);
	}
	return json_complain(value, err, "'%s' is none of %s", word, known);
}

static int want_count(const struct field *field, const struct json *value, enum json_type type, struct err *err)
{
	uint64_t max = field->max ? field->max : FIELD_DEFAULT_MAX_ITEMS;

	if (json_want(value, type, err) < 0)
		return -EINVAL;
	if (value->children.count > max)
		return json_complain(value, err, "%zu items are too many: at most %llu", value->children.count,
				     (unsigned long long)max);
	return 0;
}

static int no_memory(const struct field_reading *reading, struct err *err)
{
	int r = arena_check(reading->arena, err);

	return r < 0 ? r : err_set(err, ENOMEM, "cannot keep the document");
}

static int read_numbers(const struct field_reading *reading, const struct field *field, const struct json *value,
			void *to, struct err *err)
{
	LIST_OF(uint32_t) list = {0};
	uint64_t bits;

	if (want_count(field, value, JSON_ARRAY, err) < 0)
		return -EINVAL;
	list.items = list_room(reading->arena, value->children.count, sizeof(*list.items));
	if (!list.items)
		return no_memory(reading, err);
	json_each (child, value) {
		if (read_integer(child, kind_range(FIELD_NUMBERS), 0, &bits, err) < 0)
			return -EINVAL;
		list.items[list.count++] = (uint32_t)bits;
	}
	memcpy(to, &list, sizeof(list));
	return 0;
}

static int read_map(const struct field_reading *reading, const struct field *field, const struct json *value,
		    struct strmap *to, struct err *err)
{
	if (want_count(field, value, JSON_OBJECT, err) < 0)
		return -EINVAL;
	to->items = list_room(reading->arena, value->children.count, sizeof(*to->items));
	if (!to->items)
		return no_memory(reading, err);
	json_each (child, value) {
		to->items[to->count].key = child->key;
		if (json_string(child, &to->items[to->count].value, err) < 0)
			return -EINVAL;
		to->count++;
	}
	return 0;
}

static int read_list(const struct field_reading *reading, const struct field *field, const struct json *value, void *to,
		     struct err *err)
{
	bool dict = field->kind == FIELD_DICT;
	struct any_list list = {0};
	int r;

	if (want_count(field, value, dict ? JSON_OBJECT : JSON_ARRAY, err) < 0)
		return -EINVAL;
	list.items = list_room(reading->arena, value->children.count, field->table->struct_bytes);
	if (!list.items)
		return no_memory(reading, err);
	json_each (child, value) {
		void *item = list.items + list.count * field->table->struct_bytes;

		if (dict)
			*(const char **)item = child->key;
		r = fields_read(reading, field->table, child, item, err);
		if (r < 0)
			return r;
		list.count++;
	}
	memcpy(to, &list, sizeof(list));
	return 0;
}

static int read_object(const struct field_reading *reading, const struct field *field, const struct json *value,
		       void *to, struct err *err)
{
	void *object = arena_alloc(reading->arena, field->table->struct_bytes);

	if (!object)
		return no_memory(reading, err);
	memcpy(to, &object, sizeof(object));
	return fields_read(reading, field->table, value, object, err);
}

static int read_strv(const struct field_reading *reading, const struct field *field, const struct json *value,
		     struct strv *to, struct err *err)
{
	int r = want_count(field, value, JSON_ARRAY, err);

	return r < 0 ? r : json_strv(reading->arena, value, to, err);
}

static int read_field(const struct field_reading *reading, const struct field *field, const struct json *value,
		      void *to, struct err *err)
{
	uint64_t bits = 0;
	int r;

	switch (field->kind) {
	case FIELD_STRING:
		return json_string(value, to, err);
	case FIELD_BOOL:
		return json_bool(value, to, err);
	case FIELD_OPT_BOOL:
		((struct opt_bool *)to)->set = true;
		return json_bool(value, &((struct opt_bool *)to)->value, err);
	case FIELD_TIME:
		return read_time(value, to, err);
	case FIELD_ENUM:
		return read_enum(value, field->words, to, err);
	case FIELD_STRV:
		return read_strv(reading, field, value, to, err);
	case FIELD_NUMBERS:
		return read_numbers(reading, field, value, to, err);
	case FIELD_MAP:
		return read_map(reading, field, value, to, err);
	case FIELD_STRUCT:
		return fields_read(reading, field->table, value, to, err);
	case FIELD_OBJECT:
		return read_object(reading, field, value, to, err);
	case FIELD_LIST:
	case FIELD_DICT:
		return read_list(reading, field, value, to, err);
	default:
		r = read_integer(value, kind_range(field->kind), field->max, &bits, err);
		if (r == 0)
			store_integer(field->kind, bits, to);
		return r;
	}
}

static const struct field *find_field(const struct field_table *table, const char *name)
{
	for (size_t i = 0; i < table->count; i++)
		if (strcmp(table->fields[i].name, name) == 0)
			return &table->fields[i];
	return NULL;
}

/* Keeps the path of a member that nobody knows. Lack of memory is found later, by who needs some. */
static void note_ignored(const struct field_reading *reading, const struct json *member)
{
	const struct json *way[IGNORED_PATH_DEPTH];
	CLEANUP_TEXT struct text path = {.max_bytes = 512};
	size_t depth = 0;

	if (!reading->ignored || reading->ignored->count >= IGNORED_MAX)
		return;
	for (const struct json *at = member; at && depth < IGNORED_PATH_DEPTH; at = at->parent)
		if (at->key)
			way[depth++] = at;
	while (depth-- > 0)
		text_addf(&path, "%s%s", path.len ? "." : "", way[depth]->key);
	(void)strv_add(reading->arena, reading->ignored, text_get(&path));
}

int fields_read(const struct field_reading *reading, const struct field_table *table, const struct json *from, void *to,
		struct err *err)
{
	uint64_t seen = 0;
	int r;

	if (json_want(from, JSON_OBJECT, err) < 0)
		return -EINVAL;
	json_each (member, from) {
		const struct field *field = find_field(table, member->key);

		if (!field && reading->refuse_unknown)
			return json_complain(member, err, "unknown member");
		if (!field)
			note_ignored(reading, member);
		if (!field || member->type == JSON_NULL)
			continue;
		seen |= UINT64_C(1) << (field - table->fields);
		r = read_field(reading, field, member, (char *)to + field->offset, err);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < table->count; i++)
		if ((table->fields[i].flags & FIELD_REQUIRED) && !(seen & (UINT64_C(1) << i)))
			return json_complain(from, err, "the member '%s' is missing", table->fields[i].name);
	return 0;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime/spec/fields.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define IGNORED_MAX	    64
#define IGNORED_PATH_DEPTH  8 /* of a path that is only shown */
#define LIST_FIRST_CAPACITY 4

/* The shape that every LIST_OF() shares; lists are copied in and out as bytes, so that no type is read as another. */
struct any_list {
	char *items;
	size_t count;
};

const char *strmap_get(const struct strmap *map, const char *key)
{
	for (size_t i = 0; i < map->count; i++)
		if (strcmp(map->items[i].key, key) == 0)
			return map->items[i].value;
	return NULL;
}

int strmap_set(struct arena *arena, struct strmap *map, const char *key, const char *value)
{
	struct strpair *pair = NULL;
	const char *copy = arena_strdup(arena, value);

	if (!copy)
		return -ENOMEM;
	for (size_t i = 0; i < map->count; i++)
		if (strcmp(map->items[i].key, key) == 0)
			pair = &map->items[i];
	if (!pair) {
		const char *name = arena_strdup(arena, key);

		if (!name)
			return -ENOMEM;
		pair = LIST_ADD(arena, map);
		if (!pair)
			return -ENOMEM;
		pair->key = name;
	}
	pair->value = copy;
	return 0;
}

/* A list's capacity is not stored. It is the power of two that holds the count, at least the first one: so a count that is one is full. */
static void *list_room(struct arena *arena, size_t count, size_t item_bytes)
{
	size_t capacity = LIST_FIRST_CAPACITY;

	while (capacity < count)
		capacity *= 2;
	return arena_array(arena, capacity, item_bytes);
}

void *list_add(struct arena *arena, void *list, size_t item_bytes)
{
	struct any_list any;
	char *item;

	memcpy(&any, list, sizeof(any));
	if (any.count == 0 || (any.count >= LIST_FIRST_CAPACITY && (any.count & (any.count - 1)) == 0)) {
		char *grown = list_room(arena, any.count + 1, item_bytes);

		if (!grown)
			return NULL;
		if (any.count)
			memcpy(grown, any.items, any.count * item_bytes);
		any.items = grown;
	}
	item = any.items + any.count * item_bytes;
	any.count++;
	memcpy(list, &any, sizeof(any));
	return item;
}

/* --- Reading -------------------------------------------------------------------------------------------------------------- */

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

/* --- Writing -------------------------------------------------------------------------------------------------------------- */

static bool is_absent(const struct field *field, const void *from);

static bool table_is_absent(const struct field_table *table, const void *from)
{
	for (size_t i = 0; i < table->count; i++)
		if (!is_absent(&table->fields[i], (const char *)from + table->fields[i].offset))
			return false;
	return true;
}

static struct any_list load_list(const void *from)
{
	struct any_list list;

	memcpy(&list, from, sizeof(list));
	return list;
}

static bool is_absent(const struct field *field, const void *from)
{
	switch (field->kind) {
	case FIELD_STRING:
	case FIELD_OBJECT:
		return !*(const void *const *)from;
	case FIELD_BOOL:
		return !*(const bool *)from;
	case FIELD_I32:
	case FIELD_U32:
		return !*(const uint32_t *)from;
	case FIELD_U16:
		return !*(const uint16_t *)from;
	case FIELD_I64:
	case FIELD_U64:
	case FIELD_TIME:
		return !*(const uint64_t *)from;
	case FIELD_OPT_BOOL:
		return !((const struct opt_bool *)from)->set;
	case FIELD_OPT_I64:
		return !((const struct opt_i64 *)from)->set;
	case FIELD_OPT_U64:
		return !((const struct opt_u64 *)from)->set;
	case FIELD_ENUM:
		return !*(const int *)from;
	case FIELD_STRV:
		return !((const struct strv *)from)->count;
	case FIELD_STRUCT:
		return table_is_absent(field->table, from);
	case FIELD_NUMBERS:
	case FIELD_MAP:
	case FIELD_LIST:
	case FIELD_DICT:
		return !load_list(from).count;
	}
	return true;
}

static void write_numbers(struct json_writer *writer, const char *name, const void *from)
{
	LIST_OF(uint32_t) list;

	memcpy(&list, from, sizeof(list));
	json_open_array(writer, name);
	for (size_t i = 0; i < list.count; i++)
		json_put_u64(writer, NULL, list.items[i]);
	json_close_array(writer);
}

static void write_map(struct json_writer *writer, const char *name, const struct strmap *map)
{
	json_open(writer, name);
	for (size_t i = 0; i < map->count; i++)
		json_put_string(writer, map->items[i].key, map->items[i].value);
	json_close(writer);
}

static void write_list(struct json_writer *writer, const struct field *field, const void *from)
{
	struct any_list list = load_list(from);
	bool dict = field->kind == FIELD_DICT;

	if (dict)
		json_open(writer, field->name);
	else
		json_open_array(writer, field->name);
	for (size_t i = 0; i < list.count; i++) {
		const void *item = list.items + i * field->table->struct_bytes;

		fields_write(writer, dict ? *(const char *const *)item : NULL, field->table, item);
	}
	if (dict)
		json_close(writer);
	else
		json_close_array(writer);
}

static void write_field(struct json_writer *writer, const struct field *field, const void *from)
{
	const char *name = field->name;
	char time[36];

	switch (field->kind) {
	case FIELD_STRING:
		return json_put_string(writer, name, *(const char *const *)from);
	case FIELD_BOOL:
		return json_put_bool(writer, name, *(const bool *)from);
	case FIELD_I32:
		return json_put_i64(writer, name, *(const int32_t *)from);
	case FIELD_U16:
		return json_put_u64(writer, name, *(const uint16_t *)from);
	case FIELD_U32:
		return json_put_u64(writer, name, *(const uint32_t *)from);
	case FIELD_I64:
		return json_put_i64(writer, name, *(const int64_t *)from);
	case FIELD_U64:
		return json_put_u64(writer, name, *(const uint64_t *)from);
	case FIELD_OPT_BOOL:
		return json_put_bool(writer, name, ((const struct opt_bool *)from)->value);
	case FIELD_OPT_I64:
		return json_put_i64(writer, name, ((const struct opt_i64 *)from)->value);
	case FIELD_OPT_U64:
		return json_put_u64(writer, name, ((const struct opt_u64 *)from)->value);
	case FIELD_TIME:
		return json_put_string(writer, name, text_time(*(const uint64_t *)from, time));
	case FIELD_ENUM:
		return json_put_string(writer, name, field->words[*(const int *)from]);
	case FIELD_STRV:
		return json_put_strv(writer, name, from);
	case FIELD_NUMBERS:
		return write_numbers(writer, name, from);
	case FIELD_MAP:
		return write_map(writer, name, from);
	case FIELD_STRUCT:
		return fields_write(writer, name, field->table, from);
	case FIELD_OBJECT:
		return fields_write(writer, name, field->table, *(const void *const *)from);
	case FIELD_LIST:
	case FIELD_DICT:
		return write_list(writer, field, from);
	}
}

void fields_write(struct json_writer *writer, const char *key, const struct field_table *table, const void *from)
{
	json_open(writer, key);
	for (size_t i = 0; i < table->count; i++) {
		const struct field *field = &table->fields[i];
		const void *value = (const char *)from + field->offset;
		/* There is no way to write a pointer that is absent, even where it is required. */
		bool needs =
			(field->flags & FIELD_REQUIRED) && field->kind != FIELD_STRING && field->kind != FIELD_OBJECT;

		if (needs || !is_absent(field, value))
			write_field(writer, field, value);
	}
	json_close(writer);
}

/* --- Checking ------------------------------------------------------------------------------------------------------------- */

int fields_check(const struct field_table *table, struct err *err)
{
	for (size_t i = 0; i < table->count; i++) {
		const struct field *field = &table->fields[i];
		bool nests = field->kind == FIELD_STRUCT || field->kind == FIELD_OBJECT || field->kind == FIELD_LIST ||
			     field->kind == FIELD_DICT;

		if (field->offset + field->bytes > table->struct_bytes)
			return err_say(err, EINVAL, "'%s' lies outside of its struct", field->name);
		if (nests != !!field->table || (field->kind == FIELD_ENUM) != !!field->words)
			return err_say(err, EINVAL, "'%s' lacks a table or words, or has too many", field->name);
		if (field->kind == FIELD_STRUCT && field->bytes != field->table->struct_bytes)
			return err_say(err, EINVAL, "'%s' has the table of another struct", field->name);
		if (nests && fields_check(field->table, err) < 0)
			return err_wrap(err, "%s", field->name);
	}
	return 0;
}

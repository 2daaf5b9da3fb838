/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Structs to JSON, and onto another struct: more walks over the same table. */
#include <string.h>

#include "runtime/spec/any_list.h"
#include "runtime/spec/fields.h"

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

void fields_merge(const struct field_table *table, const void *from, void *to)
{
	for (size_t i = 0; i < table->count; i++) {
		const struct field *field = &table->fields[i];
		const void *value = (const char *)from + field->offset;

		if (field->kind == FIELD_STRUCT)
			fields_merge(field->table, value, (char *)to + field->offset);
		else if (!is_absent(field, value))
			memcpy((char *)to + field->offset, value, field->bytes);
	}
}

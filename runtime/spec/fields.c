/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime/spec/fields.h"

#include <string.h>

#include "runtime/spec/any_list.h"

#define LIST_FIRST_CAPACITY 4

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

/*
 * A list's capacity is not stored. It is the power of two that holds the count, at least the first one: so a count that
 * is one is full.
 */
void *list_room(struct arena *arena, size_t count, size_t item_bytes)
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

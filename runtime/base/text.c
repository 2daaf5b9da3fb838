/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime/base/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/spare.h"
#include "runtime/base/utf8.h"

/* --- growing texts --- */

static void release(struct text *text)
{
	if (text->capacity <= SPARE_MAX_BYTES)
		spare_give(text->data, text->capacity);
	else
		free(text->data);
}

/* Moves what is there into a larger block, or its first. */
static bool move(struct text *text, size_t capacity)
{
	bool is_spare = capacity <= SPARE_MAX_BYTES;
	size_t size = is_spare ? spare_size(capacity) : capacity;
	char *data = is_spare ? spare_take(size) : malloc(size);

	if (!data)
		return false;
	if (text->data) {
		memcpy(data, text->data, text->len + 1);
		release(text);
	}
	text->data = data;
	text->capacity = size;
	return true;
}

/* Makes room for `more` bytes and the terminator. */
static bool reserve(struct text *text, size_t more)
{
	size_t max = text->max_bytes ? text->max_bytes : TEXT_DEFAULT_MAX_BYTES;
	size_t capacity;

	if (text->failed)
		return false;
	if (more > max - text->len) {
		text->failed = true;
		return false;
	}
	if (more < text->capacity - text->len)
		return true;
	capacity = text->len + more + 1;
	if (capacity < 2 * text->capacity)
		capacity = 2 * text->capacity;
	if (!move(text, capacity))
		text->failed = true;
	return !text->failed;
}

void text_add_bytes(struct text *text, const void *bytes, size_t len)
{
	if (!reserve(text, len))
		return;
	if (len > 0)
		memcpy(text->data + text->len, bytes, len);
	text->len += len;
	text->data[text->len] = '\0';
}

char *text_room(struct text *text, size_t bytes)
{
	return reserve(text, bytes) ? text->data + text->len : NULL;
}

void text_grow(struct text *text, size_t bytes)
{
	text->len += bytes;
	text->data[text->len] = '\0';
}

void text_add(struct text *text, const char *words)
{
	text_add_bytes(text, words, strlen(words));
}

void text_vaddf(struct text *text, const char *fmt, va_list args)
{
	va_list again;
	int len;

	va_copy(again, args);
	len = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	if (len < 0) {
		text->failed = true;
		return;
	}
	if (!reserve(text, (size_t)len))
		return;
	(void)vsnprintf(text->data + text->len, (size_t)len + 1, fmt, args);
	text->len += (size_t)len;
}

void text_addf(struct text *text, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	text_vaddf(text, fmt, args);
	va_end(args);
}

int text_check(const struct text *text, struct err *err)
{
	if (!text->failed)
		return 0;
	return err_say(err, ENOMEM, "a text of more than %zu bytes is too long, or the system has no memory left",
		       text->max_bytes ? text->max_bytes : TEXT_DEFAULT_MAX_BYTES);
}

const char *text_get(const struct text *text)
{
	return text->data ? text->data : "";
}

void text_free(struct text *text)
{
	int saved = errno;

	if (text->data)
		release(text);
	*text = (struct text){.max_bytes = text->max_bytes};
	errno = saved;
}

/* --- lists of strings --- */

/* Makes room for one more item and the NULL behind it. The old array stays in the arena: at most as much again. */
static bool strv_grow(struct arena *arena, struct strv *list)
{
	size_t capacity = list->capacity ? 2 * list->capacity : 8;
	char **items;

	if (list->count + 1 < list->capacity)
		return true;
	items = arena_array(arena, capacity, sizeof(*items));
	if (!items)
		return false;
	if (list->count > 0)
		memcpy(items, list->items, list->count * sizeof(*items));
	list->items = items;
	list->capacity = capacity;
	return true;
}

static int strv_add_piece(struct arena *arena, struct strv *list, const char *item, size_t len)
{
	char *copy = arena_strndup(arena, item, len);

	if (!copy || !strv_grow(arena, list))
		return -ENOMEM;
	list->items[list->count++] = copy;
	list->items[list->count] = NULL;
	return 0;
}

int strv_add(struct arena *arena, struct strv *list, const char *item)
{
	return strv_add_piece(arena, list, item, strlen(item));
}

int strv_add_list(struct arena *arena, struct strv *list, const struct strv *other)
{
	size_t count = other->count; /* the two may be one list */

	for (size_t i = 0; i < count; i++)
		if (strv_add(arena, list, other->items[i]) < 0)
			return -ENOMEM;
	return 0;
}

bool strv_has(const struct strv *list, const char *item)
{
	for (size_t i = 0; i < list->count; i++)
		if (strcmp(list->items[i], item) == 0)
			return true;
	return false;
}

static bool assigns(const char *assignment, const char *name, size_t name_len)
{
	return strncmp(assignment, name, name_len) == 0 && assignment[name_len] == '=';
}

const char *strv_env_get(const struct strv *list, const char *name)
{
	size_t name_len = strlen(name);

	for (size_t i = 0; i < list->count; i++)
		if (assigns(list->items[i], name, name_len))
			return list->items[i] + name_len + 1;
	return NULL;
}

int strv_env_set(struct arena *arena, struct strv *list, const char *assignment)
{
	size_t name_len = strcspn(assignment, "=");
	size_t kept = 0;
	bool placed = false;
	char *copy;

	if (assignment[name_len] != '=')
		return -EINVAL;
	copy = arena_strdup(arena, assignment);
	if (!copy || !strv_grow(arena, list))
		return -ENOMEM;
	/* Later twins go: which of two a program sees depends on its C library. */
	for (size_t i = 0; i < list->count; i++) {
		char *item = list->items[i];

		if (assigns(item, assignment, name_len)) {
			if (placed)
				continue;
			item = copy;
			placed = true;
		}
		list->items[kept++] = item;
	}
	if (!placed)
		list->items[kept++] = copy;
	list->count = kept;
	list->items[kept] = NULL;
	return 0;
}

int strv_split(struct arena *arena, struct strv *list, const char *words, const char *separators, bool keep_empty)
{
	for (;;) {
		size_t len = strcspn(words, separators);

		if ((len > 0 || keep_empty) && strv_add_piece(arena, list, words, len) < 0)
			return -ENOMEM;
		if (!words[len])
			return 0;
		words += len + 1;
	}
}

/* --- fixed words --- */

bool text_starts(const char *words, const char *prefix)
{
	return strncmp(words, prefix, strlen(prefix)) == 0;
}

bool text_ends(const char *words, const char *suffix)
{
	size_t len = strlen(words), suffix_len = strlen(suffix);

	return len >= suffix_len && memcmp(words + len - suffix_len, suffix, suffix_len) == 0;
}

bool text_has_word(const char *words, const char *word)
{
	const size_t len = strlen(word);

	for (const char *at = words; (at = strstr(at, word)); at += len)
		if ((at == words || at[-1] == ' ') && (at[len] == ' ' || at[len] == '\0'))
			return true;
	return false;
}

int text_copy(char *to, size_t to_bytes, const char *from)
{
	size_t len = strlen(from);

	if (len >= to_bytes) {
		if (to_bytes > 0)
			to[0] = '\0';
		return -ENAMETOOLONG;
	}
	memcpy(to, from, len + 1);
	return 0;
}

void text_escape(char *to, size_t to_bytes, const char *from)
{
	utf8_escape(to, to_bytes, from);
}

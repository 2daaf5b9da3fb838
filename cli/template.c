// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/template.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define EXPRESSION_MAX_BYTES 512
#define MAX_TOKENS	     4

/* What an expression stands for: words for people, or a part of the document. */
struct value {
	const char *words;
	const struct json *json; /* when `words` is NULL; NULL too: nothing */
};

/* One expression, while it is looked at. */
struct expression {
	struct arena *arena;
	const struct template_data *data;
	const char *text; /* as it was written, for errors */
	const char *tokens[MAX_TOKENS];
	size_t count;
};

#define FIELDS_MAX_BYTES 400 /* of their names in an error */

static int complain(const struct expression *e, const char *what, const char *about, struct err *err)
{
	return err_say(err, EINVAL, "format: '{{%s}}': %s%s", e->text, what, about);
}

/* --- Taking apart ------------------------------------------------------------------------------------------------- */

/* A word, or words in quotes: then without them, and `"` in front of an empty place is not needed. */
static int take_token(struct expression *e, char **p, struct err *err)
{
	char *start = *p, *end;

	if (*start == '"') {
		end = strchr(++start, '"');
		if (!end)
			return complain(e, "a quote is not closed", "", err);
	} else {
		end = start + strcspn(start, " \t\"");
	}
	*p = *end ? end + 1 : end;
	*end = '\0';
	e->tokens[e->count++] = start;
	return 0;
}

static int take_tokens(struct expression *e, struct err *err)
{
	char *p = arena_strdup(e->arena, e->text);
	int result = arena_check(e->arena, err);

	while (result >= 0) {
		p += strspn(p, " \t");
		if (!*p)
			break;
		if (e->count == MAX_TOKENS)
			return complain(e, "too many words", "", err);
		result = take_token(e, &p, err);
	}
	return result;
}

/* --- Paths -------------------------------------------------------------------------------------------------------- */

static const struct json *find_member(const struct json *object, const char *name, size_t len)
{
	if (!object || object->type != JSON_OBJECT)
		return NULL;
	json_each (member, object)
		if (strlen(member->key) == len && strncasecmp(member->key, name, len) == 0)
			return member;
	return NULL;
}

/* ".ID": one of the fields for people. */
static const char *find_words(const struct template_data *data, const char *name)
{
	for (size_t i = 0; data->names && data->names[i]; i++)
		if (strcasecmp(data->names[i], name) == 0)
			return data->values[i] ? data->values[i] : "";
	return NULL;
}

static const char *capitals(struct arena *arena, const char *name)
{
	char *copy = arena_strdup(arena, strrchr(name, '.') ? strrchr(name, '.') + 1 : name);

	for (char *p = copy; p && *p; p++)
		*p = (char)toupper((unsigned char)*p);
	return copy;
}

static const struct json *find_part(const struct json *at, const char *path)
{
	for (const char *name = path + 1; at && *name;) {
		size_t len = strcspn(name, ".");

		at = find_member(at, name, len);
		name += len + (name[len] == '.');
	}
	return at;
}

/* The part of the document where a path goes wrong: the last object that it leads to. NULL: something that is none. */
static const struct json *find_wrong_turn(const struct json *at, const char *path)
{
	for (const char *name = path + 1; at && at->type == JSON_OBJECT;) {
		size_t len = strcspn(name, ".");
		const struct json *next = find_member(at, name, len);

		if (!next)
			return at;
		at = next;
		name += len + (name[len] == '.');
	}
	return NULL;
}

/* "there is no field .State.Foo: there are pid, status". */
static int complain_of_field(const struct expression *e, const char *path, struct err *err)
{
	const struct json *at = find_wrong_turn(e->data->document, path);
	CLEANUP_TEXT struct text words = TEXT_INIT;

	for (size_t i = 0; at == e->data->document && e->data->names && e->data->names[i]; i++)
		text_addf(&words, "%s%s", words.len ? ", " : "", e->data->names[i]);
	if (at) {
		json_each (member, at)
			text_addf(&words, "%s%s", words.len ? ", " : "", member->key);
	}
	if (!words.len)
		return complain(e, "there is no field ", path, err);
	return err_say(err, EINVAL, "format: '{{%s}}': there is no field %s: there are %.*s%s", e->text, path,
		       FIELDS_MAX_BYTES, text_get(&words), words.len > FIELDS_MAX_BYTES ? "…" : "");
}

/*
 * What is there twice, in words and in the document ("Ports"), is shown as words; functions want what they can look
 * into.
 */
static int find_path(const struct expression *e, const char *path, bool for_function, struct value *ret,
		     struct err *err)
{
	const char *words = path[1] ? find_words(e->data, path + 1) : NULL;
	const struct json *part = find_part(e->data->document, path);

	*ret = (struct value){.words = words};
	if (words && !(for_function && part))
		return 0;
	*ret = (struct value){.json = part};
	if (e->data->heading)
		ret->words = capitals(e->arena, path);
	else if (!part)
		return complain_of_field(e, path, err);
	return arena_check(e->arena, err);
}

/* --- Values ------------------------------------------------------------------------------------------------------- */

static void put_words(struct arena *arena, const char *words, struct text *to)
{
	size_t room = 4 * strlen(words) + 1;
	char *escaped = arena_alloc(arena, room);

	if (!escaped)
		return;
	text_escape(escaped, room, words);
	text_add(to, escaped);
}

static void put_json(const struct json *value, struct text *to)
{
	struct json_writer writer = {.out = to};

	json_put(&writer, NULL, value);
}

static void put_value(struct arena *arena, const struct value *value, struct text *to)
{
	if (value->words)
		put_words(arena, value->words, to);
	else if (!value->json)
		return;
	else if (value->json->type == JSON_STRING)
		put_words(arena, value->json->string, to);
	else if (value->json->type == JSON_NULL)
		text_add(to, "<no value>");
	else
		put_json(value->json, to);
}

/* --- Functions ---------------------------------------------------------------------------------------------------- */

static int call_json(const struct expression *e, const struct value *value, const char *unused, struct text *to,
		     struct err *err)
{
	struct json_writer writer = {.out = to};

	(void)unused;
	if (value->words)
		json_put_string(&writer, NULL, value->words);
	else if (value->json)
		put_json(value->json, to);
	return text_check(to, err) < 0 ? -ENOMEM : arena_check(e->arena, err);
}

static int call_len(const struct expression *e, const struct value *value, const char *unused, struct text *to,
		    struct err *err)
{
	const struct json *json = value->json;

	(void)unused;
	if (value->words)
		text_addf(to, "%zu", strlen(value->words));
	else if (json && json->type == JSON_STRING)
		text_addf(to, "%zu", strlen(json->string));
	else if (json && (json->type == JSON_ARRAY || json->type == JSON_OBJECT))
		text_addf(to, "%zu", json->children.count);
	else
		return complain(e, "it has no length", "", err);
	return 0;
}

static int call_index(const struct expression *e, const struct value *value, const char *which, struct text *to,
		      struct err *err)
{
	const struct json *json = value->json;
	struct value item = {0};
	uint64_t number;

	if (json && json->type == JSON_OBJECT) {
		item.json = json_get(json, which);
	} else if (json && json->type == JSON_ARRAY && text_u64(which, &number) == 0) {
		json_each (child, json)
			if (number-- == 0)
				item.json = child;
		if (!item.json)
			return complain(e, "there is no item ", which, err);
	} else {
		return complain(e, "it has no item ", which, err);
	}
	put_value(e->arena, &item, to);
	return 0;
}

static int call_join(const struct expression *e, const struct value *value, const char *between, struct text *to,
		     struct err *err)
{
	const char *before = "";

	if (!value->json || value->json->type != JSON_ARRAY)
		return complain(e, "it is no list", "", err);
	json_each (child, value->json) {
		text_add(to, before);
		put_value(e->arena, &(struct value){.json = child}, to);
		before = between;
	}
	return 0;
}

static const struct {
	const char *name;
	size_t tokens; /* with its own name */
	int (*call)(const struct expression *e, const struct value *value, const char *argument, struct text *to,
		    struct err *err);
} functions[] = {
	{"json", 2, call_json},
	{"len", 2, call_len},
	{"index", 3, call_index},
	{"join", 3, call_join},
};

static int call_function(const struct expression *e, struct text *to, struct err *err)
{
	struct value value;
	int result;

	for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
		if (strcmp(functions[i].name, e->tokens[0]) != 0)
			continue;
		if (e->count != functions[i].tokens || e->tokens[1][0] != '.')
			return complain(e, "want a field behind ", e->tokens[0], err);
		result = find_path(e, e->tokens[1], true, &value, err);
		if (result < 0)
			return result;
		if (e->data->heading)
			return put_value(e->arena, &value, to), 0;
		return functions[i].call(e, &value, e->tokens[2], to, err);
	}
	return complain(e, "want a field as .Name, or json, len, index, join", "", err);
}

/* --- Expressions and the text around them ------------------------------------------------------------------------- */

static int expand_expression(struct expression *e, struct text *to, struct err *err)
{
	struct value value;
	int result = take_tokens(e, err);

	if (result < 0)
		return result;
	if (e->count == 0)
		return complain(e, "it is empty", "", err);
	if (e->count == 2 && strcasecmp(e->tokens[0], ".Label") == 0) {
		if (e->data->heading)
			return put_words(e->arena, e->tokens[1], to), 0;
		value = (struct value){.json = find_member(e->data->document, "labels", strlen("labels"))};
		return call_index(e, &value, e->tokens[1], to, err);
	}
	if (e->tokens[0][0] != '.')
		return call_function(e, to, err);
	if (e->count > 1)
		return complain(e, "too many words", "", err);
	result = find_path(e, e->tokens[0], false, &value, err);
	if (result >= 0)
		put_value(e->arena, &value, to);
	return result;
}

/* Up to the next expression: \t and \n are what they say. */
static const char *add_plain(const char *words, struct text *to)
{
	for (; *words && strncmp(words, "{{", 2) != 0; words++) {
		if (words[0] == '\\' && (words[1] == 't' || words[1] == 'n'))
			text_add(to, *++words == 't' ? "\t" : "\n");
		else
			text_add_bytes(to, words, 1);
	}
	return words;
}

int template_expand(struct arena *arena, const char *words, const struct template_data *data, struct text *to,
		    struct err *err)
{
	for (words = add_plain(words, to); *words; words = add_plain(words, to)) {
		const char *end = strstr(words, "}}");
		struct expression e = {.arena = arena, .data = data};
		int result;

		if (!end)
			return err_say(err, EINVAL, "format: '%s': '{{' without '}}'", words);
		if (end - words > EXPRESSION_MAX_BYTES)
			return err_say(err, EINVAL, "format: an expression is longer than %d bytes",
				       EXPRESSION_MAX_BYTES);
		e.text = arena_strndup(arena, words + 2, (size_t)(end - words - 2));
		result = e.text ? expand_expression(&e, to, err) : arena_check(arena, err);
		if (result < 0)
			return result;
		words = end + 2;
	}
	return text_check(to, err) < 0 ? -ENOMEM : arena_check(arena, err);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Parsing: yajl finds the tokens, the callbacks below build the tree, and refuse what yajl would let through. Reading
 * values is json_value.c's, writing json_write.c's: those do not need yajl.
 */
#include "runtime/base/json.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <yajl/yajl_parse.h>

#include "runtime/base/file.h"
#include "runtime/base/utf8.h"

/* No number of use is longer; strtod(3) wants a terminated copy. */
#define NUMBER_BYTES 64
/* As many members are compared without memory of their own; nearly every object has fewer. */
#define FEW_KEYS 64

/* What the lexer's and the decoder's buffers, doubling, can take together, and yajl's own structs. */
#define POOL_BYTES(document_bytes) (8 * (document_bytes) + ((size_t)64 << 10))

/*
 * yajl's memory. yajl uses what an allocation returns without a look, so when there is no memory the parse is left by
 * longjmp(3); whatever it held is in an arena and goes with it.
 */
struct pool {
	struct arena arena;
	jmp_buf no_memory;
};

struct parser {
	struct arena *arena;
	struct err *err;
	int failure; /* of a callback, 0 or -errno; `err` is set */
	struct json *root;
	struct json *open[JSON_MAX_DEPTH]; /* containers, the innermost last */
	unsigned depth;
	const char *key; /* of the value to come */
};

/* --- yajl's memory --- */

union chunk {
	size_t bytes;
	max_align_t align;
};

static void *pool_malloc(void *context, size_t bytes)
{
	struct pool *pool = context;
	union chunk *chunk =
		bytes < SIZE_MAX - sizeof(*chunk) ? arena_alloc(&pool->arena, sizeof(*chunk) + bytes) : NULL;

	if (!chunk)
		longjmp(pool->no_memory, 1);
	chunk->bytes = bytes;
	return chunk + 1;
}

static void *pool_realloc(void *context, void *old, size_t bytes)
{
	void *new = pool_malloc(context, bytes);

	if (old) {
		size_t old_bytes = ((union chunk *)old)[-1].bytes;

		memcpy(new, old, old_bytes < bytes ? old_bytes : bytes);
	}
	return new;
}

static void pool_free(void *context, void *chunk)
{
	(void)context;
	(void)chunk;
}

/* --- building the tree --- */

static int fail(struct parser *parser, int failure)
{
	parser->failure = failure;
	return 0; /* yajl stops */
}

static struct json *add_value(struct parser *parser, enum json_type type)
{
	struct json *parent = parser->depth ? parser->open[parser->depth - 1] : NULL;
	struct json *value = ARENA_NEW(parser->arena, struct json);

	if (!value) {
		(void)fail(parser, arena_check(parser->arena, parser->err));
		return NULL;
	}
	value->type = type;
	value->parent = parent;
	value->key = PTR_TAKE(parser->key);
	if (!parent) {
		parser->root = value;
		return value;
	}
	if (parent->children.last)
		parent->children.last->next = value;
	else
		parent->children.first = value;
	parent->children.last = value;
	parent->children.count++;
	return value;
}

/*
 * A terminated copy of a string. yajl lets overlong forms and single surrogates pass, and a NUL would hide what follows
 * it.
 */
static const char *copy_string(struct parser *parser, const unsigned char *bytes, size_t len)
{
	char *copy = arena_strndup(parser->arena, (const char *)bytes, len);
	const struct json *place = parser->depth ? parser->open[parser->depth - 1] : NULL;

	if (!copy)
		(void)fail(parser, arena_check(parser->arena, parser->err));
	else if (strlen(copy) != len)
		(void)fail(parser, json_complain(place, parser->err, "a string with a NUL character in it"));
	else if (!utf8_valid(copy))
		(void)fail(parser, json_complain(place, parser->err, "a string that is not UTF-8"));
	return parser->failure ? NULL : copy;
}

static int on_null(void *context)
{
	return add_value(context, JSON_NULL) != NULL;
}

static int on_boolean(void *context, int boolean)
{
	struct json *value = add_value(context, JSON_BOOL);

	if (value)
		value->boolean = boolean != 0;
	return value != NULL;
}

static int read_integer(struct json *value, const char *words)
{
	bool negative = words[0] == '-';
	uint64_t magnitude;

	if (text_u64(words + negative, &magnitude) < 0 || (negative && magnitude > (uint64_t)INT64_MAX + 1))
		return -ERANGE;
	value->integer.negative = negative && magnitude > 0;
	value->integer.magnitude = magnitude;
	return 0;
}

static int read_double(struct json *value, const char *words)
{
	value->number = strtod(words, NULL);
	return isfinite(value->number) ? 0 : -ERANGE;
}

static int on_number(void *context, const char *digits, size_t len)
{
	struct parser *parser = context;
	struct json *value = add_value(parser, JSON_INT);
	char words[NUMBER_BYTES];
	int r;

	if (!value)
		return 0;
	if (len >= sizeof(words))
		return fail(parser, json_complain(value, parser->err, "a number of %zu characters", len));
	memcpy(words, digits, len);
	words[len] = '\0';
	if (strpbrk(words, ".eE")) {
		value->type = JSON_DOUBLE;
		r = read_double(value, words);
	} else {
		r = read_integer(value, words);
	}
	if (r < 0)
		return fail(parser, json_complain(value, parser->err, "%s is out of range", words));
	return 1;
}

static int on_string(void *context, const unsigned char *bytes, size_t len)
{
	struct json *value = add_value(context, JSON_STRING);

	if (value)
		value->string = copy_string(context, bytes, len);
	return value && value->string;
}

static int on_key(void *context, const unsigned char *bytes, size_t len)
{
	struct parser *parser = context;

	parser->key = copy_string(parser, bytes, len);
	return parser->key != NULL;
}

static int open_container(struct parser *parser, enum json_type type)
{
	struct json *value;

	if (parser->depth == JSON_MAX_DEPTH)
		return fail(parser, err_say(parser->err, EINVAL, "nested more than %d deep", JSON_MAX_DEPTH));
	value = add_value(parser, type);
	if (value)
		parser->open[parser->depth++] = value;
	return value != NULL;
}

static int on_open_object(void *context)
{
	return open_container(context, JSON_OBJECT);
}

static int on_open_array(void *context)
{
	return open_container(context, JSON_ARRAY);
}

static int on_close_array(void *context)
{
	struct parser *parser = context;

	parser->depth--;
	return 1;
}

static int compare_keys(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/*
 * Two readers of one document may each take another of two members with one key; so it is refused. Sorted, so that an
 * object with very many members costs little more than its size.
 */
static int on_close_object(void *context)
{
	struct parser *parser = context;
	const struct json *object = parser->open[--parser->depth];
	const char *few[FEW_KEYS], **keys = few;
	CLEANUP_FREE const char **many = NULL;
	size_t count = 0;

	if (object->children.count < 2)
		return 1;
	if (object->children.count > FEW_KEYS) {
		keys = many = calloc(object->children.count, sizeof(*keys));
		if (!keys)
			return fail(parser, err_set(parser->err, ENOMEM, "look for keys that are there twice"));
	}
	json_each (member, object)
		keys[count++] = member->key;
	qsort(keys, count, sizeof(*keys), compare_keys);
	for (size_t i = 1; i < count; i++)
		if (strcmp(keys[i - 1], keys[i]) == 0)
			return fail(parser, json_complain(object, parser->err, "the key '%s' is there twice", keys[i]));
	return 1;
}

/* --- the document --- */

static bool is_hex_in(const char *digits, unsigned from, unsigned to)
{
	char copy[5] = {0};
	char *end;
	unsigned long value;

	memcpy(copy, digits, 4);
	value = strtoul(copy, &end, 16);
	return !*end && value >= from && value <= to;
}

/*
 * Whether every escaped surrogate (\ud83d) is one of a pair. yajl turns others into a question mark, and reads on
 * behind the end of the string to do so. Outside of strings a backslash is an error anyway.
 */
static bool surrogates_are_paired(const char *data, size_t len)
{
	const char *end = data + len;
	const char *at = data;

	while ((at = memchr(at, '\\', (size_t)(end - at))) != NULL) {
		if (end - at < 6 || at[1] != 'u') {
			at += end - at < 2 ? 1 : 2;
			continue;
		}
		at += 2;
		if (is_hex_in(at, 0xdc00, 0xdfff))
			return false;
		if (is_hex_in(at, 0xd800, 0xdbff)) {
			if (end - at < 10 || at[4] != '\\' || at[5] != 'u' || !is_hex_in(at + 6, 0xdc00, 0xdfff))
				return false;
			at += 6;
		}
		at += 4;
	}
	return true;
}

/* What yajl has to say, on one line, with the place. */
static int syntax_error(struct parser *parser, yajl_handle yajl, const char *data, size_t len, bool at_end)
{
	char *words = (char *)yajl_get_error(yajl, 0, (const unsigned char *)data, len);
	/* What yajl finds when it is told of the end it places in a text of its own. */
	size_t offset = at_end ? len : yajl_get_bytes_consumed(yajl);
	size_t line = 1, column = 1;

	for (size_t i = 0; i < offset && i < len; i++) {
		column = data[i] == '\n' ? 1 : column + 1;
		line += data[i] == '\n';
	}
	words[strcspn(words, "\n")] = '\0';
	return err_say(parser->err, EINVAL, "line %zu, column %zu: %s", line, column, words);
}

/* A function of its own, so that no variable lives across setjmp(3). */
static int run_yajl(struct parser *parser, struct pool *pool, const char *data, size_t len)
{
	static const yajl_callbacks callbacks = {
		.yajl_null = on_null,
		.yajl_boolean = on_boolean,
		.yajl_number = on_number,
		.yajl_string = on_string,
		.yajl_start_map = on_open_object,
		.yajl_map_key = on_key,
		.yajl_end_map = on_close_object,
		.yajl_start_array = on_open_array,
		.yajl_end_array = on_close_array,
	};
	yajl_alloc_funcs memory = {.malloc = pool_malloc, .realloc = pool_realloc, .free = pool_free, .ctx = pool};
	yajl_handle yajl;
	yajl_status status;
	bool at_end;

	if (setjmp(pool->no_memory))
		return err_set(parser->err, ENOMEM, "parse");
	/* No yajl_free() on any way out: the pool's arena holds all that a handle has. */
	yajl = yajl_alloc(&callbacks, &memory, parser);
	status = yajl_parse(yajl, (const unsigned char *)data, len);
	at_end = status == yajl_status_ok;
	if (at_end)
		status = yajl_complete_parse(yajl);
	if (parser->failure)
		return parser->failure;
	return status == yajl_status_ok ? 0 : syntax_error(parser, yajl, data, len, at_end);
}

int json_parse(struct arena *arena, const char *data, size_t len, const char *what, const struct json **ret,
	       struct err *err)
{
	struct parser parser = {.arena = arena, .err = err};
	struct pool pool = {.arena = {.max_bytes = POOL_BYTES(len)}};
	int r;

	if (len > JSON_MAX_BYTES)
		return err_say(err, EFBIG, "%s: it has more than %zu bytes", what, JSON_MAX_BYTES);
	if (!surrogates_are_paired(data, len))
		return err_say(err, EINVAL, "%s: a string with half of a surrogate pair", what);
	r = run_yajl(&parser, &pool, data, len);
	arena_free(&pool.arena);
	if (r < 0) {
		(void)err_wrap(err, "%s", what);
		return r;
	}
	*ret = parser.root;
	return 0;
}

int json_read_file(struct arena *arena, int dirfd, const char *name, const struct json **ret, struct err *err)
{
	/* The text goes when the tree is there: its strings are copies. */
	CLEANUP_ARENA struct arena text = {.max_bytes = JSON_MAX_BYTES + 64};
	char *data;
	size_t len;
	int r = file_read(&text, dirfd, name, JSON_MAX_BYTES, &data, &len, err);

	return r < 0 ? r : json_parse(arena, data, len, name, ret, err);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime/base/json.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "tests/unit/tap.h"

static struct arena arena;
static struct err err;

static const struct json *parse_bytes(const char *data, size_t len)
{
	const struct json *root = NULL;

	arena_free(&arena);
	err_clear(&err);
	return json_parse(&arena, data, len, "doc", &root, &err) < 0 ? NULL : root;
}

static const struct json *parse(const char *words)
{
	return parse_bytes(words, strlen(words));
}

/* Of a processor, which others may have meanwhile. */
static double seconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void test_values(void)
{
	const struct json *doc =
		parse(" {\"a\":null, \"b\":true,\"c\":-5,\"d\":1.5e3,\"e\":\"x\\ny\\u20ac\\ud83d\\udea2\","
		      "\"f\":[1,[],{}],\"\":0} \n");
	const struct json *f = json_get(doc, "f");
	const char *words;
	int64_t i64;
	bool boolean;

	CHECK(doc && doc->type == JSON_OBJECT && doc->children.count == 7 && !doc->key && !doc->parent && !doc->next);
	CHECK(json_get(doc, "a")->type == JSON_NULL);
	CHECK(json_bool(json_get(doc, "b"), &boolean, &err) == 0 && boolean);
	CHECK(json_i64(json_get(doc, "c"), &i64, &err) == 0 && i64 == -5);
	CHECK(json_get(doc, "d")->type == JSON_DOUBLE && json_get(doc, "d")->number == 1500);
	CHECK_INT(json_string(json_get(doc, "e"), &words, &err), 0);
	CHECK_STR(words, "x\ny\xe2\x82\xac\xf0\x9f\x9a\xa2");
	CHECK(f && f->type == JSON_ARRAY && f->children.count == 3 && f->parent == doc);
	CHECK(json_first(f)->next->type == JSON_ARRAY && !json_first(json_first(f)->next));
	CHECK(json_get(doc, "") != NULL);
	CHECK(json_get(doc, "z") == NULL && json_get(NULL, "a") == NULL && json_get(f, "a") == NULL);
	CHECK(json_first(NULL) == NULL && json_first(json_get(doc, "a")) == NULL);
	CHECK(parse("7") && parse("\"x\"") && parse("null") && parse("[]"));
}

static void test_integers_keep_every_bit(void)
{
	const struct json *doc = parse("[18446744073709551615, -9223372036854775808, 9223372036854775807, -0, "
				       "9007199254740993]");
	const struct json *item = json_first(doc);
	uint64_t u64 = 0;
	int64_t i64 = 0;
	uint32_t u32;

	CHECK(doc != NULL);
	CHECK(json_u64(item, &u64, &err) == 0 && u64 == UINT64_MAX);
	CHECK_INT(json_i64(item, &i64, &err), -EINVAL);
	CHECK_STR(err.msg, "[0]: 18446744073709551615 is more than 9223372036854775807");
	CHECK_INT(json_u32(item, &u32, &err), -EINVAL);
	item = item->next;
	CHECK(json_i64(item, &i64, &err) == 0 && i64 == INT64_MIN);
	CHECK_INT(json_u64(item, &u64, &err), -EINVAL);
	CHECK_STR(err.msg, "[1]: -9223372036854775808 is negative");
	item = item->next;
	CHECK(json_i64(item, &i64, &err) == 0 && i64 == INT64_MAX);
	item = item->next;
	CHECK(json_u32(item, &u32, &err) == 0 && u32 == 0);
	item = item->next;
	CHECK(json_u64(item, &u64, &err) == 0 && u64 == 9007199254740993);
}

static void test_refusals(void)
{
	static const struct {
		const char *doc, *words;
	} cases[] = {
		{"", "premature EOF"},
		{" ", "premature EOF"},
		{"{", "premature EOF"},
		{"[1,\n2", "line 2, column 2: parse error: premature EOF"},
		{"\"x", "premature EOF"},
		{"{\"a\":1,}", "line 1, column"},
		{"[1,]", "line 1, column"},
		{"[1]]", "trailing garbage"},
		{"{} {}", "trailing garbage"},
		{"{}x", "line 1"},
		{"1 2", "trailing garbage"},
		{"// c\n1", "line"},
		{"[1 /* c */]", "line"},
		{"{a:1}", "line"},
		{"{'a':1}", "line"},
		{"\xef\xbb\xbf{}", "line"},
		{"[NaN]", "line"},
		{"[Infinity]", "line"},
		{"[01]", "line"},
		{"[+1]", "line"},
		{"[.5]", "line"},
		{"[1.]", "line"},
		{"[1e]", "line"},
		{"[0x10]", "line"},
		{"[tru]", "line"},
		{"\n\n[1,\n  2 3]", "line 4, column"},
		{"{\"a\":{\"b\":1,\"c\":2,\"b\":3}}", "a: the key 'b' is there twice"},
		{"{\"a\":1,\"\\u0061\":2}", "the key 'a' is there twice"},
		{"{\"a\":[\"x\\u0000y\"]}", "a: a string with a NUL"},
		{"{\"x\\u0000y\":1}", "NUL"},
		{"{\"a\":18446744073709551616}", "a: 18446744073709551616 is out of range"},
		{"[-9223372036854775809]", "[0]: -9223372036854775809 is out of range"},
		{"[1e400]", "[0]: 1e400 is out of range"},
		{"[10000000000000000000000000000000000000000000000000000000000000000]", "a number of 65 characters"},
		{"[\"\\ud83d\"]", "surrogate"},
		{"[\"\\ud83dx\"]", "surrogate"},
		{"[\"\\ud83d\\n\"]", "surrogate"},
		{"[\"\\udea2\"]", "surrogate"},
		{"[\"\\ud83d\\ud83d\"]", "surrogate"},
		{"[\"\\ud83d", "surrogate"},
		{"[\"\\u12", "line 1, column 7"},
		{"[\"\\uzzzz\"]", "line"},
		{"[\"\\q\"]", "line"},
		{"[\"a\tb\"]", "line"},
		{"[\"\xff\"]", "line"},
		{"[\"\xc0\xaf\"]", "not UTF-8"},
		{"[\"\xed\xa0\x80\"]", "not UTF-8"},
		{"[\"\xf5\x80\x80\x80\"]", ""},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		if (parse(cases[i].doc))
			tap_fail(__FILE__, __LINE__, cases[i].doc);
		CHECK_INT(err.code, EINVAL);
		CHECK_HAS(err.msg, "doc: ");
		CHECK_HAS(err.msg, cases[i].words);
	}
	CHECK(!parse_bytes("{}\0", 3));
	CHECK(!parse_bytes("[\"a\0b\"]", 7));
	CHECK(!parse_bytes("\0", 1));
}

static void test_a_backslash_before_a_surrogate_is_none(void)
{
	const char *words = "";

	CHECK_INT(json_string(parse("\"\\\\ud83d\""), &words, NULL), 0);
	CHECK_STR(words, "\\ud83d");
}

/* `depth` brackets of one kind, and as many that close when `closed`. */
static char *nested(size_t depth, const char *open, const char *close, bool closed)
{
	struct text text = TEXT_INIT;

	for (size_t i = 0; i < depth; i++)
		text_add(&text, open);
	text_add(&text, "0");
	for (size_t i = 0; closed && i < depth; i++)
		text_add(&text, close);
	return text.data;
}

static void test_depth(void)
{
	CLEANUP_FREE char *fits = nested(JSON_MAX_DEPTH, "[", "]", true);
	CLEANUP_FREE char *fits_too = nested(JSON_MAX_DEPTH, "{\"a\":", "}", true);
	CLEANUP_FREE char *deeper = nested(JSON_MAX_DEPTH + 1, "[", "]", true);
	CLEANUP_FREE char *abyss = nested(100000, "[", "]", true);
	CLEANUP_FREE char *open_abyss = nested(100000, "{\"a\":", "", false);
	double before;

	CHECK(parse(fits) != NULL);
	CHECK(parse(fits_too) != NULL);
	CHECK(parse(deeper) == NULL);
	CHECK_HAS(err.msg, "nested more than 64 deep");
	before = seconds_now();
	CHECK(parse(abyss) == NULL);
	CHECK(parse(open_abyss) == NULL);
	CHECK_HAS(err.msg, "nested more than 64 deep");
	CHECK(seconds_now() - before < 1);
}

static void test_many_keys_cost_no_square(void)
{
	CLEANUP_TEXT struct text text = TEXT_INIT;
	double before;

	text_add(&text, "{");
	for (int i = 0; i < 200000; i++)
		text_addf(&text, "\"key-%d\":%d,", i, i);
	text_add(&text, "\"last\":0}");
	before = seconds_now();
	CHECK(parse(text.data) != NULL);
	/* Compared pair by pair this would be 20,000,000,000 looks. */
	CHECK(seconds_now() - before < 10);
	text.data[--text.len] = '\0';
	text_add(&text, ",\"key-77777\":0}");
	CHECK(parse(text.data) == NULL);
	CHECK_HAS(err.msg, "the key 'key-77777' is there twice");
}

static void test_size_and_memory_are_bounded(void)
{
	size_t len = JSON_MAX_BYTES;
	CLEANUP_FREE char *data = malloc(len + 1);

	/* One long string, with an escape so that it is decoded into yajl's own buffer. */
	memset(data, 'x', len + 1);
	data[0] = '"';
	memcpy(data + 1, "\\n", 2);
	data[len - 1] = '"';
	CHECK(parse_bytes(data, len) != NULL);
	CHECK(parse_bytes(data, len + 1) == NULL);
	CHECK_INT(err.code, EFBIG);
	/* The same without an end: all of it is kept in the lexer's buffer. */
	data[len - 1] = 'x';
	CHECK(parse_bytes(data, len) == NULL);
	CHECK_HAS(err.msg, "premature EOF");
	/* As many values as fit: the tree would be far larger than the document. */
	for (size_t i = 0; i < len; i++)
		data[i] = i % 2 ? '0' : ',';
	data[0] = '[';
	data[len - 2] = ']';
	data[len - 1] = ' ';
	CHECK(parse_bytes(data, len) == NULL);
	CHECK_INT(err.code, ENOMEM);
}

static void test_a_huge_file_is_not_read(void)
{
	char name[] = "/tmp/test-json-XXXXXX";
	CLEANUP_FD int fd = mkstemp(name);
	const struct json *root;
	double before = seconds_now();

	CHECK_INT(ftruncate(fd, 100 << 20), 0);
	arena_free(&arena);
	CHECK_INT(json_read_file(&arena, AT_FDCWD, name, &root, &err), -EFBIG);
	CHECK(seconds_now() - before < 0.5);
	CHECK_INT(arena.used_bytes, 0);
	CHECK_INT(ftruncate(fd, 0), 0);
	CHECK_INT(pwrite(fd, "{\"a\":[1]}", 9, 0), 9);
	CHECK_INT(json_read_file(&arena, AT_FDCWD, name, &root, &err), 0);
	CHECK(json_get(root, "a") != NULL);
	CHECK_INT(ftruncate(fd, 3), 0);
	CHECK_INT(json_read_file(&arena, AT_FDCWD, name, &root, &err), -EINVAL);
	CHECK_HAS(err.msg, name);
	unlink(name);
	CHECK_INT(json_read_file(&arena, AT_FDCWD, name, &root, &err), -ENOENT);
}

/* Whatever the arena's bound, running into it is -ENOMEM, and nothing leaks (the sanitizer looks). */
static void test_running_out_of_memory(void)
{
	const char *doc = "{\"a\":[1,2,{\"b\":\"x\\ny\"},\"zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz\"],\"c\":null}";
	const struct json *root;
	bool fitted = false;

	for (size_t bytes = 1; bytes < 3000; bytes += 8) {
		CLEANUP_ARENA struct arena small = {.max_bytes = bytes};
		int r = json_parse(&small, doc, strlen(doc), "doc", &root, &err);

		CHECK(r == 0 || r == -ENOMEM);
		CHECK(!(fitted && r < 0));
		fitted = r == 0;
	}
	CHECK(fitted);
}

static void test_complaints_name_the_place(void)
{
	const struct json *doc = parse("{\"linux\":{\"namespaces\":[{},{},{\"type\":7}],\"x\":\"s\"}}");
	const struct json *list = json_get(json_get(doc, "linux"), "namespaces");
	const struct json *type = json_get(json_first(list)->next->next, "type");
	const char *words = "kept";
	struct strv strv = {0};
	uint64_t u64;

	CHECK_INT(json_string(type, &words, &err), -EINVAL);
	CHECK_STR(err.msg, "linux.namespaces[2].type: want a string, found an integer");
	CHECK_STR(words, "kept");
	CHECK_INT(json_u64(json_get(json_get(doc, "linux"), "x"), &u64, &err), -EINVAL);
	CHECK_STR(err.msg, "linux.x: want an integer, found a string");
	CHECK_INT(json_want(doc, JSON_ARRAY, &err), -EINVAL);
	CHECK_STR(err.msg, "want an array, found an object");
	CHECK_INT(json_want(NULL, JSON_ARRAY, &err), -EINVAL);
	CHECK_INT(json_complain(type, &err, "no such type '%s'", "x\ny"), -EINVAL);
	CHECK_STR(err.msg, "linux.namespaces[2].type: no such type 'x\\ny'");
	CHECK_INT(json_strv(&arena, list, &strv, &err), -EINVAL);
	CHECK_STR(err.msg, "linux.namespaces[0]: want a string, found an object");
	CHECK_INT(json_strv(&arena, parse("[\"a\",\"b\"]"), &strv, &err), 0);
	CHECK(strv.count == 2 && !strv.items[2]);
	CHECK_STR(strv.items[1], "b");
	CHECK_INT(json_u64(parse("1.0"), &u64, &err), -EINVAL);
	CHECK_HAS(err.msg, "want an integer, found a number with a fraction");
}

static void test_writing(void)
{
	CLEANUP_TEXT struct text out = TEXT_INIT;
	struct json_writer w = {.out = &out};
	char *items[] = {(char[]){"x"}, (char[]){"y"}, NULL};
	struct strv list = {.items = items, .count = 2};

	json_open(&w, NULL);
	json_put_string(&w, "s", "q\"b\\s/n\nt\tc\x01 \xe2\x82\xac bad\xff\x80 d\x7f");
	json_put_string(&w, "none", NULL);
	json_put_bool(&w, "b", false);
	json_put_i64(&w, "i", INT64_MIN);
	json_put_u64(&w, "u", UINT64_MAX);
	json_open_array(&w, "empty");
	json_close_array(&w);
	json_put_strv(&w, "list", &list);
	json_open_array(&w, "deep");
	json_open(&w, NULL);
	json_close(&w);
	json_put_bool(&w, NULL, true);
	json_close_array(&w);
	json_close(&w);
	CHECK_INT(text_check(&out, &err), 0);
	CHECK_STR(out.data, "{\"s\":\"q\\\"b\\\\s/n\\nt\\tc\\u0001 \xe2\x82\xac bad\xef\xbf\xbd\xef\xbf\xbd d\x7f\","
			    "\"none\":null,\"b\":false,\"i\":-9223372036854775808,\"u\":18446744073709551615,"
			    "\"empty\":[],\"list\":[\"x\",\"y\"],\"deep\":[{},true]}");
	CHECK(parse(out.data) != NULL);
}

static void test_writing_for_people(void)
{
	CLEANUP_TEXT struct text out = TEXT_INIT;
	struct json_writer w = {.out = &out, .indent = true};

	json_put(&w, NULL, parse("{\"a\":[1,{}],\"b\":{\"c\":null}}"));
	CHECK_STR(text_get(&out), "{\n  \"a\": [\n    1,\n    {}\n  ],\n  \"b\": {\n    \"c\": null\n  }\n}");
}

static void test_what_is_read_is_written_again(void)
{
	static const char *const docs[] = {
		"{\"a\":[1,-2,18446744073709551615,-9223372036854775808,0],\"b\":{\"\":\"\\u0007\"},\"c\":[]}",
		"[1.5,0.1,1e+300,-2.5e-08,1000.0,1e+20,0.30000000000000004,4.94065645841247e-324,true,false,null,{}]",
		"\"x\"",
	};

	for (size_t i = 0; i < ARRAY_SIZE(docs); i++) {
		CLEANUP_TEXT struct text out = TEXT_INIT;
		struct json_writer w = {.out = &out};

		json_put(&w, NULL, parse(docs[i]));
		CHECK_STR(text_get(&out), docs[i]);
	}
}

static void test_a_writer_is_bounded(void)
{
	CLEANUP_TEXT struct text out = TEXT_INIT, other = TEXT_INIT;
	struct json_writer w = {.out = &out};

	for (int i = 0; i < JSON_MAX_DEPTH; i++)
		json_open_array(&w, NULL);
	CHECK_INT(text_check(&out, NULL), 0);
	json_open_array(&w, NULL);
	CHECK_INT(text_check(&out, NULL), -ENOMEM);
	w = (struct json_writer){.out = &other};
	json_close(&w);
	CHECK_INT(text_check(&other, NULL), -ENOMEM);
}

int main(void)
{
	int r = TAP_RUN(TAP_CASE(test_values), TAP_CASE(test_integers_keep_every_bit), TAP_CASE(test_refusals),
			TAP_CASE(test_a_backslash_before_a_surrogate_is_none), TAP_CASE(test_depth),
			TAP_CASE(test_many_keys_cost_no_square), TAP_CASE(test_size_and_memory_are_bounded),
			TAP_CASE(test_a_huge_file_is_not_read), TAP_CASE(test_running_out_of_memory),
			TAP_CASE(test_complaints_name_the_place), TAP_CASE(test_writing),
			TAP_CASE(test_writing_for_people), TAP_CASE(test_what_is_read_is_written_again),
			TAP_CASE(test_a_writer_is_bounded));

	arena_free(&arena);
	return r;
}

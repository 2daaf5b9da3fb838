/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The tables themselves, and lists that grow. */
#include "runtime/spec/config_fields.h"
#include "runtime/spec/field_rows.h"
#include "runtime/spec/hull_fields.h"
#include "tests/unit/tap.h"

static void test_tables_fit_their_structs(void)
{
	const struct field_table *tables[] = {&config_fields,	      &config_process_fields, &config_resources_fields,
					      &config_seccomp_fields, &extension_fields,      &record_fields};

	for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
		struct err err = ERR_INIT;

		CHECK_INT(fields_check(tables[i], &err), 0);
		if (err.code)
			printf("# table %zu: %s\n", i, err.msg);
	}
}

struct small {
	uint32_t number;
};

struct outer {
	struct small in_place;
	LIST_OF(struct small) list;
};

#define TYPE struct small
static const struct field small_rows[] = {
	ROW("number", FIELD_U32, number, .max = 7),
};
TABLE(small_table, small_rows);
#undef TYPE

/* Tables with one mistake each. */
static const struct field outside_rows[] = {{.name = "x", .kind = FIELD_U64, .offset = 8, .bytes = 8}};
static const struct field_table outside_table = {outside_rows, 1, 8};
static const struct field no_table_rows[] = {{.name = "x", .kind = FIELD_STRUCT, .offset = 0, .bytes = 4}};
static const struct field_table no_table_table = {no_table_rows, 1, 8};
static const struct field other_rows[] = {{.name = "x", .kind = FIELD_STRUCT, .bytes = 8, .table = &small_table}};
static const struct field_table other_table = {other_rows, 1, 8};
static const struct field no_words_rows[] = {{.name = "x", .kind = FIELD_ENUM, .bytes = 4}};
static const struct field_table no_words_table = {no_words_rows, 1, 8};

static void test_wrong_tables_are_found(void)
{
	CHECK(fields_check(&outside_table, NULL) < 0);
	CHECK(fields_check(&no_table_table, NULL) < 0);
	CHECK(fields_check(&other_table, NULL) < 0);
	CHECK(fields_check(&no_words_table, NULL) < 0);
}

#define TYPE struct outer
static const struct field outer_rows[] = {
	ROW("inPlace", FIELD_STRUCT, in_place, OF(small_table)),
	ROW("list", FIELD_LIST, list, OF(small_table), .max = 9),
};
TABLE(outer_table, outer_rows);
#undef TYPE

static int read_outer(struct arena *arena, const char *document, struct outer *ret, struct err *err)
{
	const struct field_reading reading = {.arena = arena, .refuse_unknown = true};
	const struct json *root;
	int r = json_parse(arena, document, strlen(document), "document", &root, err);

	return r < 0 ? r : fields_read(&reading, &outer_table, root, ret, err);
}

/* A list that was read can be added to: its hidden capacity follows from its count alone. */
static void test_read_lists_grow(void)
{
	for (int count = 0; count <= 9; count++) {
		CLEANUP_ARENA struct arena arena = ARENA_INIT;
		struct text document = TEXT_INIT;
		struct outer outer = {0};
		struct err err = ERR_INIT;

		text_add(&document, "{\"list\":[");
		for (int i = 0; i < count; i++)
			text_addf(&document, "%s{\"number\":%d}", i ? "," : "", i % 8);
		text_add(&document, "]}");
		CHECK_INT(read_outer(&arena, text_get(&document), &outer, &err), 0);
		CHECK_INT(outer.list.count, count);
		for (int i = count; i < 40; i++) {
			struct small *added = LIST_ADD(&arena, &outer.list);

			CHECK(added);
			if (added)
				added->number = (uint32_t)i % 8;
		}
		CHECK_INT(outer.list.count, 40);
		for (size_t i = 0; i < outer.list.count; i++)
			CHECK_INT(outer.list.items[i].number, i % 8);
		text_free(&document);
	}
}

static void test_bounds_are_kept(void)
{
	static const struct {
		const char *document, *words;
	} rows[] = {
		{"{\"inPlace\":{\"number\":8}}", "inPlace.number: 8 is out of range: want 0 to 7"},
		{"{\"inPlace\":{\"number\":-1}}", "inPlace.number: -1 is out of range"},
		{"{\"list\":[{},{},{},{},{},{},{},{},{},{}]}", "list: 10 items are too many: at most 9"},
		{"{\"list\":[{},3]}", "list[1]: want an object, found an integer"},
		{"{\"list\":{}}", "list: want an array, found an object"},
		{"{\"liste\":[]}", "liste: unknown member"},
		{"[]", "want an object"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP_ARENA struct arena arena = ARENA_INIT;
		struct outer outer = {0};
		struct err err = ERR_INIT;

		CHECK_INT(read_outer(&arena, rows[i].document, &outer, &err), -EINVAL);
		CHECK_HAS(err.msg, rows[i].words);
	}
}

static void test_map_replaces(void)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	struct strmap map = {0};

	for (int round = 0; round < 2; round++)
		for (int i = 0; i < 20; i++)
			CHECK_INT(strmap_set(&arena, &map, arena_printf(&arena, "key%d", i),
					     arena_printf(&arena, "%d", i + round)),
				  0);
	CHECK_INT(map.count, 20);
	CHECK_STR(strmap_get(&map, "key19"), "20");
	CHECK(!strmap_get(&map, "key20"));
}

int main(void)
{
	return TAP_RUN(TAP_CASE(test_tables_fit_their_structs), TAP_CASE(test_wrong_tables_are_found),
		       TAP_CASE(test_read_lists_grow), TAP_CASE(test_bounds_are_kept), TAP_CASE(test_map_replaces));
}

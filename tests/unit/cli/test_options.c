// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>

#include "cli/options.h"
#include "tests/unit/tap.h"

struct fields {
	bool flag, quiet, later;
	const char *name, *size, *mode;
	struct strv list;
};
struct more {
	bool extra, flag;
};

static int check_size(const char *words, struct err *err)
{
	return strcmp(words, "bad") == 0 ? err_say(err, EINVAL, "'%s' is no size", words) : 0;
}

static const char *const modes[] = {"host", "none", NULL};
static const struct option_row rows[] = {
	{"flag", 'f', OPTION_FLAG, offsetof(struct fields, flag), NULL, "a flag", NULL, NULL},
	{"list", 'l', OPTION_LIST, offsetof(struct fields, list), "WORD", "a list", NULL, NULL},
	{"mode", 0, OPTION_STRING, offsetof(struct fields, mode), "MODE", "a choice", modes, NULL},
	{"name", 'n', OPTION_STRING, offsetof(struct fields, name), "NAME", "a name", NULL, NULL},
	{"quiet", 'q', OPTION_FLAG, offsetof(struct fields, quiet), NULL, "another flag", NULL, NULL},
	{"size", 's', OPTION_CHECKED, offsetof(struct fields, size), "SIZE", "a size", NULL, check_size},
	OPTIONS_END,
};
static const struct option_row more_rows[] = {
	{"extra", 'x', OPTION_FLAG, offsetof(struct more, extra), NULL, "of another table", NULL, NULL},
	{"flag", 'F', OPTION_FLAG, offsetof(struct more, flag), NULL, "a name that the first table has", NULL, NULL},
	OPTIONS_END,
};

/* What a line of words became. */
struct parsed {
	struct arena arena;
	struct fields fields;
	struct more more;
	struct strv operands;
	struct err err;
	int result;
};

static struct parsed parse_as(bool stop_at_operand, bool single_dash_long, const char *words)
{
	struct parsed p = {0};
	struct strv argv = {0};
	struct options_parsing how = {
		.tables = (const struct option_row *const[]){rows, more_rows, NULL},
		.structs = (void *[]){&p.fields, &p.more},
		.stop_at_operand = stop_at_operand,
		.single_dash_long = single_dash_long,
	};

	(void)strv_split(&p.arena, &argv, words, " ", false);
	p.result = options_parse(&p.arena, &how, (int)argv.count, argv.items, &p.operands, &p.err);
	return p;
}

static struct parsed parse(const char *words)
{
	return parse_as(false, false, words);
}

static void free_parsed(struct parsed *p)
{
	arena_free(&p->arena);
}
#define PARSED __attribute__((cleanup(free_parsed))) struct parsed

static void test_flags(void)
{
	PARSED on = parse("-f --quiet");
	PARSED off = parse("-f --flag=false --quiet=true");
	PARSED one = parse("--flag=1 -q=0");
	PARSED bad = parse("--flag=maybe");

	CHECK(on.fields.flag && on.fields.quiet);
	CHECK(!off.fields.flag && off.fields.quiet);
	CHECK(one.fields.flag && !one.fields.quiet);
	CHECK_INT(bad.result, -EINVAL);
	CHECK_HAS(bad.err.msg, "option '--flag' takes true or false, not 'maybe'");
}

static void test_values(void)
{
	static const char *const ways[] = {"--name a", "--name=a", "-n a", "-na", "-n=a", "-qn a", "-fqna"};

	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		PARSED p = parse(ways[i]);

		CHECK_INT(p.result, 0);
		CHECK_STR(p.fields.name, "a");
	}
}

static void test_values_of_any_look(void)
{
	PARSED dash = parse("--name -f -n --quiet");
	PARSED empty = parse("--name= x");

	CHECK_STR(dash.fields.name, "--quiet");
	CHECK(!dash.fields.flag && !dash.fields.quiet);
	CHECK_STR(empty.fields.name, "");
	CHECK_INT(empty.operands.count, 1);
}

static void test_the_last_one_wins_but_lists_grow(void)
{
	PARSED p = parse("-n a -n b -l a --list b -lc");

	CHECK_STR(p.fields.name, "b");
	CHECK_INT(p.fields.list.count, 3);
	CHECK_STR(p.fields.list.items[2], "c");
}

static void test_operands(void)
{
	PARSED mixed = parse("a -f b -- -q c");
	PARSED stops = parse_as(true, false, "-f a -q --name");
	PARSED alone = parse("-");

	CHECK_INT(mixed.operands.count, 4);
	CHECK_STR(mixed.operands.items[2], "-q");
	CHECK(mixed.fields.flag && !mixed.fields.quiet);
	CHECK_INT(stops.result, 0);
	CHECK_INT(stops.operands.count, 3);
	CHECK_STR(stops.operands.items[1], "-q");
	CHECK(!stops.fields.quiet);
	CHECK_INT(alone.operands.count, 1);
}

static void test_second_table(void)
{
	PARSED p = parse("-x --flag -F");

	CHECK(p.more.extra);
	CHECK(p.fields.flag); /* by its long name: the first table's */
	CHECK(p.more.flag);   /* by its letter */
}

static void test_single_dash_long(void)
{
	PARSED taken = parse_as(false, true, "-name a -flag");
	PARSED letters = parse_as(false, true, "-fq");
	PARSED refused = parse("-name a");

	CHECK_STR(taken.fields.name, "a");
	CHECK(taken.fields.flag);
	CHECK(letters.fields.flag && letters.fields.quiet);
	CHECK_STR(refused.fields.name, "ame");
}

static void test_refusals(void)
{
	static const struct {
		const char *words, *message;
	} cases[] = {
		{"--nosuch", "unknown option '--nosuch'"},
		{"--nosuch=1", "unknown option '--nosuch'"},
		{"--fla", "unknown option '--fla'"},
		{"--flagg", "unknown option '--flagg'"},
		{"-fz", "unknown option '-z'"},
		{"--name", "option '--name' needs a value (NAME)"},
		{"-fn", "option '--name' needs a value (NAME)"},
		{"--mode other", "option '--mode' does not take 'other': one of host, none"},
		{"--size bad", "option '--size': 'bad' is no size"},
		{"-sbad", "option '--size': 'bad' is no size"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		PARSED p = parse(cases[i].words);

		CHECK_INT(p.result, -EINVAL);
		CHECK_STR(p.err.msg, cases[i].message);
	}
}

static void test_help(void)
{
	CLEANUP_TEXT struct text words = TEXT_INIT;

	options_help(rows, &words);
	CHECK_HAS(text_get(&words), "  -f, --flag        a flag\n");
	CHECK_HAS(text_get(&words), "      --mode MODE   a choice: host, none\n");
}

int main(void)
{
	return TAP_RUN(TAP_CASE(test_flags), TAP_CASE(test_values), TAP_CASE(test_values_of_any_look),
		       TAP_CASE(test_the_last_one_wins_but_lists_grow), TAP_CASE(test_operands),
		       TAP_CASE(test_second_table), TAP_CASE(test_single_dash_long), TAP_CASE(test_refusals),
		       TAP_CASE(test_help));
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* Templates, tables, filters: what lists are made with. */
#include <errno.h>

#include "cli/filter.h"
#include "cli/output.h"
#include "cli/template.h"
#include "tests/unit/tap.h"

static const char document_words[] = "{\"id\":\"0123\",\"state\":{\"pid\":7,\"running\":true,\"exitCode\":null},"
				     "\"labels\":{\"a.b\":\"c\",\"e\":\"\"},"
				     "\"ports\":[80,443],\"args\":[\"sh\",\"-c\",\"x y\"],\"evil\":\"\\u001b[31m\\n\"}";

/* --- Templates ---------------------------------------------------------------------------------------------------- */

static const char *const names[] = {"ID", "Names", "Ports", NULL};
static const char *const values[] = {"short", "web", "80/tcp, 443/tcp"};

static int expand(const char *template, bool heading, struct text *to, struct err *err)
{
	static struct arena arena; /* of the whole test */
	struct template_data data = {.names = names, .values = values, .heading = heading};
	int result = json_parse(&arena, document_words, strlen(document_words), "test", &data.document, err);

	return result < 0 ? result : template_expand(&arena, template, &data, to, err);
}

static void test_expressions(void)
{
	static const struct {
		const char *template, *wanted;
	} cases[] = {
		{"", ""},
		{"plain } { text", "plain } { text"},
		{"{{.ID}}", "short"},
		{"{{ .id }}-{{.NAMES}}", "short-web"},
		{"{{.ID}}\\t{{.Names}}\\n", "short\tweb\n"},
		{"{{.State.Pid}} {{.state.PID}}", "7 7"},
		{"{{.State.Running}} {{.State.ExitCode}}", "true <no value>"},
		{"{{.State}}", "{\"pid\":7,\"running\":true,\"exitCode\":null}"},
		{"{{json .State.ExitCode}} {{json .ID}}", "null \"0123\""},
		{"{{json .Names}}", "\"web\""},
		{"{{.Ports}} {{json .Ports}}", "80/tcp, 443/tcp [80,443]"},
		{"{{len .Ports}} {{len .Args}} {{len .Labels}} {{len .ID}} {{len .Names}}", "2 3 2 4 3"},
		{"{{index .Labels \"a.b\"}}|{{index .Labels \"none\"}}|{{index .Args 2}}", "c||x y"},
		{"{{.Label \"a.b\"}}|{{.Label \"none\"}}", "c|"},
		{"{{join .Args \", \"}}{{join .Args \"\"}}", "sh, -c, x ysh-cx y"},
		{"{{.Evil}}", "\\x1b[31m\\n"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP_TEXT struct text words = TEXT_INIT;
		struct err err = ERR_INIT;

		CHECK_INT(expand(cases[i].template, false, &words, &err), 0);
		CHECK_STR(text_get(&words), cases[i].wanted);
	}
}

static void test_headings(void)
{
	CLEANUP_TEXT struct text words = TEXT_INIT;
	struct err err = ERR_INIT;

	CHECK_INT(expand("{{.ID}} {{.State.Pid}} {{json .Labels}} {{.Label \"a.b\"}}", true, &words, &err), 0);
	CHECK_STR(text_get(&words), "short PID LABELS a.b");
}

static void test_bad_templates(void)
{
	static const struct {
		const char *template, *wanted;
	} cases[] = {
		{"{{.Nope}}", "format: '{{.Nope}}': there is no field .Nope"},
		{"{{.State.Nope}}", "there is no field .State.Nope"},
		{"{{.ID.Nope}}", "there is no field .ID.Nope"},
		{"{{.ID", "'{{' without '}}'"},
		{"{{}}", "it is empty"},
		{"{{  }}", "it is empty"},
		{"{{range .Ports}}", "want a field as .Name, or json, len, index, join"},
		{"{{ID}}", "want a field as .Name"},
		{"{{.ID .Names}}", "too many words"},
		{"{{a b c d e}}", "too many words"},
		{"{{json}}", "want a field behind json"},
		{"{{json ID}}", "want a field behind json"},
		{"{{json .ID .ID}}", "want a field behind json"},
		{"{{index .Labels}}", "want a field behind index"},
		{"{{index .Labels \"a}}", "a quote is not closed"},
		{"{{index .Args 3}}", "there is no item 3"},
		{"{{index .Args -1}}", "it has no item -1"},
		{"{{index .State.Pid 0}}", "it has no item 0"},
		{"{{len .State.Pid}}", "it has no length"},
		{"{{join .Labels \",\"}}", "it is no list"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP_TEXT struct text words = TEXT_INIT;
		struct err err = ERR_INIT;

		CHECK_INT(expand(cases[i].template, false, &words, &err), -EINVAL);
		CHECK_HAS(err.msg, cases[i].wanted);
	}
}

/* --- Lists -------------------------------------------------------------------------------------------------------- */

static const struct output_column columns[] = {{"ID", "THE ID", true},
					       {"Name", "NAME", true},
					       {"Extra", "EXTRA", false},
					       {0}};

/* The list of two rows, in some format. */
static int make_list(const char *format, bool quiet, struct text *to, struct err *err)
{
	static const char *const rows[][3] = {{"1", "a long name", "x"}, {"22", "Müller", ""}};
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	CLEANUP_OUTPUT struct output output = {0};
	int result = output_begin(&output, &arena, columns, format, quiet, err);

	for (size_t i = 0; result >= 0 && i < ARRAY_SIZE(rows); i++) {
		CLEANUP_TEXT struct text document = TEXT_INIT;

		text_addf(&document, "{\"n\":%zu}", i);
		result = output_add(&output, rows[i], &document, err);
	}
	return result < 0 ? result : output_end(&output, to, err);
}

static void test_formats(void)
{
	static const struct {
		const char *format;
		bool quiet;
		const char *wanted;
	} cases[] = {
		{NULL, false, "THE ID   NAME\n1        a long name\n22       Müller\n"},
		{"table", false, "THE ID   NAME\n1        a long name\n22       Müller\n"},
		{"table {{.Name}}\\t{{.N}}", false, "NAME          N\na long name   0\nMüller        1\n"},
		{"{{.Name}}\\t{{.ID}}", false, "a long name\t1\nMüller\t22\n"},
		{"{{.N}}", false, "0\n1\n"},
		{NULL, true, "1\n22\n"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP_TEXT struct text words = TEXT_INIT;
		struct err err = ERR_INIT;

		CHECK_INT(make_list(cases[i].format, cases[i].quiet, &words, &err), 0);
		CHECK_STR(text_get(&words), cases[i].wanted);
	}
}

static void test_json_list(void)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	CLEANUP_TEXT struct text words = TEXT_INIT;
	const struct json *list;
	struct err err = ERR_INIT;

	CHECK_INT(make_list("json", false, &words, &err), 0);
	CHECK_INT(json_parse(&arena, text_get(&words), words.len, "list", &list, &err), 0);
	CHECK_INT(list->type, JSON_ARRAY);
	CHECK_INT(list->children.count, 2);
}

static void test_format_and_quiet(void)
{
	CLEANUP_TEXT struct text words = TEXT_INIT;
	struct err err = ERR_INIT;

	CHECK_INT(make_list("json", true, &words, &err), -EINVAL);
	CHECK_HAS(err.msg, "leave out '--format'");
}

static void test_a_bad_template_needs_no_row(void)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	CLEANUP_OUTPUT struct output output = {0};
	struct err err = ERR_INIT;

	CHECK_INT(output_begin(&output, &arena, columns, "{{.ID", false, &err), -EINVAL);
}

static void test_words(void)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;

	CHECK_STR(output_short_id(&arena, "sha256:0123456789abcdef", false), "0123456789ab");
	CHECK_STR(output_short_id(&arena, "0123456789abcdef", false), "0123456789ab");
	CHECK_STR(output_short_id(&arena, "sha256:0123456789abcdef", true), "sha256:0123456789abcdef");
	CHECK_STR(output_shorten(&arena, "abcdef", 6), "abcdef");
	CHECK_STR(output_shorten(&arena, "abcdefg", 6), "abcde…");
	CHECK_STR(output_shorten(&arena, "äöüäöüä", 6), "äöüäö…");
	CHECK_STR(output_shorten(&arena, "", 6), "");
}

/* --- Filters ------------------------------------------------------------------------------------------------------ */

struct item {
	const char *name;
	int number;
};

static bool has_name(const void *item, const char *value, void *context)
{
	(void)context;
	return filter_regex(((const struct item *)item)->name, value);
}

static bool is_below(const void *item, const char *value, void *context)
{
	(void)context;
	return ((const struct item *)item)->number < value[0] - '0';
}

static const char *const digits[] = {"1", "5", "9", NULL};
static const struct filter_key keys[] = {{"name", false, has_name, NULL}, {"below", true, is_below, digits}, {0}};

/* Whether "name=web" and the like, with blanks between, match. */
static bool matches(const struct item *item, const char *words)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	struct strv filters = {0};
	struct err err = ERR_INIT;

	(void)strv_split(&arena, &filters, words, " ", false);
	CHECK_INT(filter_check(keys, &filters, &err), 0);
	return filter_matches(keys, &filters, item, NULL);
}

static void test_filters(void)
{
	static const struct item web = {"web1", 3};

	CHECK(matches(&web, ""));
	CHECK(matches(&web, "name=eb"));
	CHECK(!matches(&web, "name=^eb"));
	CHECK(matches(&web, "name=x name=w")); /* one of a key is enough … */
	CHECK(matches(&web, "below=5 below=9"));
	CHECK(!matches(&web, "below=5 below=1"));  /* … unless all of it must match */
	CHECK(!matches(&web, "name=web below=1")); /* different keys must all match */
	CHECK(!matches(&web, "name=("));	   /* no expression */
}

static void test_bad_filters(void)
{
	static const char *const cases[] = {"nosuch=1", "name", "namex=1", "below=2", ""};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP_ARENA struct arena arena = ARENA_INIT;
		struct strv filters = {0};
		struct err err = ERR_INIT;

		(void)strv_add(&arena, &filters, cases[i]);
		CHECK_INT(filter_check(keys, &filters, &err), -EINVAL);
	}
}

static void test_labels(void)
{
	struct strpair pairs[] = {{"a", "1"}, {"ab", ""}};
	const struct strmap labels = {.items = pairs, .count = 2};

	CHECK(filter_label(&labels, "a"));
	CHECK(filter_label(&labels, "a=1"));
	CHECK(!filter_label(&labels, "a=2"));
	CHECK(filter_label(&labels, "ab="));
	CHECK(!filter_label(&labels, "abc"));
	CHECK(!filter_label(&labels, "b"));
}

int main(void)
{
	return TAP_RUN(TAP_CASE(test_expressions), TAP_CASE(test_headings), TAP_CASE(test_bad_templates),
		       TAP_CASE(test_formats), TAP_CASE(test_json_list), TAP_CASE(test_format_and_quiet),
		       TAP_CASE(test_a_bad_template_needs_no_row), TAP_CASE(test_words), TAP_CASE(test_filters),
		       TAP_CASE(test_bad_filters), TAP_CASE(test_labels));
}

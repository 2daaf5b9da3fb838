/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime/base/text.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <time.h>

#include "tests/unit/tap.h"

#define NS 1000000000ull

static void test_texts_grow_to_their_bound(void)
{
	CLEANUP_TEXT struct text text = {.max_bytes = 1000};
	struct err err = ERR_INIT;

	CHECK_STR(text_get(&text), "");
	for (int i = 0; i < 100; i++)
		text_addf(&text, "%09d ", i);
	CHECK_INT(text.len, 1000);
	CHECK_INT(text_check(&text, &err), 0);
	CHECK_HAS(text_get(&text), "000000099 ");
	text_add(&text, "");
	CHECK_INT(text_check(&text, &err), 0);
	text_add(&text, "x");
	CHECK_INT(text_check(&text, &err), -ENOMEM);
	CHECK_HAS(err.msg, "1000 bytes");
	/* Nothing changes any more, even what would fit. */
	text.len = 10;
	text_add_bytes(&text, "y", 1);
	CHECK_INT(text.len, 10);
	text_free(&text);
	text_add_bytes(&text, "a\0b", 3);
	CHECK_INT(text.len, 3);
	CHECK_INT(text_check(&text, &err), 0);
}

/* What somebody else writes to the end of a text, over the sizes of its blocks. */
static void test_room_at_the_end(void)
{
	CLEANUP_TEXT struct text text = {.max_bytes = 200000};
	char *end;

	while (text.len < 199999) {
		end = text_room(&text, 1000);
		if (!end) {
			CHECK(text.failed && text.len == 199500);
			break;
		}
		memset(end, 'a' + (int)(text.len / 500 % 26), 500);
		text_grow(&text, 500);
	}
	CHECK_INT(strlen(text_get(&text)), 199500);
	for (size_t at = 0; at < text.len; at += 250)
		if (text.data[at] != 'a' + (char)(at / 500 % 26))
			tap_fail(__FILE__, __LINE__, "a larger block has not what the smaller one had");
}

static void test_lists(void)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	struct strv list = {0}, other = {0};

	for (int i = 0; i < 100; i++)
		CHECK_INT(strv_add(&arena, &list, arena_printf(&arena, "%d", i)), 0);
	CHECK_INT(list.count, 100);
	CHECK(list.items[100] == NULL);
	CHECK_STR(list.items[99], "99");
	CHECK(strv_has(&list, "42"));
	CHECK(!strv_has(&list, "100"));
	CHECK_INT(strv_add_list(&arena, &list, &list), 0);
	CHECK_INT(list.count, 200);
	CHECK_STR(list.items[199], "99");
	CHECK(list.items[200] == NULL);
	CHECK(!strv_has(&other, ""));
	CHECK_INT(strv_add_list(&arena, &list, &other), 0);
}

static void test_splitting(void)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	struct strv list = {0};

	CHECK_INT(strv_split(&arena, &list, ",a,,b:c", ",:", false), 0);
	CHECK_INT(list.count, 3);
	CHECK_STR(list.items[2], "c");
	list = (struct strv){0};
	CHECK_INT(strv_split(&arena, &list, ",a,", ",", true), 0);
	CHECK_INT(list.count, 3);
	CHECK_STR(list.items[0], "");
	CHECK_STR(list.items[2], "");
}

static void test_environment(void)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	struct strv list = {0};

	strv_split(&arena, &list, "PATH=/bin HOME=/ PATHS=1 PATH=/evil", " ", false);
	CHECK_STR(strv_env_get(&list, "PATH"), "/bin");
	CHECK(strv_env_get(&list, "PAT") == NULL);
	CHECK_INT(strv_env_set(&arena, &list, "PATH=/usr/bin"), 0);
	CHECK_INT(list.count, 3);
	CHECK_STR(list.items[0], "PATH=/usr/bin");
	CHECK_STR(list.items[2], "PATHS=1");
	CHECK(list.items[3] == NULL);
	CHECK_INT(strv_env_set(&arena, &list, "TERM="), 0);
	CHECK_STR(strv_env_get(&list, "TERM"), "");
	CHECK_INT(strv_env_set(&arena, &list, "TERM"), -EINVAL);
}

static void test_fixed_words(void)
{
	char to[4];

	CHECK(text_starts("abc", "ab") && text_starts("abc", "") && !text_starts("a", "ab"));
	CHECK(text_ends("abc", "bc") && text_ends("abc", "") && !text_ends("c", "bc"));
	CHECK(text_has_word("a=b", "a=b") && text_has_word("ab a b", "a") && text_has_word("b ab", "ab"));
	CHECK(!text_has_word("", "a") && !text_has_word("ab ba a=b", "a") && !text_has_word("a", "ab"));
	CHECK_INT(text_copy(to, sizeof(to), "abc"), 0);
	CHECK_STR(to, "abc");
	CHECK_INT(text_copy(to, sizeof(to), "abcd"), -ENAMETOOLONG);
	CHECK_STR(to, "");
	text_escape(to, sizeof(to), "a\nb");
	CHECK_STR(to, "a\\n");
	text_escape(to, sizeof(to), "ab\nb");
	CHECK_STR(to, "ab");
	text_escape(to, sizeof(to), "ab\xe2\x82\xac");
	CHECK_STR(to, "ab");
}

static void test_numbers(void)
{
	static const struct {
		const char *words;
		int u64, i64, u32;
	} cases[] = {
		{"0", 0, 0, 0},
		{"007", 0, 0, 0},
		{"4294967295", 0, 0, 0},
		{"4294967296", 0, 0, -ERANGE},
		{"9223372036854775807", 0, 0, -ERANGE},
		{"9223372036854775808", 0, -ERANGE, -ERANGE},
		{"18446744073709551615", 0, -ERANGE, -ERANGE},
		{"18446744073709551616", -ERANGE, -ERANGE, -ERANGE},
		{"99999999999999999999999", -ERANGE, -ERANGE, -ERANGE},
		{"99999999999999999999999x", -EINVAL, -EINVAL, -EINVAL},
		{"-1", -EINVAL, 0, -EINVAL},
		{"-9223372036854775808", -EINVAL, 0, -EINVAL},
		{"-9223372036854775809", -EINVAL, -ERANGE, -EINVAL},
		{"", -EINVAL, -EINVAL, -EINVAL},
		{"-", -EINVAL, -EINVAL, -EINVAL},
		{"--1", -EINVAL, -EINVAL, -EINVAL},
		{"+1", -EINVAL, -EINVAL, -EINVAL},
		{" 1", -EINVAL, -EINVAL, -EINVAL},
		{"1 ", -EINVAL, -EINVAL, -EINVAL},
		{"0x1", -EINVAL, -EINVAL, -EINVAL},
		{"1e3", -EINVAL, -EINVAL, -EINVAL},
	};
	uint64_t u64;
	int64_t i64;
	uint32_t u32;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CHECK_INT(text_u64(cases[i].words, &u64), cases[i].u64);
		CHECK_INT(text_i64(cases[i].words, &i64), cases[i].i64);
		CHECK_INT(text_u32(cases[i].words, &u32), cases[i].u32);
	}
	CHECK(text_i64("-9223372036854775808", &i64) == 0 && i64 == INT64_MIN);
	CHECK(text_u64("18446744073709551615", &u64) == 0 && u64 == UINT64_MAX);
	CHECK(text_octal("0755", &u32) == 0 && u32 == 0755);
	CHECK(text_octal("755", &u32) == 0 && u32 == 0755);
	CHECK_INT(text_octal("798", &u32), -EINVAL);
	CHECK_INT(text_octal("0o7", &u32), -EINVAL);
}

struct scaled {
	const char *words;
	int result;
	uint64_t value;
};

static void check_scaled(const struct scaled *scaled, size_t count, int (*parse)(const char *, uint64_t *))
{
	for (size_t i = 0; i < count; i++) {
		uint64_t value = 77;
		int r = parse(scaled[i].words, &value);

		if (r != scaled[i].result || value != (r < 0 ? 77 : scaled[i].value)) {
			tap_fail(__FILE__, __LINE__, scaled[i].words);
			printf("#   found %d, %" PRIu64 "\n", r, value);
		}
	}
}

static int three_decimals(const char *words, uint64_t *ret)
{
	return text_fixed(words, 3, ret);
}

static void test_fixed_point(void)
{
	static const struct scaled cases[] = {
		{"1.5", 0, 1500},
		{"0.001", 0, 1},
		{".5", 0, 500},
		{"2", 0, 2000},
		{"1.0005", -EINVAL, 0},
		{"1.", -EINVAL, 0},
		{".", -EINVAL, 0},
		{"", -EINVAL, 0},
		{"1.5.5", -EINVAL, 0},
		{"-1", -EINVAL, 0},
		{"1.-5", -EINVAL, 0},
		{"18446744073709551.615", 0, UINT64_MAX},
		{"18446744073709551.616", -ERANGE, 0},
		{"1.99999999999999999999999", -EINVAL, 0},
	};
	uint64_t value;

	check_scaled(cases, ARRAY_SIZE(cases), three_decimals);
	CHECK(text_fixed("7", 0, &value) == 0 && value == 7);
	CHECK_INT(text_fixed("7.1", 0, &value), -EINVAL);
	CHECK(text_fixed("0.000000001", 9, &value) == 0 && value == 1);
}

static void test_sizes(void)
{
	static const struct scaled cases[] = {
		{"64m", 0, 64ull << 20},
		{"1.5g", 0, 3ull << 29},
		{"512k", 0, 512ull << 10},
		{"100b", 0, 100},
		{"1048576", 0, 1 << 20},
		{"64MB", 0, 64ull << 20},
		{"64MiB", 0, 64ull << 20},
		{"64mib", 0, 64ull << 20},
		{"2T", 0, 2ull << 40},
		{"1p", 0, 1ull << 50},
		{"0", 0, 0},
		{"0.5k", 0, 512},
		{"100B", 0, 100},
		{"", -EINVAL, 0},
		{"m", -EINVAL, 0},
		{"64mm", -EINVAL, 0},
		{"64 m", -EINVAL, 0},
		{"64mi", -EINVAL, 0},
		{"64ib", -EINVAL, 0},
		{"64bb", -EINVAL, 0},
		{"-1", -EINVAL, 0},
		{"1x", -EINVAL, 0},
		{"17179869183g", 0, 17179869183ull << 30},
		{"17179869184g", -ERANGE, 0},
		{"16384p", -ERANGE, 0},
		{"18446744073709551616", -ERANGE, 0},
	};

	check_scaled(cases, ARRAY_SIZE(cases), text_size);
}

static void test_durations(void)
{
	static const struct scaled cases[] = {
		{"10s", 0, 10000},
		{"1m30s", 0, 90000},
		{"500ms", 0, 500},
		{"2h", 0, 7200000},
		{"10", 0, 10000},
		{"1.5s", 0, 1500},
		{"0", 0, 0},
		{"1h1m1s1ms", 0, 3661001},
		{"0.5", 0, 500},
		{"", -EINVAL, 0},
		{"s", -EINVAL, 0},
		{"10x", -EINVAL, 0},
		{"1m30", -EINVAL, 0},
		{"-1s", -EINVAL, 0},
		{"1 s", -EINVAL, 0},
		{"18446744073709552s", -ERANGE, 0},
		{"18446744073709551s1000ms", -ERANGE, 0},
	};

	check_scaled(cases, ARRAY_SIZE(cases), text_duration);
}

static void test_figures_for_people(void)
{
	static const struct {
		uint64_t value;
		const char *size, *age;
	} cases[] = {
		{0, "0B", "0 seconds"},
		{1, "1B", "1 second"},
		{59, "59B", "59 seconds"},
		{60, "60B", "1 minute"},
		{999, "999B", "16 minutes"},
		{1000, "1kB", "16 minutes"},
		{3600, "3.6kB", "1 hour"},
		{172799, "173kB", "47 hours"},
		{172800, "173kB", "2 days"},
		{999949, "1MB", "11 days"},
		{99949, "99.9kB", "27 hours"},
		{99950, "100kB", "27 hours"},
		{14 * 86400, "1.2MB", "2 weeks"},
		{60 * 86400, "5.2MB", "2 months"},
		{730 * 86400, "63.1MB", "2 years"},
		{12345678, "12.3MB", "4 months"},
		{999499999, "999MB", "31 years"},
		{999500000, "1GB", "31 years"},
		{1500000000, "1.5GB", "47 years"},
		{UINT64_MAX, "18.4EB", "584942417355 years"},
	};
	char words[32];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CHECK_STR(text_size_words(cases[i].value, words), cases[i].size);
		CHECK_STR(text_age_words(cases[i].value, words), cases[i].age);
	}
}

static void test_times(void)
{
	char words[36];
	uint64_t ns;

	CHECK_STR(text_time(0, words), "1970-01-01T00:00:00.000000000Z");
	CHECK_STR(text_time(1767323045ull * NS + 6, words), "2026-01-02T03:04:05.000000006Z");
	CHECK_STR(text_time(UINT64_MAX, words), "2554-07-21T23:34:33.709551615Z");
	CHECK(text_time_parse("2026-01-02T03:04:05.000000006Z", &ns) == 0 && ns == 1767323045ull * NS + 6);
	CHECK(text_time_parse("2026-01-02t04:04:05.5+01:00", &ns) == 0 && ns == 1767323045ull * NS + NS / 2);
	CHECK(text_time_parse("2026-01-01T19:34:05-07:30", &ns) == 0 && ns == 1767323045ull * NS);
	CHECK(text_time_parse("2554-07-21T23:34:33.709551615Z", &ns) == 0 && ns == UINT64_MAX);
	CHECK_INT(text_time_parse("2554-07-21T23:34:33.709551616Z", &ns), -ERANGE);
	CHECK_INT(text_time_parse("0001-01-01T00:00:00Z", &ns), -ERANGE);
	CHECK_INT(text_time_parse("1969-12-31T23:59:59Z", &ns), -ERANGE);
	CHECK_INT(text_time_parse("1970-01-01T00:30:00+01:00", &ns), -ERANGE);
}

static void test_times_that_are_none(void)
{
	static const char *const cases[] = {
		"",
		"2026",
		"2026-01-02",
		"2026-01-02T03:04:05",
		"2026-01-02 03:04:05Z",
		"2026-1-2T03:04:05Z",
		"2026-13-02T03:04:05Z",
		"2026-00-02T03:04:05Z",
		"2026-02-29T03:04:05Z",
		"2026-04-31T00:00:00Z",
		"2026-01-00T03:04:05Z",
		"2026-01-32T03:04:05Z",
		"1900-02-29T00:00:00Z",
		"2026-01-02T24:04:05Z",
		"2026-01-02T03:60:05Z",
		"2026-01-02T03:04:61Z",
		"2026-01-02T03:04:05.Z",
		"2026-01-02T03:04:05.0000000001Z",
		"2026-01-02T03:04:05Zx",
		"2026-01-02T03:04:05+24:00",
		"2026-01-02T03:04:05+0100",
		"2026-01-02T03:04:05+01:0",
		"-026-01-02T03:04:05Z",
	};
	uint64_t ns;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (text_time_parse(cases[i], &ns) != -EINVAL)
			tap_fail(__FILE__, __LINE__, cases[i]);
	CHECK_INT(text_time_parse("2024-02-29T00:00:00Z", &ns), 0);
	CHECK_INT(text_time_parse("2000-02-29T00:00:00Z", &ns), 0);
	CHECK_INT(text_time_parse("2016-12-31T23:59:60Z", &ns), 0);
}

/* Every day of some centuries, against the C library's calendar. */
static void test_the_calendar(void)
{
	for (uint64_t day = 0; day < 210000; day++) {
		time_t seconds = (time_t)(day * 86400 + day % 86400);
		char found[36], wanted[36];
		uint64_t back;
		struct tm tm;

		gmtime_r(&seconds, &tm);
		strftime(wanted, sizeof(wanted), "%Y-%m-%dT%H:%M:%S.000000000Z", &tm);
		text_time((uint64_t)seconds * NS, found);
		if (strcmp(found, wanted) != 0 || text_time_parse(found, &back) < 0 || back != (uint64_t)seconds * NS) {
			CHECK_STR(found, wanted);
			return;
		}
	}
}

int main(void)
{
	return TAP_RUN(TAP_CASE(test_texts_grow_to_their_bound), TAP_CASE(test_room_at_the_end), TAP_CASE(test_lists),
		       TAP_CASE(test_splitting), TAP_CASE(test_environment), TAP_CASE(test_fixed_words),
		       TAP_CASE(test_numbers), TAP_CASE(test_fixed_point), TAP_CASE(test_sizes),
		       TAP_CASE(test_durations), TAP_CASE(test_figures_for_people), TAP_CASE(test_times),
		       TAP_CASE(test_times_that_are_none), TAP_CASE(test_the_calendar));
}

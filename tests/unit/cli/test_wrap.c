// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/wrap.h"

#include <string.h>

#include "tests/unit/tap.h"

#define TEN "123456789 "

static void check(const char *words, size_t column, size_t indent, const char *want)
{
	CLEANUP_TEXT struct text to = TEXT_INIT;

	wrap_add(&to, words, column, indent);
	CHECK_STR(text_get(&to), want);
}

static void test_lines_end_in_time(void)
{
	check("", 0, 0, "");
	check("one two", 0, 0, "one two");
	/* 79 characters and one more; then two more. */
	check(TEN TEN TEN TEN TEN TEN TEN "123456789", 1, 4, TEN TEN TEN TEN TEN TEN TEN "123456789");
	check(TEN TEN TEN TEN TEN TEN TEN "123456789", 2, 4, TEN TEN TEN TEN TEN TEN "123456789\n    123456789");
}

static void test_newlines_and_paragraphs_stay(void)
{
	check("a\nb", 3, 3, "a\n   b");
	check("a\n\nb", 0, 0, "a\n\nb");
	check("a  b", 0, 0, "a b");
}

static void test_a_word_that_is_too_long_is_whole(void)
{
	CLEANUP_TEXT struct text word = TEXT_INIT;

	for (int i = 0; i < 100; i++)
		text_add(&word, "w");
	check(text_get(&word), 10, 10, text_get(&word));
}

int main(void)
{
	return TAP_RUN(TAP_CASE(test_lines_end_in_time), TAP_CASE(test_newlines_and_paragraphs_stay),
		       TAP_CASE(test_a_word_that_is_too_long_is_whole));
}

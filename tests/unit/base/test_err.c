/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime/base/err.h"

#include <errno.h>

#include "runtime/base/utf8.h"
#include "tests/unit/tap.h"

static const char *long_words(char fill)
{
	static char words[3000];

	memset(words, fill, sizeof(words) - 1);
	return words;
}

static void test_set_says_what_and_why(void)
{
	struct err err = ERR_INIT;

	CHECK_INT(err_set(&err, ENOENT, "open '%s'", "/x"), -ENOENT);
	CHECK_STR(err.msg, "open '/x': No such file or directory");
	CHECK_INT(err.code, ENOENT);
	CHECK_INT(err.exit_code, ERR_EXIT_DEFAULT);
	CHECK_INT(err_say(&err, EINVAL, "no such flag '%s'", "-z"), -EINVAL);
	CHECK_STR(err.msg, "no such flag '-z'");
	CHECK_INT(err_set(&err, 3999, "x"), -3999);
	CHECK_STR(err.msg, "x: error 3999");
}

static void test_a_failure_is_never_zero(void)
{
	struct err err = ERR_INIT;

	CHECK_INT(err_set(&err, 0, "x"), -EIO);
	CHECK_INT(err.code, EIO);
	CHECK_INT(err_say(&err, 0, "x"), -EIO);
	CHECK_INT(err_set(&err, -ENOENT, "x"), -ENOENT);
	CHECK_INT(err_set(NULL, ENOENT, "x"), -ENOENT);
	CHECK_INT(err_say(NULL, 0, "x"), -EIO);
	CHECK_INT(err_wrap(NULL, "x"), -EIO);
	CHECK_INT(err_hint(NULL, "x"), -EIO);
	CHECK_INT(err_exit_with(NULL, 126), -EIO);
	err_clear(NULL);
	err_clear(&err);
	CHECK_INT(err_wrap(&err, "empty"), -EIO);
	CHECK_STR(err.msg, "empty");
}

static void test_wrap_hint_and_exit(void)
{
	struct err err = ERR_INIT;

	err_say(&err, ENOENT, "image 'foo' not found");
	CHECK_INT(err_exit_with(&err, ERR_EXIT_NOT_FOUND), -ENOENT);
	CHECK_INT(err_wrap(&err, "run"), -ENOENT);
	CHECK_INT(err_hint(&err, "see '%s'", "hull images"), -ENOENT);
	CHECK_STR(err.msg, "run: image 'foo' not found: see 'hull images'");
	CHECK_INT(err.exit_code, ERR_EXIT_NOT_FOUND);
	/* A new failure asks for nothing of the old one. */
	err_set(&err, EIO, "x");
	CHECK_INT(err.exit_code, ERR_EXIT_DEFAULT);
	err_clear(&err);
	CHECK_INT(err.code, 0);
	CHECK_STR(err.msg, "");
}

static void test_long_words_keep_the_reason(void)
{
	struct err err = ERR_INIT;
	const char *reason = "No space left on device";

	err_set(&err, ENOSPC, "write '%s'", long_words('a'));
	CHECK_INT(strlen(err.msg), ERR_MSG_BYTES - 1);
	CHECK_STR(err.msg + strlen(err.msg) - strlen(reason), reason);
	err_wrap(&err, "%s", long_words('b'));
	CHECK_INT(strlen(err.msg), ERR_MSG_BYTES - 1);
	CHECK_STR(err.msg + strlen(err.msg) - strlen(reason), reason);
	CHECK(strncmp(err.msg, "...", 3) == 0);

	err_say(&err, EIO, "short");
	err_wrap(&err, "%s", long_words('b'));
	CHECK_HAS(err.msg, "b: short");
	err_hint(&err, "%s", long_words('c'));
	CHECK(strlen(err.msg) < ERR_MSG_BYTES);

	/*
	 * Every length around the bound: nothing is written behind the end (the sanitizer looks), and characters stay
	 * whole.
	 */
	for (int length = ERR_MSG_BYTES - 40; length < ERR_MSG_BYTES + 10; length++) {
		err_say(&err, EIO, "%.*s", length, long_words('d'));
		err_wrap(&err, "\xc3\xa4\xc3\xa4\xe2\x82\xac\xc3\xa4");
		CHECK(utf8_valid(err.msg));
		err_say(&err, EIO, "%.*s", length, long_words('d'));
		err_hint(&err, "\xc3\xa4\xc3\xa4\xe2\x82\xac\xc3\xa4");
		CHECK(utf8_valid(err.msg));
	}
}

static void test_messages_are_one_printable_line(void)
{
	struct err err = ERR_INIT;

	err_say(&err, EINVAL, "a\nb\x1b[2Jc\td\x7f");
	CHECK_STR(err.msg, "a\\nb\\x1b[2Jc\\td\\x7f");
	err_wrap(&err, "\r\xff");
	CHECK_STR(err.msg, "\\r\\xff: a\\nb\\x1b[2Jc\\td\\x7f");
	/* U+009B is what ESC [ is in one character. */
	err_say(&err, EINVAL,
		"\xc2\x9b"
		"2J \xc3\xa4 \xe2\x82\xac \xf0\x9f\x9a\xa2");
	CHECK_STR(err.msg, "\\xc2\\x9b"
			   "2J \xc3\xa4 \xe2\x82\xac \xf0\x9f\x9a\xa2");
}

static void test_utf8(void)
{
	static const struct {
		const char *text;
		size_t length;
	} cases[] = {
		{"", 0},
		{"a", 1},
		{"\xc3\xa4", 2},
		{"\xe2\x82\xac", 3},
		{"\xf0\x9f\x9a\xa2", 4},
		{"\xf4\x8f\xbf\xbf", 4},
		{"\xed\x9f\xbf", 3},
		{"\xee\x80\x80", 3},
		{"\x80", 0}, /* a continuation */
		{"\xc3", 0}, /* cut */
		{"\xe2\x82", 0},
		{"\xf0\x9f\x9a", 0},
		{"\xc0\xaf", 0}, /* overlong */
		{"\xc1\xbf", 0},
		{"\xe0\x9f\xbf", 0},
		{"\xf0\x8f\xbf\xbf", 0},
		{"\xed\xa0\x80", 0},	 /* a surrogate */
		{"\xf4\x90\x80\x80", 0}, /* behind the last */
		{"\xf5\x80\x80\x80", 0},
		{"\xff", 0},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		CHECK_INT(utf8_length(cases[i].text), cases[i].length);
	CHECK(utf8_valid(""));
	CHECK(utf8_valid("a\xc3\xa4"));
	CHECK(!utf8_valid("a\xc3"));
}

int main(void)
{
	return TAP_RUN(TAP_CASE(test_set_says_what_and_why), TAP_CASE(test_a_failure_is_never_zero),
		       TAP_CASE(test_wrap_hint_and_exit), TAP_CASE(test_long_words_keep_the_reason),
		       TAP_CASE(test_messages_are_one_printable_line), TAP_CASE(test_utf8));
}

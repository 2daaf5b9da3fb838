/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime/base/err.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

static const char between[] = ": ";
static const char cut_mark[] = "...";

/*
 * The length of the well-formed UTF-8 sequence that starts at `s` (RFC 3629: shortest form, no surrogates, at most
 * U+10FFFF), or 0. The terminating NUL ends a sequence early, so nothing is read behind it.
 */
static size_t utf8_length(const unsigned char *s)
{
	static const struct {
		unsigned char lead_from, lead_to, second_from, second_to, length;
	} forms[] = {
		{0x01, 0x7f, 0, 0, 1},	     {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
		{0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
		{0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
	};

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		if (s[0] < forms[i].lead_from || s[0] > forms[i].lead_to)
			continue;
		if (forms[i].length > 1 && (s[1] < forms[i].second_from || s[1] > forms[i].second_to))
			return 0;
		for (size_t k = 2; k < forms[i].length; k++)
			if (s[k] < 0x80 || s[k] > 0xbf)
				return 0;
		return forms[i].length;
	}
	return 0;
}

/* C0, DEL, and C1 (U+0080 to U+009F), which terminals obey as well. */
static bool is_control(const unsigned char *s)
{
	return s[0] < 0x20 || s[0] == 0x7f || (s[0] == 0xc2 && s[1] <= 0x9f);
}

/* Writes how the next character is shown to `piece`; returns how many bytes of `s` that was. */
static size_t escape_one(const unsigned char *s, char piece[static 12])
{
	static const char letters[] = "abtnvfr"; /* of the characters 7 to 13 */
	size_t length = utf8_length(s);

	if (length > 0 && !is_control(s)) {
		memcpy(piece, s, length);
		piece[length] = '\0';
		return length;
	}
	if (s[0] >= 7 && s[0] <= 13)
		(void)snprintf(piece, 12, "\\%c", letters[s[0] - 7]);
	else if (length == 2)
		(void)snprintf(piece, 12, "\\x%02x\\x%02x", s[0], s[1]);
	else
		(void)snprintf(piece, 12, "\\x%02x", s[0]);
	return length ? length : 1;
}

void err_escape(char *to, size_t to_bytes, const char *from)
{
	const unsigned char *s = (const unsigned char *)from;
	size_t used = 0;

	if (to_bytes == 0)
		return;
	while (*s) {
		char piece[12];
		size_t length;

		s += escape_one(s, piece);
		length = strlen(piece);
		/* Whole characters and whole escapes only: half of one could join what follows. */
		if (length >= to_bytes - used)
			break;
		memcpy(to + used, piece, length);
		used += length;
	}
	to[used] = '\0';
}

static int positive_errno(int code)
{
	return code > 0 ? code : code < 0 ? -code : EIO;
}

static int code_of(const struct err *err)
{
	return -positive_errno(err ? err->code : 0);
}

/* Fills `words`, which has the size of a message, with the escaped text of a format. */
static void __attribute__((format(printf, 3, 0)))
words_of(char *words, size_t words_bytes, const char *fmt, va_list args)
{
	char raw[ERR_MSG_BYTES];

	(void)vsnprintf(raw, sizeof(raw), fmt, args);
	err_escape(words, words_bytes, raw);
}

static void start(struct err *err, int code)
{
	err->code = positive_errno(code);
	err->exit_code = ERR_EXIT_DEFAULT;
}

int err_set(struct err *err, int code, const char *fmt, ...)
{
	/* Not strerror(3): that one may load a translation, and this runs between clone and exec too. */
	const char *why = strerrordesc_np(positive_errno(code));
	char number[32];
	size_t why_bytes;
	va_list args;

	if (!err)
		return -positive_errno(code);
	if (!why) {
		(void)snprintf(number, sizeof(number), "error %d", positive_errno(code));
		why = number;
	}
	why_bytes = sizeof(between) - 1 + strlen(why);
	start(err, code);
	va_start(args, fmt);
	/* The reason always fits: it is the words that are cut. */
	words_of(err->msg, sizeof(err->msg) - why_bytes, fmt, args);
	va_end(args);
	strcat(err->msg, between);
	strcat(err->msg, why);
	return -err->code;
}

int err_say(struct err *err, int code, const char *fmt, ...)
{
	va_list args;

	if (!err)
		return -positive_errno(code);
	start(err, code);
	va_start(args, fmt);
	words_of(err->msg, sizeof(err->msg), fmt, args);
	va_end(args);
	return -err->code;
}

/* The last `room` bytes of `text` or a little less: from the start of a character. */
static const char *tail_of(const char *text, size_t room)
{
	const char *tail = text + strlen(text) - room;

	while ((*tail & 0xc0) == 0x80)
		tail++;
	return tail;
}

int err_wrap(struct err *err, const char *fmt, ...)
{
	char joined[2 * ERR_MSG_BYTES + sizeof(between)];
	va_list args;
	size_t length;

	if (!err)
		return code_of(err);
	err->code = positive_errno(err->code);
	va_start(args, fmt);
	words_of(joined, ERR_MSG_BYTES, fmt, args);
	va_end(args);
	if (err->msg[0])
		strcat(strcat(joined, between), err->msg);
	length = strlen(joined);
	if (length < sizeof(err->msg))
		memcpy(err->msg, joined, length + 1);
	else
		(void)snprintf(err->msg, sizeof(err->msg), "%s%s", cut_mark,
			       tail_of(joined, sizeof(err->msg) - sizeof(cut_mark)));
	return code_of(err);
}

int err_hint(struct err *err, const char *fmt, ...)
{
	char words[ERR_MSG_BYTES];
	va_list args;
	size_t used;

	if (!err)
		return code_of(err);
	va_start(args, fmt);
	words_of(words, sizeof(words), fmt, args);
	va_end(args);
	used = strlen(err->msg);
	if (used > 0 && used + sizeof(between) <= sizeof(err->msg)) {
		strcat(err->msg, between);
		used += sizeof(between) - 1;
	}
	/* Already escaped: this pass only cuts at the end of a character. */
	err_escape(err->msg + used, sizeof(err->msg) - used, words);
	return code_of(err);
}

int err_exit_with(struct err *err, int exit_code)
{
	if (err)
		err->exit_code = exit_code;
	return code_of(err);
}

void err_clear(struct err *err)
{
	if (err)
		*err = ERR_INIT;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime/base/err.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "runtime/base/utf8.h"

static const char between[] = ": ";
static const char cut_mark[] = "...";

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
	utf8_escape(words, words_bytes, raw);
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
	utf8_escape(err->msg + used, sizeof(err->msg) - used, words);
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

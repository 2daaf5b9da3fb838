/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Text: bounded buffers and string lists (text.c), numbers, sizes and durations as people write them (text_number.c),
 * points in time (text_time.c).
 */
#ifndef HULL_RUNTIME_BASE_TEXT_H
#define HULL_RUNTIME_BASE_TEXT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/arena.h"
#include "runtime/base/err.h"

/*
 * A text that grows up to a bound. Writing past it, or without memory, sets `failed` and changes nothing more; the
 * writer checks once, with text_check(). `data` is NUL-terminated, or NULL while nothing was written.
 */
struct text {
	char *data;
	size_t len;
	size_t capacity;
	size_t max_bytes; /* 0: TEXT_DEFAULT_MAX_BYTES */
	bool failed;
};

#define TEXT_DEFAULT_MAX_BYTES ((size_t)16 << 20)
#define TEXT_INIT	       ((struct text){0})

void text_add(struct text *text, const char *words);
void text_add_bytes(struct text *text, const void *bytes, size_t len);
void text_addf(struct text *text, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void text_vaddf(struct text *text, const char *fmt, va_list args) __attribute__((format(printf, 2, 0)));
/*
 * Room for `bytes` more, behind what is there, for somebody else to write to; NULL when it fails. text_grow() says how
 * many of them were written.
 */
char *text_room(struct text *text, size_t bytes);
void text_grow(struct text *text, size_t bytes);
int text_check(const struct text *text, struct err *err); /* 0 or -ENOMEM */
const char *text_get(const struct text *text);		  /* never NULL */
void text_free(struct text *text);
#define CLEANUP_TEXT CLEANUP(text_free)

/* A list of strings in an arena; `items` ends with a NULL, so that it can be handed to execve(2). */
struct strv {
	char **items; /* NULL while empty */
	size_t count;
	size_t capacity;
};

int strv_add(struct arena *arena, struct strv *list, const char *item);		     /* copies; 0 or -ENOMEM */
int strv_add_list(struct arena *arena, struct strv *list, const struct strv *other); /* copies; 0 or -ENOMEM */
bool strv_has(const struct strv *list, const char *item);
/*
 * The value of NAME in a list of NAME=VALUE, or NULL. `strv_env_set` replaces or adds "NAME=VALUE", so that NAME is
 * there once; 0, -ENOMEM, or -EINVAL when there is no '='.
 */
const char *strv_env_get(const struct strv *list, const char *name);
int strv_env_set(struct arena *arena, struct strv *list, const char *assignment);
/* Splits at any of the characters in `separators`; empty pieces are dropped unless `keep_empty`. */
int strv_split(struct arena *arena, struct strv *list, const char *words, const char *separators, bool keep_empty);

bool text_starts(const char *words, const char *prefix);
bool text_ends(const char *words, const char *suffix);
/* Whether `word` is one of the words between spaces, whole. */
bool text_has_word(const char *words, const char *word);
static inline bool text_is_empty(const char *words)
{
	return !words || !*words;
}

/* Copies into a fixed array, always terminated. 0, or -ENAMETOOLONG (and then `to` is empty). */
int text_copy(char *to, size_t to_bytes, const char *from);

/*
 * Numbers: decimal digits only (a '-' first for the signed one), the whole string, nothing around it. 0, -EINVAL, or
 * -ERANGE. They take no `err`: the caller knows what the number was for.
 */
int text_u64(const char *words, uint64_t *ret);
int text_i64(const char *words, int64_t *ret);
int text_u32(const char *words, uint32_t *ret);
int text_octal(const char *words, uint32_t *ret); /* for modes: "0755", "755" */
int text_fixed(const char *words, unsigned decimals,
	       uint64_t *ret); /* "1.5" with 3 decimals (at most 9) is 1500; more digits are -EINVAL */

/*
 * Sizes as Docker writes them: 64m, 1.5g, 512k, 100b, 1048576; also 64MB, 64MiB, up to p. Factors of 1024. Bytes, a
 * part of one dropped.
 */
int text_size(const char *words, uint64_t *ret_bytes);
/* Durations: "10s", "1m30s", "500ms", "2h"; a bare number is seconds. Milliseconds. */
int text_duration(const char *words, uint64_t *ret_ms);
/*
 * "12.3MB" (factors of 1000, as Docker prints them) and "3 minutes" for tables. `to` holds at least 32 bytes; returns
 * `to`.
 */
const char *text_size_words(uint64_t bytes, char to[static 32]);
const char *text_age_words(uint64_t seconds, char to[static 32]);
/*
 * RFC 3339 in UTC with nanoseconds, "2026-01-02T03:04:05.000000006Z", and back. Time in ns since the epoch. Reading
 * takes other zones ("+01:00") and up to 9 digits of a second; -EINVAL, or -ERANGE before 1970 (such as the year 1 that
 * stands for "unknown") and after 2554.
 */
const char *text_time(uint64_t time_ns, char to[static 36]);
int text_time_parse(const char *words, uint64_t *ret_ns);

/*
 * Escapes control characters and bytes that are not UTF-8, for a terminal or a one-line message (utf8.h). Always
 * terminates.
 */
void text_escape(char *to, size_t to_bytes, const char *from);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime/base/text.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/utf8.h"

#define TEXT_MIN_BYTES ((size_t)128)
#define NS_PER_SECOND  1000000000u
#define DAY_SECONDS    86400u
#define MAX_DECIMALS   9u

/* --- growing texts --- */

/* Makes room for `more` bytes and the terminator. */
static bool reserve(struct text *text, size_t more)
{
	size_t max = text->max_bytes ? text->max_bytes : TEXT_DEFAULT_MAX_BYTES;
	size_t capacity;
	char *data;

	if (text->failed)
		return false;
	if (more > max - text->len) {
		text->failed = true;
		return false;
	}
	if (more < text->capacity - text->len)
		return true;
	capacity = text->len + more + 1;
	if (capacity < 2 * text->capacity)
		capacity = 2 * text->capacity;
	if (capacity < TEXT_MIN_BYTES)
		capacity = TEXT_MIN_BYTES;
	data = realloc(text->data, capacity);
	if (!data) {
		text->failed = true;
		return false;
	}
	text->data = data;
	text->capacity = capacity;
	return true;
}

void text_add_bytes(struct text *text, const void *bytes, size_t len)
{
	if (!reserve(text, len))
		return;
	if (len > 0)
		memcpy(text->data + text->len, bytes, len);
	text->len += len;
	text->data[text->len] = '\0';
}

void text_add(struct text *text, const char *words)
{
	text_add_bytes(text, words, strlen(words));
}

void text_vaddf(struct text *text, const char *fmt, va_list args)
{
	va_list again;
	int len;

	va_copy(again, args);
	len = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	if (len < 0) {
		text->failed = true;
		return;
	}
	if (!reserve(text, (size_t)len))
		return;
	(void)vsnprintf(text->data + text->len, (size_t)len + 1, fmt, args);
	text->len += (size_t)len;
}

void text_addf(struct text *text, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	text_vaddf(text, fmt, args);
	va_end(args);
}

int text_check(const struct text *text, struct err *err)
{
	if (!text->failed)
		return 0;
	return err_say(err, ENOMEM, "a text of more than %zu bytes is too long, or the system has no memory left",
		       text->max_bytes ? text->max_bytes : TEXT_DEFAULT_MAX_BYTES);
}

const char *text_get(const struct text *text)
{
	return text->data ? text->data : "";
}

void text_free(struct text *text)
{
	int saved = errno;

	free(text->data);
	*text = (struct text){.max_bytes = text->max_bytes};
	errno = saved;
}

/* --- lists of strings --- */

/* Makes room for one more item and the NULL behind it. The old array stays in the arena: at most as much again. */
static bool strv_grow(struct arena *arena, struct strv *list)
{
	size_t capacity = list->capacity ? 2 * list->capacity : 8;
	char **items;

	if (list->count + 1 < list->capacity)
		return true;
	items = arena_array(arena, capacity, sizeof(*items));
	if (!items)
		return false;
	if (list->count > 0)
		memcpy(items, list->items, list->count * sizeof(*items));
	list->items = items;
	list->capacity = capacity;
	return true;
}

static int strv_add_piece(struct arena *arena, struct strv *list, const char *item, size_t len)
{
	char *copy = arena_strndup(arena, item, len);

	if (!copy || !strv_grow(arena, list))
		return -ENOMEM;
	list->items[list->count++] = copy;
	list->items[list->count] = NULL;
	return 0;
}

int strv_add(struct arena *arena, struct strv *list, const char *item)
{
	return strv_add_piece(arena, list, item, strlen(item));
}

int strv_add_list(struct arena *arena, struct strv *list, const struct strv *other)
{
	size_t count = other->count; /* the two may be one list */

	for (size_t i = 0; i < count; i++)
		if (strv_add(arena, list, other->items[i]) < 0)
			return -ENOMEM;
	return 0;
}

bool strv_has(const struct strv *list, const char *item)
{
	for (size_t i = 0; i < list->count; i++)
		if (strcmp(list->items[i], item) == 0)
			return true;
	return false;
}

static bool assigns(const char *assignment, const char *name, size_t name_len)
{
	return strncmp(assignment, name, name_len) == 0 && assignment[name_len] == '=';
}

const char *strv_env_get(const struct strv *list, const char *name)
{
	size_t name_len = strlen(name);

	for (size_t i = 0; i < list->count; i++)
		if (assigns(list->items[i], name, name_len))
			return list->items[i] + name_len + 1;
	return NULL;
}

int strv_env_set(struct arena *arena, struct strv *list, const char *assignment)
{
	size_t name_len = strcspn(assignment, "=");
	size_t kept = 0;
	bool placed = false;
	char *copy;

	if (assignment[name_len] != '=')
		return -EINVAL;
	copy = arena_strdup(arena, assignment);
	if (!copy || !strv_grow(arena, list))
		return -ENOMEM;
	/* Later twins go: which of two a program sees depends on its C library. */
	for (size_t i = 0; i < list->count; i++) {
		char *item = list->items[i];

		if (assigns(item, assignment, name_len)) {
			if (placed)
				continue;
			item = copy;
			placed = true;
		}
		list->items[kept++] = item;
	}
	if (!placed)
		list->items[kept++] = copy;
	list->count = kept;
	list->items[kept] = NULL;
	return 0;
}

int strv_split(struct arena *arena, struct strv *list, const char *words, const char *separators, bool keep_empty)
{
	for (;;) {
		size_t len = strcspn(words, separators);

		if ((len > 0 || keep_empty) && strv_add_piece(arena, list, words, len) < 0)
			return -ENOMEM;
		if (!words[len])
			return 0;
		words += len + 1;
	}
}

/* --- fixed words --- */

bool text_starts(const char *words, const char *prefix)
{
	return strncmp(words, prefix, strlen(prefix)) == 0;
}

bool text_ends(const char *words, const char *suffix)
{
	size_t len = strlen(words), suffix_len = strlen(suffix);

	return len >= suffix_len && memcmp(words + len - suffix_len, suffix, suffix_len) == 0;
}

int text_copy(char *to, size_t to_bytes, const char *from)
{
	size_t len = strlen(from);

	if (len >= to_bytes) {
		if (to_bytes > 0)
			to[0] = '\0';
		return -ENAMETOOLONG;
	}
	memcpy(to, from, len + 1);
	return 0;
}

void text_escape(char *to, size_t to_bytes, const char *from)
{
	utf8_escape(to, to_bytes, from);
}

/* --- numbers --- */

/* Takes the digits at `*at`, at least one, and steps over them. The length is not bounded, the value is. */
static int take_digits(const char **at, unsigned base, uint64_t *ret)
{
	uint64_t value = 0;
	bool too_large = false;

	if (**at < '0' || **at >= (char)('0' + base))
		return -EINVAL;
	for (; **at >= '0' && **at < (char)('0' + base); (*at)++) {
		too_large |= __builtin_mul_overflow(value, (uint64_t)base, &value);
		too_large |= __builtin_add_overflow(value, (uint64_t)(**at - '0'), &value);
	}
	if (too_large)
		return -ERANGE;
	*ret = value;
	return 0;
}

/* A number that is the whole of `words` and at most `max`. */
static int whole_number(const char *words, unsigned base, uint64_t max, uint64_t *ret)
{
	uint64_t value;
	int r = take_digits(&words, base, &value);

	/* What is no number is that first of all, however large. */
	if (r != -EINVAL && *words)
		return -EINVAL;
	if (r < 0)
		return r;
	if (value > max)
		return -ERANGE;
	*ret = value;
	return 0;
}

int text_u64(const char *words, uint64_t *ret)
{
	return whole_number(words, 10, UINT64_MAX, ret);
}

int text_i64(const char *words, int64_t *ret)
{
	bool negative = words[0] == '-';
	uint64_t magnitude;
	int r = whole_number(words + negative, 10, (uint64_t)INT64_MAX + negative, &magnitude);

	if (r < 0)
		return r;
	/* Negated while unsigned: the magnitude of INT64_MIN has no positive int64_t. */
	*ret = (int64_t)(negative ? 0 - magnitude : magnitude);
	return 0;
}

int text_u32(const char *words, uint32_t *ret)
{
	uint64_t value;
	int r = whole_number(words, 10, UINT32_MAX, &value);

	if (r < 0)
		return r;
	*ret = (uint32_t)value;
	return 0;
}

int text_octal(const char *words, uint32_t *ret)
{
	uint64_t value;
	int r = whole_number(words, 8, UINT32_MAX, &value);

	if (r < 0)
		return r;
	*ret = (uint32_t)value;
	return 0;
}

static uint64_t power_of_ten(unsigned exponent)
{
	uint64_t value = 1;

	while (exponent-- > 0)
		value *= 10;
	return value;
}

/*
 * Takes "12", "12.5" or ".5": the whole part, and the fraction scaled to `decimals` digits (at most MAX_DECIMALS). A point
 * wants digits behind it.
 */
static int take_decimal(const char **at, unsigned decimals, uint64_t *ret_whole, uint64_t *ret_fraction)
{
	const char *digits;
	size_t count;
	int r;

	*ret_whole = 0;
	*ret_fraction = 0;
	if (**at != '.') {
		r = take_digits(at, 10, ret_whole);
		if (r < 0)
			return r;
	}
	if (**at != '.')
		return 0;
	digits = ++*at;
	r = take_digits(at, 10, ret_fraction);
	count = (size_t)(*at - digits);
	if (r == -EINVAL || count > decimals)
		return -EINVAL;
	*ret_fraction *= power_of_ten(decimals - (unsigned)count);
	return 0;
}

/* (whole + fraction / 10^MAX_DECIMALS) * factor, the rest of the division dropped. */
static int scale(uint64_t whole, uint64_t fraction, uint64_t factor, uint64_t *ret)
{
	unsigned __int128 part = (unsigned __int128)fraction * factor / power_of_ten(MAX_DECIMALS);
	uint64_t value;

	if (__builtin_mul_overflow(whole, factor, &value) || __builtin_add_overflow(value, (uint64_t)part, &value))
		return -ERANGE;
	*ret = value;
	return 0;
}

int text_fixed(const char *words, unsigned decimals, uint64_t *ret)
{
	uint64_t whole, fraction;
	int r = decimals <= MAX_DECIMALS ? take_decimal(&words, decimals, &whole, &fraction) : -EINVAL;

	if (r < 0)
		return r;
	if (*words)
		return -EINVAL;
	fraction *= power_of_ten(MAX_DECIMALS - decimals);
	return scale(whole, fraction, power_of_ten(decimals), ret);
}

int text_size(const char *words, uint64_t *ret_bytes)
{
	static const char units[] = "kmgtp"; /* each 1024 times the one before */
	uint64_t whole, fraction, factor = 1;
	const char *unit;
	int r = take_decimal(&words, MAX_DECIMALS, &whole, &fraction);

	if (r < 0)
		return r;
	unit = *words ? strchr(units, tolower((unsigned char)*words)) : NULL;
	if (unit) {
		factor = (uint64_t)1 << (10 * (unit - units + 1));
		words++;
		if (tolower((unsigned char)words[0]) == 'i' && tolower((unsigned char)words[1]) == 'b')
			words++;
	}
	if (tolower((unsigned char)*words) == 'b')
		words++;
	return *words ? -EINVAL : scale(whole, fraction, factor, ret_bytes);
}

/* Takes a unit of time; nothing at all is seconds when `may_lack` it. Returns milliseconds, or 0 for what is no unit. */
static uint64_t take_time_unit(const char **at, bool may_lack)
{
	static const struct {
		const char *name;
		uint64_t ms;
	} units[] = {
		{"ms", 1}, /* before "m", which is its beginning */
		{"s", 1000},
		{"m", 60000},
		{"h", 3600000},
	};

	if (may_lack && !**at)
		return 1000;
	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		if (text_starts(*at, units[i].name)) {
			*at += strlen(units[i].name);
			return units[i].ms;
		}
	}
	return 0;
}

int text_duration(const char *words, uint64_t *ret_ms)
{
	uint64_t total = 0;
	bool first = true;

	do {
		uint64_t whole, fraction, unit_ms, part;
		int r = take_decimal(&words, MAX_DECIMALS, &whole, &fraction);

		if (r < 0)
			return r;
		unit_ms = take_time_unit(&words, first);
		if (unit_ms == 0)
			return -EINVAL;
		r = scale(whole, fraction, unit_ms, &part);
		if (r < 0)
			return r;
		if (__builtin_add_overflow(total, part, &total))
			return -ERANGE;
		first = false;
	} while (*words);
	*ret_ms = total;
	return 0;
}

/* --- figures for people --- */

static uint64_t rounded(uint64_t bytes, uint64_t unit)
{
	return bytes / unit + (unit > 1 && bytes % unit >= unit / 2);
}

const char *text_size_words(uint64_t bytes, char to[static 32])
{
	static const char *const names[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
	uint64_t unit = 1, tenths;
	size_t i = 0;

	/* Rounded first: 999,950 is 1MB rather than 1000kB. */
	while (i + 1 < ARRAY_SIZE(names) && rounded(bytes, unit) >= 1000) {
		unit *= 1000;
		i++;
	}
	/* Three digits say enough. */
	tenths = unit > 1 ? rounded(bytes, unit / 10) : bytes * 10;
	if (tenths >= 1000 || tenths % 10 == 0)
		(void)snprintf(to, 32, "%" PRIu64 "%s", rounded(bytes, unit), names[i]);
	else
		(void)snprintf(to, 32, "%" PRIu64 ".%" PRIu64 "%s", tenths / 10, tenths % 10, names[i]);
	return to;
}

const char *text_age_words(uint64_t seconds, char to[static 32])
{
	/* A larger unit comes in when the error of rounding down is not a half any more. */
	static const struct {
		uint64_t from_seconds, unit_seconds;
		const char *name;
	} units[] = {
		{730 * DAY_SECONDS, 365 * DAY_SECONDS, "year"},
		{60 * DAY_SECONDS, 30 * DAY_SECONDS, "month"},
		{14 * DAY_SECONDS, 7 * DAY_SECONDS, "week"},
		{2 * DAY_SECONDS, DAY_SECONDS, "day"},
		{3600, 3600, "hour"},
		{60, 60, "minute"},
		{0, 1, "second"},
	};
	size_t i = 0;
	uint64_t count;

	while (seconds < units[i].from_seconds)
		i++;
	count = seconds / units[i].unit_seconds;
	(void)snprintf(to, 32, "%" PRIu64 " %s%s", count, units[i].name, count == 1 ? "" : "s");
	return to;
}

/* --- points in time --- */

/*
 * Calendar arithmetic of its own, since gmtime_r(3) reads the machine's time zone files, which cost a start and may be
 * a container's. Years begin in March here, so that the leap day is a year's last; an era is 400 years.
 */
#define ERA_DAYS	 146097u
#define DAYS_BEFORE_1970 719468u /* since 0000-03-01 */

struct date {
	unsigned year, month, day; /* month and day from 1 */
};

static struct date date_of(uint64_t days_since_1970)
{
	uint64_t days = days_since_1970 + DAYS_BEFORE_1970;
	unsigned era_day = (unsigned)(days % ERA_DAYS);
	unsigned era_year = (era_day - era_day / 1460 + era_day / 36524 - era_day / (ERA_DAYS - 1)) / 365;
	unsigned year_day = era_day - (365 * era_year + era_year / 4 - era_year / 100);
	unsigned month = (5 * year_day + 2) / 153; /* 0 is March */
	struct date date = {
		.year = (unsigned)(days / ERA_DAYS) * 400 + era_year + (month >= 10),
		.month = month < 10 ? month + 3 : month - 9,
		.day = year_day - (153 * month + 2) / 5 + 1,
	};

	return date;
}

/* For years from 1970 on. */
static uint64_t days_to(struct date date)
{
	unsigned year = date.year - (date.month <= 2);
	unsigned month = date.month > 2 ? date.month - 3 : date.month + 9;
	unsigned era_year = year % 400;

	return (uint64_t)(year / 400) * ERA_DAYS + era_year * 365 + era_year / 4 - era_year / 100 +
	       (153 * month + 2) / 5 + date.day - 1 - DAYS_BEFORE_1970;
}

const char *text_time(uint64_t time_ns, char to[static 36])
{
	uint64_t seconds = time_ns / NS_PER_SECOND;
	unsigned of_day = (unsigned)(seconds % DAY_SECONDS);
	struct date date = date_of(seconds / DAY_SECONDS);

	(void)snprintf(to, 36, "%04u-%02u-%02uT%02u:%02u:%02u.%09uZ", date.year % 10000, date.month, date.day,
		       of_day / 3600, of_day / 60 % 60, of_day % 60, (unsigned)(time_ns % NS_PER_SECOND));
	return to;
}

/* Takes exactly `count` digits and then the character `end` (0: none wanted). */
static bool take_field(const char **at, unsigned count, char end, unsigned *ret)
{
	unsigned value = 0;

	for (; count > 0; count--, (*at)++) {
		if (**at < '0' || **at > '9')
			return false;
		value = value * 10 + (unsigned)(**at - '0');
	}
	if (end && toupper((unsigned char)*(*at)++) != end)
		return false;
	*ret = value;
	return true;
}

/* Takes "Z", "+01:00" or "-01:00", the last thing in `at`: seconds ahead of UTC. */
static bool take_zone(const char *at, int64_t *ret_seconds)
{
	unsigned hours, minutes;
	char sign = *at++;

	if (sign == 'Z' || sign == 'z') {
		*ret_seconds = 0;
		return !*at;
	}
	if ((sign != '+' && sign != '-') || !take_field(&at, 2, ':', &hours) || !take_field(&at, 2, 0, &minutes))
		return false;
	*ret_seconds = (int64_t)(hours * 3600 + minutes * 60) * (sign == '-' ? -1 : 1);
	return !*at && hours <= 23 && minutes <= 59;
}

/* Whether it is a day of the calendar: then it comes back the same. */
static bool is_date(struct date date)
{
	struct date back;

	if (date.month < 1 || date.month > 12 || date.day < 1 || date.day > 31)
		return false;
	/* The calendar repeats every 400 years: so can years before 1970 be looked at. */
	date.year += 2000;
	back = date_of(days_to(date));
	return back.month == date.month && back.day == date.day;
}

int text_time_parse(const char *words, uint64_t *ret_ns)
{
	unsigned hour, minute, second;
	uint64_t fraction = 0, none;
	int64_t ahead, seconds;
	struct date date;

	if (!take_field(&words, 4, '-', &date.year) || !take_field(&words, 2, '-', &date.month) ||
	    !take_field(&words, 2, 'T', &date.day) || !take_field(&words, 2, ':', &hour) ||
	    !take_field(&words, 2, ':', &minute) || !take_field(&words, 2, 0, &second))
		return -EINVAL;
	if (*words == '.' && take_decimal(&words, MAX_DECIMALS, &none, &fraction) < 0)
		return -EINVAL;
	/* 60 is a leap second (RFC 3339, 5.6). */
	if (!is_date(date) || hour > 23 || minute > 59 || second > 60 || !take_zone(words, &ahead))
		return -EINVAL;
	if (date.year < 1970)
		return -ERANGE;
	seconds = (int64_t)(days_to(date) * DAY_SECONDS + hour * 3600 + minute * 60 + second) - ahead;
	if (seconds < 0 || __builtin_mul_overflow((uint64_t)seconds, (uint64_t)NS_PER_SECOND, &none) ||
	    __builtin_add_overflow(none, fraction, &none))
		return -ERANGE;
	*ret_ns = none;
	return 0;
}

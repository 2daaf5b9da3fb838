/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Numbers, sizes and durations: as people write them, and as they like to read them. */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "runtime/base/text.h"

#define MAX_DECIMALS 9u
#define DAY_SECONDS  86400u

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
 * Takes "12", "12.5" or ".5": the whole part, and the fraction scaled to `decimals` digits (at most MAX_DECIMALS). A
 * point wants digits behind it.
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

/*
 * Takes a unit of time; nothing at all is seconds when `may_lack` it. Returns milliseconds, or 0 for what is no unit.
 */
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

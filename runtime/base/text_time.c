/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Points in time. Calendar arithmetic of its own, since gmtime_r(3) reads the machine's time zone files, which cost a
 * start and may be a container's.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>

#include "runtime/base/text.h"

#define NS_PER_SECOND 1000000000u
#define DAY_SECONDS   86400u

/*
 * Years begin in March here, so that the leap day is a year's last; an era is 400 years, after which the calendar
 * repeats.
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

/* Takes ".5" up to ".123456789", or nothing: nanoseconds. */
static bool take_fraction(const char **at, unsigned *ret_ns)
{
	unsigned unit = NS_PER_SECOND;

	*ret_ns = 0;
	if (**at != '.')
		return true;
	for ((*at)++; **at >= '0' && **at <= '9' && unit > 1; (*at)++) {
		unit /= 10;
		*ret_ns += (unsigned)(**at - '0') * unit;
	}
	return unit < NS_PER_SECOND;
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
	/* Some eras later, where days_to() counts from 1970 on. */
	date.year += 2000;
	back = date_of(days_to(date));
	return back.month == date.month && back.day == date.day;
}

int text_time_parse(const char *words, uint64_t *ret_ns)
{
	unsigned hour, minute, second, fraction;
	uint64_t ns;
	int64_t ahead, seconds;
	struct date date;

	if (!take_field(&words, 4, '-', &date.year) || !take_field(&words, 2, '-', &date.month) ||
	    !take_field(&words, 2, 'T', &date.day) || !take_field(&words, 2, ':', &hour) ||
	    !take_field(&words, 2, ':', &minute) || !take_field(&words, 2, 0, &second) ||
	    !take_fraction(&words, &fraction))
		return -EINVAL;
	/* 60 is a leap second (RFC 3339, 5.6). */
	if (!is_date(date) || hour > 23 || minute > 59 || second > 60 || !take_zone(words, &ahead))
		return -EINVAL;
	if (date.year < 1970)
		return -ERANGE;
	seconds = (int64_t)(days_to(date) * DAY_SECONDS + hour * 3600 + minute * 60 + second) - ahead;
	if (seconds < 0 || __builtin_mul_overflow((uint64_t)seconds, (uint64_t)NS_PER_SECOND, &ns) ||
	    __builtin_add_overflow(ns, fraction, &ns))
		return -ERANGE;
	*ret_ns = ns;
	return 0;
}

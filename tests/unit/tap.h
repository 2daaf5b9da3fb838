/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Unit tests print TAP: one line a case, a plan at the end. A test program is a table of functions:
 *
 *     static void test_sizes(void) { CHECK(text_size("1k", &n) == 0); CHECK_INT(n, 1024); }
 *     int main(void) { return TAP_RUN(TAP_CASE(test_sizes), TAP_CASE(test_times)); }
 *
 * A failing CHECK reports where and goes on; the case then fails. SKIP says why, and is for what the machine truly
 * lacks.
 */
#ifndef HULL_TESTS_UNIT_TAP_H
#define HULL_TESTS_UNIT_TAP_H

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct tap_case {
	const char *name;
	void (*run)(void);
};

static int tap_failures;
static const char *tap_skip_reason;

static inline void tap_fail(const char *file, int line, const char *words)
{
	tap_failures++;
	printf("# %s:%d: %s\n", file, line, words);
}

#define CHECK(condition)                                          \
	do {                                                      \
		if (!(condition))                                 \
			tap_fail(__FILE__, __LINE__, #condition); \
	} while (0)

#define CHECK_INT(found, wanted)                                                                        \
	do {                                                                                            \
		intmax_t tap_found = (intmax_t)(found), tap_wanted = (intmax_t)(wanted);                \
		if (tap_found != tap_wanted) {                                                          \
			tap_fail(__FILE__, __LINE__, #found " is not " #wanted);                        \
			printf("#   found %" PRIdMAX ", wanted %" PRIdMAX "\n", tap_found, tap_wanted); \
		}                                                                                       \
	} while (0)

#define CHECK_STR(found, wanted)                                                                  \
	do {                                                                                      \
		const char *tap_found = (found), *tap_wanted = (wanted);                          \
		if (!tap_found || !tap_wanted || strcmp(tap_found, tap_wanted) != 0) {            \
			tap_fail(__FILE__, __LINE__, #found " is not " #wanted);                  \
			printf("#   found '%s', wanted '%s'\n", tap_found ? tap_found : "(null)", \
			       tap_wanted ? tap_wanted : "(null)");                               \
		}                                                                                 \
	} while (0)

/* Whether words are somewhere in a text. */
#define CHECK_HAS(text_searched, words)                                                                 \
	do {                                                                                            \
		const char *tap_text = (text_searched), *tap_words = (words);                           \
		if (!tap_text || !strstr(tap_text, tap_words)) {                                        \
			tap_fail(__FILE__, __LINE__, "words are missing");                              \
			printf("#   '%s' is not in '%s'\n", tap_words, tap_text ? tap_text : "(null)"); \
		}                                                                                       \
	} while (0)

#define SKIP(reason)                        \
	do {                                \
		tap_skip_reason = (reason); \
		return;                     \
	} while (0)

static inline int tap_run(const struct tap_case *cases, size_t count)
{
	int failed_cases = 0;

	for (size_t i = 0; i < count; i++) {
		tap_failures = 0;
		tap_skip_reason = NULL;
		cases[i].run();
		failed_cases += tap_failures > 0;
		printf("%s %zu - %s%s%s\n", tap_failures ? "not ok" : "ok", i + 1, cases[i].name,
		       tap_skip_reason && !tap_failures ? " # SKIP " : "",
		       tap_skip_reason && !tap_failures ? tap_skip_reason : "");
		fflush(stdout);
	}
	printf("1..%zu\n", count);
	return failed_cases ? 1 : 0;
}

#define TAP_CASE(function)          \
	{                           \
#function, function \
	}
#define TAP_RUN(...)                                    \
	tap_run((const struct tap_case[]){__VA_ARGS__}, \
		sizeof((const struct tap_case[]){__VA_ARGS__}) / sizeof(struct tap_case))

#endif

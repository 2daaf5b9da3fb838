// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/core/phases.h"

#include <errno.h>

#include "runtime/core/instance.h"
#include "tests/unit/tap.h"

static char trail[64];
static const char *failing_run, *failing_undo;

static void note(const char *what)
{
	strcat(trail, what);
}

#define PHASE(letter)                                                                                            \
	static int run_##letter(struct instance *instance, struct err *err)                                      \
	{                                                                                                        \
		(void)instance;                                                                                  \
		note(#letter);                                                                                   \
		return failing_run && strcmp(failing_run, #letter) == 0 ? err_say(err, EIO, "run " #letter) : 0; \
	}                                                                                                        \
	static int undo_##letter(struct instance *instance, struct err *err)                                     \
	{                                                                                                        \
		(void)instance;                                                                                  \
		note("-" #letter);                                                                               \
		return failing_undo && strstr(failing_undo, #letter) ? err_say(err, EBUSY, "undo " #letter) : 0; \
	}

PHASE(a)
PHASE(b)
PHASE(c)

static const struct phase phases[] = {
	{"a", run_a, undo_a},
	{"b", run_b, undo_b},
	{"nothing", NULL, NULL},
	{"c", run_c, undo_c},
};

static int go(const char *run, const char *undo, struct err *err)
{
	struct instance instance;

	trail[0] = '\0';
	failing_run = run;
	failing_undo = undo;
	*err = ERR_INIT;
	return phases_run(phases, ARRAY_SIZE(phases), &instance, err);
}

static int back(const char *undo, struct err *err)
{
	struct instance instance;

	trail[0] = '\0';
	failing_undo = undo;
	*err = ERR_INIT;
	return phases_undo(phases, ARRAY_SIZE(phases), &instance, err);
}

static void test_order(void)
{
	struct err err;

	CHECK(go(NULL, NULL, &err) == 0);
	CHECK_STR(trail, "abc");
}

static void test_failure_undoes_the_earlier_ones_newest_first(void)
{
	struct err err;

	CHECK_INT(go("c", NULL, &err), -EIO);
	CHECK_STR(trail, "abc-b-a");
	CHECK_INT(go("a", NULL, &err), -EIO);
	CHECK_STR(trail, "a");
}

static void test_first_failure_is_the_reason(void)
{
	struct err err;

	CHECK_INT(go("c", "b", &err), -EIO);
	CHECK_STR(err.msg, "run c");
}

static void test_what_cannot_be_undone_keeps_the_first_phase(void)
{
	struct err err;

	CHECK_INT(back("c", &err), -EBUSY);
	CHECK_STR(trail, "-c-b");
	CHECK_STR(err.msg, "undo c");
	CHECK_INT(back("bc", &err), -EBUSY);
	CHECK_STR(err.msg, "undo c");
	CHECK_INT(go("c", "b", &err), -EIO);
	CHECK_STR(trail, "abc-b");
	CHECK_INT(back(NULL, &err), 0);
	CHECK_STR(trail, "-c-b-a");
}

int main(void)
{
	return TAP_RUN(TAP_CASE(test_order), TAP_CASE(test_failure_undoes_the_earlier_ones_newest_first),
		       TAP_CASE(test_first_failure_is_the_reason),
		       TAP_CASE(test_what_cannot_be_undone_keeps_the_first_phase));
}

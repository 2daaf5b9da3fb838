/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A monitor's last words: which ends have an exit code of their own, and what a keeper hears of any. */
#include "runtime/vm/last_words.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/base/scope.h"
#include "runtime/base/socket.h"
#include "tests/unit/tap.h"

static struct last_words leave(const char *cause, struct err *err)
{
	struct last_words heard = {0};
	struct err ignored = ERR_INIT;
	int ends[2];

	CHECK_INT(sock_pair(ends, &ignored), 0);
	last_words_leave(ends[0], cause, err);
	CHECK_INT(recv(ends[1], &heard, sizeof(heard), MSG_DONTWAIT), sizeof(heard));
	(void)close(ends[0]);
	(void)close(ends[1]);
	return heard;
}

/* Written down: callers tell machines' ends by them. */
static void test_guest_ends(void)
{
	static const struct {
		const char *cause;
		int exit_code;
	} ends[] = {
		{"power-off", 200}, {"reset", 201}, {"panic", 202}, {"memory", 203}, {"triple-fault", 204},
	};

	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		struct err err = ERR_INIT;
		struct last_words heard;

		CHECK_INT(last_words_say(ends[i].cause, "why", &err), -EIO);
		heard = leave(ends[i].cause, &err);
		CHECK_INT(err.exit_code, ends[i].exit_code);
		CHECK(heard.mark == LAST_WORDS_MARK);
		CHECK_STR(heard.cause, ends[i].cause);
		CHECK_STR(heard.words, err.msg);
		CHECK_HAS(heard.words, ": why");
	}
	CHECK_STR(GUEST_ENDS_HELP, "200 power-off, 201 reset, 202 panic, 203 memory, 204 triple-fault, ");
}

static void test_others(void)
{
	static const char *const causes[] = {CAUSE_BOOT,    CAUSE_NO_TIMER, CAUSE_NO_START, CAUSE_AGENT, CAUSE_PROTOCOL,
					     CAUSE_VOLUMES, CAUSE_EMULATOR, CAUSE_MONITOR,  NULL};
	struct err err = ERR_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(causes); i++) {
		err = ERR_INIT;
		(void)err_say(&err, EIO, "words");
		CHECK_STR(leave(causes[i], &err).cause, causes[i] ? causes[i] : CAUSE_MONITOR);
		CHECK_INT(err.exit_code, ERR_EXIT_DEFAULT);
	}
	/* The program's. */
	(void)err_exit_with(&err, ERR_EXIT_NOT_FOUND);
	CHECK_STR(leave(CAUSE_START, &err).words, "words");
	CHECK_INT(err.exit_code, ERR_EXIT_NOT_FOUND);
	/* Nobody listens. */
	last_words_leave(-1, CAUSE_RESET, &err);
	CHECK_INT(err.exit_code, 201);
	CHECK_INT(last_words_say("nosuch", NULL, &err), -EINVAL);
}

int main(void)
{
	return TAP_RUN(TAP_CASE(test_guest_ends), TAP_CASE(test_others));
}

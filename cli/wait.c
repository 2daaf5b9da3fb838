// SPDX-License-Identifier: GPL-2.0-or-later
/* wait */
#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "cli/instance_settle.h"
#include "cli/operands.h"
#include "cli/verbs.h"
#include "runtime/core/attach.h"
#include "runtime/core/control.h"

#define KEEPER_WAIT_MS 5000 /* a disk may be busy */
#define LOOK_EVERY_MS  10

/*
 * Asks the keeper, which tells its clients how the program ended before anything is taken back: after that, one made
 * with --rm leaves no trace. -ECONNRESET and the like when there is no keeper, or it was killed.
 */
static int ask_keeper(const struct instance_operand *one, struct record_exit *ret, struct err *err)
{
	CLEANUP_FD int state = store_find(&one->stores->store, one->view.id, err);
	CLEANUP_FD int keeper = state < 0 ? -1 : attach_connect(state, err);
	struct attach_request request = {.fd = keeper, .input = -1, .output = -1, .error = -1, .terminal = -1};
	struct attach_result end;
	int result = keeper < 0 ? -ECONNREFUSED : attach_run(&request, &end, err);

	if (result < 0)
		return result;
	*ret = (struct record_exit){.known = end.known, .code = end.code, .signal = end.signal};
	return 0;
}

/* What the last end was, by the definition. */
static void ask_definition(const struct instance_operand *one, struct record_exit *ret)
{
	struct err ignored = ERR_INIT;
	CLEANUP_FD int folder = definition_open(&one->stores->definitions, one->view.id, &ignored);
	struct definition_exit last;

	if (folder >= 0 && definition_exit_read(folder, &last, &ignored) == 0)
		*ret = last.exit;
}

static void pause_ms(long ms)
{
	const struct timespec pause = {.tv_nsec = ms * 1000000};

	(void)nanosleep(&pause, NULL);
}

/*
 * Whether a keeper that does not answer is worth asking again, after a moment. One whose instance has just been started
 * does not listen yet. One that is killed closes its socket a moment before it is seen to be dead; then the instance
 * gets another.
 */
static bool ask_again(const struct instance_operand *one, int *left_ms)
{
	struct control_view view;
	struct err ignored = ERR_INIT;

	if (*left_ms <= 0 ||
	    control_look(&one->stores->store, one->call->arena, one->view.id, false, &view, &ignored) < 0 ||
	    view.now.status == RECORD_STOPPED)
		return false;
	if (view.now.unattended)
		instance_settle(one->call, one->stores);
	pause_ms(LOOK_EVERY_MS);
	*left_ms -= LOOK_EVERY_MS;
	return true;
}

/*
 * It has ended, and its keeper is about to write down how: until it has, or is gone, or has taken the state away, which
 * comes after that.
 */
static void wait_for_keeper(const struct instance_operand *one, struct record_exit *ret)
{
	struct control_view view;
	struct err ignored = ERR_INIT;
	bool is_gone = false;

	for (int left_ms = KEEPER_WAIT_MS; left_ms > 0; left_ms -= LOOK_EVERY_MS) {
		if (control_look(&one->stores->store, one->call->arena, one->view.id, false, &view, &ignored) < 0 ||
		    view.now.status != RECORD_STOPPED)
			return;
		*ret = view.now.exit;
		if (ret->known || is_gone)
			return;
		/* It may have written that at the last moment: one look more. */
		is_gone = !lifecycle_is_alive(&view.record.keeper);
		if (!is_gone)
			pause_ms(LOOK_EVERY_MS);
	}
}

/* How it ended, from who wrote it down. */
static void learn_end(const struct instance_operand *one, struct record_exit *ret)
{
	wait_for_keeper(one, ret);
	if (!ret->known)
		ask_definition(one, ret);
}

static int wait_for_end(const struct instance_operand *one, struct record_exit *ret, struct err *err)
{
	struct err ignored = ERR_INIT, failure = ERR_INIT;
	int left_ms = KEEPER_WAIT_MS, result;

	do {
		result = ask_keeper(one, ret, &ignored);
		if (result >= 0 && ret->known)
			return 0;
	} while (result < 0 && ask_again(one, &left_ms));
	result = control_wait(&one->stores->store, one->view.id, -1, ret, &failure);
	if (result < 0 && result != -ENOENT) {
		*err = failure;
		return result;
	}
	if (result < 0 || !ret->known)
		learn_end(one, ret);
	return 0;
}

static int wait_one(const struct instance_operand *one, struct err *err)
{
	struct record_exit exit = one->view.now.exit;
	int result = 0;

	if (one->view.never_ran && !one->view.has_record)
		return err_say(err, EINVAL, "container '%s' has not run yet: start it first", one->words);
	if (one->view.has_record && one->view.now.status != RECORD_STOPPED)
		result = wait_for_end(one, &exit, err);
	else if (one->view.has_record && !exit.known)
		learn_end(one, &exit);
	if (result < 0)
		return result;
	if (!exit.known)
		return err_say(err, ENODATA, "container '%s' has ended, but nobody saw how: its exit code is unknown",
			       one->words);
	printf("%d\n", exit.code);
	(void)fflush(stdout);
	return 0;
}

static int run_wait(struct command_call *call, struct err *err)
{
	return operands_each_instance(call, wait_one, err);
}

const struct command verb_wait = {
	.name = "wait",
	.operands = "CONTAINER...",
	.summary = "Wait for containers to end, and print their exit codes",
	.description =
		"Prints a line for each container: its exit code as of 'hull run', or 128 and the number of the signal "
		"that ended it. A "
		"container that has ended already answers at once. An exit code that nobody saw is an error, never 0.",
	.min_operands = 1,
	.max_operands = COMMAND_ANY,
	.run = run_wait,
};

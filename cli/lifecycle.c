// SPDX-License-Identifier: GPL-2.0-or-later
/* stop, kill, pause, unpause */
#include <errno.h>
#include <signal.h>
#include <stdio.h>

#include "cli/foreground.h"
#include "cli/halt.h"
#include "cli/instance_start.h"
#include "cli/operands.h"
#include "cli/verbs.h"
#include "runtime/base/process.h"
#include "runtime/core/control.h"

#define DEFAULT_STOP_SECONDS 10
/* SIGKILL needs no patience, but the kernel may be busy with a large address space. */
#define KILL_WAIT_MS 10000

static int check_signal(const char *words, struct err *err)
{
	return proc_signal_parse(words) < 0
		       ? err_say(err, EINVAL, "'%s' is no signal: want a name such as TERM or HUP, or a number", words)
		       : 0;
}

static int check_seconds(const char *words, struct err *err)
{
	int64_t seconds;

	return text_i64(words, &seconds) < 0 || seconds < -1 || seconds > INT32_MAX
		       ? err_say(err, EINVAL, "'%s' is no number of seconds; -1 is for ever", words)
		       : 0;
}

static int say_not_running(const struct instance_operand *one, struct err *err)
{
	return err_say(err, EINVAL, "container '%s' is not running: see 'hull ps -a'", one->words);
}

/* --- stop --------------------------------------------------------------------------------------------------------- */

struct stop_options {
	const char *seconds, *signal;
};
static const struct option_row stop_rows[] = {
	{"signal", 's', OPTION_CHECKED, offsetof(struct stop_options, signal), "SIGNAL",
	 "sent first (default: the container's stop signal, else TERM)", NULL, check_signal},
	{"timeout", 't', OPTION_CHECKED, offsetof(struct stop_options, seconds), "SECONDS",
	 "how long to wait before it is killed (default: the container's, else 10); -1: for ever", NULL, check_seconds},
	{"time", 0, OPTION_CHECKED, offsetof(struct stop_options, seconds), "SECONDS", "the same as --timeout", NULL,
	 check_seconds},
	OPTIONS_END,
};

static int64_t stop_timeout_ms(const struct stop_options *options, const struct extension *extension)
{
	int64_t seconds = extension->stop_timeout.set ? extension->stop_timeout.value : DEFAULT_STOP_SECONDS;

	if (options->seconds)
		(void)text_i64(options->seconds, &seconds);
	return seconds < 0 ? -1 : seconds * 1000;
}

static int stop_one(const struct instance_operand *one, struct err *err)
{
	const struct stop_options *options = one->call->options;
	const struct extension *extension = one->view.extension;
	int signo = options->signal ? proc_signal_parse(options->signal) : halt_signal(extension);
	int result = halt_instance(one->call, one->stores, &one->view, signo, stop_timeout_ms(options, extension), err);

	if (result >= 0)
		(void)puts(one->words);
	return result;
}

static int restart_one(const struct instance_operand *one, struct err *err)
{
	const struct stop_options *options = one->call->options;
	const struct extension *extension = one->view.extension;
	int signo = options->signal ? proc_signal_parse(options->signal) : halt_signal(extension);
	int result;

	if (extension->auto_remove)
		return err_say(err, EINVAL, "container '%s' was made with '--rm': stopped, it would be gone",
			       one->words);
	result = halt_instance(one->call, one->stores, &one->view, signo, stop_timeout_ms(options, extension), err);
	if (result < 0)
		return result;
	definition_want_running(one->view.data_dir, true);
	result = instance_start(one->call, one->stores, &(struct instance_starting){.id = one->view.id}, NULL, err);
	if (result >= 0)
		(void)puts(one->words);
	return result;
}

static int run_restart(struct command_call *call, struct err *err)
{
	return operands_each_instance(call, restart_one, err);
}

static int run_stop(struct command_call *call, struct err *err)
{
	return operands_each_instance(call, stop_one, err);
}

const struct command verb_stop = {
	.name = "stop",
	.operands = "CONTAINER...",
	.summary = "Stop running containers",
	.description =
		"Sends the stop signal, waits, and kills what is still there then. No restart policy brings a stopped "
		"container back. One that does not run is left as it is.",
	.examples = "hull stop web\nhull stop -t 2 web db",
	.options = stop_rows,
	.options_bytes = sizeof(struct stop_options),
	.min_operands = 1,
	.max_operands = COMMAND_ANY,
	.run = run_stop,
};

const struct command verb_restart = {
	.name = "restart",
	.operands = "CONTAINER...",
	.summary = "Stop containers, and start them again",
	.description = "As 'hull stop' and then 'hull start' do it; one that does not run is started.",
	.examples = "hull restart web\nhull restart -t 2 web db",
	.options = stop_rows,
	.options_bytes = sizeof(struct stop_options),
	.min_operands = 1,
	.max_operands = COMMAND_ANY,
	.run = run_restart,
};

/* --- kill --------------------------------------------------------------------------------------------------------- */

struct kill_options {
	const char *signal;
};
static const struct option_row kill_rows[] = {
	{"signal", 's', OPTION_CHECKED, offsetof(struct kill_options, signal), "SIGNAL", "to send (default KILL)", NULL,
	 check_signal},
	OPTIONS_END,
};

/*
 * v1's freezer keeps even SIGKILL until the process is thawed; in v2 it has ended by then, and there is nothing to
 * thaw.
 */
static int kill_and_finish(const struct instance_operand *one, struct err *err)
{
	const struct store *store = &one->stores->store;
	struct err ignored = ERR_INIT;
	struct record_exit exit;
	int result;

	if (one->view.now.status == RECORD_PAUSED)
		(void)control_resume(store, one->view.id, &ignored);
	result = control_wait(store, one->view.id, KILL_WAIT_MS, &exit, err);
	if (result == -ENOENT) {
		err_clear(err);
		return 0;
	}
	return result < 0 ? result : foreground_finish(one->call, one->stores, one->view.id, err);
}

static int kill_one(const struct instance_operand *one, struct err *err)
{
	const struct kill_options *options = one->call->options;
	int signo = options->signal ? proc_signal_parse(options->signal) : SIGKILL;
	int result;

	if (!instance_is_up(&one->view))
		return say_not_running(one, err);
	/* Other signals are messages: what the program does then is its own matter, and its restart policy's. */
	if (signo == SIGKILL || signo == halt_signal(one->view.extension))
		definition_want_running(one->view.data_dir, false);
	result = control_kill(&one->stores->store, one->view.id, signo, false, err);
	if (result >= 0 && signo == SIGKILL)
		result = kill_and_finish(one, err);
	if (result >= 0)
		(void)puts(one->words);
	return result;
}

static int run_kill(struct command_call *call, struct err *err)
{
	return operands_each_instance(call, kill_one, err);
}

const struct command verb_kill = {
	.name = "kill",
	.operands = "CONTAINER...",
	.summary = "Send a signal to the first process of running containers",
	.description = "With KILL, and with the container's stop signal, no restart policy brings it back. With KILL "
		       "the command returns when the container has ended.",
	.examples = "hull kill web\nhull kill -s HUP web",
	.options = kill_rows,
	.options_bytes = sizeof(struct kill_options),
	.min_operands = 1,
	.max_operands = COMMAND_ANY,
	.run = run_kill,
};

/* --- pause, unpause ----------------------------------------------------------------------------------------------- */

static int pause_one(const struct instance_operand *one, struct err *err)
{
	int result;

	if (!instance_is_up(&one->view))
		return say_not_running(one, err);
	if (one->view.now.status == RECORD_PAUSED)
		return err_say(err, EINVAL, "container '%s' is paused already", one->words);
	result = control_pause(&one->stores->store, one->view.id, err);
	if (result >= 0)
		(void)puts(one->words);
	return result;
}

static int unpause_one(const struct instance_operand *one, struct err *err)
{
	int result;

	if (!instance_is_up(&one->view) || one->view.now.status != RECORD_PAUSED)
		return err_say(err, EINVAL, "container '%s' is not paused", one->words);
	result = control_resume(&one->stores->store, one->view.id, err);
	if (result >= 0)
		(void)puts(one->words);
	return result;
}

static int run_pause(struct command_call *call, struct err *err)
{
	return operands_each_instance(call, pause_one, err);
}

static int run_unpause(struct command_call *call, struct err *err)
{
	return operands_each_instance(call, unpause_one, err);
}

const struct command verb_pause = {
	.name = "pause",
	.operands = "CONTAINER...",
	.summary = "Freeze all processes of running containers",
	.min_operands = 1,
	.max_operands = COMMAND_ANY,
	.run = run_pause,
};

const struct command verb_unpause = {
	.name = "unpause",
	.operands = "CONTAINER...",
	.summary = "Let paused containers go on",
	.min_operands = 1,
	.max_operands = COMMAND_ANY,
	.run = run_unpause,
};

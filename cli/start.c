// SPDX-License-Identifier: GPL-2.0-or-later
/* start */
#include <errno.h>
#include <stdio.h>

#include "cli/foreground.h"
#include "cli/instance_start.h"
#include "cli/lost.h"
#include "cli/operands.h"
#include "cli/verbs.h"

struct start_options {
	bool attach, interactive;
	const char *detach_keys;
};
static const struct option_row start_rows[] = {
	{"attach", 'a', OPTION_FLAG, offsetof(struct start_options, attach), NULL,
	 "show the output, and wait for the end", NULL, NULL},
	{"interactive", 'i', OPTION_FLAG, offsetof(struct start_options, interactive), NULL,
	 "pass standard input on (with --attach)", NULL, NULL},
	{"detach-keys", 0, OPTION_STRING, offsetof(struct start_options, detach_keys), "KEYS", "keys that detach", NULL,
	 NULL},
	OPTIONS_END,
};

static int start_one(const struct instance_operand *operand, struct err *err)
{
	const struct command_call *call = operand->call;
	const struct start_options *options = call->options;
	struct instance_starting how = {.id = operand->view.id, .attach = options->attach};
	CLEANUP_FD int client_fd = -1;
	int result;

	/* One that another command is creating does not run yet: that is waited for. */
	if (operand->view.now.status != RECORD_STOPPED && operand->view.now.status != RECORD_CREATING) {
		if (options->attach)
			return err_say(err, EBUSY, "container '%s' is running: see 'hull attach'", operand->words);
		(void)puts(operand->words); /* it runs: that is what was wanted */
		return 0;
	}
	if (operand->view.lost)
		return lost_refuse(operand->words, err);
	definition_want_running(operand->view.data_dir, true);
	/* It has ended just now, and holds yet what its keeper takes back. */
	result = operand->view.has_record ? foreground_finish(call, operand->stores, how.id, err) : 0;
	if (result < 0)
		return result;
	result = instance_start(call, operand->stores, &how, &client_fd, err);
	if (result < 0)
		return result;
	if (!options->attach) {
		(void)puts(operand->words);
		return 0;
	}
	return foreground_run(&(struct foreground){.call = call,
						   .stores = operand->stores,
						   .id = operand->view.id,
						   .client_fd = client_fd,
						   .interactive = options->interactive,
						   .tty = true, /* where the program has one, and the user too */
						   .detach_keys = options->detach_keys},
			      err);
}

static int run_start(struct command_call *call, struct err *err)
{
	const struct start_options *options = call->options;

	if (options->attach && call->operands.count > 1)
		return err_say(err, EINVAL, "option '--attach' takes one container");
	return operands_each_instance(call, start_one, err);
}

const struct command verb_start = {
	.name = "start",
	.operands = "CONTAINER [CONTAINER...]",
	.summary = "Start containers that were created or have stopped",
	.exit_status = "0 on success; with --attach as of 'hull run'; 125 when hull itself fails.",
	.options = start_rows,
	.options_bytes = sizeof(struct start_options),
	.min_operands = 1,
	.max_operands = COMMAND_ANY,
	.run = run_start,
};

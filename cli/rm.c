// SPDX-License-Identifier: GPL-2.0-or-later
/* rm */
#include <errno.h>
#include <signal.h>
#include <stdio.h>

#include "cli/foreground.h"
#include "cli/halt.h"
#include "cli/operands.h"
#include "cli/verbs.h"
#include "images/helper.h"
#include "runtime/base/log.h"
#include "runtime/core/control.h"

#define KILL_WAIT_MS 10000

struct rm_options {
	bool force, volumes;
};
static const struct option_row rm_rows[] = {
	{"force", 'f', OPTION_FLAG, offsetof(struct rm_options, force), NULL,
	 "kill a running one first; one that does not exist is no error", NULL, NULL},
	{"volumes", 'v', OPTION_FLAG, offsetof(struct rm_options, volumes), NULL,
	 "remove volumes that were made for it and have no name, too", NULL, NULL},
	OPTIONS_END,
};

/* An image that was removed by force while this container used it had to stay until now. */
static void free_image(const struct command_call *call, const char *id)
{
	struct err err = ERR_INIT;
	struct image image;

	if (!id || catalog_find(call->arena, hull_of(call)->images, id, &image, &err) != -ENOENT)
		return;
	err_clear(&err);
	if (image_helper_gc(hull_of(call)->images, NULL, &err) < 0)
		log_err(&err);
}

#define TRIES 5 /* against somebody who starts it again and again */

static int end_and_remove(const struct instance_operand *one, struct err *err)
{
	const struct rm_options *options = one->call->options;
	const struct instance_view *view = &one->view;
	bool runs = view->has_record && view->now.status != RECORD_STOPPED;
	struct err failure = ERR_INIT;
	int result;

	if (view->restarting && !options->force)
		return err_say(err, EBUSY, "container '%s' is restarting: stop it first, or remove it with --force",
			       one->words);
	if (runs && !options->force)
		return err_say(err, EBUSY, "container '%s' is %s: stop it first, or remove it with --force", one->words,
			       record_status_name(view->now.status));
	/* Also for a stopped one: its keeper may be waiting to start it again. */
	result = options->force ? halt_instance(one->call, one->stores, view, SIGKILL, KILL_WAIT_MS, &failure)
				: foreground_finish(one->call, one->stores, view->id, &failure);
	/* A record that cannot be used tells nobody what to stop. */
	if (result == -EBADMSG && options->force) {
		err_clear(&failure);
		result = control_delete(&one->stores->store, view->id, true, &failure);
	}
	if (result < 0) {
		*err = failure;
		return result;
	}
	return instance_remove(one->call, one->stores, view->id, options->volumes, err);
}

static int remove_one(const struct instance_operand *one, struct err *err)
{
	const struct rm_options *options = one->call->options;
	int result = end_and_remove(one, err);

	for (int tries = 1; result == -EBUSY && options->force && tries < TRIES; tries++) {
		err_clear(err);
		result = end_and_remove(one, err);
	}
	if (result < 0)
		return result;
	(void)puts(one->words);
	free_image(one->call, one->view.extension->image.id);
	return 0;
}

static int run_rm(struct command_call *call, struct err *err)
{
	const struct rm_options *options = call->options;

	return options->force ? operands_each_found(call, remove_one, err)
			      : operands_each_instance(call, remove_one, err);
}

const struct command verb_rm = {
	.name = "rm",
	.operands = "CONTAINER...",
	.summary = "Remove containers, with their writable layers and logs",
	.description = "A running one is refused without --force. Named volumes stay.",
	.examples = "hull rm web\nhull rm -f $(hull ps -aq)",
	.options = rm_rows,
	.options_bytes = sizeof(struct rm_options),
	.min_operands = 1,
	.max_operands = COMMAND_ANY,
	.run = run_rm,
};

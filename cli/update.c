// SPDX-License-Identifier: GPL-2.0-or-later
/* update */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/bundle.h"
#include "cli/instance_start.h"
#include "cli/operands.h"
#include "cli/run_options.h"
#include "cli/verbs.h"
#include "runtime/base/file.h"
#include "runtime/core/control.h"
#include "runtime/spec/config_fields.h"

static int write_config(const struct config *config, int folder, struct err *err)
{
	CLEANUP_TEXT struct text words = TEXT_INIT;
	int result = config_write(config, &words, err);

	return result < 0 ? result
			  : file_replace(folder, "config.json", words.data, words.len, 0600, FILE_DURABLE, err);
}

/* So that it has them when it is started again. *ret_before is what the definition was. */
static int define(struct arena *arena, int folder, const struct config_resources *limits,
		  const struct config **ret_before, struct err *err)
{
	struct config_resources *resources = ARENA_NEW(arena, struct config_resources);
	struct config_linux *os = ARENA_NEW(arena, struct config_linux);
	struct config config;
	int result = config_read(arena, folder, "config.json", ret_before, NULL, err);

	if (result >= 0)
		result = arena_check(arena, err);
	if (result < 0)
		return result;
	config = **ret_before;
	if (config.linux_)
		*os = *config.linux_;
	if (os->resources)
		*resources = *os->resources;
	fields_merge(&config_resources_fields, limits, resources);
	os->resources = resources;
	config.linux_ = os;
	return write_config(&config, folder, err);
}

/* One that does not run only has to be such that it could. */
static int apply(const struct instance_operand *one, const struct config_resources *limits, struct err *err)
{
	bool is_up = one->view.has_record &&
		     (one->view.now.status == RECORD_RUNNING || one->view.now.status == RECORD_PAUSED ||
		      one->view.now.status == RECORD_CREATED);

	return is_up ? control_update(&one->stores->store, one->view.id, limits, err)
		     : instance_check(one->call, one->stores, one->view.id, err);
}

static int update_one(const struct instance_operand *one, struct err *err)
{
	CLEANUP_FD int folder = definition_open(&one->stores->definitions, one->view.id, err);
	struct arena *arena = one->call->arena;
	struct config_resources limits;
	const struct config *before = NULL;
	struct err ignored = ERR_INIT;
	int result = folder < 0 ? folder : bundle_new_limits(arena, one->call->options, &limits, err);

	if (result >= 0)
		result = define(arena, folder, &limits, &before, err);
	if (result == -ENOENT)
		return err_say(err, ENOENT, "container '%s' has just been removed", one->words);
	if (result < 0)
		return result;
	result = apply(one, &limits, err);
	if (result >= 0) {
		(void)puts(one->words);
		return 0;
	}
	(void)write_config(before, folder, &ignored);
	return text_starts(err->msg, "container '") ? result : err_wrap(err, "container '%s'", one->words);
}

static bool is_any_given(const struct run_options *options)
{
	for (const struct option_row *row = update_rows; row->name; row++)
		if (*(const char *const *)((const char *)options + row->offset))
			return true;
	return false;
}

static int run_update(struct command_call *call, struct err *err)
{
	if (!is_any_given(call->options))
		return err_say(err, EINVAL, "nothing to change: name a limit, as '--memory 256m'");
	return operands_each_instance(call, update_one, err);
}

const struct command verb_update = {
	.name = "update",
	.operands = "CONTAINER...",
	.summary = "Change the limits of containers",
	.description = "At once, and for every start from now on. When one limit is not possible, none is changed.\n"
		       "\n"
		       "A machine that runs gives memory up and takes it back, between the least that machines have "
		       "and what it was born with; its CPUs can be slowed down. It has more of either when it is "
		       "stopped first. While it is paused it cannot be changed.",
	.examples = "hull update --memory 256m web\nhull update --cpus 0.5 --pids-limit 100 web db",
	.options = update_rows,
	.options_bytes = sizeof(struct run_options),
	.min_operands = 1,
	.max_operands = COMMAND_ANY,
	.run = run_update,
};

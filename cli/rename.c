// SPDX-License-Identifier: GPL-2.0-or-later
/* rename */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/instance.h"
#include "cli/operands.h"
#include "cli/verbs.h"
#include "runtime/base/file.h"
#include "runtime/core/create.h"

/* The record of one that runs has the name, too: for messages. */
static void rename_running(const struct stores *stores, const char *id, const char *name)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	CLEANUP_INSTANCE struct instance instance;
	struct err ignored = ERR_INIT;

	if (create_open(&stores->store, &arena, id, &instance, &ignored) < 0)
		return;
	instance.record.name = name;
	(void)lifecycle_write(&instance.record, instance.state_fd, &ignored);
}

static int write_name(const struct stores *stores, const struct instance_view *view, const char *name, struct err *err)
{
	CLEANUP_FD int folder = definition_open(&stores->definitions, view->id, err);
	CLEANUP_TEXT struct text words = TEXT_INIT;
	struct extension renamed = *view->extension;
	int result = folder;

	renamed.name = name;
	if (result >= 0)
		result = extension_write(&renamed, &words, err);
	return result < 0 ? result
			  : file_replace(folder, EXTENSION_FILE, words.data, words.len, EXTENSION_FILE_MODE,
					 FILE_DURABLE, err);
}

/* The new name first: whatever happens, the container has at least one, and a command to try again with. */
static int run_rename(struct command_call *call, struct err *err)
{
	const char *name = call->operands.items[1];
	CLEANUP_STORES struct stores stores = STORES_INIT;
	struct instance_view view;
	int result = operands_instance(call, &stores, &view, err);

	if (result >= 0 && strcmp(view.extension->name, name) == 0)
		return err_say(err, EEXIST, "container '%s' has that name already", call->operands.items[0]);
	if (result >= 0)
		result = definition_take_name(&stores.definitions, view.id, name, err);
	if (result < 0)
		return result;
	result = write_name(&stores, &view, name, err);
	if (result == -ENOENT)
		result = err_say(err, ENOENT, "container '%s' has just been removed", call->operands.items[0]);
	definition_free_name(&stores.definitions, view.id, result < 0 ? name : view.extension->name);
	if (result >= 0 && view.has_record)
		rename_running(&stores, view.id, name);
	return result;
}

const struct command verb_rename = {
	.name = "rename",
	.operands = "CONTAINER NAME",
	.summary = "Give a container another name",
	.description = "It may run meanwhile.",
	.examples = "hull rename web web-old",
	.min_operands = 2,
	.max_operands = 2,
	.run = run_rename,
};

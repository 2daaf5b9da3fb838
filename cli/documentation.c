// SPDX-License-Identifier: GPL-2.0-or-later
/* __complete, __man: what the tables of commands and options say, for shells and for man(1). The build calls them. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/describe.h"
#include "cli/verbs.h"

static int print(const struct text *words, struct err *err)
{
	int result = text_check(words, err);

	if (result >= 0)
		(void)fputs(text_get(words), stdout);
	return result;
}

static int run_complete(struct command_call *call, struct err *err)
{
	CLEANUP_TEXT struct text script = TEXT_INIT;

	if (strcmp(call->operands.items[0], "bash") != 0)
		return err_say(err, EINVAL, "there is no completion for '%s': want bash", call->operands.items[0]);
	describe_bash(call->program, &script);
	return print(&script, err);
}

const struct command verb_complete = {
	.name = "__complete",
	.operands = "bash",
	.summary = "Print a completion script",
	.min_operands = 1,
	.max_operands = 1,
	.hidden = true,
	.run = run_complete,
};

/* Without operands: the program's own page. */
static int run_man(struct command_call *call, struct err *err)
{
	CLEANUP_TEXT struct text page = TEXT_INIT;
	const struct strv *words = &call->operands;
	const struct command *command = NULL;
	int taken = 0;

	if (words->count > 0)
		command = command_find(call->program, (int)words->count, words->items, &taken);
	if (taken != (int)words->count || (command && command->hidden))
		return err_say(err, EINVAL, "unknown command '%s'", words->items[0]);
	describe_man(call->program, command, &page);
	return print(&page, err);
}

const struct command verb_man = {
	.name = "__man",
	.operands = "[COMMAND]",
	.summary = "Print a man page",
	.max_operands = 2,
	.hidden = true,
	.run = run_man,
};

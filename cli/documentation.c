// SPDX-License-Identifier: GPL-2.0-or-later
/* __complete, __man: what the tables of commands and options say, for shells and for man(1). The build calls them. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/describe.h"
#include "cli/verbs.h"
#include "runtime/base/file.h"

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

struct man_options {
	const char *all;
};
static const struct option_row man_rows[] = {
	{"all", 0, OPTION_STRING, offsetof(struct man_options, all), "DIR",
	 "write every page there, instead of printing one", NULL, NULL},
	OPTIONS_END,
};

/* "hull-image-import.1" */
static int write_page(const struct command_call *call, int folder, const struct command *command, struct err *err)
{
	CLEANUP_TEXT struct text page = TEXT_INIT, name = TEXT_INIT;
	int result;

	describe_man(call->program, command, &page);
	describe_page_name(call->program, command, &name);
	text_add(&name, ".1");
	result = text_check(&page, err);
	if (result >= 0)
		result = text_check(&name, err);
	return result < 0 ? result : file_replace(folder, name.data, page.data, page.len, 0644, FILE_VOLATILE, err);
}

static int write_all(const struct command_call *call, const char *path, struct err *err)
{
	CLEANUP_FD int folder = file_open_dir(AT_FDCWD, path, err);
	int result = folder < 0 ? folder : write_page(call, folder, NULL, err);

	for (size_t i = 0; result >= 0 && call->program->commands[i]; i++)
		if (!call->program->commands[i]->hidden)
			result = write_page(call, folder, call->program->commands[i], err);
	return result < 0 ? result : 0;
}

/* Without operands: the program's own page. */
static int run_man(struct command_call *call, struct err *err)
{
	const struct man_options *options = call->options;
	CLEANUP_TEXT struct text page = TEXT_INIT;
	const struct strv *words = &call->operands;
	const struct command *command = NULL;
	int taken = 0;

	if (options->all)
		return write_all(call, options->all, err);
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
	.options = man_rows,
	.options_bytes = sizeof(struct man_options),
	.max_operands = 2,
	.hidden = true,
	.run = run_man,
};

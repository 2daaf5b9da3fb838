// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/command.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "cli/describe.h"
#include "runtime/base/fd.h"
#include "runtime/base/log.h"
#include "runtime/base/processors.h"
#include "runtime/base/spare.h"

/* Options that every command has. */
struct common {
	bool help;
};
static const struct option_row common_options[] = {
	{"help", 'h', OPTION_FLAG, offsetof(struct common, help), NULL, "show this help", NULL, NULL},
	OPTIONS_END,
};
static const struct option_row no_options[] = {OPTIONS_END};

/* --- Finding ------------------------------------------------------------------------------------------------------ */

/* How many words of argv are this name: 0, 1 or 2. */
static int words_matched(const char *name, int argc, char *const *argv)
{
	const char *space = strchr(name, ' ');
	size_t first = space ? (size_t)(space - name) : strlen(name);

	if (argc < 1 || strlen(argv[0]) != first || memcmp(argv[0], name, first) != 0)
		return 0;
	if (!space)
		return 1;
	return argc > 1 && strcmp(argv[1], space + 1) == 0 ? 2 : 0;
}

const struct command *command_find(const struct program *program, int argc, char *const *argv, int *ret_words)
{
	for (size_t i = 0; program->commands[i]; i++) {
		const struct command *command = program->commands[i];

		*ret_words = words_matched(command->name, argc, argv);
		for (size_t a = 0; *ret_words == 0 && command->aliases && command->aliases[a]; a++)
			*ret_words = words_matched(command->aliases[a], argc, argv);
		if (*ret_words > 0)
			return command;
	}
	return NULL;
}

static const struct absent_command *find_absent(const struct program *program, int argc, char *const *argv)
{
	for (const struct absent_command *row = program->absent; row && row->name; row++)
		if (words_matched(row->name, argc, argv) > 0)
			return row;
	return NULL;
}

static bool is_first_word(const struct program *program, const char *word)
{
	size_t len = strlen(word);

	for (size_t i = 0; program->commands[i]; i++)
		if (strncmp(program->commands[i]->name, word, len) == 0 && program->commands[i]->name[len] == ' ')
			return true;
	return false;
}

/* --- Complaints --------------------------------------------------------------------------------------------------- */

static int complain(const struct command_call *call, struct err *err)
{
	const struct program *program = call->program;

	if (program->reword)
		program->reword(call, err);
	if (call->command)
		(void)err_wrap(err, "%s", call->command->name);
	if (program->complain)
		program->complain(call, err);
	else
		log_err(err);
	return err->exit_code ? err->exit_code : program->failure;
}

static int misuse(const struct command_call *call, struct err *err)
{
	if (call->command)
		(void)err_hint(err, "see '%s %s --help'", call->program->name, call->command->name);
	else
		(void)err_hint(err, "see '%s --help'", call->program->name);
	return complain(call, err);
}

/* --- Running ------------------------------------------------------------------------------------------------------ */

static int check_operands(const struct command *command, size_t count, struct err *err)
{
	if (count < command->min_operands)
		return err_say(err, EINVAL, "too few arguments: want %s", command->operands);
	if (count > command->max_operands)
		return err_say(err, EINVAL, *command->operands ? "too many arguments: want %s" : "takes no arguments%s",
			       command->operands);
	return 0;
}

static int run_command(struct command_call *call, int argc, char **argv)
{
	const struct command *command = call->command;
	struct common common = {0};
	struct options_parsing how = {
		.tables = (const struct option_row *const[]){command->options ? command->options : no_options,
							     common_options, NULL},
		.stop_at_operand = command->stop_at_operand,
		.single_dash_long = call->program->single_dash_long,
	};
	struct err err = ERR_INIT;
	int result;

	call->options = arena_alloc(call->arena, command->options_bytes ? command->options_bytes : 1);
	how.structs = (void *[]){call->options, &common};
	result = arena_check(call->arena, &err);
	if (result >= 0)
		result = options_parse(call->arena, &how, argc, argv, &call->operands, &err);
	if (common.help) {
		describe_command(call->program, command);
		return 0;
	}
	if (result >= 0)
		result = check_operands(command, call->operands.count, &err);
	if (result < 0)
		return misuse(call, &err);
	result = command->run(call, &err);
	if (result >= 0 && fflush(stdout) != 0)
		result = err_set(&err, errno, "write to standard output");
	return result < 0 ? complain(call, &err) : result;
}

/* A word that names no command; two words where the first one is that of a group. */
static int unknown(const struct command_call *call, int argc, char *const *argv)
{
	const struct absent_command *absent = find_absent(call->program, argc, argv);
	bool is_group = argc > 1 && is_first_word(call->program, argv[0]);
	struct err err = ERR_INIT;

	if (is_group || (absent && strchr(absent->name, ' ')))
		(void)err_say(&err, EINVAL, "unknown command '%s %s'", argv[0], argv[1]);
	else
		(void)err_say(&err, EINVAL, "unknown command '%s'", argv[0]);
	if (!absent)
		return misuse(call, &err);
	(void)err_hint(&err, "%s", absent->instead);
	return complain(call, &err);
}

/* "help", "help run", "help image": what --help says there. */
static int help(const struct command_call *call, const struct strv *words)
{
	int taken = 0;
	const struct command *command = command_find(call->program, (int)words->count - 1, words->items + 1, &taken);

	if (command)
		describe_command(call->program, command);
	else if (words->count == 1)
		describe_program(call->program);
	else if (is_first_word(call->program, words->items[1]))
		describe_group(call->program, words->items[1]);
	else
		return unknown(call, (int)words->count - 1, words->items + 1);
	return 0;
}

static int no_command(const struct command_call *call, const struct strv *words)
{
	if (words->count == 0) {
		describe_program(call->program);
		return call->program->failure;
	}
	if (strcmp(words->items[0], "help") == 0)
		return help(call, words);
	if (is_first_word(call->program, words->items[0]) &&
	    (words->count == 1 || strcmp(words->items[1], "--help") == 0 || strcmp(words->items[1], "-h") == 0)) {
		describe_group(call->program, words->items[0]);
		return words->count == 1 ? call->program->failure : 0;
	}
	return unknown(call, (int)words->count, words->items);
}

int program_main(const struct program *program, int argc, char **argv)
{
	static struct arena arena; /* lives as long as the process, reachable to its end */
	struct command_call call = {.program = program, .arena = &arena, .argv = argv};
	struct common common = {0};
	struct strv words = {0};
	struct err err = ERR_INIT;
	int result, taken = 0;

	spare_keep();
	processors_give_way();
	/* A caller that ignores it would have the kernel throw away how our children end. */
	(void)signal(SIGCHLD, SIG_DFL);
	log_setup(program->name, -1, LOG_FORMAT_TEXT, LOG_LEVEL_WARN);
	call.globals = arena_alloc(&arena, program->globals_bytes ? program->globals_bytes : 1);
	result = arena_check(&arena, &err);
	if (result >= 0)
		result = fd_secure_stdio(&err);
	if (result >= 0) {
		const struct options_parsing how = {
			.tables = (const struct option_row *const[]){program->globals, common_options, NULL},
			.structs = (void *[]){call.globals, &common},
			.stop_at_operand = true,
			.single_dash_long = program->single_dash_long,
		};

		result = options_parse(&arena, &how, argc - 1, argv + 1, &words, &err);
	}
	if (common.help) {
		describe_program(program);
		return 0;
	}
	if (result < 0)
		return misuse(&call, &err);
	if (program->prepare && program->prepare(&call, &err) < 0)
		return complain(&call, &err);
	call.command = command_find(program, (int)words.count, words.items, &taken);
	if (!call.command)
		return no_command(&call, &words);
	return run_command(&call, (int)words.count - taken, words.items + taken);
}

// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/describe.h"

#include <stdio.h>
#include <string.h>

#include "cli/wrap.h"

static void print(const struct text *words)
{
	(void)fputs(text_get(words), stdout);
	(void)fflush(stdout);
}

/* --- Help --------------------------------------------------------------------------------------------------------- */

static bool is_in_group(const struct command *command, const char *group)
{
	size_t len = strlen(group);

	return strncmp(command->name, group, len) == 0 && command->name[len] == ' ';
}

static void list_commands(const struct program *program, const char *group, struct text *to)
{
	for (size_t i = 0; program->commands[i]; i++) {
		const struct command *command = program->commands[i];

		if (!command->hidden && (!group || is_in_group(command, group)))
			text_addf(to, "  %-16s %s\n", command->name, command->summary);
	}
}

void describe_program(const struct program *program)
{
	CLEANUP_TEXT struct text words = TEXT_INIT;

	text_addf(&words, "Usage: %s [OPTIONS] COMMAND\n\n%s\n\nCommands:\n", program->name, program->summary);
	list_commands(program, NULL, &words);
	text_add(&words, "\nOptions:\n");
	options_help(program->globals, &words);
	text_addf(&words, "\n'%s COMMAND --help' tells more about a command.\n", program->name);
	print(&words);
}

void describe_group(const struct program *program, const char *group)
{
	CLEANUP_TEXT struct text words = TEXT_INIT;

	text_addf(&words, "Usage: %s %s COMMAND\n\nCommands:\n", program->name, group);
	list_commands(program, group, &words);
	print(&words);
}

static const char *usage_options(const struct command *command)
{
	return command->options && command->options->name ? " [OPTIONS]" : "";
}

void describe_command(const struct program *program, const struct command *command)
{
	CLEANUP_TEXT struct text words = TEXT_INIT;

	text_addf(&words, "Usage: %s %s%s%s%s\n\n%s\n", program->name, command->name, usage_options(command),
		  *command->operands ? " " : "", command->operands, command->summary);
	if (command->description) {
		text_add(&words, "\n");
		wrap_add(&words, command->description, 0, 0);
		text_add(&words, "\n");
	}
	if (command->options && command->options->name) {
		text_add(&words, "\nOptions:\n");
		options_help(command->options, &words);
	}
	for (size_t i = 0; command->aliases && command->aliases[i]; i++)
		text_addf(&words, "%s%s %s", i ? ", " : "\nAlso: ", program->name, command->aliases[i]);
	if (command->aliases)
		text_add(&words, "\n");
	if (command->examples)
		text_addf(&words, "\nExamples:\n%s\n", command->examples);
	print(&words);
}

/* --- Man pages ---------------------------------------------------------------------------------------------------- */

/* mdoc takes a backslash for an escape, and a dot or quote at the beginning of a line for a request. */
static void add_roff(struct text *to, const char *words)
{
	bool at_line_start = true;

	for (; *words; words++) {
		if (at_line_start && (*words == '.' || *words == '\''))
			text_add(to, "\\&");
		if (*words == '\\')
			text_add(to, "\\e");
		else if (*words == '-')
			text_add(to, "\\-");
		else if (*words == '\n' && words[1] == '\n')
			text_add(to, "\n.Pp"), words++, text_add(to, "\n");
		else
			text_add_bytes(to, words, 1);
		at_line_start = *words == '\n';
	}
}

static void add_man_options(const struct option_row *rows, struct text *to)
{
	if (!rows || !rows->name)
		return;
	text_add(to, ".Bl -tag -width Ds\n");
	for (const struct option_row *row = rows; row->name; row++) {
		text_add(to, ".It ");
		if (row->letter)
			text_addf(to, "Fl %c , ", row->letter);
		text_addf(to, "Fl -%s", row->name);
		if (row->argument)
			text_addf(to, " Ar %s", row->argument);
		text_add(to, "\n");
		add_roff(to, row->help);
		for (size_t i = 0; row->choices && row->choices[i]; i++)
			text_addf(to, "%s%s", i ? ", " : ": ", row->choices[i]);
		text_add(to, "\n");
	}
	text_add(to, ".El\n");
}

void describe_page_name(const struct program *program, const struct command *command, struct text *to)
{
	text_add(to, program->name);
	if (!command)
		return;
	text_add(to, "-");
	for (const char *p = command->name; *p; p++)
		text_add_bytes(to, *p == ' ' ? "-" : p, 1);
}

static void add_man_head(const struct program *program, const struct command *command, struct text *to)
{
	text_add(to, ".Dd " HULL_DATE "\n.Dt ");
	describe_page_name(program, command, to);
	text_add(to, " 1\n.Os hull\n.Sh NAME\n.Nm ");
	describe_page_name(program, command, to);
	text_addf(to, "\n.Nd %s\n.Sh SYNOPSIS\n.Nm %s\n", command ? command->summary : program->summary, program->name);
	if (command)
		text_addf(to, ".Cm %s\n%s", command->name, *usage_options(command) ? ".Op Ar OPTIONS\n" : "");
	else
		text_add(to, ".Op Ar OPTIONS\n.Ar COMMAND\n");
	if (command && *command->operands)
		text_addf(to, ".Ar %s\n", command->operands);
}

void describe_man(const struct program *program, const struct command *command, struct text *to)
{
	const char *description = command ? command->description : program->description;

	add_man_head(program, command, to);
	text_add(to, ".Sh DESCRIPTION\n");
	add_roff(to, description ? description : command ? command->summary : program->summary);
	text_add(to, "\n.Sh OPTIONS\n");
	add_man_options(command ? command->options : program->globals, to);
	if (!command) {
		text_add(to, ".Sh COMMANDS\n.Bl -tag -width Ds\n");
		for (size_t i = 0; program->commands[i]; i++)
			if (!program->commands[i]->hidden)
				text_addf(to, ".It Cm %s\n%s\n", program->commands[i]->name,
					  program->commands[i]->summary);
		text_add(to, ".El\n");
	}
	if (command && command->examples) {
		text_add(to, ".Sh EXAMPLES\n.Bd -literal\n");
		add_roff(to, command->examples);
		text_add(to, "\n.Ed\n");
	}
	text_add(to, ".Sh EXIT STATUS\n");
	if (command && command->exit_status)
		add_roff(to, command->exit_status);
	else
		text_addf(to, "0 on success; %d when %s itself fails.", program->failure, program->name);
	text_add(to, "\n");
}

/* --- Completion --------------------------------------------------------------------------------------------------- */

static void add_option_words(const struct option_row *rows, struct text *to)
{
	for (const struct option_row *row = rows; row && row->name; row++)
		text_addf(to, "--%s ", row->name);
}

/*
 * What there is to name, by the first word of an operand or of an option's argument in the usage, and how a command
 * says what there is of it.
 */
static const struct kind {
	const char *word;
	const char *more; /* in a pattern of the shell: what follows the word in a command's operands */
	const char *list;
	bool only_first;
} kinds[] = {
	{"CONTAINER", "*", "ps -a --format '{{.Names}}'", false},
	{"IMAGE", "...", "images --format '{{.Name}}'", false},
	{"IMAGE", "*", "images --format '{{.Name}}'", true},
	{"KERNEL", "*", "kernel ls -q", false},
	{"VOLUME", "*", "volume ls -q", false},
	{"ID", "*", "list -q", true},
};

/* "CONTAINER[:ro]" is a container, "IDLE" is no id. */
static const struct kind *kind_of(const char *argument)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		size_t len = strlen(kinds[i].word);

		if (strncmp(argument, kinds[i].word, len) == 0 && (argument[len] < 'A' || argument[len] > 'Z'))
			return &kinds[i];
	}
	return NULL;
}

/* An option's argument is no operand: what is in a file's place is left to the shell, which offers files. */
static void add_value_case(const struct program *program, const struct option_row *row, struct text *to)
{
	const struct kind *kind = row->kind == OPTION_FLAG ? NULL : kind_of(row->argument);
	bool is_file = row->kind != OPTION_FLAG && strcmp(row->argument, "FILE") == 0;

	if (!row->choices && !kind && !is_file)
		return;
	text_addf(to, "\t\t\t--%s", row->name);
	if (row->letter)
		text_addf(to, "|-%c", row->letter);
	text_add(to, ") ");
	if (row->choices) {
		text_add(to, "COMPREPLY=($(compgen -W '");
		for (size_t i = 0; row->choices[i]; i++)
			text_addf(to, "%s ", row->choices[i]);
		text_add(to, "' -- \"$word\")); ");
	} else if (kind) {
		text_addf(to, "options=$(%s %s 2>/dev/null)\n", program->name, kind->list);
		text_add(to, "\t\t\t\tCOMPREPLY=($(compgen -W \"$options\" -- \"$word\")); ");
	}
	text_add(to, "return;;\n");
}

static void add_value_cases(const struct program *program, const struct option_row *rows, struct text *to)
{
	for (const struct option_row *row = rows; row && row->name; row++)
		add_value_case(program, row, to);
}

/* Calls `each` for every name that a command goes by. */
static void for_each_name(const struct command *command, struct text *to,
			  void (*each)(const struct command *command, const char *name, struct text *to))
{
	if (command->hidden)
		return;
	each(command, command->name, to);
	for (size_t i = 0; command->aliases && command->aliases[i]; i++)
		each(command, command->aliases[i], to);
}

static void for_all_names(const struct program *program, struct text *to,
			  void (*each)(const struct command *command, const char *name, struct text *to))
{
	for (size_t i = 0; program->commands[i]; i++)
		for_each_name(program->commands[i], to, each);
}

/* A name of two words is known by both. */
static void add_two_words(const struct command *command, const char *name, struct text *to)
{
	(void)command;
	if (strchr(name, ' '))
		text_addf(to, "\t'%s') command=$first\\ $second; given=$((given - 1));;\n", name);
}

static void add_first_word(const struct command *command, const char *name, struct text *to)
{
	(void)command;
	text_addf(to, "%.*s ", (int)strcspn(name, " "), name);
}

/* After a group's name come the second words of its commands. */
static void add_second_word(const struct command *command, const char *name, struct text *to)
{
	const char *space = strchr(name, ' ');

	(void)command;
	if (space)
		text_addf(to, "\t'%.*s') options+='%s ';;&\n", (int)(space - name), name, space + 1);
}

static void add_pattern(const struct command *command, const char *name, struct text *to)
{
	text_addf(to, "%s'%s'", name == command->name ? "" : "|", name);
}

static void add_command_case(const struct program *program, const struct command *command, struct text *to)
{
	text_add(to, "\t");
	for_each_name(command, to, add_pattern);
	text_add(to, ")\n\t\tcase \"$previous\" in\n");
	add_value_cases(program, command->options, to);
	text_add(to, "\t\tesac\n\t\toptions='");
	add_option_words(command->options, to);
	text_addf(to, "--help'\n\t\toperands='%s';;\n", command->operands);
}

/* "--root|--log": what stands in front of the command, with a word of its own behind it. */
static void add_value_pattern(const struct option_row *rows, struct text *to)
{
	bool first = true;

	for (const struct option_row *row = rows; row && row->name; row++) {
		if (row->kind == OPTION_FLAG)
			continue;
		text_addf(to, "%s--%s", first ? "" : "|", row->name);
		first = false;
	}
}

/* Programs without such commands offer files. */
static void add_operand_cases(const struct program *program, struct text *to)
{
	text_add(to, "\t[[ $word == -* ]] || case \"$operands\" in\n");
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		text_addf(to, "\t%s%s) %soptions=$(%s %s 2>/dev/null);;\n", kinds[i].word, kinds[i].more,
			  kinds[i].only_first ? "[ $given -gt 1 ] || " : "", program->name, kinds[i].list);
	text_add(to, "\tesac\n");
}

void describe_bash(const struct program *program, struct text *to)
{
	text_addf(to, "# bash completion of %s, made from its tables of commands and options\n_%s()\n{\n",
		  program->name, program->name);
	text_add(to, "\tlocal word=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]} options= operands= "
		     "command=\n");
	text_add(to, "\tlocal i w first= second= given=0\n"
		     "\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
		     "\t\tw=${COMP_WORDS[i]}\n"
		     "\t\tcase \"$w\" in\n\t\t");
	add_value_pattern(program->globals, to);
	text_add(to, ")\n"
		     "\t\t\t[ -n \"$first\" ] || i=$((i + 1))\n"
		     "\t\t\t[ \"${COMP_WORDS[i]}\" != = ] || i=$((i + 1))\n"
		     "\t\t\tcontinue;;\n"
		     "\t\t-*) continue;;\n"
		     "\t\tesac\n"
		     "\t\tgiven=$((given + 1))\n"
		     "\t\tif [ -z \"$first\" ]; then first=$w; elif [ -z \"$second\" ]; then second=$w; fi\n"
		     "\tdone\n"
		     "\tcase \"$first $second\" in\n");
	for_all_names(program, to, add_two_words);
	text_add(to, "\t*) command=$first;;\n\tesac\n\tcase \"$command\" in\n");
	for (size_t i = 0; program->commands[i]; i++)
		if (!program->commands[i]->hidden)
			add_command_case(program, program->commands[i], to);
	for_all_names(program, to, add_second_word);
	text_add(to, "\t'')\n\t\toptions='");
	add_option_words(program->globals, to);
	text_add(to, "help ");
	for_all_names(program, to, add_first_word);
	text_add(to, "';;\n\tesac\n");
	add_operand_cases(program, to);
	text_addf(to, "\tCOMPREPLY=($(compgen -W \"$options\" -- \"$word\"))\n}\ncomplete -o default -F _%s %s\n",
		  program->name, program->name);
}

// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/describe.h"

#include <stdio.h>
#include <string.h>

static void print(const struct text *words)
{
	(void)fputs(text_get(words), stdout);
	(void)fflush(stdout);
}

/* --- Help ------------------------------------------------------------------------------------------------------------- */

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
	if (command->description)
		text_addf(&words, "\n%s\n", command->description);
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

/* --- Man pages -------------------------------------------------------------------------------------------------------- */

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
	add_man_head(program, command, to);
	text_add(to, ".Sh DESCRIPTION\n");
	add_roff(to, command ? (command->description ? command->description : command->summary) : program->summary);
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
	text_addf(to, ".Sh EXIT STATUS\n0 on success; %d when %s itself fails.\n", program->failure, program->name);
}

/* --- Completion ------------------------------------------------------------------------------------------------------- */

static void add_option_words(const struct option_row *rows, struct text *to)
{
	for (const struct option_row *row = rows; row && row->name; row++)
		text_addf(to, "--%s ", row->name);
}

static void add_choice_cases(const struct option_row *rows, struct text *to)
{
	for (const struct option_row *row = rows; row && row->name; row++) {
		if (!row->choices)
			continue;
		text_addf(to, "\t\t\t--%s) COMPREPLY=($(compgen -W '", row->name);
		for (size_t i = 0; row->choices[i]; i++)
			text_addf(to, "%s ", row->choices[i]);
		text_add(to, "' -- \"$word\")); return;;\n");
	}
}

static void add_command_case(const struct command *command, struct text *to)
{
	text_addf(to, "\t'%s')\n\t\tcase \"$previous\" in\n", command->name);
	add_choice_cases(command->options, to);
	text_add(to, "\t\tesac\n\t\toptions='");
	add_option_words(command->options, to);
	text_addf(to, "--help'\n\t\toperands='%s';;\n", command->operands);
}

void describe_bash(const struct program *program, struct text *to)
{
	text_addf(to, "# bash completion of %s, made from its tables of commands and options\n_%s()\n{\n",
		  program->name, program->name);
	text_add(to, "\tlocal word=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]} options= operands= "
		     "command=\n");
	text_add(to, "\tlocal i w first= second=\n"
		     "\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
		     "\t\tw=${COMP_WORDS[i]}\n"
		     "\t\tcase \"$w\" in -*) continue;; esac\n"
		     "\t\tif [ -z \"$first\" ]; then first=$w; elif [ -z \"$second\" ]; then second=$w; fi\n"
		     "\tdone\n"
		     "\tcase \"$first $second\" in\n");
	for (size_t i = 0; program->commands[i]; i++)
		if (!program->commands[i]->hidden && strchr(program->commands[i]->name, ' '))
			text_addf(to, "\t'%s') command=$first\\ $second;;\n", program->commands[i]->name);
	text_add(to, "\t*) command=$first;;\n\tesac\n\tcase \"$command\" in\n");
	for (size_t i = 0; program->commands[i]; i++)
		if (!program->commands[i]->hidden)
			add_command_case(program->commands[i], to);
	text_add(to, "\t*)\n\t\toptions='");
	add_option_words(program->globals, to);
	for (size_t i = 0; program->commands[i]; i++)
		if (!program->commands[i]->hidden)
			text_addf(to, "%s ", program->commands[i]->name);
	text_add(to, "';;\n\tesac\n\tcase \"$operands\" in\n");
	text_addf(to, "\tCONTAINER*) [[ $word == -* ]] || options=$(%s ps -a --format '{{.Names}}' 2>/dev/null);;\n",
		  program->name);
	text_addf(to,
		  "\tIMAGE*) [[ $word == -* || -n $second ]] || options=$(%s images -q 2>/dev/null; %s images --format "
		  "'{{.Name}}' 2>/dev/null);;\n",
		  program->name, program->name);
	text_addf(to,
		  "\tesac\n\tCOMPREPLY=($(compgen -W \"$options\" -- \"$word\"))\n}\ncomplete -o default -F _%s %s\n",
		  program->name, program->name);
}

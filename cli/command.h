/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Running a program that is a table of commands (program.h). */
#ifndef HULL_CLI_COMMAND_H
#define HULL_CLI_COMMAND_H

#include "cli/program.h"

/* Runs a program: parses globals, finds the command, parses its options, runs it. Returns the exit code for main(). */
int program_main(const struct program *program, int argc, char **argv);

/* The command of this name or alias, one word or two; *ret_words is how many. NULL when there is none. */
const struct command *command_find(const struct program *program, int argc, char *const *argv, int *ret_words);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the tables of a program say, for people and for shells: help, man pages (mdoc), bash completion.
 */
#ifndef HULL_CLI_DESCRIBE_H
#define HULL_CLI_DESCRIBE_H

#include "cli/program.h"

/* Help on standard output: of the program, of a group ("image"), of one command. */
void describe_program(const struct program *program);
void describe_group(const struct program *program, const char *group);
void describe_command(const struct program *program, const struct command *command);

/* A man page of section 1 for one command, or for the program itself with `command` NULL: hull-run(1), hull(1). */
void describe_man(const struct program *program, const struct command *command, struct text *to);
/* The name of that page without its section: "hull-image-import". */
void describe_page_name(const struct program *program, const struct command *command, struct text *to);
/* A bash completion script. */
void describe_bash(const struct program *program, struct text *to);

#endif

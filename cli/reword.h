/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Errors of the deeper layers name members of config.json and hull.json, and whole ids. Here they are put into the
 * words of who typed the command.
 */
#ifndef HULL_CLI_REWORD_H
#define HULL_CLI_REWORD_H

#include "cli/program.h"

/*
 * Where the error is about something that an option of the call has asked for, names that option and its value instead
 * of the member ("hull.json: network.dns[0]: ..." becomes "option '--dns': ..."). Otherwise leaves the error as it is.
 */
void reword_options(const struct command_call *call, struct err *err);

/* The same, and ids in quotes become short ones. */
void reword_error(const struct command_call *call, struct err *err);

/* Puts the user's own words for a container in the place of its quoted id. */
void reword_container(const char *id, const char *words, struct err *err);

#endif

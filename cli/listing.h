/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the verbs of every store of things have in common: `ls`, which lists them, and `inspect`, which prints their
 * documents.
 */
#ifndef HULL_CLI_LISTING_H
#define HULL_CLI_LISTING_H

#include "cli/output.h"
#include "cli/program.h"

/* The options of an `ls` that has no others. */
struct listing_options {
	const char *format;
	bool quiet;
};
extern const struct option_row listing_rows[];

/* Begins what such an `ls` prints: output_begin() with the call's options. */
int listing_begin(const struct command_call *call, const struct output_column *columns, struct output *ret,
		  struct err *err);

/* The options of an `inspect`. */
struct inspect_options {
	const char *format;
};
extern const struct option_row inspect_rows[];

/*
 * An `inspect`: calls `each` for every operand, as operands_each() does; it adds a document to `output` (without
 * cells), which is printed at the end. Returns the exit code, or -errno.
 */
int inspect_each(struct command_call *call, struct output *output,
		 int (*each)(const struct command_call *call, const char *operand, void *user, struct err *err),
		 void *user, struct err *err);

#endif

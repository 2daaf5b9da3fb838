/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A program as a table of commands: dispatch, --help, man pages and completion come from the same rows. hull and
 * hull-oci are two such tables.
 */
#ifndef HULL_CLI_PROGRAM_H
#define HULL_CLI_PROGRAM_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "cli/options.h"
#include "runtime/base/arena.h"
#include "runtime/base/err.h"
#include "runtime/base/text.h"

struct program;
struct command;

/* One call of a command. All of it lives as long as the process. */
struct command_call {
	const struct program *program;
	const struct command *command;
	struct arena *arena;
	void *globals;	      /* the program's struct of global options */
	void *options;	      /* the command's struct of options, zeroed and then filled */
	struct strv operands; /* what is no option */
	char **argv;	      /* main's */
};

struct command {
	const char *name;	    /* "run", or two words: "image import" */
	const char *const *aliases; /* whole names: "images" for "image ls"; ends with NULL; NULL: none */
	const char *operands;	    /* "IMAGE [COMMAND [ARG...]]", "" for none */
	const char *summary;	    /* one line */
	/* paragraphs with empty lines between, for help and man page; NULL: the summary says all */
	const char *description;
	const char *examples;		  /* lines as they are typed; NULL */
	const char *exit_status;	  /* for the man page; NULL: 0, or the program's `failure` */
	const struct option_row *options; /* NULL: none but --help */
	size_t options_bytes;
	unsigned min_operands, max_operands; /* COMMAND_ANY: no bound */
	bool stop_at_operand;		     /* as in options_parsing */
	bool hidden;			     /* for hull's own programs: not in help or completion */
	/* The exit code, or -errno with `err`, which is then printed as one line. */
	int (*run)(struct command_call *call, struct err *err);
};
#define COMMAND_ANY UINT_MAX

/* A command that others have and this program has not. */
struct absent_command {
	const char *name;    /* a word, or two */
	const char *instead; /* what to do here, as the end of a line */
};

struct program {
	const char *name;		       /* "hull" */
	const char *summary;		       /* for help */
	const char *description;	       /* for the man page, as a command's */
	const struct command *const *commands; /* ends with NULL */
	const struct absent_command *absent;   /* ends with a row of NULL; NULL: none. The longer name first */
	const struct option_row *globals;
	size_t globals_bytes;
	int failure; /* the exit code where an error asks for none: 125, or 1 */
	bool single_dash_long;
	/* Called when global options are known, before the command; may be NULL. */
	int (*prepare)(struct command_call *call, struct err *err);
	/* Puts a failure of a command into the words of who called it; may be NULL. */
	void (*reword)(const struct command_call *call, struct err *err);
	/* Prints an error, NULL: one line on standard error. */
	void (*complain)(const struct command_call *call, const struct err *err);
};

#endif

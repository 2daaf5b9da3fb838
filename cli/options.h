/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Command-line options as tables: one row an option. Parsing, --help, man pages and completion all read the same rows,
 * so that none can know an option that another does not.
 */
#ifndef HULL_CLI_OPTIONS_H
#define HULL_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "runtime/base/arena.h"
#include "runtime/base/err.h"
#include "runtime/base/text.h"

enum option_kind {
	OPTION_FLAG,	/* bool: --x, --x=true, --x=false */
	OPTION_STRING,	/* const char *: the last one wins */
	OPTION_LIST,	/* struct strv: each one is added */
	OPTION_CHECKED, /* const char *, and `check` has looked at it */
};

struct option_row {
	const char *name; /* long name without dashes */
	char letter;	  /* 'm' for -m, or 0 */
	enum option_kind kind;
	size_t offset;		    /* of the field in the command's struct of options */
	const char *argument;	    /* "BYTES" in help; NULL for flags */
	const char *help;	    /* one line, a full stop at its end is not needed; risks are named here */
	const char *const *choices; /* words that complete it, then NULL: without a `check` the only ones; NULL: any */
	int (*check)(const char *words, struct err *err); /* OPTION_CHECKED: 0 or -EINVAL with words */
};

/* A table ends with a row without a name. */
#define OPTIONS_END \
	{           \
		0   \
	}

struct options_parsing {
	const struct option_row *const *tables; /* ends with NULL; the first row of a name or letter counts */
	void *const *structs;			/* for each table: the struct that its offsets are in */
	bool stop_at_operand;  /* options end at the first operand: what follows is somebody else's command line */
	bool single_dash_long; /* also take -no-subreaper for --no-subreaper */
};

/*
 * Parses argv[0 … argc-1] (without the program's name). Operands are added to *ret_operands; "--" ends the options. 0,
 * or -EINVAL with a line such as "unknown option '--foo': see 'hull run --help'" (without the hint; the caller knows
 * the command).
 */
int options_parse(struct arena *arena, const struct options_parsing *how, int argc, char *const *argv,
		  struct strv *ret_operands, struct err *err);

/* Adds the rows as people read them, aligned: "  -m, --memory BYTES   at most this much memory". */
void options_help(const struct option_row *rows, struct text *to);

/* The row of a long name, or NULL. */
const struct option_row *options_find(const struct option_row *rows, const char *name, size_t len);

#endif

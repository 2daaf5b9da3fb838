/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What commands print: lists as aligned tables, as JSON or by a template; documents; and what only a terminal shows.
 */
#ifndef HULL_CLI_OUTPUT_H
#define HULL_CLI_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>

#include "cli/options.h"
#include "runtime/base/arena.h"
#include "runtime/base/err.h"
#include "runtime/base/json.h"
#include "runtime/base/text.h"

/* A column of a list: a field of templates, and maybe one of the table that is shown when nobody says which. */
struct output_column {
	const char *name;  /* "RunningFor" */
	const char *title; /* "CREATED" */
	bool shown;	   /* in the usual table */
};
#define OUTPUT_MAX_COLUMNS 24

/*
 * A list in the making. `format` is what --format says: NULL the usual table, "json" an array of the rows' documents,
 * "table TEMPLATE" a table of other columns (with tabs between them), anything else a template (cli/template.h) for
 * each row.
 */
struct output {
	struct arena *arena;
	const char *format;
	size_t column_count;
	const char *names[OUTPUT_MAX_COLUMNS + 1], *titles[OUTPUT_MAX_COLUMNS + 1];
	const char *template; /* NULL for JSON */
	bool is_table;
	struct text lines;	   /* templates: a line a row; tables: tabs between cells */
	struct json_writer writer; /* JSON: writes to `lines` */
};
void output_close(struct output *output);
#define CLEANUP_OUTPUT CLEANUP(output_close)

/* Begins. `columns` ends with a row without name. `quiet`: only the field ID; not together with a format. */
int output_begin(struct output *output, struct arena *arena, const struct output_column *columns, const char *format,
		 bool quiet, struct err *err);
/* Adds a row: a cell for each column, and its document as JSON text, which templates may look into. */
int output_add(struct output *output, const char *const *cells, const struct text *document, struct err *err);
/* Adds the whole list to `to`. */
int output_end(struct output *output, struct text *to, struct err *err);
/* The same, to standard output. */
int output_print(struct output *output, struct err *err);

/*
 * Prints one JSON document: by a template when `format` is one, else as JSON, indented for people when `format` is
 * NULL.
 */
int output_document(struct arena *arena, const struct text *document, const char *format, struct err *err);

/* The row of --format for lists, and for documents; `field` is a const char *. */
#define OUTPUT_FORMAT_LIST(type, field)                                                                              \
	{                                                                                                            \
		"format", 0, OPTION_STRING, offsetof(type, field), "FORMAT",                                         \
			"json, table, 'table TEMPLATE', or a template such as '{{.ID}}' or '{{json .}}'", NULL, NULL \
	}
#define OUTPUT_FORMAT_DOCUMENT(type, field)                                    \
	{                                                                      \
		"format", 'f', OPTION_STRING, offsetof(type, field), "FORMAT", \
			"json, or a template such as '{{json .}}'", NULL, NULL \
	}

/* "sha256:0123…" or an id: its first 12 digits, whole with `whole`. In the arena. */
const char *output_short_id(struct arena *arena, const char *id, bool whole);
/* At most so many characters; the last is then an ellipsis. In the arena. */
const char *output_shorten(struct arena *arena, const char *words, size_t max_chars);

/*
 * A line about work that goes on, over the last such line; only when standard error is a terminal. An empty one wipes
 * it.
 */
void output_progress(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif

// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/output.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/template.h"
#include "runtime/base/utf8.h"

#define CELL_GAP	3
#define SHORT_ID_DIGITS 12

/* --- Lists -------------------------------------------------------------------------------------------------------- */

/* "{{.ID}}\t{{.Image}}…": the usual table is a template too. */
static const char *usual_template(struct arena *arena, const struct output_column *columns)
{
	CLEANUP_TEXT struct text words = TEXT_INIT;

	for (; columns->name; columns++)
		if (columns->shown)
			text_addf(&words, "%s{{.%s}}", words.len ? "\t" : "", columns->name);
	return arena_strdup(arena, text_get(&words));
}

static int add_line(struct output *output, const struct template_data *data, struct err *err)
{
	CLEANUP_TEXT struct text line = TEXT_INIT;
	int result = template_expand(output->arena, output->template, data, &line, err);

	/* Of a line that fails nothing is shown. */
	if (result >= 0)
		text_addf(&output->lines, "%s\n", text_get(&line));
	return result;
}

/* What a format asks for. `template` NULL: JSON. */
static void read_format(struct output *output, const struct output_column *columns)
{
	const char *format = output->format;

	output->is_table = !format || strcmp(format, "table") == 0 || text_starts(format, "table ");
	if (output->is_table)
		output->template = format && text_starts(format, "table ") ? format + strlen("table ")
									   : usual_template(output->arena, columns);
	else if (strcmp(format, "json") != 0)
		output->template = format;
}

int output_begin(struct output *output, struct arena *arena, const struct output_column *columns, const char *format,
		 bool quiet, struct err *err)
{
	const struct template_data headings = {.names = output->names, .values = output->titles, .heading = true};
	int result;

	*output = (struct output){.arena = arena, .format = quiet ? "{{.ID}}" : format};
	if (quiet && format)
		return err_say(err, EINVAL, "'--quiet' prints ids only: leave out '--format'");
	for (size_t i = 0; columns[i].name && i < OUTPUT_MAX_COLUMNS; i++) {
		output->names[i] = columns[i].name;
		output->titles[i] = columns[i].title;
		output->column_count++;
	}
	read_format(output, columns);
	output->writer = (struct json_writer){.out = &output->lines, .indent = true};
	result = arena_check(arena, err);
	if (result >= 0 && !output->template)
		json_open_array(&output->writer, NULL);
	else if (result >= 0)
		result = add_line(output, &headings, err);
	/*
	 * Without a table the headings were made only to see that the template can be read, also when no row follows.
	 */
	if (output->template && !output->is_table)
		text_free(&output->lines);
	return result;
}

void output_close(struct output *output)
{
	text_free(&output->lines);
}

int output_add(struct output *output, const char *const *cells, const struct text *document, struct err *err)
{
	struct template_data data = {.names = output->names, .values = cells};
	int result = text_check(document, err);

	if (result >= 0)
		result = json_parse(output->arena, text_get(document), document->len, "row", &data.document, err);
	if (result < 0)
		return result;
	if (output->template)
		return add_line(output, &data, err);
	json_put(&output->writer, NULL, data.document);
	return text_check(&output->lines, err);
}

/* --- Alignment ---------------------------------------------------------------------------------------------------- */

/* Characters as a terminal counts most of them. */
static size_t width_of(const char *cell, size_t len)
{
	size_t width = 0;

	for (size_t i = 0; i < len; i++)
		width += ((unsigned char)cell[i] & 0xc0) != 0x80;
	return width;
}

/* Widths of the columns, over all lines. A cell ends with a tab; the last one of a line is as wide as it is. */
static void measure(const char *lines, size_t widths[static OUTPUT_MAX_COLUMNS])
{
	size_t column = 0;

	while (*lines) {
		size_t len = strcspn(lines, "\t\n"), width = width_of(lines, len);

		if (lines[len] == '\t' && column < OUTPUT_MAX_COLUMNS && width > widths[column])
			widths[column] = width;
		column = lines[len] == '\t' ? column + 1 : 0;
		lines += len + (lines[len] != '\0');
	}
}

static void align(const char *lines, struct text *to)
{
	size_t widths[OUTPUT_MAX_COLUMNS] = {0}, column = 0;

	measure(lines, widths);
	while (*lines) {
		size_t len = strcspn(lines, "\t\n"), width = width_of(lines, len);

		text_add_bytes(to, lines, len);
		if (lines[len] == '\t' && column < OUTPUT_MAX_COLUMNS)
			text_addf(to, "%*s", (int)(widths[column] - width + CELL_GAP), "");
		else
			text_add(to, lines[len] == '\t' ? " " : "\n");
		column = lines[len] == '\t' ? column + 1 : 0;
		lines += len + (lines[len] != '\0');
	}
}

int output_end(struct output *output, struct text *to, struct err *err)
{
	if (!output->template) {
		json_close_array(&output->writer);
		text_add(&output->lines, "\n");
	}
	if (text_check(&output->lines, err) < 0)
		return -ENOMEM;
	if (output->is_table)
		align(text_get(&output->lines), to);
	else
		text_add(to, text_get(&output->lines));
	return text_check(to, err);
}

int output_print(struct output *output, struct err *err)
{
	CLEANUP_TEXT struct text words = TEXT_INIT;
	int result = output_end(output, &words, err);

	if (result >= 0)
		(void)fputs(text_get(&words), stdout);
	return result;
}

/* --- Documents ---------------------------------------------------------------------------------------------------- */

int output_document(struct arena *arena, const struct text *document, const char *format, struct err *err)
{
	CLEANUP_TEXT struct text words = TEXT_INIT;
	struct json_writer writer = {.out = &words, .indent = !format};
	struct template_data data = {0};
	int result = text_check(document, err);

	if (result >= 0)
		result = json_parse(arena, text_get(document), document->len, "document", &data.document, err);
	if (result < 0)
		return result;
	if (format && strcmp(format, "json") != 0)
		result = template_expand(arena, format, &data, &words, err);
	else
		json_put(&writer, NULL, data.document);
	text_add(&words, "\n");
	if (result >= 0)
		result = text_check(&words, err);
	if (result >= 0)
		(void)fputs(text_get(&words), stdout);
	return result;
}

/* --- Words -------------------------------------------------------------------------------------------------------- */

const char *output_short_id(struct arena *arena, const char *id, bool whole)
{
	const char *colon = strchr(id, ':');

	return whole ? arena_strdup(arena, id) : arena_printf(arena, "%.*s", SHORT_ID_DIGITS, colon ? colon + 1 : id);
}

const char *output_shorten(struct arena *arena, const char *words, size_t max_chars)
{
	size_t bytes = 0, keep = 0, chars = 0;

	while (words[bytes]) {
		size_t len = utf8_length(words + bytes);

		chars++;
		bytes += len ? len : 1;
		if (chars == max_chars - 1)
			keep = bytes;
	}
	return chars <= max_chars ? arena_strdup(arena, words) : arena_printf(arena, "%.*s…", (int)keep, words);
}

/* --- Terminals ---------------------------------------------------------------------------------------------------- */

void output_progress(const char *fmt, ...)
{
	static const char wipe_line[] = "\r\033[K";
	static bool is_shown;
	char words[256], escaped[512];
	va_list args;

	if (!isatty(STDERR_FILENO))
		return;
	va_start(args, fmt);
	(void)vsnprintf(words, sizeof(words), fmt, args);
	va_end(args);
	if (!*words && !is_shown)
		return;
	is_shown = *words != '\0';
	text_escape(escaped, sizeof(escaped), words);
	(void)fprintf(stderr, "%s%s", wipe_line, escaped);
	(void)fflush(stderr);
}

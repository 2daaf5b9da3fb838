// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/options.h"

#include <errno.h>
#include <string.h>

#include "cli/wrap.h"

#define HELP_GAP 3 /* between an option and what it does */

/* Where parsing stands. */
struct parser {
	struct arena *arena;
	const struct options_parsing *how;
	int argc;
	char *const *argv;
	int next; /* the next word to look at */
};

/* A row, and the struct that its offset is in. */
struct found {
	const struct option_row *row;
	void *fields;
};

const struct option_row *options_find(const struct option_row *rows, const char *name, size_t len)
{
	for (; rows && rows->name; rows++)
		if (strlen(rows->name) == len && memcmp(rows->name, name, len) == 0)
			return rows;
	return NULL;
}

static struct found find_long(const struct options_parsing *how, const char *name, size_t len)
{
	for (size_t i = 0; how->tables[i]; i++) {
		const struct option_row *row = options_find(how->tables[i], name, len);

		if (row)
			return (struct found){row, how->structs[i]};
	}
	return (struct found){0};
}

static struct found find_letter(const struct options_parsing *how, char letter)
{
	for (size_t i = 0; how->tables[i]; i++)
		for (const struct option_row *row = how->tables[i]; row->name; row++)
			if (row->letter == letter)
				return (struct found){row, how->structs[i]};
	return (struct found){0};
}

/* --- Values ------------------------------------------------------------------------------------------------------- */

static int set_flag(const struct found *option, const char *value, struct err *err)
{
	bool *field = (bool *)((char *)option->fields + option->row->offset);

	if (!value || strcmp(value, "true") == 0 || strcmp(value, "1") == 0)
		*field = true;
	else if (strcmp(value, "false") == 0 || strcmp(value, "0") == 0)
		*field = false;
	else
		return err_say(err, EINVAL, "option '--%s' takes true or false, not '%s'", option->row->name, value);
	return 0;
}

static int check_choice(const struct option_row *row, const char *value, struct err *err)
{
	CLEANUP_TEXT struct text words = TEXT_INIT;

	if (!row->choices || row->check)
		return 0;
	for (size_t i = 0; row->choices[i]; i++) {
		if (strcmp(row->choices[i], value) == 0)
			return 0;
		text_addf(&words, "%s%s", i ? ", " : "", row->choices[i]);
	}
	return err_say(err, EINVAL, "option '--%s' does not take '%s': one of %s", row->name, value, text_get(&words));
}

static int set_value(struct parser *p, const struct found *option, const char *value, struct err *err)
{
	const struct option_row *row = option->row;
	void *field = (char *)option->fields + row->offset;
	int result = check_choice(row, value, err);

	if (result < 0)
		return result;
	switch (row->kind) {
	case OPTION_FLAG:
		return set_flag(option, value, err);
	case OPTION_LIST:
		return strv_add(p->arena, field, value) < 0 ? arena_check(p->arena, err) : 0;
	case OPTION_CHECKED:
		if (row->check(value, err) < 0)
			return err_wrap(err, "option '--%s'", row->name);
		*(const char **)field = value;
		return 0;
	case OPTION_STRING:
		*(const char **)field = value;
		return 0;
	}
	return -EINVAL;
}

/* The word behind an option is its value, whatever it looks like. */
static int take_next_value(struct parser *p, const struct found *option, struct err *err)
{
	if (p->next >= p->argc)
		return err_say(err, EINVAL, "option '--%s' needs a value (%s)", option->row->name,
			       option->row->argument);
	return set_value(p, option, p->argv[p->next++], err);
}

/* --- Words -------------------------------------------------------------------------------------------------------- */

static int parse_long(struct parser *p, const char *words, const char *whole, struct err *err)
{
	size_t len = strcspn(words, "=");
	struct found option = find_long(p->how, words, len);

	if (!option.row)
		return err_say(err, EINVAL, "unknown option '%.*s'", (int)((size_t)(words - whole) + len), whole);
	if (words[len] == '=')
		return option.row->kind == OPTION_FLAG ? set_flag(&option, words + len + 1, err)
						       : set_value(p, &option, words + len + 1, err);
	if (option.row->kind == OPTION_FLAG)
		return set_flag(&option, NULL, err);
	return take_next_value(p, &option, err);
}

/* -it, -m64m, -m 64m, -m=64m */
static int parse_letters(struct parser *p, const char *letters, struct err *err)
{
	for (; *letters; letters++) {
		struct found option = find_letter(p->how, *letters);

		if (!option.row)
			return err_say(err, EINVAL, "unknown option '-%c'", *letters);
		if (option.row->kind == OPTION_FLAG) {
			int result =
				letters[1] == '=' ? set_flag(&option, letters + 2, err) : set_flag(&option, NULL, err);

			if (result < 0 || letters[1] == '=')
				return result;
			continue;
		}
		if (!letters[1])
			return take_next_value(p, &option, err);
		return set_value(p, &option, letters + 1 + (letters[1] == '='), err);
	}
	return 0;
}

static bool is_single_dash_long(const struct options_parsing *how, const char *word)
{
	return how->single_dash_long && strlen(word) > 2 && find_long(how, word + 1, strcspn(word + 1, "=")).row;
}

int options_parse(struct arena *arena, const struct options_parsing *how, int argc, char *const *argv,
		  struct strv *ret_operands, struct err *err)
{
	struct parser p = {.arena = arena, .how = how, .argc = argc, .argv = argv};
	bool only_operands = false;

	while (p.next < argc) {
		const char *word = argv[p.next++];
		int result = 0;

		if (only_operands || word[0] != '-' || !word[1]) {
			result = strv_add(arena, ret_operands, word) < 0 ? arena_check(arena, err) : 0;
			only_operands |= how->stop_at_operand;
		} else if (strcmp(word, "--") == 0) {
			only_operands = true;
		} else if (word[1] == '-') {
			result = parse_long(&p, word + 2, word, err);
		} else if (is_single_dash_long(how, word)) {
			result = parse_long(&p, word + 1, word, err);
		} else {
			result = parse_letters(&p, word + 1, err);
		}
		if (result < 0)
			return result;
	}
	return 0;
}

/* --- Help --------------------------------------------------------------------------------------------------------- */

static size_t left_width(const struct option_row *row)
{
	return strlen("  -x, --") + strlen(row->name) + (row->argument ? 1 + strlen(row->argument) : 0);
}

void options_help(const struct option_row *rows, struct text *to)
{
	size_t widest = 0;

	for (const struct option_row *row = rows; row->name; row++)
		if (left_width(row) > widest)
			widest = left_width(row);
	for (const struct option_row *row = rows; row->name; row++) {
		CLEANUP_TEXT struct text help = TEXT_INIT;

		if (row->letter)
			text_addf(to, "  -%c, --%s", row->letter, row->name);
		else
			text_addf(to, "      --%s", row->name);
		text_addf(to, "%s%s%*s", row->argument ? " " : "", row->argument ? row->argument : "",
			  (int)(widest - left_width(row) + HELP_GAP), "");
		text_add(&help, row->help);
		for (size_t i = 0; row->choices && row->choices[i]; i++)
			text_addf(&help, "%s%s", i ? ", " : ": ", row->choices[i]);
		wrap_add(to, text_get(&help), widest + HELP_GAP, widest + HELP_GAP);
		text_add(to, "\n");
	}
}

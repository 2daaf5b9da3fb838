// SPDX-License-Identifier: GPL-2.0-or-later
#include "images/changes.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "runtime/base/json.h"
#include "runtime/base/scope.h"

static const char BLANKS[] = " \t";

static int no_memory(const struct arena *arena, struct err *err)
{
	return arena_check(arena, err);
}

/* --- arguments --- */

/*
 * Splits at blanks as a shell does without expanding anything: '…' is taken literally, in "…" and outside a backslash
 * takes the next character literally.
 */
static int split_words(struct arena *arena, const char *args, struct strv *ret, struct err *err)
{
	char *word = arena_alloc(arena, strlen(args) + 1);

	if (!word)
		return no_memory(arena, err);
	while (*(args += strspn(args, BLANKS))) {
		size_t len = 0;
		char quote = '\0';

		for (; *args && (quote || !strchr(BLANKS, *args)); args++) {
			if (*args == quote) {
				quote = '\0';
			} else if (!quote && (*args == '"' || *args == '\'')) {
				quote = *args;
			} else {
				if (*args == '\\' && quote != '\'' && args[1])
					args++;
				word[len++] = *args;
			}
		}
		if (quote)
			return err_say(err, EINVAL, "a quote is not closed");
		word[len] = '\0';
		if (strv_add(arena, ret, word) < 0)
			return no_memory(arena, err);
	}
	return 0;
}

/* A JSON array of strings, when the arguments begin like one. */
static int read_array(struct arena *arena, const char *args, struct strv *ret, bool *ret_is_array, struct err *err)
{
	const struct json *array;
	int r;

	*ret_is_array = *args == '[';
	if (!*ret_is_array)
		return 0;
	r = json_parse(arena, args, strlen(args), "the list", &array, err);
	return r < 0 ? r : json_strv(arena, array, ret, err);
}

/* --- instructions --- */

/* ["a","b"] is the command itself; other words are a line for the image's shell. */
static int read_command(struct arena *arena, const char *args, struct strv *ret, struct err *err)
{
	struct strv command = {0};
	bool is_array;
	int r = read_array(arena, args, &command, &is_array, err);

	if (r < 0)
		return r;
	if (!is_array && *args &&
	    (strv_add(arena, &command, "/bin/sh") < 0 || strv_add(arena, &command, "-c") < 0 ||
	     strv_add(arena, &command, args) < 0))
		return no_memory(arena, err);
	*ret = command;
	return 0;
}

static int change_cmd(struct arena *arena, struct image_config *config, const char *args, struct err *err)
{
	return read_command(arena, args, &config->cmd, err);
}

/* The image's own command was meant as arguments for its own entry point. */
static int change_entrypoint(struct arena *arena, struct image_config *config, const char *args, struct err *err)
{
	config->cmd = (struct strv){0};
	return read_command(arena, args, &config->entrypoint, err);
}

/* NAME=VALUE words, or the older form of one NAME and a value with blanks. */
static int read_assignments(struct arena *arena, const char *args, struct strv *list, struct err *err)
{
	struct strv words = {0};
	size_t name = strcspn(args, " \t=");
	const char *single;
	int r;

	if (*args && args[name] && args[name] != '=') {
		single = arena_printf(arena, "%.*s=%s", (int)name, args, args + name + strspn(args + name, BLANKS));
		return single && strv_env_set(arena, list, single) >= 0 ? 0 : no_memory(arena, err);
	}
	r = split_words(arena, args, &words, err);
	if (r < 0)
		return r;
	if (words.count == 0)
		return err_say(err, EINVAL, "want NAME=VALUE");
	for (size_t i = 0; i < words.count; i++) {
		if (!strchr(words.items[i], '=') || words.items[i][0] == '=')
			return err_say(err, EINVAL, "'%s' is not NAME=VALUE", words.items[i]);
		if (strv_env_set(arena, list, words.items[i]) < 0)
			return no_memory(arena, err);
	}
	return 0;
}

static int change_env(struct arena *arena, struct image_config *config, const char *args, struct err *err)
{
	return read_assignments(arena, args, &config->env, err);
}

static int change_label(struct arena *arena, struct image_config *config, const char *args, struct err *err)
{
	return read_assignments(arena, args, &config->labels, err);
}

static int add_new(struct arena *arena, struct strv *list, const struct strv *items, struct err *err)
{
	if (items->count == 0)
		return err_say(err, EINVAL, "says nothing");
	for (size_t i = 0; i < items->count; i++)
		if (!strv_has(list, items->items[i]) && strv_add(arena, list, items->items[i]) < 0)
			return no_memory(arena, err);
	return 0;
}

static int change_expose(struct arena *arena, struct image_config *config, const char *args, struct err *err)
{
	struct strv words = {0}, ports = {0};
	int r = split_words(arena, args, &words, err);

	for (size_t i = 0; r >= 0 && i < words.count; i++) {
		const char *port = words.items[i];

		port = strchr(port, '/') ? port : arena_printf(arena, "%s/tcp", port);
		if (!port || strv_add(arena, &ports, port) < 0)
			return no_memory(arena, err);
	}
	return r < 0 ? r : add_new(arena, &config->exposed_ports, &ports, err);
}

static int change_volume(struct arena *arena, struct image_config *config, const char *args, struct err *err)
{
	struct strv paths = {0};
	bool is_array;
	int r = read_array(arena, args, &paths, &is_array, err);

	if (r >= 0 && !is_array)
		r = split_words(arena, args, &paths, err);
	return r < 0 ? r : add_new(arena, &config->volumes, &paths, err);
}

static int read_word(struct arena *arena, const char *args, const char **ret, struct err *err)
{
	struct strv words = {0};
	int r = split_words(arena, args, &words, err);

	if (r < 0)
		return r;
	if (words.count != 1)
		return err_say(err, EINVAL, "want one word");
	*ret = words.items[0];
	return 0;
}

static int change_user(struct arena *arena, struct image_config *config, const char *args, struct err *err)
{
	return read_word(arena, args, &config->user, err);
}

static int change_workdir(struct arena *arena, struct image_config *config, const char *args, struct err *err)
{
	return read_word(arena, args, &config->workdir, err);
}

static int change_stop_signal(struct arena *arena, struct image_config *config, const char *args, struct err *err)
{
	return read_word(arena, args, &config->stop_signal, err);
}

static const struct {
	const char *word;
	int (*change)(struct arena *arena, struct image_config *config, const char *args, struct err *err);
} INSTRUCTIONS[] = {
	{"CMD", change_cmd},	   {"ENTRYPOINT", change_entrypoint}, {"ENV", change_env},
	{"EXPOSE", change_expose}, {"LABEL", change_label},	      {"STOPSIGNAL", change_stop_signal},
	{"USER", change_user},	   {"VOLUME", change_volume},	      {"WORKDIR", change_workdir},
};

int changes_apply(struct arena *arena, struct image_config *config, const char *instruction, struct err *err)
{
	const char *word = instruction + strspn(instruction, BLANKS);
	size_t len = strcspn(word, BLANKS);
	const char *args = word + len + strspn(word + len, BLANKS);

	for (size_t i = 0; i < ARRAY_SIZE(INSTRUCTIONS); i++) {
		if (strlen(INSTRUCTIONS[i].word) != len || strncasecmp(INSTRUCTIONS[i].word, word, len) != 0)
			continue;
		if (INSTRUCTIONS[i].change(arena, config, args, err) < 0)
			return err_wrap(err, "change '%s'", instruction);
		return 0;
	}
	return err_say(err, EINVAL,
		       "change '%s': not one of CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, STOPSIGNAL, USER, VOLUME, WORKDIR",
		       instruction);
}

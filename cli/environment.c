// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/environment.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/file.h"

#define ENV_FILE_MAX_BYTES ((size_t)1 << 20)

static int add_one(struct arena *arena, struct strv *env, const char *words, struct err *err)
{
	const char *value;

	if (words[0] == '=' || !*words)
		return err_say(err, EINVAL, "'%s': the name is missing", words);
	if (strchr(words, '='))
		return strv_env_set(arena, env, words) < 0 ? arena_check(arena, err) : 0;
	value = getenv(words);
	if (!value)
		return 0;
	words = arena_printf(arena, "%s=%s", words, value);
	return !words || strv_env_set(arena, env, words) < 0 ? arena_check(arena, err) : 0;
}

static int add_file(struct arena *arena, struct strv *env, const char *path, struct err *err)
{
	char *data, *line, *rest;
	unsigned number = 0;
	size_t len;
	int result = file_read(arena, AT_FDCWD, path, ENV_FILE_MAX_BYTES, &data, &len, err);

	if (result < 0)
		return result;
	if (strlen(data) != len)
		return err_say(err, EINVAL, "'%s' has a NUL byte in it", path);
	rest = data;
	while ((line = strsep(&rest, "\n"))) {
		number++;
		line += strspn(line, " \t");
		line[strcspn(line, "\r")] = '\0';
		if (*line && *line != '#' && add_one(arena, env, line, err) < 0)
			return err_wrap(err, "'%s' line %u", path, number);
	}
	return 0;
}

int environment_add(struct arena *arena, struct strv *env, const struct strv *files, const struct strv *assignments,
		    struct err *err)
{
	for (size_t i = 0; i < files->count; i++)
		if (add_file(arena, env, files->items[i], err) < 0)
			return err_wrap(err, "option '--env-file'");
	for (size_t i = 0; i < assignments->count; i++)
		if (add_one(arena, env, assignments->items[i], err) < 0)
			return err_wrap(err, "option '--env'");
	return 0;
}

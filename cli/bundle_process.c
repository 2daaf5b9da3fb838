// SPDX-License-Identifier: GPL-2.0-or-later
/* The process: what the image says, and what the user says instead. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/bundle_parts.h"
#include "cli/defaults.h"
#include "cli/environment.h"
#include "namespaces/idrange.h"
#include "namespaces/limits.h"
#include "namespaces/tty.h"

static const struct image_config no_image_config;

static const struct image_config *image_config(const struct bundling *b)
{
	return b->request->image ? &b->request->image->config : &no_image_config;
}

/*
 * Docker's rule: the user's words replace the image's command, and come behind the entry point; an entry point of the
 * user's own drops the image's command too, which was written for the other one.
 */
static int make_args(struct bundling *b, struct err *err)
{
	const struct image_config *image = image_config(b);
	const char *own = b->options->entrypoint;
	struct strv *args = &b->process->args;

	if (own && *own)
		(void)strv_add(b->arena, args, own);
	else if (!own)
		(void)strv_add_list(b->arena, args, &image->entrypoint);
	if (b->request->command.count > 0)
		(void)strv_add_list(b->arena, args, &b->request->command);
	else if (!own)
		(void)strv_add_list(b->arena, args, &image->cmd);
	(void)strv_add_list(b->arena, &b->extension->command, args);
	if (args->count == 0 && arena_check(b->arena, err) == 0)
		return err_say(err, EINVAL, "'%s' does not say which program to run: give a command",
			       b->request->image_name);
	return arena_check(b->arena, err);
}

static int make_env(struct bundling *b, struct err *err)
{
	const struct image_config *image = image_config(b);
	struct strv *env = &b->process->env;
	const char *hostname = b->config->hostname;

	if (!strv_env_get(&image->env, "PATH"))
		(void)strv_add(b->arena, env, DEFAULT_PATH_ENV);
	(void)strv_add_list(b->arena, env, &image->env);
	if (hostname)
		(void)strv_env_set(b->arena, env, arena_printf(b->arena, "HOSTNAME=%s", hostname));
	if (b->options->tty && !strv_env_get(env, "TERM"))
		(void)strv_add(b->arena, env, "TERM=xterm");
	return environment_add(b->arena, env, &b->options->env_files, &b->options->env, err);
}

/* A number, or a name that the root's own group file has. */
static int add_group(struct bundling *b, const char *words, struct err *err)
{
	uint32_t number, *gid;

	if (!*words)
		return err_say(err, EINVAL, "option '--group-add': the name is empty");
	if (text_u32(words, &number) < 0)
		return strv_add(b->arena, &b->extension->group_words, words) < 0 ? arena_check(b->arena, err) : 0;
	if (b->request->own_range && number >= IDRANGE_SIZE)
		return err_say(err, EINVAL, "option '--group-add': '%s': the container has the groups 0 to %u", words,
			       IDRANGE_SIZE - 1);
	gid = LIST_ADD(b->arena, &b->process->user.additional_gids);
	if (gid)
		*gid = number;
	return arena_check(b->arena, err);
}

static int make_user(struct bundling *b, struct err *err)
{
	const char *user = b->options->user ? b->options->user : image_config(b)->user;

	if (b->options->user && !*b->options->user)
		return err_say(err, EINVAL, "option '--user': the name is empty");
	/* Looked up in the root's own passwd, when there is a root: the default user's groups, too. */
	b->extension->user_words = text_is_empty(user) ? "0" : user;
	for (size_t i = 0; i < b->options->groups.count; i++) {
		int result = add_group(b, b->options->groups.items[i], err);

		if (result < 0)
			return result;
	}
	return arena_check(b->arena, err);
}

static int make_workdir(struct bundling *b, struct err *err)
{
	const char *own = b->options->workdir, *image = image_config(b)->workdir;

	if (own && own[0] != '/')
		return err_say(err, EINVAL, "option '--workdir': '%s' is no absolute path", own);
	b->process->cwd = own ? own : text_is_empty(image) ? "/" : image;
	return 0;
}

/* NAME=SOFT[:HARD]; -1 is no bound. */
static int add_ulimit(struct bundling *b, const char *words, struct err *err)
{
	size_t name_len = strcspn(words, "="), soft_len = words[name_len] ? strcspn(words + name_len + 1, ":") : 0;
	const char *name = arena_strndup(b->arena, words, name_len);
	const char *soft = arena_strndup(b->arena, words + name_len + (words[name_len] != 0), soft_len);
	const char *hard = words[name_len] && words[name_len + 1 + soft_len] ? words + name_len + 2 + soft_len : soft;
	struct config_rlimit *limit = LIST_ADD(b->arena, &b->process->rlimits);
	int64_t values[2];

	if (!name || !soft || !limit)
		return arena_check(b->arena, err);
	if (rlimit_parse(name) < 0)
		return err_say(err, EINVAL, "option '--ulimit': '%s' is no resource: nofile, nproc, core, ...", name);
	if (text_i64(soft, &values[0]) < 0 || text_i64(hard, &values[1]) < 0 || values[0] < -1 || values[1] < -1)
		return err_say(err, EINVAL, "option '--ulimit': '%s': want NAME=SOFT[:HARD]", words);
	*limit = (struct config_rlimit){
		.type = rlimit_name(rlimit_parse(name)),
		.soft = values[0] < 0 ? LIMITS_UNLIMITED : (uint64_t)values[0],
		.hard = values[1] < 0 ? LIMITS_UNLIMITED : (uint64_t)values[1],
	};
	return 0;
}

/* The size that the user's terminal has now; it follows later. */
static void take_size(struct bundling *b)
{
	struct tty_size size = {0};
	struct err ignored = ERR_INIT;

	if (!b->options->tty || !isatty(STDIN_FILENO) || tty_get_size(STDIN_FILENO, &size, &ignored) < 0 ||
	    size.rows == 0)
		return;
	b->process->console_size = ARENA_NEW(b->arena, struct config_console_size);
	if (b->process->console_size)
		*b->process->console_size = (struct config_console_size){.height = size.rows, .width = size.columns};
}

int bundle_process(struct bundling *b, struct err *err)
{
	int result = make_args(b, err);

	b->process->terminal = b->options->tty;
	take_size(b);
	if (result >= 0)
		result = make_env(b, err);
	if (result >= 0)
		result = make_user(b, err);
	if (result >= 0)
		result = make_workdir(b, err);
	for (size_t i = 0; result >= 0 && i < b->options->ulimits.count; i++)
		result = add_ulimit(b, b->options->ulimits.items[i], err);
	if (result >= 0 && b->options->oom_score_adj) {
		b->process->oom_score_adj.set = true;
		result = text_i64(b->options->oom_score_adj, &b->process->oom_score_adj.value);
	}
	return result;
}

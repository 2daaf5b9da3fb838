// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>

#include "cli/oci/exec.h"
#include "namespaces/caps.h"
#include "runtime/base/file.h"

#define PROCESS_MAX_BYTES ((size_t)4 << 20)

#define FLAG(name, letter, field, help)                                                                 \
	{                                                                                               \
		name, letter, OPTION_FLAG, offsetof(struct exec_options, field), NULL, help, NULL, NULL \
	}
#define WORDS(name, letter, field, argument, help)                                                            \
	{                                                                                                     \
		name, letter, OPTION_STRING, offsetof(struct exec_options, field), argument, help, NULL, NULL \
	}
#define LIST(name, letter, field, argument, help)                                                           \
	{                                                                                                   \
		name, letter, OPTION_LIST, offsetof(struct exec_options, field), argument, help, NULL, NULL \
	}

const struct option_row oci_exec_rows[] = {
	WORDS("process", 'p', process, "FILE", "the process as JSON, instead of a command"),
	WORDS("pid-file", 0, pid_file, "FILE", "write the pid there"),
	FLAG("detach", 'd', detach, "do not wait for the end"),
	FLAG("tty", 't', tty, "with a terminal: the caller's, or with --detach that of --console-socket"),
	WORDS("console-socket", 0, console_socket, "SOCKET", "send the terminal's master there"),
	WORDS("pidfd-socket", 0, pidfd_socket, "SOCKET", "send a pidfd of the process there"),
	WORDS("cwd", 0, cwd, "DIR", "working directory"),
	LIST("env", 'e', env, "NAME=VALUE", "environment, added"),
	WORDS("user", 'u', user, "USER[:GROUP]", "who runs it"),
	LIST("additional-gids", 'g', groups, "GID", "a group besides"),
	LIST("cap", 'c', caps, "CAPABILITY", "a capability besides"),
	WORDS("apparmor", 0, apparmor, "PROFILE", "AppArmor profile"),
	WORDS("process-label", 0, label, "LABEL", "SELinux label"),
	FLAG("no-new-privs", 0, no_new_privs, "set no_new_privs"),
	{"preserve-fds", 0, OPTION_CHECKED, offsetof(struct exec_options, preserve_fds), "N",
	 "pass descriptors 3 to 3+N-1 on", NULL, oci_check_count},
	LIST("cgroup", 0, cgroups, "[CONTROLLER:]PATH", "in a cgroup below the container's, which must exist"),
	FLAG("ignore-paused", 0, ignore_paused, "also in a paused container, to run when that is resumed"),
	OPTIONS_END,
};

static int read_process(struct command_call *call, const char *path, struct config_process *ret, struct err *err)
{
	const struct config_process *parsed;
	char *data;
	size_t len;
	int result = file_read(call->arena, AT_FDCWD, path, PROCESS_MAX_BYTES, &data, &len, err);

	if (result >= 0)
		result = config_parse_process(call->arena, data, len, path, &parsed, err);
	if (result < 0)
		return err_wrap(err, "option '--process'");
	*ret = *parsed;
	return 0;
}

static int take_bundles(struct command_call *call, const struct config *config, struct config_process *ret,
			struct err *err)
{
	if (call->operands.count < 2)
		return err_say(err, EINVAL, "what is to be executed? Want a command, or --process");
	if (!config->process)
		return err_say(err, EINVAL, "the bundle has no process to take user and rights from: want --process");
	*ret = *config->process;
	ret->args = (struct strv){.items = call->operands.items + 1, .count = call->operands.count - 1};
	ret->terminal = false;
	ret->console_size = NULL;
	return 0;
}

static int add_groups(struct arena *arena, const struct strv *groups, struct config_user *user, struct err *err)
{
	const struct config_user before = *user;

	user->additional_gids.items = NULL;
	user->additional_gids.count = 0;
	for (size_t i = 0; i < before.additional_gids.count + groups->count; i++) {
		uint32_t *to = LIST_ADD(arena, &user->additional_gids);

		if (!to)
			return arena_check(arena, err);
		if (i < before.additional_gids.count)
			*to = before.additional_gids.items[i];
		else if (text_u32(groups->items[i - before.additional_gids.count], to) < 0)
			return err_say(err, EINVAL, "option '--additional-gids': '%s' is no group id",
				       groups->items[i - before.additional_gids.count]);
	}
	return 0;
}

/*
 * Not in the inheritable set, hence not in the ambient one: a program of the image with file capabilities would gain
 * from it (CVE-2022-29162). A user other than root loses what is added with the exec.
 */
static int add_caps(struct arena *arena, const struct strv *caps, struct config_process *process, struct err *err)
{
	struct config_capabilities *to = ARENA_NEW(arena, struct config_capabilities);
	struct strv *const sets[] = {&to->bounding, &to->effective, &to->permitted};
	const struct config_capabilities *from = process->capabilities;

	if (!to)
		return arena_check(arena, err);
	if (from && (strv_add_list(arena, &to->bounding, &from->bounding) < 0 ||
		     strv_add_list(arena, &to->effective, &from->effective) < 0 ||
		     strv_add_list(arena, &to->permitted, &from->permitted) < 0 ||
		     strv_add_list(arena, &to->inheritable, &from->inheritable) < 0 ||
		     strv_add_list(arena, &to->ambient, &from->ambient) < 0))
		return arena_check(arena, err);
	for (size_t i = 0; i < caps->count; i++) {
		int number = caps_parse(caps->items[i]);

		if (number < 0)
			return err_say(err, EINVAL, "option '--cap': unknown capability '%s'", caps->items[i]);
		for (size_t set = 0; set < ARRAY_SIZE(sets); set++)
			if (!strv_has(sets[set], caps_name(number)) &&
			    strv_add(arena, sets[set], caps_name(number)) < 0)
				return arena_check(arena, err);
	}
	process->capabilities = to;
	return 0;
}

static int add_environment(struct arena *arena, const struct strv *env, struct config_process *process, struct err *err)
{
	struct strv merged = {0};

	if (strv_add_list(arena, &merged, &process->env) < 0)
		return arena_check(arena, err);
	for (size_t i = 0; i < env->count; i++) {
		int result = strv_env_set(arena, &merged, env->items[i]);

		if (result == -EINVAL)
			return err_say(err, EINVAL, "option '--env': '%s' is no NAME=VALUE", env->items[i]);
		if (result < 0)
			return arena_check(arena, err);
	}
	process->env = merged;
	return 0;
}

int oci_exec_process(struct command_call *call, const struct config *config, struct config_process *ret,
		     struct err *err)
{
	const struct exec_options *options = call->options;
	int result;

	if (options->process && call->operands.count > 1)
		return err_say(err, EINVAL, "a command and --process exclude one another");
	result = options->process ? read_process(call, options->process, ret, err)
				  : take_bundles(call, config, ret, err);
	if (result < 0)
		return result;
	ret->terminal |= options->tty;
	ret->no_new_privileges |= options->no_new_privs;
	if (options->cwd)
		ret->cwd = options->cwd;
	if (options->apparmor)
		ret->apparmor_profile = options->apparmor;
	if (options->label)
		ret->selinux_label = options->label;
	result = add_environment(call->arena, &options->env, ret, err);
	if (result >= 0 && options->groups.count > 0)
		result = add_groups(call->arena, &options->groups, &ret->user, err);
	if (result >= 0 && options->caps.count > 0)
		result = add_caps(call->arena, &options->caps, ret, err);
	return result;
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* exec */
#include "runtime/core/exec.h"
#include "runtime/core/sealed.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "cli/defaults.h"
#include "cli/environment.h"
#include "cli/instance.h"
#include "cli/lost.h"
#include "cli/relay.h"
#include "cli/verbs.h"
#include "namespaces/tty.h"
#include "runtime/base/host.h"
#include "runtime/base/log.h"

struct exec_options {
	bool interactive, tty, detach, privileged;
	const char *detach_keys, *user, *workdir;
	struct strv env, env_files;
};

static int check_keys(const char *words, struct err *err)
{
	struct tty_keys keys;

	return tty_keys_parse(words, &keys, err);
}

static const struct option_row exec_rows[] = {
	{"detach", 'd', OPTION_FLAG, offsetof(struct exec_options, detach), NULL, "do not wait for its end", NULL,
	 NULL},
	{"detach-keys", 0, OPTION_CHECKED, offsetof(struct exec_options, detach_keys), "KEYS",
	 "keys that detach (default: the container's, else " TTY_KEYS_DEFAULT "); '' is none", NULL, check_keys},
	{"env", 'e', OPTION_LIST, offsetof(struct exec_options, env), "NAME[=VALUE]",
	 "environment, added to the container's; without a value: the caller's", NULL, NULL},
	{"env-file", 0, OPTION_LIST, offsetof(struct exec_options, env_files), "FILE",
	 "environment, a NAME=VALUE a line", NULL, NULL},
	{"interactive", 'i', OPTION_FLAG, offsetof(struct exec_options, interactive), NULL, "with standard input", NULL,
	 NULL},
	{"privileged", 0, OPTION_FLAG, offsetof(struct exec_options, privileged), NULL,
	 "DANGER: every capability that the container's user namespace can give, and no filter of system calls", NULL,
	 NULL},
	{"tty", 't', OPTION_FLAG, offsetof(struct exec_options, tty), NULL, "with a terminal", NULL, NULL},
	{"user", 'u', OPTION_STRING, offsetof(struct exec_options, user), "USER[:GROUP]",
	 "who runs it: names of the container, or numbers", NULL, NULL},
	{"workdir", 'w', OPTION_STRING, offsetof(struct exec_options, workdir), "DIR", "working directory", NULL, NULL},
	OPTIONS_END,
};

static int check_options(const struct exec_options *options, struct err *err)
{
	if (options->detach && (options->interactive || options->tty))
		return err_say(err, EINVAL, "a detached process has no input and no terminal: leave out '-i' and '-t'");
	if (options->tty && options->interactive && !isatty(STDIN_FILENO))
		return err_say(err, ENOTTY, "standard input is no terminal: leave out '-t'");
	return 0;
}

/* --- What is to run ----------------------------------------------------------------------------------------------- */

static int make_environment(const struct command_call *call, struct config_process *process, struct err *err)
{
	const struct exec_options *options = call->options;
	struct strv env = {0};

	if (strv_add_list(call->arena, &env, &process->env) < 0)
		return arena_check(call->arena, err);
	if (options->tty && !strv_env_get(&env, "TERM") && strv_add(call->arena, &env, "TERM=xterm") < 0)
		return arena_check(call->arena, err);
	process->env = env;
	return environment_add(call->arena, &process->env, &options->env_files, &options->env, err);
}

/* Known from the first moment on: a program that asks at once gets the right answer. */
static void take_size(const struct command_call *call, struct config_process *process)
{
	struct err ignored = ERR_INIT;
	struct tty_size size;

	process->console_size = NULL;
	if (tty_get_size(STDIN_FILENO, &size, &ignored) < 0 && tty_get_size(STDOUT_FILENO, &size, &ignored) < 0)
		return;
	process->console_size = ARENA_NEW(call->arena, struct config_console_size);
	if (process->console_size)
		*process->console_size = (struct config_console_size){.height = size.rows, .width = size.columns};
}

/* In a user namespace there is every one to be given; else only what this process has. */
static uint64_t all_caps(const struct extension *extension)
{
	bool own = extension->id_range;

	for (size_t i = 0; i < extension->joins.count; i++)
		own |= strcmp(extension->joins.items[i].type, "user") == 0;
	return own ? caps_all() : caps_all() & host_caps_permitted();
}

/* The container's own process, with another command and what the options change. */
static int make_process(const struct command_call *call, const struct extension *extension,
			struct config_process *process, struct err *err)
{
	const struct exec_options *options = call->options;
	int result = 0;

	process->args = (struct strv){.items = call->operands.items + 1, .count = call->operands.count - 1};
	process->terminal = options->tty;
	if (options->tty)
		take_size(call, process);
	if (options->workdir)
		process->cwd = options->workdir;
	if (options->privileged) {
		process->no_new_privileges = false;
		result = defaults_set_caps(call->arena, all_caps(extension), process, err);
	}
	return result < 0 ? result : make_environment(call, process, err);
}

static int make_plan(const struct command_call *call, const struct stores *stores, const struct instance_view *view,
		     struct config_process *ret_asked, struct plan_process *ret, struct err *err)
{
	const struct exec_options *options = call->options;
	CLEANUP_FD int folder = definition_open(&stores->definitions, view->id, err);
	const struct config *config;
	struct strv warnings = {0};
	struct plan_host host;
	int result = folder;

	if (result >= 0)
		result = config_read(call->arena, folder, "config.json", &config, NULL, err);
	if (result >= 0 && !config->process)
		result =
			err_say(err, EINVAL, "container '%s': its config.json names no process", view->extension->name);
	if (result < 0)
		return result;
	*ret_asked = *config->process;
	result = make_process(call, view->extension, ret_asked, err);
	if (result < 0)
		return result;
	plan_host_probe(&host);
	host.id = view->id;
	host.bundle = view->data_dir;
	result = plan_exec(call->arena, config, view->extension, ret_asked, &host, ret, &warnings, err);
	if (result < 0)
		return result;
	for (size_t i = 0; i < warnings.count; i++)
		log_line(LOG_LEVEL_WARN, "%s", warnings.items[i]);
	ret->group_words = view->extension->group_words;
	ret->user_words = options->user ? options->user : view->extension->user_words;
	ret->init = false;
	if (options->privileged)
		ret->seccomp = NULL;
	return 0;
}

/* --- Running it --------------------------------------------------------------------------------------------------- */

static int find_running(const struct command_call *call, const struct stores *stores, struct instance_view *ret,
			struct err *err)
{
	const char *words = call->operands.items[0];
	int result = instance_look(call, stores, words, ret, err);

	if (result >= 0 && ret->lost)
		return lost_refuse(words, err);
	if (result >= 0)
		result = instance_check_running(ret, words, "'hull start' it first", err);
	if (result < 0)
		return result;
	if (ret->now.status == RECORD_PAUSED)
		return err_say(err, EINVAL, "container '%s' is paused: 'hull unpause' it first", words);
	return 0;
}

static int start(const struct command_call *call, const struct stores *stores, const struct instance_view *view,
		 struct exec_running *running, struct err *err)
{
	const struct exec_options *options = call->options;
	struct config_process asked;
	struct plan_process process;
	struct exec_request request = {
		.store = &stores->store,
		.id = view->id,
		.process = &process,
		.asked = &asked,
		.detached = options->detach,
		.stdio = {options->interactive ? STDIN_FILENO : -1, options->detach ? -1 : STDOUT_FILENO,
			  options->detach ? -1 : STDERR_FILENO},
		.seccomp_cache = hull_of(call)->seccomp_cache,
	};
	int result = make_plan(call, stores, view, &asked, &process, err);

	return result < 0 ? result : exec_start(&request, running, err);
}

static int run_exec(struct command_call *call, struct err *err)
{
	const struct exec_options *options = call->options;
	CLEANUP_STORES struct stores stores = STORES_INIT;
	struct exec_running running = {.pidfd = -1, .terminal = -1};
	struct relay_request relay = {.running = &running, .interactive = options->interactive};
	struct instance_view view;
	int result = check_options(options, err);

	if (result < 0)
		return result;
	(void)cg_warm_start();
	result = stores_open(call, &stores, err);
	if (result < 0)
		return result;
	result = find_running(call, &stores, &view, err);
	/*
	 * With the host's ids inside, what runs there must not be able to reach this executable: it starts anew from
	 * where it cannot be written.
	 */
	if (result >= 0 && instance_has_host_ids(view.extension))
		result = sealed_self(call->argv, err);
	if (result >= 0)
		result = start(call, &stores, &view, &running, err);
	if (result < 0)
		return result;
	relay.detach_keys = options->detach_keys ? options->detach_keys : view.extension->detach_keys;
	result = options->detach ? 0 : relay_run(&relay, err);
	exec_running_close(&running);
	return result;
}

const struct command verb_exec = {
	.name = "exec",
	.operands = "CONTAINER COMMAND [ARG...]",
	.summary = "Run another program in a running container",
	.description =
		"It has the container's environment, user, capabilities and limits, unless options say otherwise. Its "
		"exit code is the program's; 127 when it was not found, 126 when it cannot be executed, 125 when "
		"hull failed.",
	.exit_status = "The program's own, or 128+N when signal N has ended it; with --detach 0. 127 when it was not "
		       "found, 126 "
		       "when it cannot be executed; 125 when hull itself fails.",
	.examples = "hull exec web ls /www\nhull exec -it web sh\nhull exec -u app -e DEBUG=1 web ./check",
	.options = exec_rows,
	.options_bytes = sizeof(struct exec_options),
	.min_operands = 2,
	.max_operands = COMMAND_ANY,
	.stop_at_operand = true,
	.run = run_exec,
};

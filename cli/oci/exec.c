// SPDX-License-Identifier: GPL-2.0-or-later
/* exec */
#include <errno.h>
#include <fcntl.h>

#include "cli/oci/oci.h"
#include "runtime/base/file.h"
#include "runtime/core/control.h"
#include "runtime/core/exec.h"

#define PROCESS_MAX_BYTES ((size_t)4 << 20)
#define EXEC_FAILED	  255 /* so that a caller can tell it from the program's own exit code */

struct exec_options {
	const char *process, *pid_file, *console_socket, *cwd, *user;
	struct strv env;
	bool detach, tty, no_new_privs, ignore_paused;
};
static const struct option_row exec_rows[] = {
	{"process", 'p', OPTION_STRING, offsetof(struct exec_options, process), "FILE",
	 "the process as JSON, instead of a command", NULL, NULL},
	{"pid-file", 0, OPTION_STRING, offsetof(struct exec_options, pid_file), "FILE", "write the pid there", NULL,
	 NULL},
	{"console-socket", 0, OPTION_STRING, offsetof(struct exec_options, console_socket), "SOCKET",
	 "send the terminal's master there", NULL, NULL},
	{"detach", 'd', OPTION_FLAG, offsetof(struct exec_options, detach), NULL, "do not wait for the end", NULL,
	 NULL},
	{"tty", 't', OPTION_FLAG, offsetof(struct exec_options, tty), NULL, "with a terminal (wants --console-socket)",
	 NULL, NULL},
	{"cwd", 0, OPTION_STRING, offsetof(struct exec_options, cwd), "DIR", "working directory", NULL, NULL},
	{"env", 'e', OPTION_LIST, offsetof(struct exec_options, env), "NAME=VALUE", "environment, added", NULL, NULL},
	{"user", 'u', OPTION_STRING, offsetof(struct exec_options, user), "USER[:GROUP]", "who runs it", NULL, NULL},
	{"no-new-privs", 0, OPTION_FLAG, offsetof(struct exec_options, no_new_privs), NULL, "set no_new_privs", NULL,
	 NULL},
	{"ignore-paused", 0, OPTION_FLAG, offsetof(struct exec_options, ignore_paused), NULL,
	 "also in a paused container", NULL, NULL},
	OPTIONS_END,
};

/* The process of the bundle, with what the command line changes; or the one that --process describes. */
static int make_process(struct command_call *call, const struct config *config, struct config_process *ret,
			struct err *err)
{
	const struct exec_options *options = call->options;
	const struct config_process *parsed;
	char *data;
	size_t len;
	int result = 0;

	if (options->process) {
		result = file_read(call->arena, AT_FDCWD, options->process, PROCESS_MAX_BYTES, &data, &len, err);
		if (result >= 0)
			result = config_parse_process(call->arena, data, len, options->process, &parsed, err);
		if (result >= 0)
			*ret = *parsed;
		return result;
	}
	if (call->operands.count < 2)
		return err_say(err, EINVAL, "what is to be executed? Want a command, or --process");
	if (!config->process)
		return err_say(err, EINVAL, "the bundle has no process to take user and rights from: want --process");
	*ret = *config->process;
	ret->args = (struct strv){.items = call->operands.items + 1, .count = call->operands.count - 1};
	ret->terminal = options->tty;
	ret->env = (struct strv){0};
	if (options->cwd)
		ret->cwd = options->cwd;
	if (options->no_new_privs)
		ret->no_new_privileges = true;
	if (strv_add_list(call->arena, &ret->env, &config->process->env) < 0)
		return arena_check(call->arena, err);
	for (size_t i = 0; i < options->env.count; i++)
		if (strv_env_set(call->arena, &ret->env, options->env.items[i]) < 0)
			return arena_check(call->arena, err);
	return 0;
}

static int plan(struct command_call *call, const struct store *store, struct plan_process *ret, struct err *err)
{
	const struct exec_options *options = call->options;
	struct config_process process;
	const struct config *config = NULL;
	struct control_view view;
	struct plan_host host;
	struct strv warnings = {0};
	CLEANUP_FD int bundle = -1;
	int result = control_look(store, call->arena, call->operands.items[0], false, &view, err);

	if (result < 0)
		return result;
	bundle = file_open_dir(AT_FDCWD, view.record.bundle, err);
	if (bundle < 0)
		return bundle;
	result = config_read(call->arena, bundle, "config.json", &config, NULL, err);
	if (result >= 0)
		result = oci_seal(call, config, err);
	if (result >= 0)
		result = make_process(call, config, &process, err);
	if (result < 0)
		return result;
	plan_host_probe(&host);
	host.id = call->operands.items[0];
	host.bundle = view.record.bundle;
	result = plan_exec(call->arena, config, NULL, &process, &host, ret, &warnings, err);
	if (result >= 0 && options->user)
		ret->user_words = options->user;
	return result;
}

static int start(struct command_call *call, struct exec_running *running, struct err *err)
{
	const struct exec_options *options = call->options;
	CLEANUP_STORE struct store store = {.fd = -1};
	struct plan_process process;
	struct exec_request request = {
		.store = &store,
		.id = call->operands.items[0],
		.process = &process,
		.stdio = {0, 1, 2},
		.console_socket = options->console_socket,
		.pid_file = options->pid_file,
		.ignore_paused = options->ignore_paused,
	};
	int result = oci_open_store(call, &store, err);

	if (result >= 0)
		result = plan(call, &store, &process, err);
	if (result < 0)
		return result;
	if (process.terminal && !options->console_socket)
		return err_say(err, EINVAL, "a terminal needs --console-socket");
	request.seccomp_cache = oci_seccomp_cache(call, &store);
	return exec_start(&request, running, err);
}

static int run_exec(struct command_call *call, struct err *err)
{
	const struct exec_options *options = call->options;
	struct exec_running running = {.pidfd = -1, .terminal = -1};
	int result;

	(void)cg_warm_start();
	result = start(call, &running, err);
	if (result < 0) {
		(void)err_exit_with(err, err->exit_code ? err->exit_code : EXEC_FAILED);
		return result;
	}
	result = options->detach ? 0 : oci_wait(running.pid, err);
	exec_running_close(&running);
	return result;
}

const struct command oci_exec = {
	.name = "exec",
	.operands = "ID [COMMAND [ARG...]]",
	.summary = "Run another process in a running container",
	.options = exec_rows,
	.options_bytes = sizeof(struct exec_options),
	.min_operands = 1,
	.max_operands = COMMAND_ANY,
	.stop_at_operand = true,
	.run = run_exec,
};

// SPDX-License-Identifier: GPL-2.0-or-later
/* exec */
#include "cli/oci/exec.h"

#include <errno.h>

#include "cli/oci/foreground.h"
#include "runtime/base/fd.h"
#include "runtime/base/log.h"
#include "runtime/core/exec.h"

#define EXEC_FAILED 255 /* so that a caller can tell it from the program's own exit code */

static int plan(struct command_call *call, const struct store *store, struct config_process *ret_asked,
		struct plan_process *ret, struct err *err)
{
	const struct exec_options *options = call->options;
	const struct config *config = NULL;
	struct plan_host host;
	struct strv warnings = {0};
	int result = oci_read_bundle(call, store, &config, &host, err);

	if (result >= 0)
		result = oci_seal(call, config, err);
	if (result >= 0)
		result = oci_exec_process(call, config, ret_asked, err);
	if (result < 0)
		return result;
	result = plan_exec(call->arena, config, NULL, ret_asked, &host, ret, &warnings, err);
	for (size_t i = 0; result >= 0 && i < warnings.count; i++)
		log_line(LOG_LEVEL_WARN, "%s", warnings.items[i]);
	if (result >= 0 && options->user)
		ret->user_words = options->user;
	return result;
}

static int start(struct command_call *call, struct exec_running *running, struct err *err)
{
	const struct exec_options *options = call->options;
	CLEANUP_STORE struct store store = {.fd = -1};
	struct config_process asked;
	struct plan_process process;
	struct exec_request request = {
		.store = &store,
		.id = call->operands.items[0],
		.process = &process,
		.asked = &asked,
		.stdio = {0, 1, 2},
		.console_socket = options->console_socket,
		.pid_file = options->pid_file,
		.pidfd_socket = options->pidfd_socket,
		.new_keyring = true,
		.cgroups = &options->cgroups,
		.ignore_paused = options->ignore_paused,
	};
	int result = oci_open_store(call, &store, err);

	if (result >= 0)
		result = plan(call, &store, &asked, &process, err);
	if (result >= 0)
		result = oci_check_terminal(process.terminal, options->detach, options->console_socket, err);
	if (result >= 0 && options->preserve_fds)
		result = text_u32(options->preserve_fds, &request.preserve_fds);
	/* What the caller has left open beyond that is not the container's business. */
	if (result >= 0)
		result = fd_cloexec_from(3 + request.preserve_fds, err);
	if (result < 0)
		return result;
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
	result = options->detach ? 0 : oci_foreground(&running, err);
	exec_running_close(&running);
	return result;
}

const struct command oci_exec = {
	.name = "exec",
	.exit_status = "The process's own, or 128+N when signal N has ended it; with --detach 0. 127 when its program "
		       "was not found, 126 when it cannot be executed; 255 when it could not be started for another "
		       "reason, 1 for options that are none.",
	.operands = "ID [COMMAND [ARG...]]",
	.summary = "Run another process in a running container",
	.description = "The process has the user, the rights and the environment of the bundle's, or those that a file "
		       "given with --process says; single options change either.\n\n"
		       "Without --detach the exit code is the process's own; 255 says that it could not be started.",
	.options = oci_exec_rows,
	.options_bytes = sizeof(struct exec_options),
	.min_operands = 1,
	.max_operands = COMMAND_ANY,
	.stop_at_operand = true,
	.run = run_exec,
};

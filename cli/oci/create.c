// SPDX-License-Identifier: GPL-2.0-or-later
/* create, start, run */
#include <errno.h>

#include "cli/oci/oci.h"
#include "runtime/base/fd.h"
#include "runtime/base/process.h"
#include "runtime/base/text.h"
#include "runtime/core/control.h"
#include "runtime/core/create.h"

struct create_options {
	const char *bundle, *pid_file, *console_socket, *preserve_fds;
	bool detach, keep;
};

static int check_count(const char *words, struct err *err)
{
	uint32_t count;

	return text_u32(words, &count) < 0 || count > 1024
		       ? err_say(err, EINVAL, "'%s' is no number of descriptors", words)
		       : 0;
}

#define CREATE_ROWS                                                                                                  \
	{"bundle", 'b', OPTION_STRING, offsetof(struct create_options, bundle), "DIR", "the bundle (default: here)", \
	 NULL,	   NULL},                                                                                            \
		{"pid-file",	0,                                                                                   \
		 OPTION_STRING, offsetof(struct create_options, pid_file),                                           \
		 "FILE",	"write the pid there",                                                               \
		 NULL,		NULL},                                                                               \
		{"console-socket",                                                                                   \
		 0,                                                                                                  \
		 OPTION_STRING,                                                                                      \
		 offsetof(struct create_options, console_socket),                                                    \
		 "SOCKET",                                                                                           \
		 "send the terminal's master there",                                                                 \
		 NULL,                                                                                               \
		 NULL},                                                                                              \
	{                                                                                                            \
		"preserve-fds", 0, OPTION_CHECKED, offsetof(struct create_options, preserve_fds), "N",               \
			"pass descriptors 3 to 3+N-1 on", NULL, check_count                                          \
	}

static const struct option_row create_rows[] = {CREATE_ROWS, OPTIONS_END};
static const struct option_row run_rows[] = {
	CREATE_ROWS,
	{"detach", 'd', OPTION_FLAG, offsetof(struct create_options, detach), NULL, "do not wait for the end", NULL,
	 NULL},
	{"keep", 0, OPTION_FLAG, offsetof(struct create_options, keep), NULL, "do not delete the container at its end",
	 NULL, NULL},
	OPTIONS_END,
};

static int create(struct command_call *call, const struct store *store, bool wait_for_start, struct instance *ret,
		  struct err *err)
{
	const struct create_options *options = call->options;
	struct plan *plan = arena_alloc(call->arena, sizeof(*plan));
	struct create_request request = {
		.store = store,
		.plan = plan,
		.stdio = {0, 1, 2},
		.console_socket = options->console_socket,
		.pid_file = options->pid_file,
		.wait_for_start = wait_for_start,
		.seccomp_cache = oci_seccomp_cache(call, store),
	};
	int result = arena_check(call->arena, err);

	if (result >= 0)
		result = store_check_id(call->operands.items[0], err);
	if (result >= 0)
		result = oci_plan(call, call->operands.items[0], options->bundle, plan, err);
	if (result >= 0 && plan->process.terminal && !options->console_socket)
		return err_say(err, EINVAL,
			       "the process wants a terminal: say with --console-socket where it goes, or set "
			       "process.terminal to false");
	if (result >= 0 && options->preserve_fds)
		result = text_u32(options->preserve_fds, &request.preserve_fds);
	/* What the caller has left open beyond that is not the container's business. */
	if (result >= 0)
		result = fd_cloexec_from(3 + request.preserve_fds, err);
	return result < 0 ? result : create_instance(&request, call->arena, ret, err);
}

static int run_create(struct command_call *call, struct err *err)
{
	CLEANUP_STORE struct store store = {.fd = -1};
	CLEANUP_INSTANCE struct instance instance;
	int result;

	(void)cg_warm_start();
	instance_init(&instance, call->arena, &store);
	result = oci_open_store(call, &store, err);
	return result < 0 ? result : create(call, &store, true, &instance, err);
}

static int run_start(struct command_call *call, struct err *err)
{
	CLEANUP_STORE struct store store = {.fd = -1};
	int result = oci_open_store(call, &store, err);

	return result < 0 ? result : control_start(&store, call->operands.items[0], err);
}

static int run_run(struct command_call *call, struct err *err)
{
	const struct create_options *options = call->options;
	CLEANUP_STORE struct store store = {.fd = -1};
	CLEANUP_INSTANCE struct instance instance;
	struct err ignored = ERR_INIT;
	int result, code;
	pid_t pid;

	(void)cg_warm_start();
	instance_init(&instance, call->arena, &store);
	result = oci_open_store(call, &store, err);
	if (result >= 0)
		result = create(call, &store, false, &instance, err);
	if (result < 0 || options->detach)
		return result;
	pid = instance.init;
	/* With it goes the lock: pause, exec and delete must not have to wait for the end. */
	instance_close(&instance);
	code = oci_wait(pid, err);
	if (!options->keep)
		result = control_delete(&store, call->operands.items[0], true, code < 0 ? &ignored : err);
	return result < 0 ? result : code;
}

const struct command oci_create = {
	.name = "create",
	.operands = "ID",
	.summary = "Create a container that waits for 'start'",
	.options = create_rows,
	.options_bytes = sizeof(struct create_options),
	.min_operands = 1,
	.max_operands = 1,
	.run = run_create,
};
const struct command oci_start = {
	.name = "start",
	.operands = "ID",
	.summary = "Start the program of a created container",
	.min_operands = 1,
	.max_operands = 1,
	.run = run_start,
};
const struct command oci_run = {
	.name = "run",
	.operands = "ID",
	.summary = "Create and start a container, and wait for its end",
	.options = run_rows,
	.options_bytes = sizeof(struct create_options),
	.min_operands = 1,
	.max_operands = 1,
	.run = run_run,
};

// SPDX-License-Identifier: GPL-2.0-or-later
/* create, start, run */
#include <errno.h>
#include <stdio.h>

#include "cgroups/cg.h"
#include "cli/oci/foreground.h"
#include "cli/oci/oci.h"
#include "runtime/base/fd.h"
#include "runtime/base/process.h"
#include "runtime/base/text.h"
#include "runtime/core/control.h"
#include "runtime/core/create.h"
#include "runtime/vm/last_words.h"

#define MAX_PRESERVED 1024

struct create_options {
	const char *bundle, *pid_file, *console_socket, *pidfd_socket, *preserve_fds;
	bool no_pivot, no_new_keyring, no_subreaper, detach, keep, dry_run;
};

int oci_check_count(const char *words, struct err *err)
{
	uint32_t count;

	return text_u32(words, &count) < 0 || count > MAX_PRESERVED
		       ? err_say(err, EINVAL, "'%s' is no number of descriptors", words)
		       : 0;
}

#define FLAG(name, letter, field, help)                                                                   \
	{                                                                                                 \
		name, letter, OPTION_FLAG, offsetof(struct create_options, field), NULL, help, NULL, NULL \
	}
#define WORDS(name, letter, field, argument, help)                                                              \
	{                                                                                                       \
		name, letter, OPTION_STRING, offsetof(struct create_options, field), argument, help, NULL, NULL \
	}

/* What both have. */
#define CREATE_ROWS                                                                                                    \
	WORDS("bundle", 'b', bundle, "DIR", "the bundle (default: here)"),                                             \
		WORDS("pid-file", 0, pid_file, "FILE", "write the pid there"),                                         \
		WORDS("console-socket", 0, console_socket, "SOCKET", "send the terminal's master there"),              \
		WORDS("pidfd-socket", 0, pidfd_socket, "SOCKET", "send a pidfd of the first process there"),           \
		FLAG("no-pivot", 0, no_pivot,                                                                          \
		     "cover the host's root instead of leaving it: for hosts that run from their initial ramfs only"), \
		FLAG("no-new-keyring", 0, no_new_keyring,                                                              \
		     "keep the caller's session keyring: what runs inside can reach the caller's keys"),               \
		FLAG("dry-run", 0, dry_run, "print the plan as JSON, and do nothing"),                                 \
	{                                                                                                              \
		"preserve-fds", 0, OPTION_CHECKED, offsetof(struct create_options, preserve_fds), "N",                 \
			"pass descriptors 3 to 3+N-1 on", NULL, oci_check_count                                        \
	}

static const struct option_row create_rows[] = {CREATE_ROWS, OPTIONS_END};
static const struct option_row run_rows[] = {
	CREATE_ROWS,
	FLAG("detach", 'd', detach, "do not wait for the end"),
	FLAG("keep", 0, keep, "do not delete the container at its end"),
	FLAG("no-subreaper", 0, no_subreaper, "be no subreaper, which this command never is: taken for its callers"),
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
		.pidfd_socket = options->pidfd_socket,
		.new_keyring = !options->no_new_keyring,
		.no_pivot = options->no_pivot,
		.accompanied = !wait_for_start && !options->detach,
		.wait_for_start = wait_for_start,
		.seccomp_cache = oci_seccomp_cache(call, store),
	};
	int result = arena_check(call->arena, err);

	if (result >= 0)
		result = store_check_id(call->operands.items[0], err);
	if (result >= 0)
		result = oci_plan_creation(call, call->operands.items[0], options->bundle, plan, err);
	if (result >= 0)
		result = oci_check_terminal(plan->process.terminal, wait_for_start || options->detach,
					    options->console_socket, err);
	if (result >= 0 && options->preserve_fds)
		result = text_u32(options->preserve_fds, &request.preserve_fds);
	/* What the caller has left open beyond that is not the container's business. */
	if (result >= 0)
		result = fd_cloexec_from(3 + request.preserve_fds, err);
	return result < 0 ? result : create_instance(&request, call->arena, ret, err);
}

/* Everything that is refused without having touched anything is refused here, too. */
static int print_plan(struct command_call *call, struct err *err)
{
	const struct create_options *options = call->options;
	const char *id = call->operands.items[0];
	CLEANUP_TEXT struct text words = TEXT_INIT;
	struct plan *plan = arena_alloc(call->arena, sizeof(*plan));
	int result = plan ? store_check_id(id, err) : arena_check(call->arena, err);

	if (result >= 0)
		result = oci_plan(call, id, options->bundle, plan, err);
	if (result >= 0)
		result = plan_print(plan, &words, err);
	if (result >= 0 && (fputs(text_get(&words), stdout) < 0 || fflush(stdout) != 0))
		result = err_set(err, errno, "write to standard output");
	return result;
}

static int run_create(struct command_call *call, struct err *err)
{
	const struct create_options *options = call->options;
	CLEANUP_STORE struct store store = {.fd = -1};
	CLEANUP_INSTANCE struct instance instance;
	int result;

	instance_init(&instance, call->arena, &store);
	if (options->dry_run)
		return print_plan(call, err);
	/* First of all: after an idle moment nothing takes longer, and what is begun before it costs it a tick. */
	(void)cg_warm_start();
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
	int result;

	instance_init(&instance, call->arena, &store);
	if (options->dry_run)
		return print_plan(call, err);
	(void)cg_warm_start();
	result = oci_open_store(call, &store, err);
	if (result >= 0)
		result = create(call, &store, false, &instance, err);
	return result < 0 || options->detach ? result : oci_accompany(&store, &instance, options->keep, err);
}

const struct command oci_create = {
	.name = "create",
	.exit_status = "0 on success; 127 when the container's program was not found, 126 when it cannot be executed; "
		       "else 1.",
	.operands = "ID",
	.summary = "Create a container that waits for 'start'",
	.description =
		"Where config.json wants no new mount namespace (it joins one by its path, or names none), the root is "
		"the bundle's all the same, and in no mount namespace: it ends with the last process and leaves "
		"nothing, and nobody can mount or unmount anything in it. /proc/self/mountinfo lists nothing of it; "
		"setuid files and files with capabilities give no rights; no user namespace can be made inside. In the "
		"runtime's own mount namespace, and without a user namespace, CAP_SYS_ADMIN and the host's pid "
		"namespace are refused.",
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
	.exit_status = "The program's own, or 128+N when signal N has ended it; with --detach 0. 127 when it was not "
		       "found, 126 when it cannot be executed; where a machine's guest ended it before its program "
		       "had ended, " GUEST_ENDS_HELP "and 125 when the machine failed; 1 when the container could not "
		       "be made.",
	.operands = "ID",
	.summary = "Create and start a container, and wait for its end",
	.description =
		"Without --detach this command passes signals on to the program, relays its terminal where it has one, "
		"and deletes the container at its end. The exit code is the program's own.",
	.options = run_rows,
	.options_bytes = sizeof(struct create_options),
	.min_operands = 1,
	.max_operands = 1,
	.run = run_run,
};

// SPDX-License-Identifier: GPL-2.0-or-later
/* restore */
#include <errno.h>
#include <string.h>

#include "cli/oci/checkpoint_work.h"
#include "cli/oci/foreground.h"
#include "namespaces/lsm.h"
#include "runtime/base/fd.h"
#include "runtime/core/control.h"
#include "runtime/core/restore.h"

struct restore_options {
	struct work_options work;
	const char *bundle, *pid_file, *console_socket, *lsm_profile, *lsm_mount_context;
	bool detach, keep, no_pivot, no_subreaper;
};

static int check_profile(const char *words, struct err *err)
{
	return text_starts(words, "apparmor:") || text_starts(words, "selinux:")
		       ? 0
		       : err_say(err, EINVAL, "'%s' is not apparmor:NAME or selinux:LABEL", words);
}

#define FLAG(name, letter, field, help)                                                                    \
	{                                                                                                  \
		name, letter, OPTION_FLAG, offsetof(struct restore_options, field), NULL, help, NULL, NULL \
	}
#define WORDS(name, letter, field, argument, help)                                                               \
	{                                                                                                        \
		name, letter, OPTION_STRING, offsetof(struct restore_options, field), argument, help, NULL, NULL \
	}
static const struct option_row rows[] = {
	WORK_ROWS(restore_options),
	WORDS("bundle", 'b', bundle, "DIR", "the bundle (default: here)"),
	WORDS("pid-file", 0, pid_file, "FILE", "write the pid there"),
	WORDS("console-socket", 0, console_socket, "SOCKET", "send the terminal's master there"),
	FLAG("detach", 'd', detach, "do not wait for the end"),
	FLAG("keep", 0, keep, "do not delete the container at its end"),
	FLAG("no-subreaper", 0, no_subreaper, "be no subreaper, which this command never is: taken for its callers"),
	FLAG("no-pivot", 0, no_pivot, "refused: criu changes the root in its own way"),
	{"lsm-profile", 0, OPTION_CHECKED, offsetof(struct restore_options, lsm_profile), "TYPE:NAME",
	 "another AppArmor profile or SELinux label for the processes", NULL, check_profile},
	WORDS("lsm-mount-context", 0, lsm_mount_context, "LABEL", "another SELinux label for the mounts"),
	OPTIONS_END,
};

/* CRIU would pass over a label that this kernel has no place for. */
static int check_labels(const struct restore_options *options, struct err *err)
{
	const char *profile = options->lsm_profile ? options->lsm_profile : "";
	const char *colon = strchr(profile, ':');
	const struct lsm_request profiles = {
		.apparmor_profile = text_starts(profile, "apparmor:") ? colon + 1 : NULL,
		.selinux_label = text_starts(profile, "selinux:") ? colon + 1 : NULL,
	};
	const struct lsm_request mounts = {.mount_label = options->lsm_mount_context};

	if (lsm_check(&profiles, err) < 0)
		return err_wrap(err, "option '--lsm-profile': '%s'", profile);
	return lsm_check(&mounts, err) < 0 ? err_wrap(err, "option '--lsm-mount-context'") : 0;
}

static int parse(const struct command_call *call, struct restore_request *ret, struct err *err)
{
	const struct restore_options *options = call->options;
	int result = oci_checkpoint_work(call, &options->work, &ret->work, err);

	if (result < 0)
		return result;
	if (options->no_pivot)
		return err_say(err, ENOTSUP,
			       "option '--no-pivot': criu changes the root in its own way, by pivot_root(2)");
	result = check_labels(options, err);
	if (result < 0)
		return result;
	ret->work.options.lsm_profile = options->lsm_profile;
	ret->work.options.lsm_mount_context = options->lsm_mount_context;
	return store_check_id(call->operands.items[0], err);
}

static int restore(struct command_call *call, const struct store *store, struct instance *ret, struct err *err)
{
	const struct restore_options *options = call->options;
	struct plan *plan = arena_alloc(call->arena, sizeof(*plan));
	struct restore_request request = {
		.creation =
			{
				.store = store,
				.plan = plan,
				.stdio = {0, 1, 2},
				.console_socket = options->console_socket,
				.pid_file = options->pid_file,
				.seccomp_cache = oci_seccomp_cache(call, store),
			},
	};
	int result = plan ? parse(call, &request, err) : arena_check(call->arena, err);

	if (result >= 0)
		result = oci_plan(call, call->operands.items[0], options->bundle, plan, err);
	if (result >= 0)
		result = oci_check_terminal(plan->process.terminal, options->detach, options->console_socket, err);
	if (result >= 0)
		result = fd_cloexec_from(3, err);
	return result < 0 ? result : restore_instance(&request, call->arena, ret, err);
}

static int run_restore(struct command_call *call, struct err *err)
{
	const struct restore_options *options = call->options;
	CLEANUP_STORE struct store store = {.fd = -1};
	CLEANUP_INSTANCE struct instance instance;
	int result;

	(void)cg_warm_start();
	instance_init(&instance, call->arena, &store);
	result = oci_open_store(call, &store, err);
	if (result >= 0)
		result = restore(call, &store, &instance, err);
	return result < 0 || options->detach ? result : oci_accompany(&store, &instance, options->keep, err);
}

const struct command oci_restore = {
	.name = "restore",
	.exit_status =
		"The program's own, or 128+N when signal N has ended it; with --detach 0. 1 when it could not be "
		"restored.",
	.operands = "ID",
	.summary = "Make a container of a checkpoint and a bundle",
	.description =
		"criu(8) does it: the package criu. The container runs on from where 'checkpoint' has left it, with "
		"the bundle's root, bound folders and limits, and with this command's standard input, output and "
		"error. Without --detach this command stays as 'run' does.",
	.options = rows,
	.options_bytes = sizeof(struct restore_options),
	.min_operands = 1,
	.max_operands = 1,
	.run = run_restore,
};

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* exec: its options, and the process that they describe. */
#ifndef HULL_CLI_OCI_EXEC_H
#define HULL_CLI_OCI_EXEC_H

#include "cli/oci/oci.h"

struct exec_options {
	const char *process, *pid_file, *console_socket, *pidfd_socket, *cwd, *user, *apparmor, *label, *preserve_fds;
	struct strv env, groups, caps, cgroups;
	bool detach, tty, no_new_privs, ignore_paused;
};
extern const struct option_row oci_exec_rows[];

/*
 * The process to run: that of --process, or the bundle's with the command; and on top of either what single options
 * say. `config` is the bundle's. Lives in call->arena.
 */
int oci_exec_process(struct command_call *call, const struct config *config, struct config_process *ret,
		     struct err *err);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What `run` and `exec` do until their process ends: pass on signals, and what goes through its terminal. */
#ifndef HULL_CLI_OCI_FOREGROUND_H
#define HULL_CLI_OCI_FOREGROUND_H

#include <stdbool.h>

#include "runtime/base/err.h"
#include "runtime/core/exec.h"
#include "runtime/core/instance.h"

/*
 * Whether somebody will hold the terminal's master: this command, or who listens at the console socket. -EINVAL with
 * words.
 */
int oci_check_terminal(bool terminal, bool detach, const char *console_socket, struct err *err);

/* Looks after a process until its end: its exit code, or -errno. The caller closes `running`. */
int oci_foreground(const struct exec_running *running, struct err *err);

/*
 * The same for the first process of an instance, which this process has made: closes the instance, and unless it is to
 * be kept deletes it in the end. The exit code, or -errno.
 */
int oci_accompany(const struct store *store, struct instance *instance, bool keep, struct err *err);

#endif

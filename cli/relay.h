/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Looking after a process that this command has started inside an instance: its signals, its terminal, its end. */
#ifndef HULL_CLI_RELAY_H
#define HULL_CLI_RELAY_H

#include <stdbool.h>

#include "runtime/base/err.h"
#include "runtime/core/exec.h"

struct relay_request {
	const struct exec_running *running;
	bool interactive;	 /* the user's input goes to the terminal */
	const char *detach_keys; /* NULL: the default, "": none. Only with a terminal that the user types on */
	bool all_signals;	 /* every signal that is not about this command itself, instead of the few below */
};

/*
 * Passes on SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1 and SIGUSR2, and what goes through the pseudo-terminal, if it has
 * one, until the process has ended or the user detaches. The exit code (0 after detaching), or -errno.
 */
int relay_run(const struct relay_request *request, struct err *err);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ending an instance for good: what stop, kill and rm share. */
#ifndef HULL_CLI_HALT_H
#define HULL_CLI_HALT_H

#include "cli/instance.h"

/*
 * Sends `signo`, and SIGKILL after timeout_ms (-1: never); no restart policy brings it back. What it held (ports, its
 * address) is free when this returns; one made with --rm is gone. Success when it is stopped already.
 */
int halt_instance(const struct command_call *call, const struct stores *stores, const struct instance_view *view,
		  int signo, int64_t timeout_ms, struct err *err);

/* The signal that asks this one to end: what the user or the image wants, else SIGTERM. */
int halt_signal(const struct extension *extension);

#endif

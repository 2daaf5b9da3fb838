/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A creation: from a plan to a running program, as one table of phases, each with its undo. And its reverse.
 */
#ifndef HULL_RUNTIME_CORE_CREATE_H
#define HULL_RUNTIME_CORE_CREATE_H

#include <stdbool.h>

#include "runtime/base/err.h"
#include "runtime/core/instance.h"

/*
 * Runs all phases. On success the record says created (wait_for_start) or running, and `instance` holds what the caller
 * may need: pid, pidfd, terminal. On failure nothing is left. Must be called from a process with one thread, which
 * becomes the parent of the program.
 */
int create_instance(const struct create_request *request, struct arena *arena, struct instance *ret, struct err *err);

/*
 * Opens an instance from its record, locked, for anything but creating. `words` is its id.
 */
int create_open(const struct store *store, struct arena *arena, const char *id, struct instance *ret, struct err *err);

/*
 * Takes back all that a creation did: every phase's undo, newest first. The instance must be stopped, or its creation
 * interrupted. Locked.
 */
int create_undo(struct instance *instance, struct err *err);

#endif

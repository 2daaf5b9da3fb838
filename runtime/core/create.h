/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A creation: from a plan to a running program, as one table of phases, each with its undo. And its reverse.
 */
#ifndef HULL_RUNTIME_CORE_CREATE_H
#define HULL_RUNTIME_CORE_CREATE_H

#include <stdbool.h>

#include "runtime/base/err.h"
#include "runtime/core/instance.h"

struct create_request {
	const struct store *store;
	const struct plan *plan; /* must live as long as the instance */
	const char *data_dir;	 /* hull run's instances: their data folder; else NULL */
	int stdio[3]; /* what the program gets as 0, 1 and 2; -1: /dev/null. Not used with a terminal. The caller's */
	bool kept;    /* a keeper comes: streams of their own instead of `stdio` */
	const char
		*console_socket;   /* where a terminal's master is sent (OCI), or NULL: it is instance->terminal then */
	const char *pid_file;	   /* or NULL */
	unsigned preserve_fds;	   /* descriptors 3 … 3+n-1 are passed on */
	bool wait_for_start;	   /* `create`: the program waits for control_start(); else it is started at once */
	const char *seccomp_cache; /* a 0700 folder for compiled filters, made where missing; NULL: none */
};

/*
 * Runs all phases. On success the record says created (wait_for_start) or running, and `instance` holds what the caller may need: pid, pidfd, terminal.
 * On failure nothing is left. Must be called from a process with one thread, which becomes the parent of the program.
 */
int create_instance(const struct create_request *request, struct arena *arena, struct instance *ret, struct err *err);

/*
 * Opens an instance from its record, locked, for anything but creating. `words` is its id.
 */
int create_open(const struct store *store, struct arena *arena, const char *id, struct instance *ret, struct err *err);

/* Takes back all that a creation did: every phase's undo, newest first. The instance must be stopped, or its creation interrupted. Locked. */
int create_undo(struct instance *instance, struct err *err);

#endif

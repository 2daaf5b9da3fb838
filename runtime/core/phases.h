/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A creation as a table of phases, each with its undo.
 *
 * A phase that fails cleans up after itself; the runner then undoes the earlier ones, newest first. The same table, run
 * backwards on an instance that was opened from its record, is deletion, and what finishes a creation that was killed.
 * So an undo accepts 'nothing was done' and 'half was done', and is safe to run twice.
 */
#ifndef HULL_RUNTIME_CORE_PHASES_H
#define HULL_RUNTIME_CORE_PHASES_H

#include <stddef.h>

#include "runtime/base/err.h"

struct instance;

struct phase {
	const char *name; /* one word, for errors and for fault injection */
	/* 0 or -errno. May be NULL: a phase with only an undo. */
	int (*run)(struct instance *instance, struct err *err);
	/*
	 * 0, or -errno when something could not be taken back; the rest is undone all the same. May be NULL.
	 */
	int (*undo)(struct instance *instance, struct err *err);
};

/* Runs all; on failure undoes what was done. Returns 0, or the first failure: `err` tells of that one only. */
int phases_run(const struct phase *phases, size_t count, struct instance *instance, struct err *err);

/*
 * Undoes all, newest first. Returns 0, or the first failure. The others are tried nevertheless, but for the very first
 * phase: by what that one made, the next command finds what could not be taken back, and tries again.
 */
int phases_undo(const struct phase *phases, size_t count, struct instance *instance, struct err *err);

#endif

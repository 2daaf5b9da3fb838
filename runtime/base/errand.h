/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Something done by another process as if the caller did it: for work that has to be in another namespace of a kind
 * that the caller could not come back from.
 *
 * That process borrows the caller's memory and its descriptors, while the caller stands still: what it writes, opens
 * and closes is the caller's when it has ended. What stays its own: its number, its namespaces, its root and working
 * directory, its user and rights.
 */
#ifndef HULL_RUNTIME_BASE_ERRAND_H
#define HULL_RUNTIME_BASE_ERRAND_H

#include <stdint.h>

#include "runtime/base/err.h"

/*
 * Runs `run` with `context` and `err` in such a process, made with `namespaces` (CLONE_NEW*, not CLONE_NEWPID nor
 * CLONE_NEWUSER), and waits for its end. Returns what `run` returned; -EINTR with words where the process was killed
 * before that. It is killed when the caller is. From a process with one thread; half a mebibyte of its stack is lent.
 */
int errand_run(uint64_t namespaces, int (*run)(void *context, struct err *err), void *context, struct err *err);

#endif

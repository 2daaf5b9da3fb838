/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What has to be read from the bundle again by a command that comes after the creation: its later hooks, and where its
 * seccomp agent listens.
 */
#ifndef HULL_RUNTIME_CORE_BUNDLE_HOOKS_H
#define HULL_RUNTIME_CORE_BUNDLE_HOOKS_H

#include "runtime/base/arena.h"
#include "runtime/base/err.h"
#include "runtime/spec/plan.h"
#include "runtime/spec/record.h"

/*
 * Runs the bundle's poststart or poststop hooks, with the state on their standard input. What fails is logged (see
 * hooks_run()). A bundle that is gone or can't be read has none: the instance has to be taken back all the same.
 */
void bundle_run_hooks(struct arena *arena, const struct record *record, enum plan_hook_kind kind,
		      enum record_status status);

/* Hands a seccomp notify descriptor to the agent that the bundle's profile names. `listener` stays the caller's. */
int bundle_send_listener(struct arena *arena, const struct record *record, int listener, struct err *err);

#endif

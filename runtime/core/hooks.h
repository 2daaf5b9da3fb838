/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * OCI hooks (config.md, "POSIX-platform Hooks"): programs that are run at points of an instance's life, with its state
 * on standard input.
 */
#ifndef HULL_RUNTIME_CORE_HOOKS_H
#define HULL_RUNTIME_CORE_HOOKS_H

#include <stddef.h>

#include "runtime/base/err.h"
#include "runtime/spec/plan.h"

/*
 * Runs the hooks in order, each with `state` on its standard input, its own environment only, and a time limit where it
 * has one (then it and its process group are killed). The first that fails ends it: -errno with words that name the
 * hook and how it ended. Call from the process and in the namespaces where the specification wants this kind of hook to
 * run.
 *
 * Of poststart and poststop hooks all are run: one that fails is logged and passed over, as the specification wants it
 * (runtime.md, "Lifecycle").
 */
int hooks_run(const plan_hook_list *hooks, enum plan_hook_kind kind, const void *state, size_t state_len,
	      struct err *err);

#endif

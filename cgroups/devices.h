/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Device rules: which device nodes a container may make and open. v1 has a controller for them, v2 takes a BPF program.
 */
#ifndef HULL_CGROUPS_DEVICES_H
#define HULL_CGROUPS_DEVICES_H

#include <stdbool.h>
#include <stddef.h>

#include "cgroups/folder.h"
#include "cgroups/limits.h"
#include "runtime/base/err.h"

/* Whether the rules are well formed, and this layout can express them. No limits (NULL) or no rules: success. */
int cg_devices_check(const struct cg_limits *limits, const struct cg_layout *layout, struct err *err);
/*
 * Puts the rules in force. `fresh`: no process is in the cgroup yet. A cgroup without folders (disabled) takes none,
 * with success.
 */
int cg_devices_apply(const struct cg *cg, const struct cg_limits *limits, bool fresh, struct err *err);

#endif

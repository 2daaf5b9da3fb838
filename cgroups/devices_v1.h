/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Device rules for v1's devices controller.
 */
#ifndef HULL_CGROUPS_DEVICES_V1_H
#define HULL_CGROUPS_DEVICES_V1_H

#include <stdbool.h>
#include <stddef.h>

#include "cgroups/folder.h"
#include "cgroups/limits.h"
#include "runtime/base/err.h"

/*
 * Whether ordered rules can be said as one default and exceptions from it. Pure. -ENOTSUP with words that name the
 * rule.
 */
int cg_devices_v1_check(const struct cg_device_rule *rules, size_t count, struct err *err);
/* Writes them. Unless `fresh`, what is newly allowed is so before what is denied from now on. */
int cg_devices_v1_apply(const struct cg_folder *folder, const struct cg_device_rule *rules, size_t count, bool fresh,
			struct err *err);

#endif

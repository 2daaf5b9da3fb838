/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Folders in a tree of the first design, and freezing in one. The waits end at `deadline_ns` of proc_monotonic_ns().
 */
#ifndef HULL_CGROUPS_V1_H
#define HULL_CGROUPS_V1_H

#include <stdbool.h>
#include <stdint.h>

#include "cgroups/folder.h"
#include "runtime/base/err.h"

/*
 * Makes a folder with its parents, unless it is open (cg_ahead_start()), and all that a new one needs. The open folder,
 * or -errno; what it made of the folder itself is removed again on failure.
 */
int cg_v1_make(const struct cg_folder *folder, struct err *err);

/* Freezes or thaws one folder. 0, -ETIMEDOUT or another -errno. */
int cg_v1_freeze(int fd, bool frozen, uint64_t deadline_ns);
int cg_v1_frozen(int fd, bool *ret);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Folders in the unified tree: making one, events, freezing, killing.
 */
#ifndef HULL_CGROUPS_V2_H
#define HULL_CGROUPS_V2_H

#include <stdbool.h>
#include <stdint.h>

#include "cgroups/folder.h"
#include "runtime/base/err.h"

/*
 * Makes a folder with its parents, unless it is open (cg_ahead_start()). The open folder, or -errno; what it made of
 * the folder itself is removed again on failure. `wanted` controllers are enabled down to it where that works, `needed`
 * ones must be.
 */
int cg_v2_make(const struct cg_folder *folder, uint32_t wanted, uint32_t needed, struct err *err);
/*
 * Hands controllers down to a folder that somebody else has made, from the top. Those that have reached it are left
 * alone. 0 or -errno.
 */
int cg_v2_hand_down(const struct cg_folder *folder, uint32_t needed, struct err *err);

/*
 * Freezes or thaws one folder and all below. 0, -ETIMEDOUT at `deadline_ns` of proc_monotonic_ns(), or another -errno.
 */
int cg_v2_freeze(int fd, bool frozen, uint64_t deadline_ns);
int cg_v2_frozen(int fd, bool *ret);
bool cg_v2_can_freeze(int fd);
/* Everything below and in it gets SIGKILL at once. -ENOENT before Linux 5.14. */
int cg_v2_kill(int fd);
/* An event descriptor (poll for POLLPRI) on cgroup.events. The descriptor, or -errno. */
int cg_v2_events_open(int fd);
/* The value of `key` in a file of "key value" lines read at offset 0 of `file_fd`. -ENODATA: no such key. */
int cg_v2_event(int events_fd, const char *key, uint64_t *ret);

#endif

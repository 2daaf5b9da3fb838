/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which of a container's mounts come from the host: CRIU saves none of them, and is told where each comes from when the
 * container is restored.
 *
 * Each has a key, the same at both times, and the one that other runtimes use: what is bound at DESTINATION (and what
 * the host had mounted below that) has the destination's name; what covers a masked file is "/dev/null".
 */
#ifndef HULL_RUNTIME_CORE_CRIU_MOUNTS_H
#define HULL_RUNTIME_CORE_CRIU_MOUNTS_H

#include <sys/types.h>

#include "runtime/base/arena.h"
#include "runtime/base/err.h"
#include "runtime/core/criu_message.h"
#include "runtime/spec/plan.h"

/* Of a mount of some process's mountinfo. */
struct mount_seen {
	uint64_t id;
	const char *place, *type; /* where it is mounted; the file system */
};
typedef LIST_OF(struct mount_seen) mounts_seen;

/* Parses the text of a mountinfo, which is changed. In the arena. */
int mounts_seen_parse(struct arena *arena, char *mountinfo, mounts_seen *ret, struct err *err);
/* Those of a process; pid 0: of this one. */
int mounts_seen_of(struct arena *arena, pid_t pid, mounts_seen *ret, struct err *err);

/* For a dump: place inside and key of each that is there. `root_fd` is the container's root. */
int criu_mounts_inside(struct arena *arena, const struct plan *plan, int root_fd, const mounts_seen *inside,
		       criu_pairs *ret, struct err *err);

/*
 * A view of what is bound, for a restore: STAGE/name shows `rest` ("" or "/below") of the plan's root.mounts[mount],
 * and nothing of what is mounted in it.
 */
struct criu_view {
	size_t mount;
	const char *name, *rest;
};
typedef LIST_OF(struct criu_view) criu_views;

#define STAGE_DEVICE 'd' /* and the index among the default ones, then root.devices: views of devices that are bound */
#define STAGE_NULL   "null" /* of the null device, for masked files */

/*
 * For a restore: key and source. What the plan binds is found as views below `stage`, which the caller makes; all else
 * where it is on the host. `host`: this process's mounts, of which some are below a bind's source.
 */
int criu_mounts_outside(struct arena *arena, const struct plan *plan, const char *stage, const mounts_seen *host,
			criu_pairs *ret, criu_views *ret_views, struct err *err);

#endif

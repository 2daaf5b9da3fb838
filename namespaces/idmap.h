/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Maps of user and group ids between a container and the host, and writing them into a user namespace.
 */
#ifndef HULL_NAMESPACES_IDMAP_H
#define HULL_NAMESPACES_IDMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "runtime/base/err.h"
#include "runtime/base/scope.h"

#define IDMAP_MAX_RANGES 340 /* the kernel's bound (UID_GID_MAP_MAX_EXTENTS) */

struct idmap_range {
	uint32_t inside;  /* first id as the container sees it */
	uint32_t outside; /* first id in the parent namespace (the host) */
	uint32_t count;
};

/* Plain data; the ranges belong to whoever made the map. */
struct idmap {
	const struct idmap_range *uids, *gids;
	size_t uid_count, gid_count;
};

/*
 * Whether the kernel can take the map: 1 to 340 ranges a side, no count of 0, no overflow past 2^32 - 2, and no
 * overlap, inside or outside. Pure: for the plan. -EINVAL with words that name the range.
 */
int idmap_check(const struct idmap *map, struct err *err);

/*
 * Writes the map of the user namespace that process `pid` has just been born in. `set_groups_allowed` false writes
 * "deny" to its setgroups first, for good; it is denied anyway where the kernel demands that (an unprivileged writer
 * that maps only its own group). A writer without CAP_SETUID and CAP_SETGID whose map is more than its own ids goes
 * through /usr/bin/newuidmap and newgidmap. Parent, after the clone, before the child does anything with ids. May be
 * called once for a namespace (-EPERM).
 */
int idmap_write(pid_t pid, const struct idmap *map, bool set_groups_allowed, struct err *err);

/* The host's id for one inside. 0, or -ERANGE where the map does not have it. Pure. */
int idmap_to_host_uid(const struct idmap *map, uint32_t inside, uint32_t *ret_outside);
int idmap_to_host_gid(const struct idmap *map, uint32_t inside, uint32_t *ret_outside);

/*
 * A user namespace with this map that no container lives in: for an id-mapped mount with a mapping of its own. A
 * short-lived child makes it; the descriptor (the caller's) keeps it. Costs a fork: for a container's own map use its
 * own namespace. Parent only; the caller has one thread and does not reap children of others meanwhile.
 */
int idmap_userns(const struct idmap *map, struct err *err);

#endif

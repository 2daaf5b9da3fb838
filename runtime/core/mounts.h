/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Mounts that come into a running instance, and leave it again. What is shown is opened on the host, with the caller's
 * rights; where it goes is found inside, with those of the container's own root: so that no path of either is resolved
 * by the other.
 */
#ifndef HULL_RUNTIME_CORE_MOUNTS_H
#define HULL_RUNTIME_CORE_MOUNTS_H

#include <stddef.h>

#include "namespaces/root_request.h"
#include "runtime/base/err.h"
#include "runtime/base/text.h"
#include "runtime/core/store.h"

/*
 * Bind mounts, in order; all of them, or none. They are noted in the record. -EINVAL: not of a kind, or not in a state,
 * that allows it.
 */
int mounts_add(const struct store *store, const char *id, const struct mount_request *mounts, size_t count,
	       struct err *err);

/*
 * Removes what mounts_add() has put there, with what is mounted below it. -ENOENT, and nothing is done, when one of the
 * destinations has none. One that the container has unmounted itself is success.
 */
int mounts_remove(const struct store *store, const char *id, const struct strv *destinations, struct err *err);

#endif

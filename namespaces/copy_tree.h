/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Copies of folders, by descriptor: what a new tmpfs or volume begins with, and an image's layers where their ids
 * cannot be mapped.
 */
#ifndef HULL_NAMESPACES_COPY_TREE_H
#define HULL_NAMESPACES_COPY_TREE_H

#include <stdbool.h>
#include <stdint.h>

#include "namespaces/idmap.h"
#include "runtime/base/err.h"

struct copy_how {
	const char *what; /* in front of errors */
	/* NULL: owners stay. Else ids in the source are those inside, and the copy has the host's: copy_owner.h */
	const struct idmap *map;
	/*
	 * A layer: also FIFOs, sockets, overlay's whiteouts, and the extended attributes that mean something there
	 * (copy_owner.h). Without it these are left out. Device nodes always are: containers get theirs from hull.
	 */
	bool is_layer;
	/*
	 * an empty folder on the copy's file system, which keeps a name for each file that has several, so that the
	 * copy has one file there too; -1: each name becomes a file of its own
	 */
	int links_dirfd;
};

/*
 * Copies folders, files (holes stay holes) and symlinks with owner, mode and times from one folder into another, which
 * is empty, and gives that one the owner and mode of the first. By descriptor, following no link: the source is hostile
 * and may change meanwhile; nobody else may reach the copy. Further mounts are left out. -E2BIG: folders deeper than
 * 200, or more than a million entries. `*ret_bytes` (may be NULL): the contents of the files. A failure leaves half a
 * copy.
 */
int copy_tree(int from_dirfd, int to_dirfd, const struct copy_how *how, uint64_t *ret_bytes, struct err *err);

#endif

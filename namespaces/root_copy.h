/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A container's own copy of a layer, for file systems that cannot map ids (and ones that another user namespace owns):
 * what an id-mapped mount would show, written to disk once. It costs the layer's size for each container, and the time
 * to write it, so it is said.
 */
#ifndef HULL_NAMESPACES_ROOT_COPY_H
#define HULL_NAMESPACES_ROOT_COPY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "namespaces/idmap.h"
#include "runtime/base/err.h"

/* Where the copies of one container go. */
struct root_copies {
	/* absolute, 0700: they are its folder "layers", which goes with it and is used again by its next start */
	const char *instance_dir;
	const struct idmap *map; /* the container's: always the same one for the same folder */
	bool is_volatile;	 /* they go with this run: nothing is synced to disk */
};

/*
 * A detached mount (the caller's) of the copy of the layer that `layer_fd` is a mount of. It is made where there is no
 * whole one yet: beside it, and renamed when it is done, so that a crash leaves nothing that could be taken for one.
 * `index` tells the layers of a container apart. `*ret_bytes`: what was written now, 0 when there was one. Nothing is
 * left of a copy that fails. Parent.
 */
int root_copy_layer(const struct root_copies *copies, int layer_fd, size_t index, uint64_t *ret_bytes, struct err *err);

/*
 * A file that hull has made for one container in `instance_dir` (its hosts file) needs no copy: it is given to the
 * container's root. `fd` (O_PATH is enough) is such a file.
 */
bool root_copy_is_own(const struct root_copies *copies, const char *path);
int root_copy_give(const struct root_copies *copies, int fd, const char *path, struct err *err);

#endif

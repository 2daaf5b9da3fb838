/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who a copied file belongs to, and what it lets its users do: owner, mode, access lists, file capabilities, times.
 *
 * With an id map the copy looks, to processes in the user namespace that has this map, as the original does on an
 * id-mapped mount. So an owner that the map does not have becomes nobody there, whose setuid and setgid bits mean
 * nothing: the bits are dropped, and the file goes to an id that no container has.
 */
#ifndef HULL_NAMESPACES_COPY_OWNER_H
#define HULL_NAMESPACES_COPY_OWNER_H

#include <stdbool.h>
#include <sys/stat.h>

#include "namespaces/idmap.h"
#include "runtime/base/err.h"

/* Both descriptors must be open for reading (or writing). `name` is for words. `map` NULL: as it is. */
int copy_owner(int fd, const struct stat *info, const struct idmap *map, const char *name, struct err *err);
/* The same for what cannot be opened without consequences: symlinks, FIFOs, sockets. Not followed. */
int copy_owner_at(int dirfd, const struct stat *info, const struct idmap *map, const char *name, struct err *err);

/*
 * The extended attributes of a layer's file or folder: file capabilities, access lists (both moved by `map`), "user."
 * ones, and that an overlay folder is opaque. All others are left out: labels are a mount's, and what overlay writes
 * elsewhere is not to be believed from an image. After copy_owner(), which takes capabilities away.
 */
int copy_xattrs(int from, int to, const struct idmap *map, const char *name, struct err *err);

#endif

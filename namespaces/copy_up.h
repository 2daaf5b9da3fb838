/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * "tmpcopyup": a new tmpfs starts with what the folder that it covers has in it.
 */
#ifndef HULL_NAMESPACES_COPY_UP_H
#define HULL_NAMESPACES_COPY_UP_H

#include "runtime/base/err.h"

/*
 * Copies folders, files and symlinks with owner, mode and time from one folder into another, by descriptor and without following a link;
 * the source is hostile and may change meanwhile. Other kinds of files and further mounts are left out. Folders deeper than 64 and more
 * than a million entries are refused (-E2BIG); the tmpfs's own size bounds the bytes. Child.
 */
int copy_up(int from_dirfd, int to_dirfd, struct err *err);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What an unpacked file wears: owner, mode, times, attributes. Inside images/ only.
 */
#ifndef HULL_IMAGES_UNPACK_ENTRY_H
#define HULL_IMAGES_UNPACK_ENTRY_H

#include <archive.h>
#include <archive_entry.h>
#include <stdint.h>
#include <time.h>

#include "runtime/base/err.h"

/* Where an entry goes. */
struct unpack_place {
	const char *path; /* from the root, cleaned */
	int parentfd;
	const char *name; /* one component: no '/', no ".." */
};

struct timespec unpack_mtime(struct archive_entry *entry);

/*
 * A file or folder that is open: owner, mode, attributes, time, in the order in which one does not undo the other.
 * Counts what it leaves out.
 */
int unpack_dress_fd(int fd, struct archive_entry *entry, uint64_t *xattrs_left_out, struct err *err);
/*
 * A symlink or fifo, which cannot be opened: owner, mode (of a fifo) and time. The name was just made by this process.
 */
int unpack_dress_name(const struct unpack_place *place, struct archive_entry *entry, struct err *err);
/* Hides what lower layers have in the folder `name` of `parentfd`. */
int unpack_set_opaque(int parentfd, const char *name, struct err *err);

#endif

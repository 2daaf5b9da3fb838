/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Masked and read-only paths: files hidden behind a null device, folders behind an empty read-only tmpfs, and paths
 * that become read-only where they are.
 *
 * The null device is never the container's /dev/null (an image can make a symlink of it): the parent opens the host's
 * as a detached mount and verifies its numbers. The first mask uses that mount itself, each later one a clone of it.
 */
#ifndef HULL_NAMESPACES_MASK_H
#define HULL_NAMESPACES_MASK_H

#include <stdbool.h>

#include "runtime/base/err.h"
#include "runtime/base/scope.h"

struct mask_cover {
	int null_fd;		    /* the verified null device; -1: not opened */
	int empty_fd;		    /* the empty tmpfs; made when the first folder is masked; -1: not yet */
	bool null_used, empty_used; /* attached already: later masks clone it */
};
#define MASK_COVER_INIT ((struct mask_cover){.null_fd = -1, .empty_fd = -1})

/* Opens and verifies the null device. Parent, before the clone. */
int mask_open(struct mask_cover *ret, struct err *err);

/* Hides a path below the root. One that is not there is success. Child, when all mounts are there. */
int mask_hide(struct mask_cover *cover, int rootfd, const char *path, struct err *err);

/* Makes a path below the root, and all that is mounted below it, read-only. One that is not there is success. Child. */
int mask_readonly(int rootfd, const char *path, struct err *err);

void mask_close(struct mask_cover *cover);

#endif

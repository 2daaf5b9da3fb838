/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Taking away what nothing refers to: layers and blobs of no image, records of removed images that nobody holds any
 * more, and what imports that died have left.
 */
#ifndef HULL_IMAGES_GC_H
#define HULL_IMAGES_GC_H

#include "images/event.h"
#include "runtime/base/err.h"

/*
 * Under the exclusive lock it only looks and renames into trash/, so that a start waits for no deletion; then it
 * deletes. A crash anywhere leaves things in trash/ for the next one. Waits for imports at work. A store that does not
 * exist is clean.
 */
int gc_run(const char *store, const struct image_watch *watch, struct err *err);

#endif

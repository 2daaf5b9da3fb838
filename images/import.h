/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Images into the store: from a folder, a tar of a root file system, an OCI image layout, a docker-archive (`docker
 * save`), the latter two as folders or as tar. Every layer is verified by the digests that the source promises. Only in
 * the hull-image program, as root.
 */
#ifndef HULL_IMAGES_IMPORT_H
#define HULL_IMAGES_IMPORT_H

#include "images/event.h"
#include "images/request.h"
#include "runtime/base/err.h"

/*
 * Imports; the images that came in are told to `watch` (IMAGE_EVENT_IMAGE). On failure nothing of it is in the catalog.
 */
int import_run(const char *store, const struct image_import *import, const struct image_watch *watch, struct err *err);

#endif

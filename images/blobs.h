/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The content store: configs and manifests as they came, each a file named by its digest and written once.
 * Layers are kept unpacked only (images/layers.h).
 */
#ifndef HULL_IMAGES_BLOBS_H
#define HULL_IMAGES_BLOBS_H

#include <stddef.h>

#include "images/reference.h"
#include "runtime/base/arena.h"
#include "runtime/base/err.h"

/*
 * Puts bytes in, durably, and tells their sha256 digest. Being there already is success. The caller holds the store's
 * lock shared.
 */
int blobs_put(const char *store, const void *bytes, size_t len, char ret_digest[static REFERENCE_DIGEST_BYTES],
	      struct err *err);

#endif

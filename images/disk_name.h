/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the disks of layers are called below STORE/disks (disk.h). Inside images/ only. */
#ifndef HULL_IMAGES_DISK_NAME_H
#define HULL_IMAGES_DISK_NAME_H

#include <stddef.h>

#include "runtime/base/err.h"

#define DISK_NAME_BYTES 96

/*
 * Of one layer: "HEX.erofs". `layer` ends with its diff ID's 64 digits: "…/layers/HEX". 0, or -EINVAL with words when
 * it does not.
 */
int disk_name_of_layer(const char *layer, char to[static DISK_NAME_BYTES], struct err *err);
/*
 * Of layers merged into one, top first: "chain-HEX.erofs", by their chain ID (OCI image specification, config.md,
 * "Layer ChainID").
 */
int disk_name_of_chain(const char *const *layers, size_t count, char to[static DISK_NAME_BYTES], struct err *err);

#endif

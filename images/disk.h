/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Layers as disks for a guest: each layer's folder as a read-only EROFS image, made once and kept in the store.
 *
 *     STORE/disks/HEX.erofs         the layer of that diff ID as it is, with its whiteouts and opaque folders, which
 *                                   the guest's overlay reads
 *     STORE/disks/chain-HEX.erofs   several layers merged into one tree, named by their chain ID (OCI image
 *                                   specification, config.md)
 *
 * An image appears under its name when it is whole and on disk, and goes with its layers (gc.h). It is made by
 * mkfs.erofs of Debian's erofs-utils, and the writable disk by mke2fs of e2fsprogs: both are looked for below
 * /usr/sbin, /usr/bin, /sbin, /bin, never by PATH.
 */
#ifndef HULL_IMAGES_DISK_H
#define HULL_IMAGES_DISK_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "images/event.h"
#include "runtime/base/arena.h"
#include "runtime/base/err.h"

/* A guest has a place for this many; an image of more layers is given to it as one merged disk. */
#define DISK_MAX_LAYERS 8

struct disks {
	const char **paths; /* absolute, top first */
	size_t count;
};

/*
 * The disks of an image: `layers` are its folders in the store, top first (struct image, images/image.h). What is
 * missing is made, which takes a second for some 100 MiB; several may ask at once, one makes it. Hold the image first
 * (catalog_hold()). Needs root. Paths live in `arena`. 0; -ENOENT with words that name the package when mkfs.erofs is
 * not installed; -errno. `watch` (NULL: nobody) is told of each that is made.
 */
int disk_layers(struct arena *arena, const char *store, const char *const *layers, size_t layer_count,
		const struct image_watch *watch, struct disks *ret, struct err *err);

/* The writable layer of a guest. */
struct disk_writable {
	uint64_t size_bytes; /* of the disk; the file holds only what was written. At least DISK_MIN_BYTES */
	uid_t uid;	     /* of its folder "upper": what the guest sees as "/" */
	gid_t gid;
	mode_t mode;
};
#define DISK_MIN_BYTES	   ((uint64_t)16 << 20)
#define DISK_DEFAULT_BYTES ((uint64_t)10 << 30)

/*
 * Makes `path`, a sparse ext4 image with the folders /upper and /work, unless it is there already (a machine that is
 * started again). It appears when it is whole. 0, or -errno with words.
 */
int disk_writable(const char *path, const struct disk_writable *how, struct err *err);
/*
 * What disk_writable() wants for an image: the owner and mode of its topmost layer's root, as overlay_prepare() does.
 */
int disk_writable_like(const char *top_layer, uint64_t size_bytes, struct disk_writable *ret, struct err *err);

#endif

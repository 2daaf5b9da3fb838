/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The catalog: names to images, and who uses them. On the start path: finding an image opens and reads one small file.
 *
 * The store, below `store` (/var/lib/hull/images; every folder is 0700, because layers hold setuid files):
 *
 *     lock              whoever adds or holds takes it shared, whoever removes takes it exclusive
 *     names/NAME        a symlink to ../ids/HEX.json; NAME is the full name with ',' for '/'
 *     ids/HEX.json      an image: its config and its layers, ready to use
 *     removed/HEX.json  an image that was removed by force while an instance held it
 *     holds/INSTANCE    a symlink whose target is the HEX of the image that the instance uses
 *     layers/HEX/       an unpacked layer, named by its diff ID
 *     disks/            layers as disks for guests (disk.h)
 *     blobs/sha256/HEX  configs and manifests as they came
 *     tmp/              what is being made, by holders of the shared lock
 *     trash/            what is being deleted
 *
 * Everything appears by one rename or symlink after all that it refers to is on disk, so that a crash at any point
 * leaves only things that nothing names, which gc_run() (images/gc.h) takes away.
 */
#ifndef HULL_IMAGES_CATALOG_H
#define HULL_IMAGES_CATALOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "images/image.h"
#include "runtime/base/arena.h"
#include "runtime/base/err.h"
#include "runtime/base/text.h"

/*
 * Finds an image: by name as reference_candidates() reads it, by name@digest (the manifest's), or by id or the
 * beginning of an id. A name goes before an id. Strings live in the arena. 0; -ENOENT with words; -EEXIST when the
 * beginning of an id means several; -EINVAL for words that are neither. Takes no lock: what it names stays until
 * gc_run(), so catalog_hold() first checks that the image is still there.
 */
int catalog_find(struct arena *arena, const char *store, const char *words, struct image *ret, struct err *err);

/* All images with all their names, newest import first. A store that does not exist is empty. */
int catalog_list(struct arena *arena, const char *store, struct image **ret, size_t *ret_count, struct err *err);

/* Gives the image `id` another name (moves it when another image has it). `name` as for an import: "app:1". */
int catalog_tag(const char *store, const char *id, const char *name, struct err *err);

/* What catalog_remove() did. */
struct catalog_removal {
	struct strv untagged;	 /* full names that are gone */
	char id[IMAGE_ID_BYTES]; /* the image that is gone, or "" when it keeps other names */
};
/*
 * Removes a name, or an image by id, with Docker's rules: a name goes; with its last name the image goes, which is
 * refused (-EBUSY, the instance is named) while an instance holds it. An id with several names is refused (-EBUSY).
 * `force` removes all names of an id, and the image from sight even when it is held: its layers stay until the last
 * instance is gone. The space is freed by gc_run(), which the caller runs next. `arena` keeps what *ret points to.
 */
int catalog_remove(struct arena *arena, const char *store, const char *words, bool force, struct catalog_removal *ret,
		   struct err *err);

/*
 * `instance` uses image `id` from now on: gc_run() keeps its layers. Order: the instance's folder is made first, then
 * the hold, then the files in the folder. So a hold without a folder is surely left over, and (the journal keeps the
 * order of both, being on one file system) no instance survives a power cut without its hold, and no fsync is needed
 * here. 0; -ENOENT when the image has gone meanwhile. Holding again is fine. Waits while gc_run() sorts out.
 */
int catalog_hold(const char *store, const char *id, const char *instance, struct err *err);
/* Ends it. Nothing held is fine. */
int catalog_release(const char *store, const char *instance, struct err *err);

/* Every hold, as "INSTANCE=sha256:HEX". */
int catalog_holds(struct arena *arena, const char *store, struct strv *ret, struct err *err);
/* Ends the holds of instances for which is_there() says no. Returns how many. */
int catalog_sweep_holds(const char *store, bool (*is_there)(const char *instance, void *context), void *context,
			struct err *err);

/* --- for whoever puts images in: import.h, gc.h --- */

/* Makes the folders of the store where they are missing. */
int catalog_prepare(const char *store, struct err *err);
/* Takes the store's lock; the descriptor is the lock. */
int catalog_lock_shared(const char *store, struct err *err);
int catalog_lock_exclusive(const char *store, struct err *err);

/* Puts an image in. The layers named must be in place; the caller holds the lock shared. */
int catalog_put(const char *store, const struct catalog_entry *entry, struct err *err);

/*
 * What gc_run() must keep: the parts of all listed images, and of removed ones that are held, in no order and with
 * repetitions.
 */
struct catalog_live {
	struct strv layers; /* names of folders below layers/ */
	struct strv disks;  /* of files below disks/, whether there or not */
	struct strv blobs;  /* of files below blobs/sha256/ */
};
int catalog_live_parts(struct arena *arena, const char *store, struct catalog_live *ret, struct err *err);

#endif

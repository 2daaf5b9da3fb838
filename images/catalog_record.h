/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How the catalog looks on disk: the record of an image (JSON, one file), and names as file names. Inside images/ only.
 */
#ifndef HULL_IMAGES_CATALOG_RECORD_H
#define HULL_IMAGES_CATALOG_RECORD_H

#include "images/image.h"
#include "runtime/base/arena.h"
#include "runtime/base/err.h"

/* An image with what only the files say. */
struct catalog_record {
	struct image image;
	const char *hex; /* the digits of image.id */
};

/*
 * Reads the record in `dirfd`/`name` (AT_FDCWD and an absolute path, or a listed file). Layer paths begin with `store`.
 */
int catalog_record_read(struct arena *arena, const char *store, int dirfd, const char *name, struct catalog_record *ret,
			struct err *err);
/* Writes ids/HEX.json durably. */
int catalog_record_write(const char *store, const struct catalog_entry *entry, struct err *err);

/* "sha256:HEX" to its HEX; NULL when it is no such digest. */
const char *catalog_hex(const char *id);

/*
 * A full name as a file's name below names/, and back, in place: '/' and ',' change places (a name holds no comma).
 * -ENAMETOOLONG for a name that no file can have.
 */
int catalog_name_to_file(char *name, struct err *err);
void catalog_name_from_file(char *name);

/*
 * Every entry of STORE/FOLDER whose name does not begin with a dot, into a list. A missing folder is empty.
 */
int catalog_folder(struct arena *arena, const char *store, const char *folder, struct strv *ret, struct err *err);
/* The target of the symlink STORE/FOLDER/NAME. 0, -ENOENT, or -errno; no words. */
int catalog_link(struct arena *arena, const char *store, const char *folder, const char *name, const char **ret);
/* Makes what has happened in STORE/FOLDER survive a power cut. */
int catalog_sync_folder(const char *store, const char *folder, struct err *err);

#endif

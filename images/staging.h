/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where an import makes what it will put into the store: a folder below tmp/, and the store's lock held shared as long
 * as it is there. What is left of an import that died is nobody's: the lock is free, so the next import or gc sweeps
 * it.
 */
#ifndef HULL_IMAGES_STAGING_H
#define HULL_IMAGES_STAGING_H

#include <limits.h>

#include "runtime/base/err.h"
#include "runtime/base/scope.h"

struct staging {
	const char *store;
	int lock;
	int fd;		/* the folder */
	int tmpfd;	/* its parent */
	char name[32];	/* below tmp/; "" when nothing is there */
	unsigned count; /* of names given out */
};
#define STAGING_NONE ((struct staging){.lock = -1, .fd = -1, .tmpfd = -1})

/* Makes the store where it is missing, sweeps when nobody else is at work, takes the lock, makes the folder. */
int staging_open(struct staging *staging, const char *store, struct err *err);
/* Makes a folder inside, 0755, and opens it. `ret_name` is its name in the staging folder. The descriptor. */
int staging_folder(struct staging *staging, const char *prefix, char ret_name[static 32], struct err *err);
/* A file without a name inside. The descriptor. */
int staging_file(const struct staging *staging, struct err *err);
/* Removes the folder with what is still in it. */
void staging_close(struct staging *staging);
#define CLEANUP_STAGING CLEANUP(staging_close)

/* Removes everything below tmp/ and trash/. The caller holds the lock exclusively. */
int staging_sweep(const char *store, struct err *err);

#endif

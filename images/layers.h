/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Unpacked layers, one folder for each diff ID: made in a staging folder, verified by digest while they stream by, and
 * moved into place once all of it is on disk. So a folder below layers/ is whole, or is not there.
 */
#ifndef HULL_IMAGES_LAYERS_H
#define HULL_IMAGES_LAYERS_H

#include <stddef.h>
#include <stdint.h>

#include "images/archive.h"
#include "images/event.h"
#include "images/staging.h"
#include "images/unpack.h"
#include "runtime/base/err.h"

struct layer {
	char diff_id[REFERENCE_DIGEST_BYTES];
	char staged[32]; /* its folder in the staging folder; "" when it is in the store */
	uint64_t bytes;
};

/* What a layer is made of, and what was promised of it. */
struct layer_source {
	int fd;
	const char *what;    /* for errors and progress */
	const char *digest;  /* of the file as it is; NULL: not promised */
	const char *diff_id; /* of the uncompressed tar stream; NULL: not promised */
	uint64_t size_bytes; /* of the file; 0: not known */
	bool size_promised;
};

/* Whether the store has a layer: 1 and its size, or 0. */
int layers_find(const char *store, const char *diff_id, struct layer *ret);
/* Unpacks one. -EBADMSG when it is not what was promised. `watch` may be NULL. */
int layers_stage(struct staging *staging, const struct layer_source *source, const struct unpack_limits *limits,
		 const struct image_watch *watch, struct layer *ret, struct err *err);
/* Moves what is staged into the store, durably. What another import has put there meanwhile is the same, and stays. */
int layers_commit(struct staging *staging, struct layer *layers, size_t count, struct err *err);

#endif

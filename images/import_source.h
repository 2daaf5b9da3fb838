/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the kinds of sources share: an import at work, and an image that is ready to be put in. Inside images/ only.
 */
#ifndef HULL_IMAGES_IMPORT_SOURCE_H
#define HULL_IMAGES_IMPORT_SOURCE_H

#include "images/event.h"
#include "images/layers.h"
#include "images/manifest.h"
#include "images/request.h"
#include "images/staging.h"
#include "images/unpack.h"
#include "runtime/base/arena.h"
#include "runtime/base/err.h"

struct importer {
	const struct image_import *request;
	const struct image_watch *watch;
	struct unpack_limits limits;
	struct staging staging;
	struct arena arena;
	struct import_image *ready; /* newest first: nothing is in the store before all of them are whole */
};

/* An image with its layers found or staged. */
struct import_image {
	const char *config_bytes; /* the document as it came; NULL: to be written from `config` */
	size_t config_len;
	const char *manifest_bytes; /* NULL: it came without one */
	size_t manifest_len;
	struct image_config config;
	struct strv diff_ids;	   /* bottom first */
	struct layer *layers;	   /* as many, in the same order */
	struct strv names;	   /* that the source gives; full names */
	struct import_image *next; /* among those that are ready */
};

/* A document of the source, read below its root, bounded, parsed. `ret_bytes`, `ret_len` may be NULL. */
int import_read_json(struct importer *im, int rootfd, const char *path, const struct json **ret, const char **ret_bytes,
		     size_t *ret_len, struct err *err);
/*
 * Finds or stages layer `index` of the image from a file below `rootfd`. `source` says what was promised; its fd is
 * filled in here.
 */
int import_layer(struct importer *im, int rootfd, const char *path, struct layer_source *source,
		 struct import_image *image, size_t index, struct err *err);
/* Takes note of a name that the source gives, if it is one. */
int import_add_name(struct importer *im, struct import_image *image, const char *words, struct err *err);
/* Whether a name that the source gives is what the request's reference means. */
bool import_is_chosen(const struct importer *im, const char *name);
/*
 * Whether so many images can be taken: one where the request names one or gives a name. `all` are the names there are,
 * `transport` is how a source of this kind is written ("oci").
 */
int import_check_choice(const struct importer *im, size_t count, const struct text *all, const char *transport,
			struct err *err);
/* Applies the request's changes and name, and keeps the image for import_put(). */
int import_ready(struct importer *im, const struct import_image *image, struct err *err);
/* Puts all that is ready into the store: layers, documents, then names. */
int import_put(struct importer *im, struct err *err);

int import_oci(struct importer *im, int rootfd, struct err *err);
int import_docker(struct importer *im, int rootfd, struct err *err);
/* A tar stream of a root file system. `what` names it in errors. */
int import_rootfs(struct importer *im, int fd, const char *what, struct err *err);
int import_rootfs_folder(struct importer *im, int dirfd, struct err *err);

#endif

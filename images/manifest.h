/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Indexes, manifests and image configs as plain data (OCI image specification: image-index.md, manifest.md, config.md;
 * and Docker's own media types of the same shapes).
 *
 * Pure: JSON in, structs out. Every document comes from outside, so every count, digest and path in it is checked here.
 */
#ifndef HULL_IMAGES_MANIFEST_H
#define HULL_IMAGES_MANIFEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/arena.h"
#include "runtime/base/err.h"
#include "runtime/base/json.h"
#include "runtime/base/text.h"

#define MANIFEST_MAX_LAYERS 500 /* overlayfs stacks no more lower layers than this */
#define MANIFEST_MAX_BYTES  ((size_t)4 << 20)

/* What an image says about how it wants to be run. Strings live in the arena; NULL or an empty list: not said. */
struct image_config {
	const char *user; /* "app", "1000:1000", "app:staff": looked up in the image's own passwd */
	struct strv env;  /* NAME=VALUE, names are unique */
	struct strv entrypoint;
	struct strv cmd;
	const char *workdir;	   /* absolute */
	const char *stop_signal;   /* a name or number that proc_signal_parse() knows */
	struct strv exposed_ports; /* "80/tcp", "8000-8010/udp": the protocol is always there */
	struct strv volumes;	   /* absolute paths inside, without ".." */
	struct strv labels;	   /* KEY=VALUE */
	const char *created;	   /* RFC 3339 */
	const char *author;
	const char *architecture; /* "amd64" */
	const char *variant;
	const char *os; /* "linux" */
};

/* A descriptor: where a blob is named from (descriptor.md). */
struct image_blob {
	const char *media_type;
	const char *digest; /* checked by reference_is_digest() */
	uint64_t size;
	/* In an index only: NULL when not said. */
	const char *architecture, *variant, *os;
	/* the annotation that names the image: io.containerd.image.name or org.opencontainers.image.ref.name */
	const char *name;
};

struct image_index {
	struct image_blob *manifests;
	size_t count;
};

struct image_manifest {
	struct image_blob config;
	struct image_blob *layers; /* bottom first, as in the document */
	size_t layer_count;
};

/* Index or manifest: which of the two a document is, by its mediaType and members. */
bool manifest_is_index(const struct json *document);

int manifest_read_index(struct arena *arena, const struct json *document, struct image_index *ret, struct err *err);
int manifest_read(struct arena *arena, const struct json *document, struct image_manifest *ret, struct err *err);

/*
 * The image config. `ret_diff_ids`: digests of the uncompressed layers, bottom first; NULL when not wanted (then rootfs
 * may be missing). A config for another operating system than Linux is refused. -EINVAL with the member's path in the
 * words.
 */
int manifest_read_config(struct arena *arena, const struct json *document, struct image_config *ret,
			 struct strv *ret_diff_ids, struct err *err);

/*
 * Writes a config as an OCI document that manifest_read_config() reads back. `diff_ids` bottom first, or NULL: without
 * rootfs.
 */
void manifest_write_config(struct json_writer *w, const char *key, const struct image_config *config,
			   const struct strv *diff_ids);

/* The architecture of this machine in the words of images: "amd64", "arm64". */
const char *manifest_host_architecture(void);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Running hull-image, the program that knows archives and digests, from programs that must not load what it needs.
 *
 * It is found by an absolute path only: beside the running executable (../libexec/hull/hull-image or, in a build tree,
 * ../libexec/hull-image), else below the prefix that hull was built for. Never by PATH, never below a container's root.
 */
#ifndef HULL_IMAGES_HELPER_H
#define HULL_IMAGES_HELPER_H

#include <stdbool.h>
#include <stdint.h>

#include "images/catalog.h"
#include "runtime/base/arena.h"
#include "runtime/base/err.h"
#include "runtime/base/text.h"

/* What happens meanwhile, for a person who waits. `event` lives only during the call. */
struct image_event {
	enum image_event_kind {
		IMAGE_EVENT_LAYER, /* a layer is being unpacked: `what` its digest or file, `done_bytes` of `total_bytes` (0: unknown) */
		IMAGE_EVENT_EXISTS,  /* a layer is in the store already: `what` its digest */
		IMAGE_EVENT_IMAGE,   /* an image is in the store: `what` its id, `name` its full name or NULL */
		IMAGE_EVENT_FREED,   /* gc has removed something: `what`, `done_bytes` its size */
		IMAGE_EVENT_WARNING, /* `what` is one line of words */
	} kind;
	const char *what, *name;
	uint64_t done_bytes, total_bytes;
};
struct image_watch {
	void (*event)(const struct image_event *event, void *context); /* may be NULL */
	void *context;
};

enum image_format {
	IMAGE_FORMAT_AUTO, /* looked at: oci-layout and index.json, else manifest.json, else a root file system */
	IMAGE_FORMAT_ROOTFS,
	IMAGE_FORMAT_OCI,
	IMAGE_FORMAT_DOCKER,
	IMAGE_FORMAT_COUNT
};
/* "auto" "rootfs" "oci" "docker". -EINVAL for other words. */
int image_format_parse(const char *words);
const char *image_format_name(enum image_format format);

struct image_import {
	const char *source; /* a directory, a tar file (plain, gzip, xz, zstd, bzip2), or "-": standard input */
	const char *name;   /* what to call it, or NULL: the names that the source itself gives, else none */
	enum image_format format;
	/*
	 * Changes to the config of the image, as `docker import --change` takes them: "CMD [\"sh\"]", "ENTRYPOINT …", "ENV A=1 B=2",
	 * "EXPOSE 80/tcp", "LABEL a=b", "STOPSIGNAL TERM", "USER app", "VOLUME /data", "WORKDIR /srv". NULL-terminated, or NULL.
	 */
	const char *const *changes;
	uint64_t max_bytes;   /* bound of what one layer may unpack to; 0: the default of images/unpack.h */
	uint64_t max_entries; /* likewise, files of one layer */
};

/*
 * Imports into the store, and waits. Ids of the images that came in are added to `ret_ids` (in `arena`). The helper's own error comes
 * back in `err`, exit code included. -ENOENT with a hint when the helper program is not installed. The helper is killed when
 * the caller dies; what it had begun is swept by the next gc.
 */
int image_helper_import(struct arena *arena, const char *store, const struct image_import *import,
			const struct image_watch *watch, struct strv *ret_ids, struct err *err);

/* Frees what nothing refers to (images/gc.h), in the helper. */
int image_helper_gc(const char *store, const struct image_watch *watch, struct err *err);

/*
 * What `hull run` calls: catalog_find(), and when the name is not there but hull brings an image of that name along
 * (share/hull/images/NAME, an OCI layout; `busybox` is one), imports that as localhost/NAME:latest and finds it.
 */
int image_find(struct arena *arena, const char *store, const char *words, const struct image_watch *watch,
	       struct image *ret, struct err *err);

#endif

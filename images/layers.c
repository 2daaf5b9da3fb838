// SPDX-License-Identifier: GPL-2.0-or-later
#include "images/layers.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "images/catalog_record.h"
#include "images/digest.h"
#include "runtime/base/file.h"
#include "runtime/base/text.h"

/*
 * A layer's size is written on its folder, so that an image that shares it need not add it up again. Overlay shows the
 * upper's root only.
 */
static const char SIZE_XATTR[] = "trusted.hull.bytes";

struct progress {
	const struct image_watch *watch;
	const char *what;
};

static void tell_progress(uint64_t done_bytes, uint64_t total_bytes, void *context)
{
	const struct progress *progress = context;

	event_tell(progress->watch, &(struct image_event){.kind = IMAGE_EVENT_LAYER,
							  .what = progress->what,
							  .done_bytes = done_bytes,
							  .total_bytes = total_bytes});
}

int layers_find(const char *store, const char *diff_id, struct layer *ret)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	const char *path = arena_printf(&arena, "%s/layers/%s", store, catalog_hex(diff_id));
	char size[32];
	ssize_t len = path ? getxattr(path, SIZE_XATTR, size, sizeof(size) - 1) : -1;
	struct layer layer = {0};

	if (len < 0)
		return 0;
	size[len] = '\0';
	if (text_u64(size, &layer.bytes) < 0 || text_copy(layer.diff_id, sizeof(layer.diff_id), diff_id) < 0)
		return 0;
	*ret = layer;
	return 1;
}

/* --- unpacking --- */

static void warn_of_losses(const struct image_watch *watch, const char *what, const struct unpack_counts *counts)
{
	char words[256];

	if (counts->devices_left_out > 0) {
		(void)snprintf(words, sizeof(words), "%s: %llu device nodes left out: containers get theirs from hull",
			       what, (unsigned long long)counts->devices_left_out);
		event_tell(watch, &(struct image_event){.kind = IMAGE_EVENT_WARNING, .what = words});
	}
	if (counts->xattrs_left_out > 0) {
		(void)snprintf(words, sizeof(words), "%s: %llu extended attributes left out", what,
			       (unsigned long long)counts->xattrs_left_out);
		event_tell(watch, &(struct image_event){.kind = IMAGE_EVENT_WARNING, .what = words});
	}
}

static int verify(const struct layer_source *source, const struct archive_digests *digests, struct err *err)
{
	int r = 0;

	if (source->size_promised && digests->input_bytes != source->size_bytes)
		return err_say(err, EBADMSG, "has %llu bytes, and should have %llu",
			       (unsigned long long)digests->input_bytes, (unsigned long long)source->size_bytes);
	if (source->digest)
		r = digest_compare("the layer", digests->input, source->digest, err);
	if (r >= 0 && source->diff_id)
		r = digest_compare("the layer", digests->diff_id, source->diff_id, err);
	return r;
}

static int write_size(int fd, uint64_t bytes, struct err *err)
{
	char size[32];
	int len = snprintf(size, sizeof(size), "%llu", (unsigned long long)bytes);

	if (fsetxattr(fd, SIZE_XATTR, size, (size_t)len, 0) < 0)
		return err_set(err, errno, "the store's file system takes no trusted.* attributes, which layers need");
	return 0;
}

int layers_stage(struct staging *staging, const struct layer_source *source, const struct unpack_limits *limits,
		 const struct image_watch *watch, struct layer *ret, struct err *err)
{
	CLEANUP_ARCHIVE struct archive_reader *reader = NULL;
	CLEANUP_FD int fd = -1;
	struct progress progress = {watch, source->what};
	struct archive_input input = {
		.fd = source->fd,
		.digest_like = source->digest,
		.pad_end = source->diff_id != NULL,
		/* A tar stream has a header of 512 bytes and padding for each entry. */
		.max_bytes = limits->max_bytes + 2048 * limits->max_entries,
		.total_bytes = source->size_bytes,
		.progress = tell_progress,
		.context = &progress,
	};
	struct archive_digests digests;
	struct unpack_counts counts;
	struct layer layer = {0};
	int r;

	tell_progress(0, source->size_bytes, &progress);
	fd = staging_folder(staging, "layer", layer.staged, err);
	r = fd < 0 ? fd : archive_open(&input, &reader, err);
	if (r >= 0)
		r = unpack(reader, fd, UNPACK_LAYER, limits, &counts, err);
	if (r >= 0)
		r = archive_finish(reader, &digests, err);
	if (r >= 0)
		r = verify(source, &digests, err);
	if (r >= 0)
		r = write_size(fd, counts.bytes, err);
	if (r < 0)
		return err_wrap(err, "'%s'", source->what);
	warn_of_losses(watch, source->what, &counts);
	layer.bytes = counts.bytes;
	(void)text_copy(layer.diff_id, sizeof(layer.diff_id), digests.diff_id);
	*ret = layer;
	return 0;
}

/* --- into the store --- */

static int move_in(struct staging *staging, int layersfd, struct layer *layer, struct err *err)
{
	if (!*layer->staged)
		return 0;
	if (renameat2(staging->fd, layer->staged, layersfd, catalog_hex(layer->diff_id), RENAME_NOREPLACE) < 0 &&
	    errno != EEXIST)
		return err_set(err, errno, "move layer '%s' into the store", layer->diff_id);
	*layer->staged = '\0';
	return 0;
}

int layers_commit(struct staging *staging, struct layer *layers, size_t count, struct err *err)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	const char *path = arena_printf(&arena, "%s/layers", staging->store);
	CLEANUP_FD int layersfd = path ? file_open_dir(AT_FDCWD, path, err) : arena_check(&arena, err);
	int r = layersfd < 0 ? layersfd : 0;

	/* One call for thousands of files: everything a name is about to refer to is on disk before the name is. */
	if (r >= 0 && syncfs(staging->fd) < 0)
		r = err_set(err, errno, "write the layers to disk");
	for (size_t i = 0; r >= 0 && i < count; i++)
		r = move_in(staging, layersfd, &layers[i], err);
	if (r >= 0 && fsync(layersfd) < 0)
		r = err_set(err, errno, "sync '%s'", path);
	return r;
}

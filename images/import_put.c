// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What every kind of source ends with: layers, then the image, into the store.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "images/blobs.h"
#include "images/catalog.h"
#include "images/changes.h"
#include "images/digest.h"
#include "images/import_source.h"
#include "images/reference.h"
#include "runtime/base/path.h"

int import_read_json(struct importer *im, int rootfd, const char *path, const struct json **ret, const char **ret_bytes,
		     size_t *ret_len, struct err *err)
{
	char *bytes;
	size_t len;
	int r = path_read(&im->arena, rootfd, path, MANIFEST_MAX_BYTES, &bytes, &len, err);

	if (r == -ENOENT)
		return err_say(err, EINVAL, "'%s' is missing in it", path);
	if (r >= 0)
		r = json_parse(&im->arena, bytes, len, path, ret, err);
	if (r < 0)
		return r;
	if (ret_bytes)
		*ret_bytes = bytes;
	if (ret_len)
		*ret_len = len;
	return 0;
}

/* A regular file of the source, and nothing that blocks or has effects when it is opened. */
static int open_file(int rootfd, const char *path, uint64_t *ret_size, struct err *err)
{
	CLEANUP_FD int fd = path_open(rootfd, path, O_RDONLY | O_NONBLOCK | O_CLOEXEC, 0, err);
	struct stat st;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return err_set(err, errno, "'%s'", path);
	if (!S_ISREG(st.st_mode))
		return err_say(err, EINVAL, "'%s' is not a file", path);
	*ret_size = (uint64_t)st.st_size;
	return fd_take(&fd);
}

/* A layer that another image of this source has, too: that one brings it in. */
static bool find_ready(const struct importer *im, const char *diff_id, struct layer *ret)
{
	for (const struct import_image *image = im->ready; image; image = image->next) {
		for (size_t i = 0; i < image->diff_ids.count; i++) {
			if (strcmp(image->layers[i].diff_id, diff_id) != 0)
				continue;
			*ret = image->layers[i];
			*ret->staged = '\0';
			return true;
		}
	}
	return false;
}

int import_layer(struct importer *im, int rootfd, const char *path, struct layer_source *source,
		 struct import_image *image, size_t index, struct err *err)
{
	struct layer *layer = &image->layers[index];
	CLEANUP_FD int fd = -1;
	uint64_t size = 0;

	/* An image may have a layer twice; its second folder would be the same. */
	for (size_t i = 0; i < index; i++) {
		if (strcmp(image->layers[i].diff_id, source->diff_id) != 0)
			continue;
		*layer = (struct layer){0};
		return text_copy(layer->diff_id, sizeof(layer->diff_id), source->diff_id);
	}
	if (find_ready(im, source->diff_id, layer) || layers_find(im->staging.store, source->diff_id, layer)) {
		event_tell(im->watch, &(struct image_event){.kind = IMAGE_EVENT_EXISTS, .what = source->diff_id});
		return 0;
	}
	fd = open_file(rootfd, path, &size, err);
	if (fd < 0)
		return fd;
	source->fd = fd;
	if (!source->size_promised)
		source->size_bytes = size;
	return layers_stage(&im->staging, source, &im->limits, im->watch, layer, err);
}

/* "t", "app:t" and "docker.io/library/app:t" are the same to who has the layout before him. */
bool import_is_chosen(const struct importer *im, const char *name)
{
	const char *wanted = im->request->reference;
	size_t wanted_len = strlen(wanted), len = strlen(name);
	struct reference whole, short_form, means[REFERENCE_MAX_CANDIDATES];
	char words[REFERENCE_BYTES], other[REFERENCE_BYTES];

	if (strcmp(name, wanted) == 0)
		return true;
	if (len > wanted_len && name[len - wanted_len - 1] == ':' && strcmp(name + len - wanted_len, wanted) == 0)
		return true;
	if (reference_parse(name, &whole, NULL) < 0 || reference_parse(wanted, &short_form, NULL) < 0)
		return false;
	for (int i = 0; i < reference_candidates(&short_form, means); i++)
		if (strcmp(reference_format(&whole, words), reference_format(&means[i], other)) == 0)
			return true;
	return false;
}

int import_check_choice(const struct importer *im, size_t count, const struct text *all, const char *transport,
			struct err *err)
{
	const struct image_import *request = im->request;
	const char *names = all->len ? text_get(all) : "none with a name";

	if (count == 0 && request->reference)
		return err_say(err, ENOENT, "it holds no image '%s', but: %s", request->reference, names);
	if (count > 1 && request->name)
		return err_say(err, EINVAL,
			       "it holds %zu images, which cannot all be called '%s': choose one, as in "
			       "'%s:PATH:NAME', of: %s",
			       count, request->name, transport, names);
	if (count > 1 && request->reference)
		return err_say(err, EINVAL, "it holds %zu images '%s': say more of the name, of: %s", count,
			       request->reference, names);
	return 0;
}

int import_add_name(struct importer *im, struct import_image *image, const char *words, struct err *err)
{
	struct reference ref;
	char name[REFERENCE_BYTES];

	/* The request's name wins; and a source that calls itself nonsense has no name. */
	if (im->request->name || reference_for_import(words, &ref, NULL) < 0)
		return 0;
	(void)reference_format(&ref, name);
	if (!strv_has(&image->names, name) && strv_add(&im->arena, &image->names, name) < 0)
		return arena_check(&im->arena, err);
	return 0;
}

/* Changes make another image: its config is written anew, and the manifest of the old one does not describe it. */
static int apply_changes(struct importer *im, struct import_image *image, struct err *err)
{
	CLEANUP_TEXT struct text out = TEXT_INIT;
	struct json_writer w = {.out = &out};
	const struct json *document;
	int r = 0;

	for (const char *const *change = im->request->changes; change && *change && r >= 0; change++) {
		r = changes_apply(&im->arena, &image->config, *change, err);
		image->config_bytes = image->manifest_bytes = NULL;
	}
	if (r < 0 || image->config_bytes)
		return r;
	manifest_write_config(&w, NULL, &image->config, &image->diff_ids);
	r = text_check(&out, err);
	if (r < 0)
		return r;
	image->config_bytes = arena_strndup(&im->arena, out.data, out.len);
	image->config_len = out.len;
	if (!image->config_bytes)
		return arena_check(&im->arena, err);
	/* Changes are words of a user: reading them back applies every check that a foreign config gets. */
	r = json_parse(&im->arena, image->config_bytes, image->config_len, "the image's config", &document, err);
	return r < 0 ? r : manifest_read_config(&im->arena, document, &image->config, NULL, err);
}

static int put_blobs(struct importer *im, struct import_image *image, char id[static REFERENCE_DIGEST_BYTES],
		     char manifest[static REFERENCE_DIGEST_BYTES], struct err *err)
{
	int r = blobs_put(im->staging.store, image->config_bytes, image->config_len, id, err);

	*manifest = '\0';
	if (r >= 0 && image->manifest_bytes)
		r = blobs_put(im->staging.store, image->manifest_bytes, image->manifest_len, manifest, err);
	return r;
}

/* Under each of its names, or under none. */
static int put_names(struct importer *im, const struct import_image *image, struct catalog_entry *entry,
		     struct err *err)
{
	size_t i = 0;
	int r;

	do {
		entry->name = i < image->names.count ? image->names.items[i] : NULL;
		r = catalog_put(im->staging.store, entry, err);
		if (r >= 0)
			event_tell(im->watch, &(struct image_event){.kind = IMAGE_EVENT_IMAGE,
								    .what = entry->id,
								    .name = entry->name});
	} while (r >= 0 && ++i < image->names.count);
	return r;
}

static int take_requested_name(struct importer *im, struct import_image *image, struct err *err)
{
	struct reference ref;
	char name[REFERENCE_BYTES];
	int r;

	if (!im->request->name)
		return 0;
	r = reference_for_import(im->request->name, &ref, err);
	if (r < 0)
		return r;
	image->names = (struct strv){0};
	return strv_add(&im->arena, &image->names, reference_format(&ref, name)) < 0 ? arena_check(&im->arena, err) : 0;
}

int import_ready(struct importer *im, const struct import_image *image, struct err *err)
{
	struct import_image *kept = ARENA_NEW(&im->arena, struct import_image);
	int r = arena_check(&im->arena, err);

	if (r < 0)
		return r;
	*kept = *image;
	kept->next = im->ready;
	im->ready = kept;
	r = take_requested_name(im, kept, err);
	return r < 0 ? r : apply_changes(im, kept, err);
}

static int put_image(struct importer *im, struct import_image *image, struct err *err)
{
	char id[REFERENCE_DIGEST_BYTES], manifest[REFERENCE_DIGEST_BYTES];
	struct catalog_entry entry = {.id = id, .config = &image->config, .diff_ids = &image->diff_ids};
	int r = put_blobs(im, image, id, manifest, err);

	if (r < 0)
		return r;
	entry.manifest = *manifest ? manifest : NULL;
	for (size_t i = 0; i < image->diff_ids.count; i++)
		entry.size_bytes += image->layers[i].bytes;
	return put_names(im, image, &entry, err);
}

/* The source's order, not that in which they became ready. */
static struct import_image *reverse(struct import_image *list)
{
	struct import_image *reversed = NULL;

	while (list) {
		struct import_image *next = list->next;

		list->next = reversed;
		reversed = list;
		list = next;
	}
	return reversed;
}

int import_put(struct importer *im, struct err *err)
{
	int r = 0;

	im->ready = reverse(im->ready);
	/* The order is what a crash relies on: parts, then what names them. */
	for (struct import_image *image = im->ready; r >= 0 && image; image = image->next)
		r = layers_commit(&im->staging, image->layers, image->diff_ids.count, err);
	for (struct import_image *image = im->ready; r >= 0 && image; image = image->next)
		r = put_image(im, image, err);
	return r;
}

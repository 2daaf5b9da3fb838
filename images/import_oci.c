// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * An OCI image layout (image-layout.md): index.json leads to manifests by digest, and those to configs and layers.
 * Every blob is verified by the digest that led to it.
 */
#include <errno.h>
#include <string.h>

#include "images/digest.h"
#include "images/import_source.h"
#include "images/reference.h"
#include "runtime/base/path.h"

#define MAX_INDEX_DEPTH 4

static const char *blob_path(struct arena *arena, const char *digest)
{
	char *path = arena_printf(arena, "blobs/%s", digest);

	if (path)
		*strchr(path, ':') = '/';
	return path;
}

static int read_blob(struct importer *im, int rootfd, const struct image_blob *blob, const struct json **ret,
		     const char **ret_bytes, size_t *ret_len, struct err *err)
{
	const char *path = blob_path(&im->arena, blob->digest);
	int r = path ? import_read_json(im, rootfd, path, ret, ret_bytes, ret_len, err) : arena_check(&im->arena, err);

	if (r < 0)
		return r;
	if (*ret_len != blob->size)
		return err_say(err, EBADMSG, "blob '%s' has %zu bytes, and should have %llu", blob->digest, *ret_len,
			       (unsigned long long)blob->size);
	return digest_verify(path, *ret_bytes, *ret_len, blob->digest, err);
}

/* --- one image --- */

static int check_layer_type(const struct image_blob *blob, struct err *err)
{
	static const char *const ENDINGS[] = {".tar", "+gzip", "+zstd", ".tar.gzip", ".tar.zstd"};

	for (size_t i = 0; blob->media_type && i < ARRAY_SIZE(ENDINGS); i++)
		if (text_ends(blob->media_type, ENDINGS[i]) && strstr(blob->media_type, ".tar"))
			return 0;
	return err_say(err, ENOTSUP, "layer '%s' is of type '%s', which hull does not know", blob->digest,
		       blob->media_type ? blob->media_type : "(none)");
}

static int take_layers(struct importer *im, int rootfd, const struct image_manifest *manifest,
		       struct import_image *image, struct err *err)
{
	int r = 0;

	if (manifest->layer_count != image->diff_ids.count)
		return err_say(err, EINVAL, "the manifest has %zu layers, and the config names %zu",
			       manifest->layer_count, image->diff_ids.count);
	image->layers = arena_array(&im->arena, manifest->layer_count, sizeof(*image->layers));
	for (size_t i = 0; r >= 0 && i < manifest->layer_count; i++) {
		const struct image_blob *blob = &manifest->layers[i];
		struct layer_source source = {
			.what = blob->digest,
			.digest = blob->digest,
			.diff_id = image->diff_ids.items[i],
			.size_bytes = blob->size,
			.size_promised = true,
		};
		const char *path = blob_path(&im->arena, blob->digest);

		r = path && image->layers ? check_layer_type(blob, err) : arena_check(&im->arena, err);
		if (r >= 0)
			r = import_layer(im, rootfd, path, &source, image, i, err);
	}
	return r;
}

static int take_image(struct importer *im, int rootfd, const struct image_blob *blob, const struct json *document,
		      struct import_image *image, struct err *err)
{
	struct image_manifest manifest;
	const struct json *config;
	int r = manifest_read(&im->arena, document, &manifest, err);

	if (r >= 0 && !text_starts(manifest.config.digest, "sha256:"))
		r = err_say(err, ENOTSUP, "the config's digest is not a sha256 one");
	if (r >= 0)
		r = read_blob(im, rootfd, &manifest.config, &config, &image->config_bytes, &image->config_len, err);
	if (r >= 0)
		r = manifest_read_config(&im->arena, config, &image->config, &image->diff_ids, err);
	if (r >= 0)
		r = take_layers(im, rootfd, &manifest, image, err);
	if (r >= 0)
		r = import_ready(im, image, err);
	return r < 0 ? err_wrap(err, "image '%s'", blob->digest) : 0;
}

/* --- which images --- */

/*
 * A manifest for another machine, or for none ("unknown": notes about how an image was built). Not said: it is for this
 * one.
 */
static bool is_for_here(const struct image_blob *blob)
{
	if (blob->os && strcmp(blob->os, "linux") != 0)
		return false;
	return !blob->architecture || strcmp(blob->architecture, manifest_host_architecture()) == 0;
}

/*
 * The last part of the source's path, as a name with the tag that the layout gives: dir "app" with ref.name "1.0" is
 * app:1.0.
 */
static int name_by_tag(struct importer *im, const char *tag, struct import_image *image, struct err *err)
{
	CLEANUP_FREE char *path = strdup(im->request->source);
	char *end, *name;
	const char *words;

	if (!path)
		return err_set(err, ENOMEM, "name the image");
	for (end = path + strlen(path); end > path + 1 && end[-1] == '/'; end--)
		end[-1] = '\0';
	name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
	end = strstr(name, ".tar");
	if (end)
		*end = '\0';
	words = arena_printf(&im->arena, "%s:%s", name, tag);
	return words ? import_add_name(im, image, words, err) : arena_check(&im->arena, err);
}

static int add_names(struct importer *im, const char *words, struct import_image *image, struct err *err)
{
	/* The annotation is a full name from some writers, and only a tag from others. */
	return strpbrk(words, "/:") ? import_add_name(im, image, words, err) : name_by_tag(im, words, image, err);
}

/* An image that the layout has: under several names when several lead to it. */
struct candidate {
	struct image_blob blob;
	const struct json *document;
	const char *bytes;
	size_t len;
	struct strv names; /* annotations */
	struct candidate *next;
};

static int add_candidate(struct importer *im, struct candidate **list, const struct candidate *found, const char *name,
			 struct err *err)
{
	while (*list && strcmp((*list)->blob.digest, found->blob.digest) != 0)
		list = &(*list)->next;
	if (!*list) {
		*list = ARENA_NEW(&im->arena, struct candidate);
		if (*list)
			**list = *found;
	}
	if (*list && name && !strv_has(&(*list)->names, name))
		(void)strv_add(&im->arena, &(*list)->names, name);
	return arena_check(&im->arena, err);
}

// NOLINTNEXTLINE(misc-no-recursion): as deep as MAX_INDEX_DEPTH
static int collect(struct importer *im, int rootfd, const struct json *document, const char *name, int depth,
		   struct candidate **list, struct err *err)
{
	struct image_index index = {0};
	int r = manifest_read_index(&im->arena, document, &index, err);

	if (r >= 0 && depth == 0)
		r = err_say(err, ELOOP, "indexes within indexes, more than %d", MAX_INDEX_DEPTH);
	for (size_t i = 0; r >= 0 && i < index.count; i++) {
		struct candidate found = {.blob = index.manifests[i]};
		const char *words = found.blob.name ? found.blob.name : name;

		if (!is_for_here(&found.blob))
			continue;
		r = read_blob(im, rootfd, &found.blob, &found.document, &found.bytes, &found.len, err);
		if (r >= 0 && manifest_is_index(found.document))
			r = collect(im, rootfd, found.document, words, depth - 1, list, err);
		else if (r >= 0)
			r = add_candidate(im, list, &found, words, err);
	}
	return r;
}

/* Leaves in the list only what the request wants, each with the names by which it does. */
static int choose(struct importer *im, struct candidate **list, struct err *err)
{
	CLEANUP_TEXT struct text all = TEXT_INIT;
	size_t count = 0;

	while (*list) {
		struct candidate *candidate = *list;
		struct strv names = candidate->names;

		if (im->request->reference)
			candidate->names = (struct strv){0};
		for (size_t i = 0; i < names.count; i++) {
			text_addf(&all, "%s%s", all.len ? ", " : "", names.items[i]);
			if (im->request->reference && import_is_chosen(im, names.items[i]))
				(void)strv_add(&im->arena, &candidate->names, names.items[i]);
		}
		if (im->request->reference && candidate->names.count == 0) {
			*list = candidate->next;
			continue;
		}
		count++;
		list = &candidate->next;
	}
	return import_check_choice(im, count, &all, "oci", err);
}

static int take_candidate(struct importer *im, int rootfd, const struct candidate *candidate, struct err *err)
{
	struct import_image image = {.manifest_bytes = candidate->bytes, .manifest_len = candidate->len};
	int r = 0;

	for (size_t i = 0; r >= 0 && i < candidate->names.count; i++)
		r = add_names(im, candidate->names.items[i], &image, err);
	return r < 0 ? r : take_image(im, rootfd, &candidate->blob, candidate->document, &image, err);
}

int import_oci(struct importer *im, int rootfd, struct err *err)
{
	const struct json *layout, *version, *index;
	struct candidate *candidates = NULL;
	const char *words = NULL;
	int r = import_read_json(im, rootfd, "oci-layout", &layout, NULL, NULL, err);

	if (r < 0)
		return r;
	version = json_get(layout, "imageLayoutVersion");
	if (!version || json_string(version, &words, NULL) < 0 || !text_starts(words, "1."))
		return err_say(err, ENOTSUP, "its layout version is '%s', and hull knows 1.x", words ? words : "");
	r = import_read_json(im, rootfd, "index.json", &index, NULL, NULL, err);
	if (r >= 0)
		r = collect(im, rootfd, index, NULL, MAX_INDEX_DEPTH, &candidates, err);
	if (r >= 0 && !candidates)
		r = err_say(err, ENOENT, "it holds no image for linux/%s", manifest_host_architecture());
	if (r >= 0)
		r = choose(im, &candidates, err);
	for (const struct candidate *candidate = candidates; r >= 0 && candidate; candidate = candidate->next)
		r = take_candidate(im, rootfd, candidate, err);
	return r;
}

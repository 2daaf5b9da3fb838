// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A docker-archive, what `docker save` writes: manifest.json is a list of images, each with the paths of its config and
 * layers and its names. There are no digests of the files; the config's diff IDs verify what they unpack to.
 */
#include <errno.h>
#include <string.h>

#include "images/import_source.h"

#define MAX_IMAGES 256

static int member(const struct json *object, const char *key, const struct json **ret, struct err *err)
{
	*ret = json_get(object, key);
	return *ret ? 0 : json_complain(object, err, "'%s' is missing", key);
}

static int read_paths(struct importer *im, const struct json *entry, const char **ret_config, struct strv *ret_layers,
		      struct err *err)
{
	const struct json *config, *layers;
	int r = member(entry, "Config", &config, err);

	if (r >= 0)
		r = json_string(config, ret_config, err);
	if (r >= 0)
		r = member(entry, "Layers", &layers, err);
	return r < 0 ? r : json_strv(&im->arena, layers, ret_layers, err);
}

static int read_tags(struct importer *im, const struct json *entry, struct strv *ret, struct err *err)
{
	const struct json *tags = entry->type == JSON_OBJECT ? json_get(entry, "RepoTags") : NULL;

	*ret = (struct strv){0};
	return tags && tags->type != JSON_NULL ? json_strv(&im->arena, tags, ret, err) : 0;
}

static int read_names(struct importer *im, const struct json *entry, struct import_image *image, struct err *err)
{
	struct strv names;
	int r = read_tags(im, entry, &names, err);

	for (size_t i = 0; r >= 0 && i < names.count; i++)
		if (!im->request->reference || import_is_chosen(im, names.items[i]))
			r = import_add_name(im, image, names.items[i], err);
	return r;
}

static int take_layers(struct importer *im, int rootfd, const struct strv *paths, struct import_image *image,
		       struct err *err)
{
	int r = 0;

	if (paths->count != image->diff_ids.count)
		return err_say(err, EINVAL, "manifest.json has %zu layers, and the config names %zu", paths->count,
			       image->diff_ids.count);
	image->layers = arena_array(&im->arena, paths->count, sizeof(*image->layers));
	for (size_t i = 0; r >= 0 && i < paths->count; i++) {
		struct layer_source source = {.what = paths->items[i], .diff_id = image->diff_ids.items[i]};

		r = image->layers ? import_layer(im, rootfd, paths->items[i], &source, image, i, err)
				  : arena_check(&im->arena, err);
	}
	return r;
}

static int take_image(struct importer *im, int rootfd, const struct json *entry, struct err *err)
{
	struct import_image image = {0};
	struct strv layers = {0};
	const struct json *config;
	const char *path;
	int r = json_want(entry, JSON_OBJECT, err);

	if (r >= 0)
		r = read_paths(im, entry, &path, &layers, err);
	if (r >= 0)
		r = read_names(im, entry, &image, err);
	if (r >= 0)
		r = import_read_json(im, rootfd, path, &config, &image.config_bytes, &image.config_len, err);
	if (r >= 0)
		r = manifest_read_config(&im->arena, config, &image.config, &image.diff_ids, err);
	if (r >= 0)
		r = take_layers(im, rootfd, &layers, &image, err);
	return r < 0 ? r : import_ready(im, &image, err);
}

/* Whether the request wants this one. Adds its names to those that there are to choose from. */
static int look_at(struct importer *im, const struct json *entry, struct text *all, bool *ret, struct err *err)
{
	struct strv names;
	int r = read_tags(im, entry, &names, err);

	*ret = !im->request->reference;
	for (size_t i = 0; r >= 0 && i < names.count; i++) {
		*ret |= im->request->reference && import_is_chosen(im, names.items[i]);
		text_addf(all, "%s%s", all->len ? ", " : "", names.items[i]);
	}
	return r;
}

static int choose(struct importer *im, const struct json *list, bool *chosen, struct err *err)
{
	CLEANUP_TEXT struct text all = TEXT_INIT;
	size_t i = 0, count = 0;

	json_each (entry, list) {
		int r = look_at(im, entry, &all, &chosen[i], err);

		if (r < 0)
			return r;
		count += chosen[i++];
	}
	return import_check_choice(im, count, &all, "docker-archive", err);
}

int import_docker(struct importer *im, int rootfd, struct err *err)
{
	const struct json *list;
	bool chosen[MAX_IMAGES];
	size_t i = 0;
	int r = import_read_json(im, rootfd, "manifest.json", &list, NULL, NULL, err);

	if (r >= 0)
		r = json_want(list, JSON_ARRAY, err);
	if (r < 0)
		return r;
	if (list->children.count == 0 || list->children.count > MAX_IMAGES)
		return err_say(err, EINVAL, "manifest.json lists %zu images", list->children.count);
	r = choose(im, list, chosen, err);
	json_each (entry, list) {
		if (r >= 0 && chosen[i++])
			r = take_image(im, rootfd, entry, err);
	}
	return r;
}

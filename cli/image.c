// SPDX-License-Identifier: GPL-2.0-or-later
/* image import, image rm, image inspect */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/hull.h"
#include "cli/listing.h"
#include "cli/operands.h"
#include "cli/progress.h"
#include "cli/reword.h"
#include "cli/verbs.h"
#include "cli/words.h"
#include "images/helper.h"
#include "images/reference.h"

/* --- image import ------------------------------------------------------------------------------------------------- */

struct import_options {
	const char *name, *format;
	struct strv changes;
	bool quiet;
};
static const char *const import_formats[] = {"auto", "rootfs", "oci", "docker", NULL};
static const struct option_row import_rows[] = {
	{"change", 'c', OPTION_LIST, offsetof(struct import_options, changes), "LINE",
	 "change the image's config: CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, STOPSIGNAL, USER, VOLUME, WORKDIR", NULL,
	 NULL},
	{"format", 0, OPTION_STRING, offsetof(struct import_options, format), "FORMAT",
	 "what the source is (default auto)", import_formats, NULL},
	{"name", 0, OPTION_STRING, offsetof(struct import_options, name), "NAME[:TAG]", "what to call it", NULL, NULL},
	{"quiet", 'q', OPTION_FLAG, offsetof(struct import_options, quiet), NULL, "no progress", NULL, NULL},
	OPTIONS_END,
};

/* The ways to write a source that skopeo and podman have: "oci:PATH[:TAG]". */
static const struct {
	const char *prefix;
	enum image_format format;
} transports[] = {
	{"oci:", IMAGE_FORMAT_OCI},
	{"oci-archive:", IMAGE_FORMAT_OCI},
	{"docker-archive:", IMAGE_FORMAT_DOCKER},
};

/* Takes such a source apart; a file of that very name is what it is. */
static int take_transport(const struct command_call *call, struct image_import *import, struct err *err)
{
	for (size_t i = 0; access(import->source, F_OK) < 0 && i < ARRAY_SIZE(transports); i++) {
		const char *path = import->source + strlen(transports[i].prefix);
		size_t len = strcspn(path, ":");

		if (!text_starts(import->source, transports[i].prefix))
			continue;
		if (len == 0 || (import->format != IMAGE_FORMAT_AUTO && import->format != transports[i].format))
			return err_say(err, EINVAL, "source '%s': want %sPATH[:NAME], and no other '--format'",
				       import->source, transports[i].prefix);
		import->format = transports[i].format;
		import->reference = path[len] && path[len + 1] ? path + len + 1 : NULL;
		import->source = arena_strndup(call->arena, path, len);
		return arena_check(call->arena, err);
	}
	return 0;
}

static int make_import(const struct command_call *call, struct image_import *ret, struct err *err)
{
	const struct import_options *options = call->options;
	bool named = call->operands.count > 1;
	struct reference reference;

	if (named && options->name)
		return err_say(err, EINVAL, "it is named twice: '%s' and '%s'", options->name, call->operands.items[1]);
	*ret = (struct image_import){
		.source = call->operands.items[0],
		.name = named ? call->operands.items[1] : options->name,
		.format = options->format ? (enum image_format)image_format_parse(options->format) : IMAGE_FORMAT_AUTO,
		.changes = (const char *const *)options->changes.items,
	};
	if (take_transport(call, ret, err) < 0)
		return -err->code;
	if (strcmp(ret->source, "-") == 0 && isatty(STDIN_FILENO))
		return err_say(err, EINVAL, "standard input is a terminal: want an archive there");
	return ret->name ? reference_for_import(ret->name, &reference, err) : 0;
}

static int run_import(struct command_call *call, struct err *err)
{
	const struct import_options *options = call->options;
	struct image_watch watch = progress_watch(), nobody = {0};
	struct image_import import;
	struct strv ids = {0};
	int result = make_import(call, &import, err);

	if (result >= 0)
		result = image_helper_import(call->arena, hull_of(call)->images, &import,
					     options->quiet ? &nobody : &watch, &ids, err);
	output_progress("%s", "");
	for (size_t i = 0; result >= 0 && i < ids.count; i++)
		(void)puts(ids.items[i]);
	return result < 0 ? result : 0;
}

const struct command verb_image_import = {
	.name = "image import",
	.operands = "SOURCE|- [NAME[:TAG]]",
	.summary = "Take an image into the store",
	.description = "From a root file system (a folder, or a tar archive, plain or compressed), an OCI layout (a "
		       "folder or an archive), or an archive of 'docker save'. '-' is standard input. Without a name "
		       "the source's own names are taken, if it has any. Of a source with several images, "
		       "oci:PATH:TAG, oci-archive:FILE:TAG and docker-archive:FILE:NAME:TAG choose one, as skopeo and "
		       "podman write it. Prints the id of each image.",
	.examples = "hull image import --name debian:12 rootfs.tar.zst\n"
		    "docker save app:1 | hull image import -\n"
		    "hull image import --name app oci:./layout:1.0\n"
		    "hull image import -c 'CMD [\"/app\"]' -c 'ENV A=1' ./root app",
	.options = import_rows,
	.options_bytes = sizeof(struct import_options),
	.min_operands = 1,
	.max_operands = 2,
	.run = run_import,
};

/* --- image tag ---------------------------------------------------------------------------------------------------- */

static int run_tag(struct command_call *call, struct err *err)
{
	struct image image;
	int result = catalog_find(call->arena, hull_of(call)->images, call->operands.items[0], &image, err);

	return result < 0 ? result : catalog_tag(hull_of(call)->images, image.id, call->operands.items[1], err);
}

const struct command verb_image_tag = {
	.name = "image tag",
	.aliases = (const char *const[]){"tag", NULL},
	.operands = "IMAGE NAME[:TAG]",
	.summary = "Give an image a further name",
	.description = "Another image that has the name loses it.",
	.examples = "hull image tag app:1 app:latest",
	.min_operands = 2,
	.max_operands = 2,
	.run = run_tag,
};

/* --- image rm ----------------------------------------------------------------------------------------------------- */

struct image_rm_options {
	bool force;
};
static const struct option_row image_rm_rows[] = {
	{"force", 'f', OPTION_FLAG, offsetof(struct image_rm_options, force), NULL,
	 "all names of an id, and images that containers use: these keep their files; one that is not there is no "
	 "error",
	 NULL, NULL},
	OPTIONS_END,
};

/* Whoever has it is called as people call him. */
static void name_holder(const struct command_call *call, struct err *err)
{
	CLEANUP_STORES struct stores stores = STORES_INIT;
	struct instance_view *views;
	struct err ignored = ERR_INIT;
	size_t count;

	if (stores_open(call, &stores, &ignored) < 0 || instance_list(call, &stores, &views, &count, &ignored) < 0)
		return;
	for (size_t i = 0; i < count; i++)
		reword_container(views[i].id, views[i].extension->name, err);
}

static int remove_image(const struct command_call *call, const char *words, void *user, struct err *err)
{
	const struct image_rm_options *options = call->options;
	struct catalog_removal removal = {0};
	char familiar[REFERENCE_BYTES];
	bool *any = user;
	int result = catalog_remove(call->arena, hull_of(call)->images, words, options->force, &removal, err);

	if (result == -ENOENT && options->force)
		return 0;
	if (result == -EBUSY)
		name_holder(call, err);
	if (result < 0)
		return result;
	*any = true;
	for (size_t i = 0; i < removal.untagged.count; i++) {
		struct err ignored = ERR_INIT;
		struct reference reference;

		if (reference_parse(removal.untagged.items[i], &reference, &ignored) < 0)
			continue;
		printf("Untagged: %s\n", reference_familiar(&reference, familiar));
	}
	if (*removal.id)
		printf("Deleted: %s\n", removal.id);
	return 0;
}

static int run_image_rm(struct command_call *call, struct err *err)
{
	bool any = false;
	int exit_code = operands_each(call, remove_image, &any), result = 0;

	if (any)
		result = image_helper_gc(hull_of(call)->images, NULL, err);
	return result < 0 ? result : exit_code;
}

const struct command verb_image_rm = {
	.name = "image rm",
	.aliases = (const char *const[]){"rmi", "image remove", NULL},
	.operands = "IMAGE...",
	.summary = "Remove images",
	.description = "Takes a name away from an image; with its last name the image goes. An image that a container "
		       "uses is refused.",
	.options = image_rm_rows,
	.options_bytes = sizeof(struct image_rm_options),
	.min_operands = 1,
	.max_operands = COMMAND_ANY,
	.run = run_image_rm,
};

/* --- image inspect ------------------------------------------------------------------------------------------------ */

/* KEY=VALUE words as an object. */
static void put_labels(struct json_writer *w, struct arena *arena, const struct strv *labels)
{
	json_open(w, "labels");
	for (size_t i = 0; i < labels->count; i++) {
		size_t len = strcspn(labels->items[i], "=");
		const char *key = arena_strndup(arena, labels->items[i], len);

		if (key)
			json_put_string(w, key, labels->items[i] + len + (labels->items[i][len] != '\0'));
	}
	json_close(w);
}

static void put_image_config(struct json_writer *w, struct arena *arena, const struct image_config *config)
{
	json_open(w, "config");
	json_put_string(w, "user", config->user);
	json_put_strv(w, "env", &config->env);
	json_put_strv(w, "entrypoint", &config->entrypoint);
	json_put_strv(w, "cmd", &config->cmd);
	json_put_string(w, "workdir", config->workdir);
	json_put_string(w, "stopSignal", config->stop_signal);
	json_put_strv(w, "exposedPorts", &config->exposed_ports);
	json_put_strv(w, "volumes", &config->volumes);
	put_labels(w, arena, &config->labels);
	json_close(w);
}

static void put_image(struct arena *arena, const struct image *image, const struct strv *names, struct text *to)
{
	struct json_writer w = {.out = to};

	json_open(&w, NULL);
	json_put_string(&w, "id", image->id);
	json_put_string(&w, "manifest", *image->manifest ? image->manifest : NULL);
	json_put_strv(&w, "names", names);
	json_put_string(&w, "created", image->config.created);
	words_put_time(&w, "imported", image->imported_ns);
	json_put_string(&w, "author", image->config.author);
	json_put_string(&w, "architecture", image->config.architecture);
	json_put_string(&w, "variant", image->config.variant);
	json_put_string(&w, "os", image->config.os);
	json_put_u64(&w, "sizeBytes", image->size_bytes);
	put_image_config(&w, arena, &image->config);
	json_open_array(&w, "layers");
	for (size_t i = 0; i < image->layer_count; i++)
		json_put_string(&w, NULL, image->layers[i]);
	json_close_array(&w);
	json_close(&w);
}

/* One image as the list knows it: with all of its names. */
static const struct strv *all_names(const struct command_call *call, const struct image *image)
{
	struct err ignored = ERR_INIT;
	struct image *images;
	size_t count;

	if (catalog_list(call->arena, hull_of(call)->images, &images, &count, &ignored) < 0)
		return &image->names;
	for (size_t i = 0; i < count; i++)
		if (strcmp(images[i].id, image->id) == 0)
			return &images[i].names;
	return &image->names;
}

static int inspect_image(const struct command_call *call, const char *words, void *user, struct err *err)
{
	CLEANUP_TEXT struct text document = TEXT_INIT;
	struct image image;
	int result = catalog_find(call->arena, hull_of(call)->images, words, &image, err);

	if (result < 0)
		return result;
	put_image(call->arena, &image, all_names(call, &image), &document);
	result = arena_check(call->arena, err);
	return result < 0 ? result : output_add(user, NULL, &document, err);
}

static int run_image_inspect(struct command_call *call, struct err *err)
{
	CLEANUP_OUTPUT struct output output = {0};

	return inspect_each(call, &output, inspect_image, &output, err);
}

const struct command verb_image_inspect = {
	.name = "image inspect",
	.operands = "IMAGE...",
	.summary = "Show all there is to know of images, as JSON",
	.description = "Prints an array with an object for each image: id, manifest (the digest it came by, or null), "
		       "names, created, imported, author, architecture, variant, os, sizeBytes, config (user, env, "
		       "entrypoint, cmd, workdir, stopSignal, exposedPorts, volumes, labels) and layers (the folders, "
		       "the topmost first).",
	.options = inspect_rows,
	.options_bytes = sizeof(struct inspect_options),
	.min_operands = 1,
	.max_operands = COMMAND_ANY,
	.run = run_image_inspect,
};

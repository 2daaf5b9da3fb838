// SPDX-License-Identifier: GPL-2.0-or-later
/* image ls */
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

#include "cli/filter.h"
#include "cli/hull.h"
#include "cli/output.h"
#include "cli/verbs.h"
#include "cli/words.h"
#include "images/catalog.h"
#include "images/reference.h"
#include "runtime/base/process.h"

#define NO_NAME "<none>"

struct ls_options {
	bool all, quiet, whole;
	const char *format;
	struct strv filters;
};
static const struct option_row ls_rows[] = {
	{"all", 'a', OPTION_FLAG, offsetof(struct ls_options, all), NULL,
	 "every image, as it is without: none is hidden", NULL, NULL},
	{"filter", 'f', OPTION_LIST, offsetof(struct ls_options, filters), "KEY=VALUE",
	 "only these: dangling (true: without a name), label, reference (a pattern)", NULL, NULL},
	OUTPUT_FORMAT_LIST(struct ls_options, format),
	{"no-trunc", 0, OPTION_FLAG, offsetof(struct ls_options, whole), NULL, "whole ids", NULL, NULL},
	{"quiet", 'q', OPTION_FLAG, offsetof(struct ls_options, quiet), NULL, "only ids", NULL, NULL},
	OPTIONS_END,
};

/* A row of the list: an image under one of its names. */
struct named_image {
	const struct image *image;
	const char *full; /* NULL: it has none */
	char familiar[REFERENCE_BYTES];
	const char *repository, *tag; /* of the familiar name */
};

struct image_listing {
	struct command_call *call;
	uint64_t now_ns;
	struct strv shown; /* ids, for --quiet: an image with two names is one image */
};

static bool is_dangling(const void *item, const char *value, void *context)
{
	const struct named_image *named = item;

	(void)context;
	return (named->full == NULL) == (strcmp(value, "true") == 0);
}

static bool image_has_label(const void *item, const char *value, void *context)
{
	const struct named_image *named = item;
	const struct strv *labels = &named->image->config.labels;

	(void)context;
	for (size_t i = 0; i < labels->count; i++) {
		size_t len = strcspn(labels->items[i], "=");

		if (strcmp(labels->items[i], value) == 0 ||
		    (strlen(value) == len && memcmp(labels->items[i], value, len) == 0))
			return true;
	}
	return false;
}

static bool has_reference(const void *item, const char *value, void *context)
{
	const struct named_image *named = item;

	(void)context;
	return named->full && (fnmatch(value, named->full, 0) == 0 || fnmatch(value, named->familiar, 0) == 0 ||
			       fnmatch(value, named->repository, 0) == 0);
}

static const char *const true_false[] = {"true", "false", NULL};
static const struct filter_key image_keys[] = {
	{"dangling", false, is_dangling, true_false},
	{"label", true, image_has_label, NULL},
	{"reference", false, has_reference, NULL},
	{0},
};

static const struct output_column image_columns[] = {
	{"Repository", "REPOSITORY", true},
	{"Tag", "TAG", true},
	{"ID", "IMAGE ID", true},
	{"CreatedSince", "CREATED", true},
	{"Size", "SIZE", true},
	{"Name", "NAME", false},
	{"CreatedAt", "CREATED AT", false},
	{0},
};

static int read_name(struct arena *arena, struct named_image *named, struct err *err)
{
	struct reference reference;
	char *colon;
	int result;

	named->repository = named->tag = NO_NAME;
	if (!named->full)
		return text_copy(named->familiar, sizeof(named->familiar), NO_NAME);
	result = reference_parse(named->full, &reference, err);
	if (result < 0)
		return result;
	(void)reference_familiar(&reference, named->familiar);
	named->repository = arena_strdup(arena, named->familiar);
	colon = named->repository ? strrchr(named->repository, ':') : NULL;
	/* A colon in front of a slash belongs to a registry's port. */
	if (colon && !strchr(colon, '/'))
		*colon = '\0';
	named->tag = *reference.tag ? arena_strdup(arena, reference.tag) : NO_NAME;
	return arena_check(arena, err);
}

static void put_image_row(const struct named_image *named, struct text *to)
{
	const struct image *image = named->image;
	struct json_writer w = {.out = to};

	json_open(&w, NULL);
	json_put_string(&w, "id", image->id);
	json_put_string(&w, "name", named->full);
	json_put_string(&w, "repository", named->full ? named->repository : NULL);
	json_put_string(&w, "tag", named->full ? named->tag : NULL);
	json_put_string(&w, "created", image->config.created);
	words_put_time(&w, "imported", image->imported_ns);
	json_put_u64(&w, "sizeBytes", image->size_bytes);
	json_put_string(&w, "architecture", image->config.architecture);
	json_put_string(&w, "os", image->config.os);
	json_close(&w);
}

static int add_image_row(struct image_listing *listing, const struct named_image *named, struct output *output,
			 struct err *err)
{
	const struct ls_options *options = listing->call->options;
	const struct image *image = named->image;
	struct arena *arena = listing->call->arena;
	CLEANUP_TEXT struct text document = TEXT_INIT;
	uint64_t created_ns = image->imported_ns; /* what has no date of its own began here */
	char size[32], time[36];
	const char *cells[ARRAY_SIZE(image_columns)];

	if (options->quiet && strv_has(&listing->shown, image->id))
		return 0;
	if (strv_add(arena, &listing->shown, image->id) < 0)
		return arena_check(arena, err);
	if (image->config.created)
		(void)text_time_parse(image->config.created, &created_ns);
	cells[0] = named->repository;
	cells[1] = named->tag;
	cells[2] = output_short_id(arena, image->id, options->whole);
	cells[3] = words_ago(arena, created_ns, listing->now_ns);
	cells[4] = text_size_words(image->size_bytes, size);
	cells[5] = named->familiar;
	cells[6] = text_time(created_ns, time);
	put_image_row(named, &document);
	return output_add(output, cells, &document, err);
}

/* Whether `run` may mean this image by these words; without a tag, by its repository alone. */
static bool is_meant(const struct named_image *named, const char *words)
{
	struct reference short_form, whole, means[REFERENCE_MAX_CANDIDATES];

	if (!named->full || reference_parse(words, &short_form, NULL) < 0 ||
	    reference_parse(named->full, &whole, NULL) < 0)
		return false;
	for (int i = 0; i < reference_candidates(&short_form, means); i++)
		if (strcmp(means[i].registry, whole.registry) == 0 &&
		    strcmp(means[i].repository, whole.repository) == 0 &&
		    (!*short_form.tag || strcmp(short_form.tag, whole.tag) == 0) &&
		    (!*short_form.digest || strcmp(short_form.digest, whole.digest) == 0))
			return true;
	return false;
}

/* The operand is a name with or without a tag, or a pattern. */
static bool is_asked_for(const struct command_call *call, const struct named_image *named)
{
	const char *words = call->operands.count ? call->operands.items[0] : NULL;

	return !words || has_reference(named, words, NULL) || is_meant(named, words);
}

static int list_image(struct image_listing *listing, const struct image *image, struct output *output, struct err *err)
{
	const struct ls_options *options = listing->call->options;
	size_t count = image->names.count ? image->names.count : 1;
	int result = 0;

	for (size_t i = 0; result >= 0 && i < count; i++) {
		struct named_image named = {.image = image, .full = image->names.count ? image->names.items[i] : NULL};

		result = read_name(listing->call->arena, &named, err);
		if (result >= 0 && is_asked_for(listing->call, &named) &&
		    filter_matches(image_keys, &options->filters, &named, NULL))
			result = add_image_row(listing, &named, output, err);
	}
	return result;
}

static int run_ls(struct command_call *call, struct err *err)
{
	const struct ls_options *options = call->options;
	struct image_listing listing = {.call = call, .now_ns = proc_now_ns()};
	CLEANUP_OUTPUT struct output output = {0};
	struct image *images = NULL;
	size_t count = 0;
	int result = filter_check(image_keys, &options->filters, err);

	if (result >= 0)
		result = output_begin(&output, call->arena, image_columns, options->format, options->quiet, err);
	if (result >= 0)
		result = catalog_list(call->arena, hull_of(call)->images, &images, &count, err);
	for (size_t i = 0; result >= 0 && i < count; i++)
		result = list_image(&listing, &images[i], &output, err);
	return result < 0 ? result : output_print(&output, err);
}

const struct command verb_image_ls = {
	.name = "image ls",
	.aliases = (const char *const[]){"images", "image list", NULL},
	.operands = "[NAME[:TAG]]",
	.summary = "List images",
	.description = "The size is that of the unpacked layers, of which images may share some.\n"
		       "\n"
		       "Fields of templates: .Repository .Tag .ID .CreatedSince .CreatedAt .Size .Name, and the "
		       "members of the JSON: an array of objects, one for each name, with id, name (the full one), "
		       "repository, tag, created, imported, sizeBytes, architecture and os.",
	.options = ls_rows,
	.options_bytes = sizeof(struct ls_options),
	.max_operands = 1,
	.run = run_ls,
};

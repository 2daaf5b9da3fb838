// SPDX-License-Identifier: GPL-2.0-or-later
/* ps */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/filter.h"
#include "cli/instance_settle.h"
#include "cli/output.h"
#include "cli/size.h"
#include "cli/verbs.h"
#include "cli/words.h"
#include "images/catalog.h"
#include "runtime/base/process.h"

#define COMMAND_CHARS 20

struct ps_options {
	bool all, quiet, whole, latest, size;
	const char *last, *format;
	struct strv filters;
};

static int check_count(const char *words, struct err *err)
{
	int64_t count;

	return text_i64(words, &count) < 0 || count < -1
		       ? err_say(err, EINVAL, "'%s' is no number of containers", words)
		       : 0;
}

static const struct option_row ps_rows[] = {
	{"all", 'a', OPTION_FLAG, offsetof(struct ps_options, all), NULL, "also those that do not run", NULL, NULL},
	{"filter", 'f', OPTION_LIST, offsetof(struct ps_options, filters), "KEY=VALUE",
	 "only these: id, name, label, status, ancestor (an image), exited (an exit code)", NULL, NULL},
	OUTPUT_FORMAT_LIST(struct ps_options, format),
	{"last", 'n', OPTION_CHECKED, offsetof(struct ps_options, last), "N", "only the last N that were created", NULL,
	 check_count},
	{"latest", 'l', OPTION_FLAG, offsetof(struct ps_options, latest), NULL, "only the last that was created", NULL,
	 NULL},
	{"no-trunc", 0, OPTION_FLAG, offsetof(struct ps_options, whole), NULL, "whole ids and commands", NULL, NULL},
	{"quiet", 'q', OPTION_FLAG, offsetof(struct ps_options, quiet), NULL, "only ids", NULL, NULL},
	{"size", 's', OPTION_FLAG, offsetof(struct ps_options, size), NULL,
	 "what each has written on the disk, and that with its image's files", NULL, NULL},
	OPTIONS_END,
};

/* What a listing needs to know beside the instances. */
struct listing {
	const struct command_call *call;
	const struct ps_options *options;
	uint64_t now_ns;
	bool has_sizes; /* which take a look at every file */
};

/* --- Filters ------------------------------------------------------------------------------------------------------ */

static bool has_id(const void *item, const char *value, void *context)
{
	const struct instance_view *view = item;

	(void)context;
	return text_starts(view->id, value);
}

/* Docker's names begin with a slash, and expressions such as ^/web$ count on it. */
static bool has_name(const void *item, const char *value, void *context)
{
	const struct instance_view *view = item;
	const struct listing *listing = context;
	const char *slashed = arena_printf(listing->call->arena, "/%s", view->extension->name);

	return filter_regex(view->extension->name, value) || (slashed && filter_regex(slashed, value));
}

static bool has_label(const void *item, const char *value, void *context)
{
	const struct instance_view *view = item;

	(void)context;
	return filter_label(&view->extension->labels, value);
}

static bool has_status(const void *item, const char *value, void *context)
{
	(void)context;
	return strcmp(words_state(item), value) == 0;
}

static bool has_exit_code(const void *item, const char *value, void *context)
{
	const struct instance_view *view = item;
	int64_t code;

	(void)context;
	return strcmp(words_state(view), "exited") == 0 && view->now.exit.known && text_i64(value, &code) == 0 &&
	       view->now.exit.code == code;
}

/* An image by any of its names, or by the name that the container was made with, should that mean another image now. */
static bool has_ancestor(const void *item, const char *value, void *context)
{
	const struct instance_view *view = item;
	const struct listing *listing = context;
	struct err ignored = ERR_INIT;
	struct image image;

	if (!view->extension->image.id)
		return false;
	if (view->extension->image.name && strcmp(view->extension->image.name, value) == 0)
		return true;
	return catalog_find(listing->call->arena, hull_of(listing->call)->images, value, &image, &ignored) >= 0 &&
	       strcmp(image.id, view->extension->image.id) == 0;
}

static const struct filter_key keys[] = {
	{"id", false, has_id, NULL},
	{"name", false, has_name, NULL},
	{"label", true, has_label, NULL},
	{"status", false, has_status, words_states},
	{"ancestor", false, has_ancestor, NULL},
	{"exited", false, has_exit_code, NULL},
	{0},
};

/* Who asks for a state wants to see what is in it. */
static bool shows_all(const struct ps_options *options)
{
	return options->all || options->latest || options->last || filter_has(&options->filters, "status") ||
	       filter_has(&options->filters, "exited");
}

static size_t most(const struct ps_options *options)
{
	int64_t count = options->latest ? 1 : -1;

	if (options->last)
		(void)text_i64(options->last, &count);
	return count < 0 ? SIZE_MAX : (size_t)count;
}

/* --- Rows --------------------------------------------------------------------------------------------------------- */

enum column {
	COLUMN_ID,
	COLUMN_IMAGE,
	COLUMN_COMMAND,
	COLUMN_CREATED,
	COLUMN_STATUS,
	COLUMN_PORTS,
	COLUMN_NAMES,
	COLUMN_NAME,
	COLUMN_CREATED_AT,
	COLUMN_STATE,
	COLUMN_LABELS,
	COLUMN_MOUNTS,
	COLUMN_NETWORKS,
	COLUMN_SIZE,
	COLUMN_COUNT
};
static const struct output_column columns[COLUMN_COUNT + 1] = {
	[COLUMN_ID] = {"ID", "CONTAINER ID", true},
	[COLUMN_IMAGE] = {"Image", "IMAGE", true},
	[COLUMN_COMMAND] = {"Command", "COMMAND", true},
	[COLUMN_CREATED] = {"RunningFor", "CREATED", true},
	[COLUMN_STATUS] = {"Status", "STATUS", true},
	[COLUMN_PORTS] = {"Ports", "PORTS", true},
	[COLUMN_NAMES] = {"Names", "NAMES", true},
	[COLUMN_NAME] = {"Name", "NAME", false},
	[COLUMN_CREATED_AT] = {"CreatedAt", "CREATED AT", false},
	[COLUMN_STATE] = {"State", "STATE", false},
	[COLUMN_LABELS] = {"Labels", "LABELS", false},
	[COLUMN_MOUNTS] = {"Mounts", "MOUNTS", false},
	[COLUMN_NETWORKS] = {"Networks", "NETWORKS", false},
	[COLUMN_SIZE] = {"Size", "SIZE", false},
};

static bool is_up(const struct instance_view *view)
{
	const char *state = words_state(view);

	return strcmp(state, "running") == 0 || strcmp(state, "paused") == 0;
}

static const char *command_words(const struct listing *listing, const struct extension *extension)
{
	CLEANUP_TEXT struct text words = TEXT_INIT;

	for (size_t i = 0; i < extension->command.count; i++)
		text_addf(&words, "%s%s", i ? " " : "", extension->command.items[i]);
	return arena_printf(listing->call->arena, "\"%s\"",
			    listing->options->whole
				    ? text_get(&words)
				    : output_shorten(listing->call->arena, text_get(&words), COMMAND_CHARS));
}

static const char *label_words(struct arena *arena, const struct strmap *labels)
{
	CLEANUP_TEXT struct text words = TEXT_INIT;

	for (size_t i = 0; i < labels->count; i++)
		text_addf(&words, "%s%s=%s", i ? "," : "", labels->items[i].key, labels->items[i].value);
	return arena_strdup(arena, text_get(&words));
}

static const char *mount_words(struct arena *arena, const struct extension *extension)
{
	CLEANUP_TEXT struct text words = TEXT_INIT;

	for (size_t i = 0; i < extension->volumes.count; i++) {
		const struct extension_volume *volume = &extension->volumes.items[i];

		text_addf(&words, "%s%s", i ? "," : "",
			  volume->name	   ? volume->name
			  : volume->source ? volume->source
					   : volume->destination);
	}
	return arena_strdup(arena, text_get(&words));
}

static const char *size_words(struct arena *arena, const struct size *size)
{
	char written_words[32], virtual_words[32];

	return arena_printf(arena, "%s (virtual %s)", text_size_words(size->written_bytes, written_words),
			    text_size_words(size->virtual_bytes, virtual_words));
}

static void put_document(const struct instance_view *view, const char *status, const struct size *size, struct text *to)
{
	const struct extension *extension = view->extension;
	struct json_writer w = {.out = to};

	json_open(&w, NULL);
	json_put_string(&w, "id", view->id);
	json_put_string(&w, "name", extension->name);
	json_put_string(&w, "image", extension->image.name);
	json_put_string(&w, "imageId", extension->image.id);
	json_put_string(&w, "isolation", extension_isolation_name(extension->isolation));
	json_put_strv(&w, "command", &extension->command);
	words_put_time(&w, "created", extension->created);
	json_put_string(&w, "state", words_state(view));
	json_put_string(&w, "status", status);
	json_put_bool(&w, "unattended", view->now.unattended);
	words_put_exit_code(&w, "exitCode", view);
	words_put_time(&w, "startedAt", view->has_record ? view->record.started : view->last.started);
	words_put_time(&w, "finishedAt", is_up(view) ? 0 : view->now.finished);
	json_put_string(&w, "ip", is_up(view) ? view->record.net.ip : NULL);
	words_put_ports(&w, "ports", &extension->network);
	words_put_map(&w, "labels", &extension->labels);
	if (size) {
		json_put_u64(&w, "sizeBytes", size->written_bytes);
		json_put_u64(&w, "virtualSizeBytes", size->virtual_bytes);
	}
	json_close(&w);
}

static int add_row(const struct listing *listing, const struct instance_view *view, struct output *output,
		   struct err *err)
{
	CLEANUP_TEXT struct text document = TEXT_INIT;
	const struct extension *extension = view->extension;
	struct arena *arena = listing->call->arena;
	const char *cells[COLUMN_COUNT];
	const struct size size = listing->has_sizes ? size_of(listing->call, view) : (struct size){0};
	char created[36];
	int result;

	cells[COLUMN_ID] = output_short_id(arena, view->id, listing->options->whole);
	cells[COLUMN_IMAGE] = extension->image.name ? extension->image.name : "(rootfs)";
	cells[COLUMN_COMMAND] = command_words(listing, extension);
	cells[COLUMN_CREATED] = words_ago(arena, extension->created, listing->now_ns);
	cells[COLUMN_STATUS] = words_status(arena, view, listing->now_ns);
	cells[COLUMN_PORTS] = is_up(view) ? words_ports(arena, &extension->network) : "";
	cells[COLUMN_NAMES] = cells[COLUMN_NAME] = extension->name;
	cells[COLUMN_CREATED_AT] = text_time(extension->created, created);
	cells[COLUMN_STATE] = words_state(view);
	cells[COLUMN_LABELS] = label_words(arena, &extension->labels);
	cells[COLUMN_MOUNTS] = mount_words(arena, extension);
	cells[COLUMN_NETWORKS] = extension_network_mode_name(extension->network.mode);
	cells[COLUMN_SIZE] = listing->has_sizes ? size_words(arena, &size) : "";
	result = arena_check(arena, err);
	if (result < 0)
		return result;
	put_document(view, cells[COLUMN_STATUS], listing->has_sizes ? &size : NULL, &document);
	return output_add(output, cells, &document, err);
}

static int list(struct listing *listing, const struct stores *stores, struct output *output, struct err *err)
{
	const struct ps_options *options = listing->options;
	struct instance_view *views;
	size_t count, shown = 0, limit = most(options);
	int result = instance_list(listing->call, stores, &views, &count, err);

	for (size_t i = 0; result >= 0 && i < count && shown < limit; i++) {
		if (!shows_all(options) && !is_up(&views[i]) && !views[i].restarting)
			continue;
		if (!filter_matches(keys, &options->filters, &views[i], listing))
			continue;
		result = add_row(listing, &views[i], output, err);
		shown++;
	}
	return result;
}

static int run_ps(struct command_call *call, struct err *err)
{
	struct listing listing = {.call = call, .options = call->options, .now_ns = proc_now_ns()};
	CLEANUP_STORES struct stores stores = STORES_INIT;
	CLEANUP_OUTPUT struct output output = {0};
	struct output_column shown[ARRAY_SIZE(columns)];
	const char *format = listing.options->format;
	int result = filter_check(keys, &listing.options->filters, err);

	memcpy(shown, columns, sizeof(shown));
	shown[COLUMN_SIZE].shown = listing.options->size;
	listing.has_sizes = !listing.options->quiet && (listing.options->size || (format && strstr(format, ".Size")));
	if (result >= 0)
		result = output_begin(&output, call->arena, shown, format, listing.options->quiet, err);
	if (result >= 0)
		result = stores_open(call, &stores, err);
	if (result >= 0)
		result = list(&listing, &stores, &output, err);
	if (result >= 0)
		result = output_print(&output, err);
	/* Last, so that what was without a keeper is seen once. */
	if (result >= 0)
		instance_settle(call, &stores);
	return result;
}

const struct command verb_ps = {
	.name = "ps",
	.operands = "",
	.summary = "List containers",
	.description = "Shows those that run; with --all, and with a filter for status or exited, the others too.\n"
		       "\n"
		       "A container whose keeper was killed runs on, 'unattended'; it is shown so once, and then has a "
		       "new keeper. 'Exited (unknown)' is one whose end nobody saw.\n"
		       "\n"
		       "Fields of templates: .ID .Names .Image .Command .RunningFor .CreatedAt .Status .State .Ports "
		       ".Labels .Mounts .Networks .Size, {{.Label \"KEY\"}}, and the members of the JSON: an array of "
		       "objects with id, name, image, imageId, isolation (ns, vm), command, created, state (created, "
		       "creating, running, "
		       "paused, restarting, exited), status, unattended, exitCode (null while it is not known), "
		       "startedAt, finishedAt, ip, ports (hostIp, hostPort, containerPort, protocol), labels, and with "
		       "--size sizeBytes and virtualSizeBytes.",
	.examples = "hull ps -a\nhull ps --format '{{.Names}}\\t{{.Status}}'\nhull ps -aq --filter status=exited",
	.options = ps_rows,
	.options_bytes = sizeof(struct ps_options),
	.max_operands = 0,
	.run = run_ps,
};

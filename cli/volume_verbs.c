// SPDX-License-Identifier: GPL-2.0-or-later
/* volume ls, create, inspect, rm, prune */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/instance.h"
#include "cli/instance_settle.h"
#include "cli/listing.h"
#include "cli/operands.h"
#include "cli/verbs.h"
#include "cli/volume.h"
#include "cli/words.h"
#include "runtime/base/process.h"

#define NS_A_SECOND UINT64_C(1000000000)

/* What all of these need to know: which containers there are. */
struct volumes {
	const struct command_call *call;
	const struct stores *stores;
	const struct instance_view *views;
	size_t count;
	struct output *output;
	uint64_t now_ns;
	bool force;
};

static int open_volumes(struct command_call *call, struct stores *stores, struct volumes *ret, struct err *err)
{
	struct instance_view *views = NULL;
	int result = stores_open(call, stores, err);

	*ret = (struct volumes){.call = call, .stores = stores, .now_ns = proc_now_ns()};
	if (result >= 0)
		instance_settle(call, stores);
	if (result >= 0)
		result = instance_list(call, stores, &views, &ret->count, err);
	ret->views = views;
	return result;
}

/* The names of the containers that have it, running or not. */
static int find_users(const struct volumes *volumes, const char *name, struct strv *ret, struct err *err)
{
	*ret = (struct strv){0};
	for (size_t i = 0; i < volumes->count; i++) {
		const struct extension *extension = volumes->views[i].extension;

		if (instance_has_volume(extension, name) && strv_add(volumes->call->arena, ret, extension->name) < 0)
			return arena_check(volumes->call->arena, err);
	}
	return 0;
}

/* --- Showing ------------------------------------------------------------------------------------------------------ */

enum column {
	COLUMN_NAME,
	COLUMN_USERS,
	COLUMN_CREATED,
	COLUMN_CREATED_AT,
	COLUMN_MOUNTPOINT,
	COLUMN_ID,
	COLUMN_COUNT
};
static const struct output_column columns[COLUMN_COUNT + 1] = {
	[COLUMN_NAME] = {"Name", "VOLUME NAME", true},
	[COLUMN_USERS] = {"Containers", "CONTAINERS", true},
	[COLUMN_CREATED] = {"CreatedSince", "CREATED", true},
	[COLUMN_CREATED_AT] = {"CreatedAt", "CREATED AT", false},
	[COLUMN_MOUNTPOINT] = {"Mountpoint", "MOUNTPOINT", false},
	[COLUMN_ID] = {"ID", "VOLUME NAME", false},
};

static void put_document(const char *name, const char *path, uint64_t created_ns, const struct strv *users,
			 struct text *to)
{
	struct json_writer w = {.out = to};

	json_open(&w, NULL);
	json_put_string(&w, "name", name);
	json_put_string(&w, "mountpoint", path);
	words_put_time(&w, "created", created_ns);
	json_put_bool(&w, "anonymous", volume_is_anonymous(name));
	json_put_strv(&w, "containers", users);
	json_close(&w);
}

static int show(const struct volumes *volumes, const char *name, struct err *err)
{
	struct arena *arena = volumes->call->arena;
	const char *folder = arena_printf(arena, "%s/%s", hull_of(volumes->call)->volumes, name);
	const char *path = arena_printf(arena, "%s/data", folder), *cells[COLUMN_COUNT];
	CLEANUP_TEXT struct text document = TEXT_INIT, words = TEXT_INIT;
	struct strv users;
	struct stat st;
	uint64_t created_ns;
	char time[36];
	int result = find_users(volumes, name, &users, err);

	if (result >= 0)
		result = arena_check(arena, err);
	if (result < 0)
		return result;
	if (stat(folder, &st) < 0) /* gone meanwhile, or never there */
		return err_say(err, ENOENT, "no volume '%s': see 'hull volume ls'", name);
	created_ns = (uint64_t)st.st_mtim.tv_sec * NS_A_SECOND + (uint64_t)st.st_mtim.tv_nsec;
	for (size_t i = 0; i < users.count; i++)
		text_addf(&words, "%s%s", i ? "," : "", users.items[i]);
	cells[COLUMN_NAME] = cells[COLUMN_ID] = name;
	cells[COLUMN_USERS] = text_get(&words);
	cells[COLUMN_CREATED] = words_ago(arena, created_ns, volumes->now_ns);
	cells[COLUMN_CREATED_AT] = text_time(created_ns, time);
	cells[COLUMN_MOUNTPOINT] = path;
	put_document(name, path, created_ns, &users, &document);
	return output_add(volumes->output, cells, &document, err);
}

static int run_ls(struct command_call *call, struct err *err)
{
	CLEANUP_STORES struct stores stores = STORES_INIT;
	CLEANUP_OUTPUT struct output output = {0};
	struct volumes volumes;
	struct strv names = {0};
	int result = listing_begin(call, columns, &output, err);

	if (result >= 0)
		result = open_volumes(call, &stores, &volumes, err);
	if (result >= 0)
		result = volume_list(call->arena, hull_of(call), &names, err);
	volumes.output = &output;
	for (size_t i = 0; result >= 0 && i < names.count; i++) {
		result = show(&volumes, names.items[i], err);
		if (result != -ENOENT)
			continue;
		err_clear(err);
		result = 0;
	}
	return result < 0 ? result : output_print(&output, err);
}

const struct command verb_volume_ls = {
	.name = "volume ls",
	.aliases = (const char *const[]){"volume list", NULL},
	.operands = "",
	.summary = "List volumes",
	.description =
		"Fields of templates: .Name .Containers .CreatedSince .CreatedAt .Mountpoint, and the members of the "
		"JSON: an array of objects with name, mountpoint (the folder with the files), created, anonymous "
		"(nobody has named it) and containers (the names of those that have it, running or not).",
	.options = listing_rows,
	.options_bytes = sizeof(struct listing_options),
	.max_operands = 0,
	.run = run_ls,
};

static int inspect_one(const struct command_call *call, const char *name, void *user, struct err *err)
{
	int result = volume_check_name(name, err);

	(void)call;
	return result < 0 ? result : show(user, name, err);
}

static int run_inspect(struct command_call *call, struct err *err)
{
	CLEANUP_STORES struct stores stores = STORES_INIT;
	CLEANUP_OUTPUT struct output output = {0};
	struct volumes volumes;
	int result = open_volumes(call, &stores, &volumes, err);

	volumes.output = &output;
	return result < 0 ? result : inspect_each(call, &output, inspect_one, &volumes, err);
}

const struct command verb_volume_inspect = {
	.name = "volume inspect",
	.operands = "VOLUME...",
	.summary = "Show what there is to know of volumes, as JSON",
	.description = "Prints an array with an object for each, as 'hull volume ls --format json' does.",
	.examples = "hull volume inspect --format '{{.Mountpoint}}' data",
	.options = inspect_rows,
	.options_bytes = sizeof(struct inspect_options),
	.min_operands = 1,
	.max_operands = COMMAND_ANY,
	.run = run_inspect,
};

/* --- Making and removing ------------------------------------------------------------------------------------------ */

static int run_create(struct command_call *call, struct err *err)
{
	const char *name = call->operands.count ? call->operands.items[0] : volume_make_up_name(call->arena), *path;
	int result = name ? volume_make(call->arena, hull_of(call), name, &path, err) : arena_check(call->arena, err);

	if (result >= 0)
		(void)puts(name);
	return result;
}

const struct command verb_volume_create = {
	.name = "volume create",
	.operands = "[NAME]",
	.summary = "Make a volume",
	.description =
		"'hull run -v NAME:DIR' makes it, too. One that is there already stays as it is. Without a name one is "
		"made up, and such a volume is removed with the last container that has it by 'hull rm -v'.",
	.max_operands = 1,
	.run = run_create,
};

struct rm_options {
	bool force;
};
static const struct option_row rm_rows[] = {
	{"force", 'f', OPTION_FLAG, offsetof(struct rm_options, force), NULL, "one that does not exist is no error",
	 NULL, NULL},
	OPTIONS_END,
};

static int remove_one(const struct command_call *call, const char *name, void *user, struct err *err)
{
	const struct volumes *volumes = user;
	struct strv users;
	int result = find_users(volumes, name, &users, err);

	if (result >= 0 && users.count > 0)
		return err_say(err, EBUSY, "volume '%s' is used by container '%s': remove that first", name,
			       users.items[0]);
	if (result >= 0)
		result = volume_remove(hull_of(call), name, err);
	if (result == -ENOENT && volumes->force)
		return 0;
	if (result >= 0)
		(void)puts(name);
	return result;
}

static int run_rm(struct command_call *call, struct err *err)
{
	const struct rm_options *options = call->options;
	CLEANUP_STORES struct stores stores = STORES_INIT;
	CLEANUP_FD int lock = volume_lock(hull_of(call), FILE_LOCK_EXCLUSIVE, err);
	struct volumes volumes;
	int result = lock < 0 ? lock : open_volumes(call, &stores, &volumes, err);

	volumes.force = options->force;
	return result < 0 ? result : operands_each(call, remove_one, &volumes);
}

const struct command verb_volume_rm = {
	.name = "volume rm",
	.aliases = (const char *const[]){"volume remove", NULL},
	.operands = "VOLUME...",
	.summary = "Remove volumes, with all that is in them",
	.description = "One that a container has, running or not, is refused.",
	.options = rm_rows,
	.options_bytes = sizeof(struct rm_options),
	.min_operands = 1,
	.max_operands = COMMAND_ANY,
	.run = run_rm,
};

struct prune_options {
	bool all, force;
};
static const struct option_row prune_rows[] = {
	{"all", 'a', OPTION_FLAG, offsetof(struct prune_options, all), NULL, "also those that somebody has named", NULL,
	 NULL},
	{"force", 'f', OPTION_FLAG, offsetof(struct prune_options, force), NULL, "do not ask", NULL, NULL},
	OPTIONS_END,
};

static bool is_sure(bool all)
{
	char answer[16] = "";

	(void)fprintf(stderr, "This removes all %svolumes that no container has. Go on? [y/N] ", all ? "" : "unnamed ");
	return fgets(answer, sizeof(answer), stdin) && (answer[0] == 'y' || answer[0] == 'Y');
}

static int run_prune(struct command_call *call, struct err *err)
{
	const struct prune_options *options = call->options;
	CLEANUP_STORES struct stores stores = STORES_INIT;
	CLEANUP_FD int lock = -1;
	struct volumes volumes;
	struct strv names = {0};
	int result;

	if (!options->force && !is_sure(options->all))
		return err_say(err, ECANCELED, "nothing was removed");
	result = lock = volume_lock(hull_of(call), FILE_LOCK_EXCLUSIVE, err);
	if (result >= 0)
		result = open_volumes(call, &stores, &volumes, err);
	if (result >= 0)
		result = volume_list(call->arena, hull_of(call), &names, err);
	volumes.force = true;
	for (size_t i = 0; result >= 0 && i < names.count; i++) {
		struct strv users;

		if (!options->all && !volume_is_anonymous(names.items[i]))
			continue;
		result = find_users(&volumes, names.items[i], &users, err);
		if (result >= 0 && users.count == 0)
			result = remove_one(call, names.items[i], &volumes, err);
	}
	return result;
}

const struct command verb_volume_prune = {
	.name = "volume prune",
	.operands = "",
	.summary = "Remove volumes that no container has",
	.description =
		"Those that nobody has named; with --all the others, too. Prints the names of what it has removed.",
	.options = prune_rows,
	.options_bytes = sizeof(struct prune_options),
	.max_operands = 0,
	.run = run_prune,
};

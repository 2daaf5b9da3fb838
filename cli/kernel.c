// SPDX-License-Identifier: GPL-2.0-or-later
/* kernel ls, default, rm, inspect */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/instance.h"
#include "cli/listing.h"
#include "cli/operands.h"
#include "cli/verbs.h"
#include "cli/words.h"
#include "runtime/base/log.h"
#include "runtime/base/process.h"
#include "runtime/vm/kernels.h"

/* --- Showing ------------------------------------------------------------------------------------------------------ */

enum column {
	COLUMN_NAME,
	COLUMN_RELEASE,
	COLUMN_DEFAULT,
	COLUMN_FORMATS,
	COLUMN_IMPORTED,
	COLUMN_IMPORTED_AT,
	COLUMN_ID,
	COLUMN_COUNT
};
static const struct output_column columns[COLUMN_COUNT + 1] = {
	[COLUMN_NAME] = {"Name", "NAME", true},
	[COLUMN_RELEASE] = {"Release", "RELEASE", true},
	[COLUMN_DEFAULT] = {"Default", "DEFAULT", true},
	[COLUMN_FORMATS] = {"Formats", "FORMATS", true},
	[COLUMN_IMPORTED] = {"ImportedSince", "IMPORTED", true},
	[COLUMN_IMPORTED_AT] = {"ImportedAt", "IMPORTED AT", false},
	[COLUMN_ID] = {"ID", "NAME", false},
};

/* "00-virtio.ko base,disk" */
static void put_module(struct json_writer *w, struct arena *arena, const char *line)
{
	struct strv purposes = {0};
	size_t len = strcspn(line, " ");

	json_open(w, NULL);
	json_put_string(w, "file", arena_strndup(arena, line, len));
	(void)strv_split(arena, &purposes, line + len, " ,", false);
	json_put_strv(w, "purposes", &purposes);
	json_close(w);
}

static void put_document(struct arena *arena, const struct kernel *kernel, struct text *to)
{
	struct json_writer w = {.out = to};
	struct stat st;
	const char *initrd = arena_printf(arena, "%s/initrd", kernel->folder);

	json_open(&w, NULL);
	json_put_string(&w, "name", kernel->name);
	json_put_string(&w, "release", kernel->release);
	json_put_bool(&w, "default", kernel->is_default);
	json_put_string(&w, "bzImage", kernel->bzimage);
	json_put_string(&w, "vmlinux", kernel->vmlinux);
	json_put_bool(&w, "pvh", kernel->has_pvh);
	json_put_string(&w, "initrd", initrd && stat(initrd, &st) == 0 ? initrd : NULL);
	json_open_array(&w, "modules");
	for (size_t i = 0; i < kernel->modules.count; i++)
		put_module(&w, arena, kernel->modules.items[i]);
	json_close_array(&w);
	json_put_string(&w, "source", kernel->source);
	json_put_string(&w, "digest", kernel->source_digest);
	words_put_time(&w, "imported", kernel->imported_ns);
	json_close(&w);
}

static int show(const struct command_call *call, const struct kernel *kernel, struct output *output, struct err *err)
{
	struct arena *arena = call->arena;
	CLEANUP_TEXT struct text document = TEXT_INIT;
	const char *cells[COLUMN_COUNT];
	char time[36];

	cells[COLUMN_NAME] = cells[COLUMN_ID] = kernel->name;
	cells[COLUMN_RELEASE] = kernel->release;
	cells[COLUMN_DEFAULT] = kernel->is_default ? "yes" : "";
	cells[COLUMN_FORMATS] = arena_printf(arena, "%s%s%s%s", kernel->bzimage ? "bzImage" : "",
					     kernel->bzimage && kernel->vmlinux ? " " : "",
					     kernel->vmlinux ? "vmlinux" : "", kernel->has_pvh ? " pvh" : "");
	cells[COLUMN_IMPORTED] = words_ago(arena, kernel->imported_ns, proc_now_ns());
	cells[COLUMN_IMPORTED_AT] = text_time(kernel->imported_ns, time);
	put_document(arena, kernel, &document);
	if (arena_check(arena, err) < 0)
		return -ENOMEM;
	return output_add(output, cells, &document, err);
}

static int run_ls(struct command_call *call, struct err *err)
{
	CLEANUP_OUTPUT struct output output = {0};
	struct kernel_listing kernels = {0};
	int result = listing_begin(call, columns, &output, err);

	if (result >= 0)
		result = kernel_list(call->arena, hull_of(call)->kernels, &kernels, err);
	for (size_t i = 0; result >= 0 && i < kernels.damaged.count; i++)
		log_line(LOG_LEVEL_WARN, "%s: it is damaged: see 'hull kernel rm'", kernels.damaged.items[i]);
	for (size_t i = 0; result >= 0 && i < kernels.count; i++)
		result = show(call, &kernels.items[i], &output, err);
	return result < 0 ? result : output_print(&output, err);
}

const struct command verb_kernel_ls = {
	.name = "kernel ls",
	.aliases = (const char *const[]){"kernels", "kernel list", NULL},
	.operands = "",
	.summary = "List kernels for virtual machines",
	.description =
		"Fields of templates: .Name .Release .Default .Formats .ImportedSince .ImportedAt, and the "
		"members of the JSON: an array of objects as 'hull kernel inspect' prints them. One that is damaged "
		"is not listed, but warned of.",
	.options = listing_rows,
	.options_bytes = sizeof(struct listing_options),
	.max_operands = 0,
	.run = run_ls,
};

static int inspect_one(const struct command_call *call, const char *name, void *user, struct err *err)
{
	CLEANUP_TEXT struct text document = TEXT_INIT;
	struct kernel kernel;
	int result = kernel_find(call->arena, hull_of(call)->kernels, name, &kernel, err);

	if (result < 0)
		return result;
	put_document(call->arena, &kernel, &document);
	return output_add(user, NULL, &document, err);
}

static int run_inspect(struct command_call *call, struct err *err)
{
	CLEANUP_OUTPUT struct output output = {0};

	return inspect_each(call, &output, inspect_one, &output, err);
}

const struct command verb_kernel_inspect = {
	.name = "kernel inspect",
	.operands = "KERNEL...",
	.summary = "Show what there is to know of kernels, as JSON",
	.description =
		"Prints an array with an object for each: name, release, default, bzImage and vmlinux (files, or "
		"null), pvh (the ELF kernel can be entered directly), initrd (the file, or null until it is packed), "
		"modules (file and purposes, in the order in which a guest loads them), source, digest and imported.",
	.options = inspect_rows,
	.options_bytes = sizeof(struct inspect_options),
	.min_operands = 1,
	.max_operands = COMMAND_ANY,
	.run = run_inspect,
};

/* --- Choosing and removing ---------------------------------------------------------------------------------------- */

static int run_default(struct command_call *call, struct err *err)
{
	struct kernel kernel;
	int result;

	if (call->operands.count > 0)
		return kernel_choose(hull_of(call)->kernels, call->operands.items[0], err);
	result = kernel_find(call->arena, hull_of(call)->kernels, NULL, &kernel, err);
	if (result >= 0)
		(void)puts(kernel.name);
	return result;
}

const struct command verb_kernel_default = {
	.name = "kernel default",
	.operands = "[KERNEL]",
	.summary = "Say which kernel virtual machines get, or choose it",
	.description = "Without an operand it prints the name of the default one. Machines that run keep theirs.",
	.max_operands = 1,
	.run = run_default,
};

struct rm_options {
	bool force;
};
static const struct option_row rm_rows[] = {
	{"force", 'f', OPTION_FLAG, offsetof(struct rm_options, force), NULL,
	 "one that machines name, too; one that does not exist is no error", NULL, NULL},
	OPTIONS_END,
};

/* Which containers there are. */
struct machines {
	const struct instance_view *views;
	size_t count;
};

static const char *find_user(const struct machines *machines, const char *kernel)
{
	for (size_t i = 0; i < machines->count; i++) {
		const struct extension *extension = machines->views[i].extension;

		if (extension->vm.kernel && strcmp(extension->vm.kernel, kernel) == 0)
			return extension->name;
	}
	return NULL;
}

static int remove_one(const struct command_call *call, const char *name, void *user, struct err *err)
{
	const struct rm_options *options = call->options;
	const char *used_by = options->force ? NULL : find_user(user, name);
	int result;

	if (used_by)
		return err_say(err, EBUSY, "kernel '%s' is what '%s' asks for: remove that first, or give '--force'",
			       name, used_by);
	result = kernel_remove(hull_of(call)->kernels, name, err);
	if (result == -ENOENT && options->force) {
		err_clear(err);
		return 0;
	}
	if (result >= 0)
		(void)puts(name);
	return result;
}

static int run_rm(struct command_call *call, struct err *err)
{
	CLEANUP_STORES struct stores stores = STORES_INIT;
	struct instance_view *views = NULL;
	struct machines machines = {0};
	int result = stores_open(call, &stores, err);

	if (result >= 0)
		result = instance_list(call, &stores, &views, &machines.count, err);
	if (result < 0)
		return result;
	machines.views = views;
	return operands_each(call, remove_one, &machines);
}

const struct command verb_kernel_rm = {
	.name = "kernel rm",
	.aliases = (const char *const[]){"kernel remove", NULL},
	.operands = "KERNEL...",
	.summary = "Remove kernels of virtual machines",
	.description = "One that a container was made with ('hull run --kernel') is refused. Machines that run keep "
		       "theirs until they end.",
	.options = rm_rows,
	.options_bytes = sizeof(struct rm_options),
	.min_operands = 1,
	.max_operands = COMMAND_ANY,
	.run = run_rm,
};

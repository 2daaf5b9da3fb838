// SPDX-License-Identifier: GPL-2.0-or-later
/* state, list */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/oci/oci.h"
#include "namespaces/user.h"
#include "runtime/base/file.h"
#include "runtime/base/log.h"
#include "runtime/core/control.h"

struct list_options {
	const char *format;
	bool quiet;
};
static const char *const list_formats[] = {"table", "json", NULL};
static const struct option_row list_rows[] = {
	{"format", 'f', OPTION_STRING, offsetof(struct list_options, format), "FORMAT", "of the list", list_formats,
	 NULL},
	{"quiet", 'q', OPTION_FLAG, offsetof(struct list_options, quiet), NULL, "only ids", NULL, NULL},
	OPTIONS_END,
};

static int add_state(const struct control_view *view, struct text *to, struct err *err)
{
	enum record_status status = view->now.status;

	return record_state_json(&view->record, status, status == RECORD_STOPPED ? 0 : view->record.init.pid, true, to,
				 err);
}

static int run_state(struct command_call *call, struct err *err)
{
	CLEANUP_STORE struct store store = {.fd = -1};
	CLEANUP_TEXT struct text words = TEXT_INIT;
	struct control_view view;
	int result = oci_open_store(call, &store, err);

	if (result >= 0)
		result = control_look(&store, call->arena, call->operands.items[0], true, &view, err);
	if (result >= 0)
		result = add_state(&view, &words, err);
	if (result < 0)
		return result;
	(void)puts(text_get(&words));
	return 0;
}

/* Whose container it is: a name of the host where the number has one. */
static const char *owner_of(const struct command_call *call, const struct store *store, const char *id)
{
	CLEANUP_FD int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct err ignored = ERR_INIT;
	struct stat folder;
	struct user owner;
	const char *words;

	if (fstatat(store->fd, id, &folder, AT_SYMLINK_NOFOLLOW) < 0)
		return "";
	words = arena_printf(call->arena, "%u", folder.st_uid);
	if (words && root >= 0 && user_resolve(root, words, &owner, &ignored) >= 0 && *owner.name)
		words = arena_strdup(call->arena, owner.name);
	return words ? words : "";
}

/* One that goes away while the list is made is not in it. One that only force can remove is neither: that is said. */
static int add_row(const struct command_call *call, const struct store *store, const char *id, bool first,
		   struct text *to, struct err *err)
{
	const struct list_options *options = call->options;
	struct control_view view;
	struct err failure = ERR_INIT;
	char created[36];
	int result = control_look(store, call->arena, id, true, &view, &failure);

	if (result < 0 && result != -ENOENT)
		log_line(LOG_LEVEL_WARN, "%s", failure.msg);
	if (result < 0)
		return 0;
	if (options->quiet) {
		text_addf(to, "%s\n", id);
	} else if (options->format && strcmp(options->format, "json") == 0) {
		text_add(to, first ? "" : ",");
		return add_state(&view, to, err);
	} else {
		text_addf(to, "%-36s %-8d %-9s %-40s %-30s %s\n", id,
			  view.now.status == RECORD_STOPPED ? 0 : view.record.init.pid,
			  record_status_name(view.now.status), view.record.bundle,
			  text_time(view.record.created, created), owner_of(call, store, id));
	}
	return text_check(to, err);
}

static int run_list(struct command_call *call, struct err *err)
{
	const struct list_options *options = call->options;
	bool json = options->format && strcmp(options->format, "json") == 0 && !options->quiet;
	CLEANUP_STORE struct store store = {.fd = -1};
	CLEANUP_TEXT struct text words = TEXT_INIT;
	struct strv ids = {0};
	int result = oci_open_store(call, &store, err);

	if (result >= 0)
		result = store_list(&store, call->arena, &ids, err);
	/* No other command looks at all that is there. */
	if (result >= 0)
		file_sweep_claims(store.fd);
	if (json)
		text_add(&words, "[");
	else if (!options->quiet)
		text_addf(&words, "%-36s %-8s %-9s %-40s %-30s %s\n", "ID", "PID", "STATUS", "BUNDLE", "CREATED",
			  "OWNER");
	for (size_t i = 0, before = words.len; result >= 0 && i < ids.count; i++)
		result = add_row(call, &store, ids.items[i], words.len == before, &words, err);
	if (result < 0)
		return result;
	text_add(&words, json ? "]\n" : "");
	(void)fputs(text_get(&words), stdout);
	return 0;
}

const struct command oci_state = {
	.name = "state",
	.operands = "ID",
	.summary = "Show a container's state as JSON",
	.min_operands = 1,
	.max_operands = 1,
	.run = run_state,
};
const struct command oci_list = {
	.name = "list",
	.operands = "",
	.summary = "List containers",
	.options = list_rows,
	.options_bytes = sizeof(struct list_options),
	.run = run_list,
};

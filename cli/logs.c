// SPDX-License-Identifier: GPL-2.0-or-later
/* logs */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/instance.h"
#include "cli/instance_settle.h"
#include "cli/operands.h"
#include "cli/verbs.h"
#include "runtime/base/process.h"
#include "runtime/core/control.h"
#include "runtime/core/logread.h"

struct logs_options {
	bool follow, timestamps;
	const char *since, *until, *tail;
};

/* A point in time: RFC 3339, a date alone, seconds since the epoch, or how long ago. */
static int parse_time(const char *words, uint64_t *ret_ns)
{
	char whole[64];
	uint64_t ago_ms, now = proc_now_ns();

	if (text_fixed(words, 9, ret_ns) == 0 || text_time_parse(words, ret_ns) == 0)
		return 0;
	(void)snprintf(whole, sizeof(whole), "%sT00:00:00Z", words);
	if (strlen(words) == strlen("2026-01-02") && text_time_parse(whole, ret_ns) == 0)
		return 0;
	(void)snprintf(whole, sizeof(whole), "%sZ", words);
	if (strlen(words) < sizeof(whole) - 1 && text_time_parse(whole, ret_ns) == 0)
		return 0;
	if (text_duration(words, &ago_ms) < 0)
		return -EINVAL;
	*ret_ns = ago_ms < now / 1000000 ? now - ago_ms * 1000000 : 1;
	return 0;
}

static int check_time(const char *words, struct err *err)
{
	uint64_t time_ns;

	return parse_time(words, &time_ns) < 0
		       ? err_say(err, EINVAL,
				 "'%s' is no time: want 2026-01-02T03:04:05Z (UTC), 10m (ago), or seconds since 1970",
				 words)
		       : 0;
}

static int check_tail(const char *words, struct err *err)
{
	uint32_t lines;

	return strcmp(words, "all") != 0 && text_u32(words, &lines) < 0
		       ? err_say(err, EINVAL, "'%s' is no number of lines, nor 'all'", words)
		       : 0;
}

static const struct option_row logs_rows[] = {
	{"follow", 'f', OPTION_FLAG, offsetof(struct logs_options, follow), NULL,
	 "go on with what is written, until the container ends", NULL, NULL},
	{"since", 0, OPTION_CHECKED, offsetof(struct logs_options, since), "TIME",
	 "not before: 2026-01-02T03:04:05Z, 10m (ago), or seconds since 1970", NULL, check_time},
	{"until", 0, OPTION_CHECKED, offsetof(struct logs_options, until), "TIME", "only before", NULL, check_time},
	{"tail", 'n', OPTION_CHECKED, offsetof(struct logs_options, tail), "N", "only the last N lines, or all", NULL,
	 check_tail},
	{"timestamps", 't', OPTION_FLAG, offsetof(struct logs_options, timestamps), NULL, "when each line was written",
	 NULL, NULL},
	OPTIONS_END,
};

static struct log_filter make_filter(const struct logs_options *options)
{
	struct log_filter filter = {.tail = -1, .timestamps = options->timestamps};

	/* All were checked with the command line. */
	if (options->since)
		(void)parse_time(options->since, &filter.since_ns);
	if (options->until)
		(void)parse_time(options->until, &filter.until_ns);
	if (options->tail && strcmp(options->tail, "all") != 0)
		(void)text_i64(options->tail, &filter.tail);
	return filter;
}

/* --- Showing ------------------------------------------------------------------------------------------------------ */

struct showing {
	const struct command_call *call;
	const struct stores *stores;
	const char *id;
	bool at_once; /* following: nothing waits in a buffer */
	enum log_stream last;
};

/* The order of both streams is kept: one is written out before the other begins. */
static int show(void *user, enum log_stream stream, const char *bytes, size_t len)
{
	struct showing *showing = user;
	FILE *to = stream == LOG_STDERR ? stderr : stdout;

	if (stream != showing->last)
		(void)fflush(stdout);
	showing->last = stream;
	if (fwrite(bytes, 1, len, to) != len || (showing->at_once && fflush(to) != 0))
		return errno ? -errno : -EIO;
	return 0;
}

/*
 * The program's end is not the log's: its keeper may still have lines to write, and says how it ended after the last
 * one. Should that be killed meanwhile, the program gets a new one here, as from any other command: so that no line is
 * lost.
 */
static bool has_ended(void *user)
{
	const struct showing *showing = user;
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	struct err ignored = ERR_INIT;
	struct control_view view;

	if (control_look(&showing->stores->store, &arena, showing->id, false, &view, &ignored) < 0)
		return true;
	if (view.now.unattended)
		instance_settle(showing->call, showing->stores);
	return view.now.status == RECORD_STOPPED && (view.now.exit.known || !lifecycle_is_alive(&view.record.keeper));
}

static int follow(const struct instance_view *view, int folder, const struct log_filter *filter,
		  struct showing *showing, struct err *err)
{
	CLEANUP_FD int pidfd = view->has_record ? proc_open(view->record.init.pid, view->record.init.start_ticks) : -1;
	struct log_follow how = {.ended = has_ended, .wake_fd = pidfd < 0 ? -1 : pidfd, .user = showing};

	return log_read_follow(folder, filter, &how, show, showing, err);
}

static int run_logs(struct command_call *call, struct err *err)
{
	const struct logs_options *options = call->options;
	struct log_filter filter = make_filter(options);
	CLEANUP_STORES struct stores stores = STORES_INIT;
	CLEANUP_FD int folder = -1;
	struct instance_view view;
	struct showing showing = {.call = call,
				  .stores = &stores,
				  .id = view.id,
				  .at_once = options->follow,
				  .last = LOG_STDOUT};
	int result;

	if (options->follow && options->until)
		return err_say(err, EINVAL, "'--follow' goes on until the container ends: leave out '--until'");
	result = operands_instance(call, &stores, &view, err);
	if (result < 0)
		return result;
	if (!view.extension->log.path)
		return err_say(err, ENOENT, "container '%s' keeps no log", call->operands.items[0]);
	folder = definition_open(&stores.definitions, view.id, err);
	if (folder < 0)
		return folder;
	if (options->follow)
		return follow(&view, folder, &filter, &showing, err);
	return log_read(folder, &filter, show, &showing, err);
}

const struct command verb_logs = {
	.name = "logs",
	.operands = "CONTAINER",
	.summary = "Show what a container has written",
	.description = "What went to standard output comes on standard output, errors on standard error. The files are "
		       "<data>/instances/ID/log, log.1 and so on, in the CRI log format.",
	.examples = "hull logs -f web\nhull logs --since 10m -n 100 -t web",
	.options = logs_rows,
	.options_bytes = sizeof(struct logs_options),
	.min_operands = 1,
	.max_operands = 1,
	.run = run_logs,
};

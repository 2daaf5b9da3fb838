// SPDX-License-Identifier: GPL-2.0-or-later
/* stats */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/figures.h"
#include "cli/instance.h"
#include "cli/instance_settle.h"
#include "cli/output.h"
#include "cli/verbs.h"
#include "runtime/base/log.h"
#include "runtime/base/process.h"

#define DEFAULT_INTERVAL_MS 1000
#define CLEAR_SCREEN	    "\033[H\033[J"

struct stats_options {
	bool all, no_stream, whole;
	const char *format, *interval;
};

static int check_interval(const char *words, struct err *err)
{
	uint64_t interval_ms;

	if (text_duration(words, &interval_ms) < 0 || interval_ms == 0 || interval_ms > INT32_MAX)
		return err_say(err, EINVAL, "'%s' is no time between two looks: want '2s', '500ms'", words);
	return 0;
}

static const struct option_row stats_rows[] = {
	{"all", 'a', OPTION_FLAG, offsetof(struct stats_options, all), NULL, "also those that do not run", NULL, NULL},
	OUTPUT_FORMAT_LIST(struct stats_options, format),
	{"interval", 'i', OPTION_CHECKED, offsetof(struct stats_options, interval), "DURATION",
	 "between two looks, and what the share of CPUs is over (default: 1s)", NULL, check_interval},
	{"no-stream", 0, OPTION_FLAG, offsetof(struct stats_options, no_stream), NULL, "show the figures once", NULL,
	 NULL},
	{"no-trunc", 0, OPTION_FLAG, offsetof(struct stats_options, whole), NULL, "whole ids", NULL, NULL},
	OPTIONS_END,
};

enum column {
	COLUMN_ID,
	COLUMN_NAME,
	COLUMN_CPU,
	COLUMN_MEMORY,
	COLUMN_MEMORY_SHARE,
	COLUMN_NET,
	COLUMN_BLOCK,
	COLUMN_PIDS,
	COLUMN_CONTAINER,
	COLUMN_COUNT
};
static const struct output_column columns[COLUMN_COUNT + 1] = {
	[COLUMN_ID] = {"ID", "CONTAINER ID", true},
	[COLUMN_NAME] = {"Name", "NAME", true},
	[COLUMN_CPU] = {"CPUPerc", "CPU %", true},
	[COLUMN_MEMORY] = {"MemUsage", "MEM USAGE / LIMIT", true},
	[COLUMN_MEMORY_SHARE] = {"MemPerc", "MEM %", true},
	[COLUMN_NET] = {"NetIO", "NET I/O", true},
	[COLUMN_BLOCK] = {"BlockIO", "BLOCK I/O", true},
	[COLUMN_PIDS] = {"PIDs", "PIDS", true},
	[COLUMN_CONTAINER] = {"Container", "CONTAINER", false},
};

/* When somebody's CPU time was seen last, and how much it was. */
struct look {
	char id[DEFINITION_ID_BYTES];
	uint64_t cpu_ns, at_ns;
};

/* What lasts from one look at all of them to the next. */
struct watching {
	struct command_call *call;
	struct stores stores;
	LIST_OF(struct look) looks;
	bool is_live; /* a terminal, whose table is drawn anew each time */
	bool is_first, is_headed;
};

/* --- One of them -------------------------------------------------------------------------------------------------- */

/* Against the last look, which this one then is. */
static int take_share(struct watching *w, const char *id, struct figures *figures, struct err *err)
{
	uint64_t now_ns = proc_monotonic_ns();
	struct look *look = NULL;

	for (size_t i = 0; i < w->looks.count && !look; i++)
		if (strcmp(w->looks.items[i].id, id) == 0)
			look = &w->looks.items[i];
	if (look && figures->cpu_ns >= look->cpu_ns && now_ns > look->at_ns && figures->cpu_ns != CG_STAT_UNKNOWN &&
	    look->cpu_ns != CG_STAT_UNKNOWN)
		figures->cpu_centi =
			(uint64_t)((double)(figures->cpu_ns - look->cpu_ns) * 10000 / (double)(now_ns - look->at_ns));
	if (!look) {
		look = LIST_ADD(w->call->arena, &w->looks);
		if (!look)
			return arena_check(w->call->arena, err);
		(void)text_copy(look->id, sizeof(look->id), id);
	}
	look->cpu_ns = figures->cpu_ns;
	look->at_ns = now_ns;
	return 0;
}

static int add_row(const struct watching *w, const struct instance_view *view, const struct figures *figures,
		   struct output *output, struct err *err)
{
	const struct stats_options *options = w->call->options;
	CLEANUP_TEXT struct text document = TEXT_INIT;
	const char *cells[COLUMN_COUNT];

	cells[COLUMN_ID] = cells[COLUMN_CONTAINER] = output_short_id(output->arena, view->id, options->whole);
	cells[COLUMN_NAME] = view->extension->name;
	cells[COLUMN_CPU] = figures_share(output->arena, figures->cpu_centi);
	cells[COLUMN_MEMORY] = figures_pair(output->arena, figures->memory_usage, figures->memory_limit);
	cells[COLUMN_MEMORY_SHARE] = figures_share(output->arena, figures->memory_centi);
	cells[COLUMN_NET] = figures_pair(output->arena, figures->received, figures->sent);
	cells[COLUMN_BLOCK] = figures_pair(output->arena, figures->read, figures->written);
	cells[COLUMN_PIDS] = figures_count(output->arena, figures->pids);
	figures_document(view, figures, &document);
	return output_add(output, cells, &document, err);
}

/* --- All of them -------------------------------------------------------------------------------------------------- */

/* One that ends meanwhile has no figures any more, and that is no mistake. */
static int look_at(struct watching *w, const struct instance_view *view, struct output *output, struct err *err)
{
	struct usage usage;
	struct figures figures = figures_unknown;
	struct err failure = ERR_INIT;
	int result = instance_is_up(view) ? usage_read(&w->stores.store, output->arena, view->id, &usage, &failure)
					  : -EINVAL;

	if (result >= 0) {
		figures = figures_of(&usage);
		result = take_share(w, view->id, &figures, err);
		return result < 0 ? result : add_row(w, view, &figures, output, err);
	}
	if (result != -EINVAL && result != -ENOENT && result != -ECONNRESET && !w->is_live)
		log_line(LOG_LEVEL_WARN, "stats: container '%s': %s", view->extension->name, failure.msg);
	return add_row(w, view, &figures, output, err);
}

static int show(struct watching *w, struct output *output, struct err *err)
{
	CLEANUP_TEXT struct text words = TEXT_INIT;
	int result = output_end(output, &words, err);
	const char *lines = text_get(&words);

	if (result < 0)
		return result;
	/* Where lines follow lines, the heading is said once. */
	if (output->is_table && w->is_headed && !w->is_live)
		lines = strchr(lines, '\n') + 1;
	w->is_headed = true;
	if (printf("%s%s", w->is_live ? CLEAR_SCREEN : "", lines) < 0 || fflush(stdout) != 0)
		return err_set(err, errno, "write to standard output");
	return 0;
}

/* Those that were named, or all that run. */
static int find(const struct watching *w, struct command_call *call, struct instance_view **ret, size_t *ret_count,
		struct err *err)
{
	const struct strv *names = &w->call->operands;
	int result = 0;

	if (names->count == 0)
		return instance_list(call, &w->stores, ret, ret_count, err);
	*ret = arena_array(call->arena, names->count, sizeof(**ret));
	*ret_count = 0;
	for (size_t i = 0; *ret && result >= 0 && i < names->count; i++) {
		result = instance_look(call, &w->stores, names->items[i], &(*ret)[*ret_count], err);
		/* Of one that was removed since the first look there is nothing more to say. */
		if (result == -ENOENT && !w->is_first)
			result = 0;
		else if (result >= 0)
			++*ret_count;
	}
	return result < 0 ? result : arena_check(call->arena, err);
}

/* One look at everybody. How many of them run. */
static int look_around(struct watching *w, bool is_shown, struct err *err)
{
	const struct stats_options *options = w->call->options;
	bool is_named = w->call->operands.count > 0;
	CLEANUP_ARENA struct arena arena = ARENA_INIT; /* of this look */
	CLEANUP_OUTPUT struct output output = {0};
	struct command_call call = *w->call;
	struct instance_view *views;
	size_t count = 0;
	int running = 0, result;

	call.arena = &arena;
	result = output_begin(&output, &arena, columns, options->format, false, err);
	if (result >= 0)
		result = find(w, &call, &views, &count, err);
	for (size_t i = 0; result >= 0 && i < count; i++) {
		running += instance_is_up(&views[i]);
		if (is_named && w->is_first && !options->all)
			result = instance_check_running(&views[i], w->call->operands.items[i], "see 'hull ps -a'", err);
		if (result >= 0 && (options->all || instance_is_up(&views[i])))
			result = look_at(w, &views[i], &output, err);
	}
	if (result >= 0 && is_shown)
		result = show(w, &output, err);
	return result < 0 ? result : running;
}

static void rest(uint64_t ms)
{
	struct timespec pause = {.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000};

	while (nanosleep(&pause, &pause) < 0 && errno == EINTR)
		;
}

static int run_stats(struct command_call *call, struct err *err)
{
	const struct stats_options *options = call->options;
	CLEANUP_STORES struct stores stores = STORES_INIT;
	struct watching w = {.call = call, .is_first = true};
	uint64_t interval_ms = DEFAULT_INTERVAL_MS;
	int result = stores_open(call, &stores, err);

	if (result < 0)
		return result;
	if (options->interval)
		(void)text_duration(options->interval, &interval_ms);
	w.stores = stores;
	w.is_live = !options->no_stream && !options->format && isatty(STDOUT_FILENO);
	instance_settle(call, &stores);
	/* The first look tells no share of CPUs: it is shown to people, who would wonder why nothing happens. */
	result = look_around(&w, w.is_live, err);
	w.is_first = false;
	do {
		if (result >= 0) {
			rest(interval_ms);
			result = look_around(&w, true, err);
		}
	} while (result >= 0 && !options->no_stream && (result > 0 || call->operands.count == 0));
	return result < 0 ? result : 0;
}

const struct command verb_stats = {
	.name = "stats",
	.operands = "[CONTAINER...]",
	.summary = "Show what containers use: CPU, memory, network, disks, processes",
	.description =
		"Of those that are named, or of all that run; a table that is drawn anew on a terminal, else lines "
		"that follow one another, until those that were named have ended. CPU % is of one CPU: two that are "
		"busy are 200 %. Memory is without what the kernel would take back; the limit is the container's, or "
		"all there is.\n"
		"\n"
		"Of a machine it is what is used inside, as its own kernel counts it; the JSON tells besides what all "
		"of the machine takes of this host. While it is paused nobody answers inside: only that is known "
		"then.\n"
		"\n"
		"Fields of templates: .Container .ID .Name .CPUPerc .MemUsage .MemPerc .NetIO .BlockIO .PIDs, and the "
		"members of the JSON: an array of objects with id, name, cpuPercent, cpuNanoseconds, memoryUsageBytes, "
		"memoryLimitBytes, memoryPercent, networkReceivedBytes, networkSentBytes, blockReadBytes, "
		"blockWrittenBytes, pids, pidsLimit, and of a machine's `machine`: cpuNanoseconds, memoryUsageBytes, "
		"memoryLimitBytes, pids. What is not known is left out.",
	.examples =
		"hull stats\nhull stats --no-stream --format json web\nhull stats --format '{{.Name}} {{.MemPerc}}'",
	.options = stats_rows,
	.options_bytes = sizeof(struct stats_options),
	.min_operands = 0,
	.max_operands = COMMAND_ANY,
	.run = run_stats,
};

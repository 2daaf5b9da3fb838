// SPDX-License-Identifier: GPL-2.0-or-later
/* events: figures every so often, and a line whenever the kernel has killed for want of memory. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>

#include "cgroups/oom.h"
#include "cli/oci/oci.h"
#include "cli/oci/stats_json.h"
#include "runtime/base/process.h"
#include "runtime/core/cgroup_driver.h"
#include "runtime/core/control.h"
#include "runtime/core/fault.h"

#define DEFAULT_INTERVAL_MS 5000
/* v1 tells of a want of memory before it has killed: the count is looked at again for a while. */
#define COUNT_AGAIN_MS	      50
#define COUNT_AGAIN_TIMES     20
#define LOOK_WITHOUT_PIDFD_MS 200

struct events_options {
	const char *interval;
	bool stats;
};

static int check_interval(const char *words, struct err *err)
{
	uint64_t interval_ms;

	if (text_duration(words, &interval_ms) < 0 || interval_ms == 0 || interval_ms > INT32_MAX)
		return err_say(err, EINVAL, "'%s' is no time between two lines: want '5s', '500ms'", words);
	return 0;
}

static const struct option_row events_rows[] = {
	{"stats", 0, OPTION_FLAG, offsetof(struct events_options, stats), NULL, "print the figures once", NULL, NULL},
	{"interval", 0, OPTION_CHECKED, offsetof(struct events_options, interval), "DURATION",
	 "between two lines of figures (default: 5s)", NULL, check_interval},
	OPTIONS_END,
};

/* What is looked at. */
struct watching {
	const char *id;
	const struct record_process *init;
	struct cg *cgroup;
	struct cg_oom_watch oom;
	int pidfd; /* of the first process; -1 without pidfds */
	uint64_t kills;
	unsigned count_again;
};

/* --- Figures ------------------------------------------------------------------------------------------------------ */

static bool has_ended(const struct watching *watching)
{
	return !lifecycle_is_alive(watching->init);
}

static int print_stats(const struct watching *watching, struct err *err)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	CLEANUP_TEXT struct text words = TEXT_INIT;
	struct stats_all all = {0};
	int result = cg_stat(watching->cgroup, &all.stat, err);

	if (result >= 0)
		result = cg_detail(watching->cgroup, &arena, &all.detail, err);
	if (result >= 0)
		result = fault_point("events", "interfaces", err);
	if (result < 0)
		return result;
	/* Those of the host would tell of others. */
	if (net_counters_apart(watching->init->pid))
		net_counters_read(&arena, watching->init->pid, &all.interfaces);
	/* Its process's all the time, or perhaps those of who has its number now. */
	if (has_ended(watching))
		all.interfaces.count = 0;
	stats_json(watching->id, &all, &words);
	result = text_check(&words, err);
	if (result >= 0 && (fputs(text_get(&words), stdout) < 0 || fflush(stdout) != 0))
		return err_set(err, errno, "write to standard output");
	return result;
}

/* --- Events ------------------------------------------------------------------------------------------------------- */

static int print_kills(struct watching *watching, struct err *err)
{
	struct err ignored = ERR_INIT;
	struct cg_stat stat;

	if (cg_stat(watching->cgroup, &stat, &ignored) < 0 || !stat.has_oom)
		return 0;
	for (; watching->kills < stat.oom_kills; watching->kills++)
		printf("{\"type\":\"oom\",\"id\":\"%s\"}\n", watching->id);
	return fflush(stdout) != 0 ? err_set(err, errno, "write to standard output") : 0;
}

/* Until the next line of figures is due, or something has happened. */
static void wait_for_news(struct watching *watching, int64_t timeout_ms)
{
	struct pollfd news[] = {
		{.fd = watching->oom.fd, .events = watching->oom.events},
		{.fd = watching->pidfd, .events = POLLIN},
	};

	if (watching->pidfd < 0 && timeout_ms > LOOK_WITHOUT_PIDFD_MS)
		timeout_ms = LOOK_WITHOUT_PIDFD_MS;
	if (watching->count_again > 0 && timeout_ms > COUNT_AGAIN_MS)
		timeout_ms = COUNT_AGAIN_MS;
	if (watching->count_again > 0)
		watching->count_again--;
	if (poll(news, ARRAY_SIZE(news), (int)timeout_ms) > 0 && news[0].revents) {
		cg_oom_seen(&watching->oom);
		watching->count_again = COUNT_AGAIN_TIMES;
	}
}

static int follow(struct watching *watching, uint64_t interval_ms, struct err *err)
{
	uint64_t next = proc_monotonic_ns();
	int result = 0;

	while (result >= 0 && !has_ended(watching)) {
		uint64_t now = proc_monotonic_ns();

		if (now >= next) {
			result = print_stats(watching, err);
			next = now + interval_ms * 1000000;
		}
		wait_for_news(watching, (int64_t)((next - now) / 1000000) + 1);
		if (result >= 0)
			result = print_kills(watching, err);
	}
	if (result >= 0)
		result = print_kills(watching, err);
	/* It may be deleted before the last look: its end is the end. */
	if (result == -ENOENT) {
		err_clear(err);
		return 0;
	}
	return result;
}

static int begin(struct watching *watching, struct err *err)
{
	struct cg_stat stat;
	int result = cg_stat(watching->cgroup, &stat, err);

	if (result < 0)
		return result;
	watching->kills = stat.has_oom ? stat.oom_kills : 0;
	watching->pidfd = proc_open(watching->init->pid, watching->init->start_ticks);
	if (watching->pidfd < 0)
		watching->pidfd = -1;
	/* Without the controller nothing is killed by it: then there are figures only. */
	result = cg_oom_watch(watching->cgroup, &watching->oom, err);
	if (result == -ENOTSUP) {
		err_clear(err);
		return 0;
	}
	return result;
}

/* Zeros would be a lie: an engine takes them for a container that uses nothing. */
static int check_has_figures(const struct control_view *view, struct err *err)
{
	const struct record *record = &view->record;

	if (view->now.status == RECORD_STOPPED || view->now.status == RECORD_CREATING)
		return err_say(err, EINVAL, "container '%s' is %s: it has no figures: container not running",
			       record->id, record_status_name(view->now.status));
	if (cgroup_recorded_none(record))
		return err_say(err, ENOTSUP, "container '%s' runs without cgroups: it has no figures", record->id);
	return 0;
}

static int run_events(struct command_call *call, struct err *err)
{
	const struct events_options *options = call->options;
	CLEANUP_STORE struct store store = {.fd = -1};
	struct watching watching = {.id = call->operands.items[0], .oom = CG_OOM_WATCH_INIT, .pidfd = -1};
	struct control_view view;
	uint64_t interval_ms = DEFAULT_INTERVAL_MS;
	int result = oci_open_store(call, &store, err);

	if (result >= 0 && options->interval)
		(void)text_duration(options->interval, &interval_ms);
	if (result >= 0)
		result = control_open_cgroup(&store, call->arena, watching.id, &view, &watching.cgroup, err);
	if (result < 0)
		return result;
	watching.init = &view.record.init;
	result = check_has_figures(&view, err);
	if (result >= 0 && options->stats)
		result = print_stats(&watching, err);
	else if (result >= 0)
		result = begin(&watching, err) < 0 ? -err->code : follow(&watching, interval_ms, err);
	cg_oom_close(&watching.oom);
	scope_fd(&watching.pidfd);
	cg_close(&watching.cgroup);
	return result;
}

const struct command oci_events = {
	.name = "events",
	.operands = "ID",
	.summary = "Print a container's figures, and when it ran out of memory",
	.description =
		"One JSON object a line: of type 'stats' at once and after each interval, of type 'oom' whenever the "
		"kernel has killed for want of memory. Ends with the container.",
	.options = events_rows,
	.options_bytes = sizeof(struct events_options),
	.min_operands = 1,
	.max_operands = 1,
	.run = run_events,
};

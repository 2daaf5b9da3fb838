// SPDX-License-Identifier: GPL-2.0-or-later
/* vm dirty-rate */
#include <errno.h>
#include <inttypes.h>

#include "cli/operands.h"
#include "cli/output.h"
#include "cli/verbs.h"
#include "runtime/core/usage.h"

#define DEFAULT_TIME_MS 1000
#define LONGEST_MS	60000 /* what QEMU and our own monitor measure at most */

struct dirty_rate_options {
	const char *format, *time;
};

static int check_time(const char *words, struct err *err)
{
	uint64_t time_ms;

	if (text_duration(words, &time_ms) < 0 || time_ms == 0 || time_ms > LONGEST_MS)
		return err_say(err, EINVAL, "'%s' is no time to measure for: want '1s', '500ms', at most 60s", words);
	return 0;
}

static const struct option_row dirty_rate_rows[] = {
	OUTPUT_FORMAT_LIST(struct dirty_rate_options, format),
	{"time", 't', OPTION_CHECKED, offsetof(struct dirty_rate_options, time), "DURATION",
	 "how long it is measured, at most 60s; in whole seconds with QEMU (default: 1s)", NULL, check_time},
	OPTIONS_END,
};

enum column { COLUMN_NAME, COLUMN_TIME, COLUMN_WRITTEN, COLUMN_RATE, COLUMN_ID, COLUMN_COUNT };
static const struct output_column columns[COLUMN_COUNT + 1] = {
	[COLUMN_NAME] = {"Name", "NAME", true},		 [COLUMN_TIME] = {"Time", "TIME", true},
	[COLUMN_WRITTEN] = {"Written", "WRITTEN", true}, [COLUMN_RATE] = {"Rate", "A SECOND", true},
	[COLUMN_ID] = {"ID", "CONTAINER ID", false},
};

static int show(struct arena *arena, const struct instance_view *view, const struct dirty_rate *rate,
		struct output *output, struct err *err)
{
	CLEANUP_TEXT struct text document = TEXT_INIT;
	struct json_writer w = {.out = &document};
	uint64_t per_second = rate->time_ms > 0 ? rate->bytes * 1000 / rate->time_ms : 0;
	char written[32], per_second_words[32];
	const char *cells[COLUMN_COUNT];

	cells[COLUMN_ID] = output_short_id(arena, view->id, false);
	cells[COLUMN_NAME] = view->extension->name;
	cells[COLUMN_TIME] =
		arena_printf(arena, "%" PRIu64 ".%03" PRIu64 "s", rate->time_ms / 1000, rate->time_ms % 1000);
	cells[COLUMN_WRITTEN] = text_size_words(rate->bytes, written);
	cells[COLUMN_RATE] = text_size_words(per_second, per_second_words);
	json_open(&w, NULL);
	json_put_string(&w, "id", view->id);
	json_put_string(&w, "name", view->extension->name);
	json_put_u64(&w, "milliseconds", rate->time_ms);
	json_put_u64(&w, "writtenBytes", rate->bytes);
	json_put_u64(&w, "bytesPerSecond", per_second);
	json_close(&w);
	return output_add(output, cells, &document, err);
}

static int run_dirty_rate(struct command_call *call, struct err *err)
{
	const struct dirty_rate_options *options = call->options;
	CLEANUP_STORES struct stores stores = STORES_INIT;
	CLEANUP_OUTPUT struct output output = {0};
	struct instance_view view;
	struct dirty_rate rate;
	uint64_t time_ms = DEFAULT_TIME_MS;
	int result = output_begin(&output, call->arena, columns, options->format, false, err);

	if (options->time)
		(void)text_duration(options->time, &time_ms);
	if (result >= 0)
		result = operands_instance(call, &stores, &view, err);
	if (result >= 0)
		result = instance_check_running(&view, call->operands.items[0], "see 'hull ps -a'", err);
	if (result >= 0)
		result = usage_dirty_rate(&stores.store, call->arena, view.id, call->operands.items[0], time_ms, &rate,
					  err);
	if (result >= 0)
		result = show(call->arena, &view, &rate, &output, err);
	return result < 0 ? result : output_print(&output, err);
}

const struct command verb_vm_dirty_rate = {
	.name = "vm dirty-rate",
	.operands = "CONTAINER",
	.summary = "Measure how much of its memory a machine writes a second",
	.description =
		"Pages that were written in the time, each once, however often that was: what a snapshot or a "
		"migration "
		"that takes this long would have to copy again. While it is measured each page's first write costs "
		"the guest a little; before and afterwards nothing is logged. Who interrupts the command leaves "
		"nothing on.\n"
		"\n"
		"hull's own monitor counts the pages that the processors write, and those that it gives to a device to "
		"write. What others write is not in it: the host's kernel for a network card, the server of volumes. "
		"QEMU samples pages, and tells whole MiB a second.\n"
		"\n"
		"Fields of templates: .ID .Name .Time .Written .Rate, and the members of the JSON: an array of objects "
		"with id, name, milliseconds, writtenBytes and bytesPerSecond.",
	.examples = "hull vm dirty-rate db\nhull vm dirty-rate --time 10s --format '{{.Rate}}' db",
	.options = dirty_rate_rows,
	.options_bytes = sizeof(struct dirty_rate_options),
	.min_operands = 1,
	.max_operands = 1,
	.run = run_dirty_rate,
};

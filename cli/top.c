// SPDX-License-Identifier: GPL-2.0-or-later
/* top */
#include <errno.h>
#include <inttypes.h>

#include "cli/operands.h"
#include "cli/output.h"
#include "cli/verbs.h"
#include "runtime/core/usage.h"

struct top_options {
	bool quiet;
	const char *format;
};
static const struct option_row top_rows[] = {
	OUTPUT_FORMAT_LIST(struct top_options, format),
	{"quiet", 'q', OPTION_FLAG, offsetof(struct top_options, quiet), NULL, "only the host's process ids", NULL,
	 NULL},
	OPTIONS_END,
};

enum column { COLUMN_UID, COLUMN_PID, COLUMN_HOST_PID, COLUMN_TIME, COLUMN_COMMAND, COLUMN_ID, COLUMN_COUNT };
static const struct output_column columns[COLUMN_COUNT + 1] = {
	[COLUMN_UID] = {"Uid", "UID", true},
	[COLUMN_PID] = {"Pid", "PID", true},
	[COLUMN_HOST_PID] = {"HostPid", "HOST PID", true},
	[COLUMN_TIME] = {"Time", "TIME", true},
	[COLUMN_COMMAND] = {"Command", "COMMAND", true},
	[COLUMN_ID] = {"ID", "HOST PID", false},
};

/* --- The list ----------------------------------------------------------------------------------------------------- */

static int add_process(struct arena *arena, const struct process_row *process, struct output *output, struct err *err)
{
	CLEANUP_TEXT struct text document = TEXT_INIT;
	struct json_writer w = {.out = &document};
	uint64_t seconds = process->cpu_seconds;
	const char *cells[COLUMN_COUNT];

	cells[COLUMN_UID] = arena_printf(arena, "%u", process->uid);
	cells[COLUMN_PID] = arena_printf(arena, "%u", process->pid);
	cells[COLUMN_HOST_PID] = cells[COLUMN_ID] =
		process->host_pid ? arena_printf(arena, "%d", process->host_pid) : "-";
	cells[COLUMN_TIME] = arena_printf(arena, "%02" PRIu64 ":%02" PRIu64 ":%02" PRIu64, seconds / 3600,
					  seconds / 60 % 60, seconds % 60);
	cells[COLUMN_COMMAND] = process->command;
	json_open(&w, NULL);
	json_put_u64(&w, "uid", process->uid);
	json_put_u64(&w, "pid", process->pid);
	if (process->host_pid)
		json_put_i64(&w, "hostPid", process->host_pid);
	json_put_u64(&w, "cpuSeconds", seconds);
	json_put_string(&w, "command", process->command);
	json_close(&w);
	return output_add(output, cells, &document, err);
}

static int list_processes(const struct command_call *call, const struct stores *stores,
			  const struct instance_view *view, struct err *err)
{
	const struct top_options *options = call->options;
	CLEANUP_OUTPUT struct output output = {0};
	process_rows rows;
	int result = output_begin(&output, call->arena, columns, options->format, options->quiet, err);

	if (result >= 0)
		result = usage_processes(&stores->store, call->arena, view->id, &rows, err);
	for (size_t i = 0; result >= 0 && i < rows.count; i++)
		result = add_process(call->arena, &rows.items[i], &output, err);
	return result < 0 ? result : output_print(&output, err);
}

/*
 * Who wants to see it otherwise has the instance's own ps show it, which knows the users by name: `exec NAME ps
 * OPTION...`.
 */
static int run_ps(const struct command_call *call, struct err *err)
{
	struct command_call exec = *call;
	struct strv words = {0};

	exec.command = &verb_exec;
	exec.options = arena_alloc(call->arena, verb_exec.options_bytes);
	(void)strv_add(call->arena, &words, call->operands.items[0]);
	(void)strv_add(call->arena, &words, "ps");
	for (size_t i = 1; i < call->operands.count; i++)
		(void)strv_add(call->arena, &words, call->operands.items[i]);
	exec.operands = words;
	return arena_check(call->arena, err) < 0 ? -err->code : verb_exec.run(&exec, err);
}

static int run_top(struct command_call *call, struct err *err)
{
	const char *words = call->operands.items[0];
	CLEANUP_STORES struct stores stores = STORES_INIT;
	struct instance_view view;
	int result = operands_instance(call, &stores, &view, err);

	if (result >= 0)
		result = instance_check_running(&view, words, "see 'hull ps -a'", err);
	if (result < 0)
		return result;
	return call->operands.count > 1 ? run_ps(call, err) : list_processes(call, &stores, &view, err);
}

const struct command verb_top = {
	.name = "top",
	.operands = "CONTAINER [OPTION-OF-PS...]",
	.summary = "List the processes of a container",
	.description =
		"Those in its cgroup, as they are now. UID and PID are what the container sees, HOST PID is "
		"what the host sees, TIME is that of the CPU. A machine's processes are none of the host's: its agent "
		"tells of them.\n"
		"\n"
		"With options of ps, the ps of the container shows them: the same as 'hull exec CONTAINER ps "
		"OPTION...'.\n"
		"\n"
		"Fields of templates: .Uid .Pid .HostPid .Time .Command, and the members of the JSON: an array "
		"of objects with uid, pid, hostPid (not of a machine's), cpuSeconds and command.",
	.examples = "hull top web\nhull top --format '{{.HostPid}} {{.Command}}' web\nhull top web -o pid,comm",
	.options = top_rows,
	.options_bytes = sizeof(struct top_options),
	.min_operands = 1,
	.max_operands = COMMAND_ANY,
	.stop_at_operand = true,
	.run = run_top,
};

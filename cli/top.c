// SPDX-License-Identifier: GPL-2.0-or-later
/* top */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/operands.h"
#include "cli/output.h"
#include "cli/verbs.h"
#include "runtime/base/file.h"
#include "runtime/core/control.h"

#define PROC_MAX_BYTES ((size_t)64 << 10) /* a command line may be longer: then it is cut */

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

/* One process as /proc shows it. */
struct process {
	pid_t host_pid;
	uint32_t uid; /* inside */
	uint32_t pid; /* inside: the innermost of its numbers */
	uint64_t cpu_seconds;
	const char *command;
};

/* --- /proc/PID ---------------------------------------------------------------------------------------------------------- */

/* The words behind "NAME:" in a file of such lines. */
static const char *line_of(const char *file, const char *name)
{
	size_t len = strlen(name);

	for (const char *line = file; line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL)
		if (strncmp(line, name, len) == 0 && line[len] == ':')
			return line + len + 1;
	return NULL;
}

static int read_status(struct arena *arena, int folder, const struct extension_id_range *range, struct process *ret)
{
	const char *uid, *numbers;
	size_t len;
	char *file;
	struct err ignored = ERR_INIT;

	if (file_read(arena, folder, "status", PROC_MAX_BYTES, &file, &len, &ignored) < 0)
		return -ESRCH;
	uid = line_of(file, "Uid");
	numbers = line_of(file, "NSpid");
	if (!uid || !numbers || sscanf(uid, "%" SCNu32, &ret->uid) != 1)
		return -ESRCH;
	if (range && ret->uid >= range->base && ret->uid - range->base < range->size)
		ret->uid -= range->base;
	for (int used = 0; sscanf(numbers, "%" SCNu32 "%n", &ret->pid, &used) == 1 && numbers[used] == '\t';)
		numbers += used;
	return 0;
}

/* Fields 14 and 15 of stat: behind the program's name, which may hold anything but is the last in parentheses. */
static int read_time(int folder, struct process *ret)
{
	char line[1024];
	const char *fields;
	uint64_t user, system;

	if (file_read_line(folder, "stat", line, sizeof(line)) < 0 || !(fields = strrchr(line, ')')))
		return -ESRCH;
	if (sscanf(fields + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %" SCNu64 " %" SCNu64, &user, &system) !=
	    2)
		return -ESRCH;
	ret->cpu_seconds = (user + system) / (uint64_t)sysconf(_SC_CLK_TCK);
	return 0;
}

/* The arguments with spaces between; a process without any (a zombie) is called by its name. */
static int read_command(struct arena *arena, int folder, struct process *ret)
{
	char *words = arena_alloc(arena, PROC_MAX_BYTES), name[32];
	CLEANUP_FD int fd = openat(folder, "cmdline", O_RDONLY | O_CLOEXEC);
	ssize_t len = fd < 0 || !words ? -1 : read(fd, words, PROC_MAX_BYTES - 1);

	if (len < 0)
		return -ESRCH;
	while (len > 0 && !words[len - 1])
		len--;
	words[len] = '\0';
	for (ssize_t i = 0; i < len; i++)
		words[i] = words[i] ? words[i] : ' ';
	ret->command = words;
	if (len > 0)
		return 0;
	if (file_read_line(folder, "comm", name, sizeof(name)) < 0)
		return -ESRCH;
	ret->command = arena_printf(arena, "[%s]", name);
	return 0;
}

/* -ESRCH when it has ended meanwhile. The descriptor is the same process's to the end. */
static int read_process(struct arena *arena, pid_t pid, const struct extension_id_range *range, struct process *ret)
{
	char path[32];
	struct err ignored = ERR_INIT;

	(void)snprintf(path, sizeof(path), "/proc/%d", pid);
	CLEANUP_FD int folder = file_open_dir(AT_FDCWD, path, &ignored);

	*ret = (struct process){.host_pid = pid};
	if (folder < 0 || read_status(arena, folder, range, ret) < 0 || read_time(folder, ret) < 0 ||
	    read_command(arena, folder, ret) < 0)
		return -ESRCH;
	return 0;
}

/* --- The list ----------------------------------------------------------------------------------------------------------- */

static int add_process(struct arena *arena, const struct process *process, struct output *output, struct err *err)
{
	CLEANUP_TEXT struct text document = TEXT_INIT;
	struct json_writer w = {.out = &document};
	uint64_t seconds = process->cpu_seconds;
	const char *cells[COLUMN_COUNT];

	cells[COLUMN_UID] = arena_printf(arena, "%u", process->uid);
	cells[COLUMN_PID] = arena_printf(arena, "%u", process->pid);
	cells[COLUMN_HOST_PID] = cells[COLUMN_ID] = arena_printf(arena, "%d", process->host_pid);
	cells[COLUMN_TIME] = arena_printf(arena, "%02" PRIu64 ":%02" PRIu64 ":%02" PRIu64, seconds / 3600,
					  seconds / 60 % 60, seconds % 60);
	cells[COLUMN_COMMAND] = process->command;
	json_open(&w, NULL);
	json_put_u64(&w, "uid", process->uid);
	json_put_u64(&w, "pid", process->pid);
	json_put_i64(&w, "hostPid", process->host_pid);
	json_put_u64(&w, "cpuSeconds", seconds);
	json_put_string(&w, "command", process->command);
	json_close(&w);
	return output_add(output, cells, &document, err);
}

static int list_processes(const struct command_call *call, const struct stores *stores,
			  const struct instance_view *view, struct output *output, struct err *err)
{
	struct process process;
	pid_t *pids;
	size_t count;
	int result = control_pids(&stores->store, call->arena, view->id, &pids, &count, err);

	for (size_t i = 0; result >= 0 && i < count; i++)
		if (read_process(call->arena, pids[i], view->extension->id_range, &process) >= 0)
			result = add_process(call->arena, &process, output, err);
	return result;
}

static int run_top(struct command_call *call, struct err *err)
{
	const struct top_options *options = call->options;
	CLEANUP_STORES struct stores stores = STORES_INIT;
	CLEANUP_OUTPUT struct output output = {0};
	struct instance_view view;
	int result = output_begin(&output, call->arena, columns, options->format, options->quiet, err);

	if (result >= 0)
		result = stores_open(call, &stores, err);
	if (result < 0)
		return result;
	instance_settle(call, &stores);
	result = instance_look(call, &stores, call->operands.items[0], &view, err);
	if (result >= 0 && (!view.has_record || view.now.status == RECORD_STOPPED))
		result = err_say(err, EINVAL, "container '%s' is not running: see 'hull ps -a'",
				 call->operands.items[0]);
	if (result >= 0)
		result = list_processes(call, &stores, &view, &output, err);
	return result < 0 ? result : output_print(&output, err);
}

const struct command verb_top = {
	.name = "top",
	.operands = "CONTAINER",
	.summary = "List the processes of a container",
	.description = "Those in its cgroup, as they are now. UID and PID are what the container sees, HOST PID is "
		       "what the host "
		       "sees, TIME is that of the CPU.\n"
		       "\n"
		       "Fields of templates: .Uid .Pid .HostPid .Time .Command, and the members of the JSON: an array "
		       "of objects "
		       "with uid, pid, hostPid, cpuSeconds and command.",
	.examples = "hull top web\nhull top --format '{{.HostPid}} {{.Command}}' web",
	.options = top_rows,
	.options_bytes = sizeof(struct top_options),
	.min_operands = 1,
	.max_operands = 1,
	.run = run_top,
};

// SPDX-License-Identifier: GPL-2.0-or-later
/* ps: the container's processes, as numbers or as the host's ps(1) shows them. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/oci/oci.h"
#include "runtime/base/fd.h"
#include "runtime/base/file.h"
#include "runtime/base/process.h"
#include "runtime/core/control.h"
#include "runtime/core/fault.h"
#include "runtime/core/processes.h"

#define PS_MAX_BYTES ((size_t)16 << 20)
#define NOT_FOUND    127

struct ps_options {
	const char *format;
};
static const char *const formats[] = {"table", "json", NULL};
static const struct option_row ps_rows[] = {
	{"format", 'f', OPTION_STRING, offsetof(struct ps_options, format), "FORMAT", "of the list", formats, NULL},
	OPTIONS_END,
};

static int print_json(const pid_t *pids, size_t count)
{
	(void)fputs("[", stdout);
	for (size_t i = 0; i < count; i++)
		printf("%s%d", i ? "," : "", pids[i]);
	(void)puts("]");
	return 0;
}

static __attribute__((noreturn)) void become_ps(struct strv *args, int output)
{
	proc_reset_signals();
	if (fd_place(output, STDOUT_FILENO) == 0)
		(void)execvp("ps", args->items);
	_exit(errno == ENOENT ? NOT_FOUND : 126);
}

/* What `ps ARGS` prints on this host. */
static int ask_ps(struct arena *arena, struct strv *args, char **ret, struct err *err)
{
	CLEANUP_FD int from = -1;
	int ends[2], status, result, code;
	size_t len;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_set(err, errno, "ps: make a pipe");
	from = ends[0];
	pid = proc_clone(&(struct proc_clone){.cgroup_fd = -1});
	if (pid == 0)
		become_ps(args, ends[1]);
	(void)close(ends[1]);
	if (pid < 0)
		return err_set(err, -pid, "start ps");
	result = file_read_fd(arena, from, "the output of ps", PS_MAX_BYTES, ret, &len, err);
	scope_fd(&from);
	from = -1;
	code = proc_wait(pid, &status) < 0 ? -1 : proc_exit_code(status);
	if (result >= 0 && code == NOT_FOUND)
		return err_say(err, ENOENT, "there is no program 'ps' (Debian: procps): use --format json");
	if (result >= 0 && code != 0)
		return err_say(err, EINVAL, "ps ended with exit code %d", code);
	return result;
}

/* Which column of ps's heading is the pid; -1: none. */
static int find_column(char *heading)
{
	char *rest = NULL;
	int column = 0;

	for (char *word = strtok_r(heading, " ", &rest); word; word = strtok_r(NULL, " ", &rest), column++)
		if (strcmp(word, "PID") == 0)
			return column;
	return -1;
}

static bool is_ours(const char *line, int column, const pid_t *pids, size_t count)
{
	const char *at = line + strspn(line, " ");
	int number;

	for (; column > 0; column--) {
		at += strcspn(at, " ");
		at += strspn(at, " ");
	}
	return sscanf(at, "%d", &number) == 1 && processes_have(pids, count, number);
}

static int print_table(struct arena *arena, char *output, const pid_t *pids, size_t count, struct err *err)
{
	char *rest = NULL, *line, *heading;
	int column;

	line = strtok_r(output, "\n", &rest);
	heading = line ? arena_strdup(arena, line) : NULL;
	column = heading ? find_column(heading) : -1;
	if (column < 0)
		return err_say(err, EINVAL, "ps shows no column PID: choose other options for it");
	(void)puts(line);
	while ((line = strtok_r(NULL, "\n", &rest)))
		if (is_ours(line, column, pids, count))
			(void)puts(line);
	return 0;
}

static int run_ps(struct command_call *call, struct err *err)
{
	const struct ps_options *options = call->options;
	const char *id = call->operands.items[0];
	CLEANUP_STORE struct store store = {.fd = -1};
	struct strv args = {0};
	pid_t *pids = NULL, *later = NULL;
	size_t count = 0, later_count = 0;
	char *output;
	int result = oci_open_store(call, &store, err);

	if (result >= 0)
		result = control_pids(&store, call->arena, id, &pids, &count, err);
	if (result < 0)
		return result;
	if (options->format && strcmp(options->format, "json") == 0)
		return print_json(pids, count);
	(void)strv_add(call->arena, &args, "ps");
	for (size_t i = 1; i < call->operands.count; i++)
		(void)strv_add(call->arena, &args, call->operands.items[i]);
	if (call->operands.count == 1)
		(void)strv_add(call->arena, &args, "-ef");
	result = arena_check(call->arena, err);
	if (result >= 0)
		result = fault_point("ps", "look", err);
	if (result >= 0)
		result = ask_ps(call->arena, &args, &output, err);
	if (result >= 0)
		result = control_pids(&store, call->arena, id, &later, &later_count, err);
	if (result < 0)
		return result;
	return print_table(call->arena, output, pids, processes_in_both(pids, count, later, later_count), err);
}

const struct command oci_ps = {
	.name = "ps",
	.operands = "ID [PS-OPTION...]",
	.summary = "List a container's processes",
	.description =
		"As a table: what ps(1) of the host shows of them, with the options given, else with -ef. As JSON: "
		"their numbers on the host.",
	.options = ps_rows,
	.options_bytes = sizeof(struct ps_options),
	.min_operands = 1,
	.max_operands = COMMAND_ANY,
	.stop_at_operand = true,
	.run = run_ps,
};

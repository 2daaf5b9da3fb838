// SPDX-License-Identifier: GPL-2.0-or-later
/* kill, delete, pause, resume */
#include <errno.h>
#include <regex.h>
#include <signal.h>

#include "cli/oci/oci.h"
#include "runtime/base/log.h"
#include "runtime/base/process.h"
#include "runtime/core/control.h"

struct kill_options {
	bool all;
};
static const struct option_row kill_rows[] = {
	{"all", 'a', OPTION_FLAG, offsetof(struct kill_options, all), NULL,
	 "every process of the container; none is no error", NULL, NULL},
	OPTIONS_END,
};

static int run_kill(struct command_call *call, struct err *err)
{
	const struct kill_options *options = call->options;
	CLEANUP_STORE struct store store = {.fd = -1};
	const char *words = call->operands.count > 1 ? call->operands.items[1] : "TERM";
	int signo = proc_signal_parse(words), result;

	if (signo < 0)
		return err_say(err, EINVAL, "unknown signal '%s'", words);
	result = oci_open_store(call, &store, err);
	return result < 0 ? result : control_kill(&store, call->operands.items[0], signo, options->all, err);
}

struct delete_options {
	bool force, regex;
};
static const struct option_row delete_rows[] = {
	{"force", 'f', OPTION_FLAG, offsetof(struct delete_options, force), NULL,
	 "kill it first; one that is not there is no error", NULL, NULL},
	{"regex", 0, OPTION_FLAG, offsetof(struct delete_options, regex), NULL,
	 "ID is an extended regular expression: delete every container that it matches", NULL, NULL},
	OPTIONS_END,
};

/* Goes on after a failure, which is told at once: what can go, goes. */
static int delete_matching(const struct command_call *call, const struct store *store, const regex_t *pattern,
			   struct err *err)
{
	const struct delete_options *options = call->options;
	struct strv ids = {0};
	size_t left = 0;
	int result = store_list(store, call->arena, &ids, err);

	for (size_t i = 0; result >= 0 && i < ids.count; i++) {
		struct err failure = ERR_INIT;

		if (regexec(pattern, ids.items[i], 0, NULL, 0) != 0 ||
		    control_delete(store, ids.items[i], options->force, &failure) >= 0)
			continue;
		/* Another command may have been faster. */
		if (failure.code == ENOENT)
			continue;
		log_err(&failure);
		left++;
	}
	return result >= 0 && left > 0 ? err_say(err, EBUSY, "%zu could not be deleted", left) : result;
}

static int delete_by_pattern(const struct command_call *call, const struct store *store, struct err *err)
{
	const char *words = call->operands.items[0];
	char why[128];
	regex_t pattern;
	int result = regcomp(&pattern, words, REG_EXTENDED | REG_NOSUB);

	if (result != 0) {
		(void)regerror(result, &pattern, why, sizeof(why));
		return err_say(err, EINVAL, "'%s' is no regular expression: %s", words, why);
	}
	result = delete_matching(call, store, &pattern, err);
	regfree(&pattern);
	return result;
}

static int run_delete(struct command_call *call, struct err *err)
{
	const struct delete_options *options = call->options;
	CLEANUP_STORE struct store store = {.fd = -1};
	int result = oci_open_store(call, &store, err);

	if (result < 0)
		return result;
	return options->regex ? delete_by_pattern(call, &store, err)
			      : control_delete(&store, call->operands.items[0], options->force, err);
}

static int run_pause(struct command_call *call, struct err *err)
{
	CLEANUP_STORE struct store store = {.fd = -1};
	int result = oci_open_store(call, &store, err);

	return result < 0 ? result : control_pause(&store, call->operands.items[0], err);
}

static int run_resume(struct command_call *call, struct err *err)
{
	CLEANUP_STORE struct store store = {.fd = -1};
	int result = oci_open_store(call, &store, err);

	return result < 0 ? result : control_resume(&store, call->operands.items[0], err);
}

const struct command oci_kill = {
	.name = "kill",
	.operands = "ID [SIGNAL]",
	.summary = "Send a signal to a container (default: TERM)",
	.options = kill_rows,
	.options_bytes = sizeof(struct kill_options),
	.min_operands = 1,
	.max_operands = 2,
	.run = run_kill,
};
const struct command oci_delete = {
	.name = "delete",
	.operands = "ID",
	.summary = "Take a stopped container back",
	.options = delete_rows,
	.options_bytes = sizeof(struct delete_options),
	.min_operands = 1,
	.max_operands = 1,
	.run = run_delete,
};
const struct command oci_pause = {.name = "pause",
				  .operands = "ID",
				  .summary = "Freeze a container",
				  .min_operands = 1,
				  .max_operands = 1,
				  .run = run_pause};
const struct command oci_resume = {.name = "resume",
				   .operands = "ID",
				   .summary = "Thaw a container",
				   .min_operands = 1,
				   .max_operands = 1,
				   .run = run_resume};

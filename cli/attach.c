// SPDX-License-Identifier: GPL-2.0-or-later
/* attach */
#include "runtime/core/attach.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/instance.h"
#include "cli/operands.h"
#include "cli/verbs.h"
#include "namespaces/tty.h"
#include "runtime/core/control.h"

#define KEEPER_WAIT_MS 2000
#define TRY_EVERY_MS   10

struct attach_options {
	bool no_input;
	const char *detach_keys, *proxy;
};

static int check_keys(const char *words, struct err *err)
{
	struct tty_keys keys;

	return tty_keys_parse(words, &keys, err);
}

static const char *const yes_no[] = {"true", "false", NULL};
static const struct option_row attach_rows[] = {
	{"detach-keys", 0, OPTION_CHECKED, offsetof(struct attach_options, detach_keys), "KEYS",
	 "keys that detach (default: the container's, else " TTY_KEYS_DEFAULT "); '' is none", NULL, check_keys},
	{"no-stdin", 0, OPTION_FLAG, offsetof(struct attach_options, no_input), NULL, "only look: send no input", NULL,
	 NULL},
	{"sig-proxy", 0, OPTION_STRING, offsetof(struct attach_options, proxy), "WORD",
	 "whether signals go to the program (default true); without a terminal only", yes_no, NULL},
	OPTIONS_END,
};

struct attaching {
	const struct command_call *call;
	const struct stores *stores;
	const struct instance_view *view;
};

static void pass_signal(void *user, int signo)
{
	const struct attaching *attaching = user;
	struct err ignored = ERR_INIT;

	(void)control_kill(&attaching->stores->store, attaching->view->id, signo, false, &ignored);
}

/* A keeper begins to listen a moment after its container runs. */
static int connect_soon(int state, struct err *err)
{
	const struct timespec pause = {.tv_nsec = TRY_EVERY_MS * 1000000L};
	int fd = attach_connect(state, err);

	for (int left_ms = KEEPER_WAIT_MS; (fd == -ENOENT || fd == -ECONNREFUSED) && left_ms > 0;
	     left_ms -= TRY_EVERY_MS) {
		(void)nanosleep(&pause, NULL);
		err_clear(err);
		fd = attach_connect(state, err);
	}
	return fd;
}

static int connect_keeper(const struct attaching *attaching, const char *words, struct err *err)
{
	CLEANUP_FD int state = store_find(&attaching->stores->store, attaching->view->id, err);
	struct err failure = ERR_INIT;
	int fd = state < 0 ? state : connect_soon(state, &failure);

	if (state < 0 || fd >= 0)
		return fd;
	if (fd == -ENOENT || fd == -ECONNREFUSED)
		return err_say(err, -fd, "container '%s' has no keeper to attach to: see 'hull ps -a'", words);
	*err = failure;
	return fd;
}

static int attach(struct attaching *attaching, const char *words, struct err *err)
{
	const struct attach_options *options = attaching->call->options;
	bool terminal = attaching->view->record.terminal;
	CLEANUP_FD int keeper = connect_keeper(attaching, words, err);
	bool passes = !terminal && !(options->proxy && strcmp(options->proxy, "false") == 0);
	struct attach_request request = {
		.fd = keeper,
		.input = options->no_input ? -1 : STDIN_FILENO,
		.output = STDOUT_FILENO,
		.error = STDERR_FILENO,
		.terminal = terminal && !options->no_input && isatty(STDIN_FILENO) ? STDIN_FILENO : -1,
		.detach_keys = options->detach_keys ? options->detach_keys : attaching->view->extension->detach_keys,
		.signalled = passes ? pass_signal : NULL,
		.user = attaching,
	};
	struct attach_result end;
	int result = keeper;

	if (result >= 0)
		result = attach_run(&request, &end, err);
	if (result == -ECONNRESET)
		return err_say(err, ECONNRESET,
			       "the keeper of container '%s' went away; the program may run on: see 'hull ps -a'",
			       words);
	/* Whoever read our output has seen enough, as behind '| head'. */
	if (result == -EPIPE) {
		err_clear(err);
		return 128 + SIGPIPE;
	}
	if (result < 0 || end.detached)
		return result < 0 ? result : 0;
	return end.known ? end.code
			 : err_say(err, ENODATA,
				   "container '%s' has ended, but nobody saw how: its exit code is unknown", words);
}

static int run_attach(struct command_call *call, struct err *err)
{
	const char *words = call->operands.items[0];
	CLEANUP_STORES struct stores stores = STORES_INIT;
	struct instance_view view;
	struct attaching attaching = {.call = call, .stores = &stores, .view = &view};
	int result = operands_instance(call, &stores, &view, err);

	if (result >= 0)
		result = instance_check_running(&view, words, "see 'hull logs', or 'hull start -a'", err);
	if (result < 0)
		return result;
	if (view.now.status == RECORD_PAUSED)
		return err_say(err, EINVAL, "container '%s' is paused: 'hull unpause' it first", words);
	return attach(&attaching, words, err);
}

const struct command verb_attach = {
	.name = "attach",
	.operands = "CONTAINER",
	.summary = "Attach to the input and output of a running container",
	.description = "Shows the output from now on ('hull logs' has what was before). Its exit code becomes the "
		       "command's; detaching with the keys leaves the container running, and the code is 0.",
	.exit_status = "The container's, as of 'hull run'; 0 when the keys detached; 125 when hull itself fails.",
	.options = attach_rows,
	.options_bytes = sizeof(struct attach_options),
	.min_operands = 1,
	.max_operands = 1,
	.run = run_attach,
};

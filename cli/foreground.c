// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/foreground.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include "cli/instance.h"
#include "runtime/core/attach.h"
#include "runtime/core/control.h"
#include "runtime/core/engine.h"

/* What the user's signals are for: the program, not this command. */
static void pass_signal(void *user, int signo)
{
	const struct foreground *foreground = user;
	struct err ignored = ERR_INIT;

	(void)control_kill(&foreground->stores->store, foreground->id, signo, false, &ignored);
}

int foreground_finish(const struct command_call *call, const struct stores *stores, const char *id, struct err *err)
{
	struct engine_unmade unmade;
	int result = engine_unmake(&stores->store, id, &unmade, err);

	/* Somebody else was faster, and has done it all, and perhaps started it again. */
	if (result == -ENOENT || result == -EALREADY) {
		err_clear(err);
		return 0;
	}
	if (result >= 0 && unmade.remove)
		result = instance_remove(call, stores, id, true, err);
	return result;
}

/* With a restart policy the keeper goes on with it: then this command only looks on. */
static bool may_take_over(const struct foreground *foreground)
{
	struct instance_view view;
	struct err ignored = ERR_INIT;

	return instance_look(foreground->call, foreground->stores, foreground->id, &view, &ignored) >= 0 &&
	       view.extension->restart.policy == RESTART_NO;
}

int foreground_run(const struct foreground *foreground, struct err *err)
{
	struct attach_request request = {
		.fd = foreground->client_fd,
		.input = foreground->interactive ? STDIN_FILENO : -1,
		.output = foreground->leaves_output ? -1 : STDOUT_FILENO,
		.error = foreground->leaves_error ? -1 : STDERR_FILENO,
		.terminal = foreground->tty && isatty(STDIN_FILENO) ? STDIN_FILENO : -1,
		.detach_keys = foreground->detach_keys,
		.takes_over = may_take_over(foreground),
		.signalled = foreground->tty ? NULL : pass_signal,
		.user = (void *)(uintptr_t)foreground,
	};
	struct attach_result result;
	int failed = attach_run(&request, &result, err);

	/*
	 * Whoever read our output has seen enough, as behind '| head': we end as any program then does, and the
	 * container runs on.
	 */
	if (failed == -EPIPE) {
		err_clear(err);
		return 128 + SIGPIPE;
	}
	if (failed < 0)
		return failed == -ECONNRESET ? err_hint(err, "the container may run on: see 'hull ps', 'hull attach'")
					     : failed;
	if (result.detached)
		return 0;
	if (request.takes_over)
		failed = foreground_finish(foreground->call, foreground->stores, foreground->id, err);
	if (failed < 0)
		return failed;
	if (!result.known)
		return err_say(err, ENODATA, "the container has ended, and nobody saw how");
	return result.code;
}

// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/halt.h"

#include <errno.h>
#include <signal.h>

#include "cli/foreground.h"
#include "runtime/base/process.h"
#include "runtime/core/control.h"

int halt_instance(const struct command_call *call, const struct stores *stores, const struct instance_view *view,
		  int signo, int64_t timeout_ms, struct err *err)
{
	struct err failure = ERR_INIT;
	int result;

	/* Also when nothing runs: its keeper may be waiting to start it again. */
	definition_want_running(view->data_dir, false);
	result = control_stop(&stores->store, view->id, signo, timeout_ms, &failure);
	if (result == -ENOENT)
		return 0;
	if (result < 0) {
		*err = failure;
		return result;
	}
	return foreground_finish(call, stores, view->id, err);
}

int halt_signal(const struct extension *extension)
{
	int signo = extension->stop_signal ? proc_signal_parse(extension->stop_signal) : SIGTERM;

	return signo > 0 ? signo : SIGTERM;
}

// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/oci/foreground.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/relay.h"
#include "runtime/base/process.h"
#include "runtime/core/control.h"
#include "runtime/core/unmounting.h"

int oci_check_terminal(bool terminal, bool detach, const char *console_socket, struct err *err)
{
	if (terminal && detach && !console_socket)
		return err_say(err, EINVAL,
			       "the process wants a terminal, and nobody stays to hold it: say with --console-socket "
			       "where "
			       "it goes, or let the process have none");
	if (!terminal && console_socket)
		return err_say(err, EINVAL, "--console-socket: the process has no terminal that could be sent there");
	return 0;
}

/* Whether keys can come from standard input; /dev/null has none to offer. */
static int look_at_input(const struct exec_running *running, bool *ret_keys, struct err *err)
{
	struct stat input;

	*ret_keys = false;
	if (running->terminal < 0 || fstat(STDIN_FILENO, &input) < 0)
		return 0;
	if (S_ISREG(input.st_mode))
		return err_say(err, EINVAL,
			       "standard input is a file, which cannot be typed into a terminal: use a pipe");
	*ret_keys = isatty(STDIN_FILENO) || S_ISFIFO(input.st_mode) || S_ISSOCK(input.st_mode);
	return 0;
}

int oci_foreground(const struct exec_running *running, struct err *err)
{
	struct relay_request request = {.running = running, .detach_keys = "", .all_signals = true};
	int result = look_at_input(running, &request.interactive, err), status;

	if (result < 0 || running->pidfd >= 0)
		return result < 0 ? result : relay_run(&request, err);
	/* Without pidfds there is nothing that a loop could wait for beside signals. */
	if (running->terminal >= 0)
		return err_say(err, ENOTSUP,
			       "a terminal in the foreground needs pidfds, which this kernel lacks: use "
			       "--console-socket");
	result = proc_wait(running->pid, &status);
	return result < 0 ? err_set(err, -result, "wait for process %d", running->pid) : proc_exit_code(status);
}

int oci_accompany(const struct store *store, struct instance *instance, bool keep, struct err *err)
{
	struct exec_running running = {
		.pid = instance->init,
		.pidfd = fd_take(&instance->init_pidfd),
		.terminal = fd_take(&instance->terminal),
	};
	struct aside unmounting = instance->unmounting;
	struct err ignored = ERR_INIT;
	int result = 0, code;

	/* With it goes the lock: pause, exec and delete must not have to wait for the end. */
	instance->unmounting = ASIDE_INIT;
	instance_close(instance);
	code = oci_foreground(&running, err);
	exec_running_close(&running);
	if (!keep)
		result = control_delete_own(store, &instance->record, code < 0 ? &ignored : err);
	unmounting_wait(&unmounting);
	return result < 0 ? result : code;
}

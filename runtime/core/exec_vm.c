// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A process in a machine: the guest's agent makes it, and a process here stands for it. That one speaks to the agent,
 * passes signals on, and ends as the other ends, so that whoever waits for a process of a container waits for this one.
 * With a terminal it holds the near end of a pair of its own, whose master the caller gets as it gets a container's.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "namespaces/tty.h"
#include "runtime/base/fd.h"
#include "runtime/base/process.h"
#include "runtime/base/socket.h"
#include "runtime/core/backend_parts.h"
#include "runtime/core/control.h"
#include "runtime/core/exec.h"
#include "runtime/core/pid_file.h"
#include "runtime/core/pid_socket.h"
#include "runtime/spec/guest.h"
#include "runtime/spec/plan_vm.h"
#include "runtime/vm/agent_client.h"

struct standing {
	struct agent_client_request client;
	int report_fd; /* to the caller: an error, or nothing when it runs */
	int parents_end;
	struct tty_pair terminal;
};

/* --- The process that stands for it ------------------------------------------------------------------------------- */

static int it_runs(void *user, pid_t guest_pid, struct err *err)
{
	struct standing *standing = user;
	const struct err none = ERR_INIT;
	int result;

	(void)guest_pid;
	/*
	 * From here on it lives as long as the other, whatever becomes of who started it: that may end as soon as it
	 * has heard.
	 */
	(void)prctl(PR_SET_PDEATHSIG, 0);
	result = fd_write_all(standing->report_fd, &none, sizeof(none));
	(void)close(standing->report_fd);
	standing->report_fd = -1;
	return result < 0 ? err_set(err, -result, "report to the caller") : 0;
}

static int take_terminal(struct standing *standing, struct err *err)
{
	int result = 0;

	if (standing->terminal.slave < 0)
		return 0;
	scope_fd(&standing->terminal.master);
	result = tty_make_controlling(standing->terminal.slave, err);
	for (int number = 0; number < 3; number++)
		standing->client.stdio[number] = number;
	standing->client.raw_fd = STDIN_FILENO;
	return result;
}

static __attribute__((noreturn)) void stand(struct standing *standing)
{
	struct agent_client_result end = {0};
	struct err err = ERR_INIT;
	int result;

	(void)close(standing->parents_end);
	proc_reset_signals();
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	result = take_terminal(standing, &err);
	if (result >= 0)
		result = agent_client_run(&standing->client, &end, &err);
	if (result < 0 && standing->report_fd >= 0) {
		(void)fd_write_all(standing->report_fd, &err, sizeof(err));
		_exit(1);
	}
	if (result < 0)
		dprintf(STDERR_FILENO, "hull: exec: %s\n", err.msg);
	_exit(result < 0 ? ERR_EXIT_FAILED : end.code);
}

/* --- The caller --------------------------------------------------------------------------------------------------- */

static int write_document(const struct exec_request *request, struct text *to, struct err *err)
{
	struct config_process process = *request->asked;
	const struct guest_exec exec = {
		.version = GUEST_VERSION,
		.process = &process,
		.user = {.user_words = request->process->user_words, .group_words = request->process->group_words},
		.interactive = request->stdio[0] >= 0 || process.terminal,
		.detached = request->detached,
	};

	return guest_exec_write(&exec, to, err);
}

static int open_terminal(const struct exec_request *request, struct tty_pair *ret, struct err *err)
{
	const struct config_console_size *size = request->asked->console_size;
	CLEANUP_FD int root = -1;
	struct tty_request wanted = {0};

	if (!request->asked->terminal)
		return 0;
	if (size)
		wanted.size = (struct tty_size){.rows = (uint16_t)size->height, .columns = (uint16_t)size->width};
	root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return err_set(err, errno, "open '/'");
	return tty_open_in_container(root, &wanted, ret, err);
}

static int wait_until_it_runs(int report_fd, struct err *err)
{
	struct err failure = ERR_INIT;
	int result = fd_read_all(report_fd, &failure, sizeof(failure));

	if (result < 0)
		return err_say(err, ECONNRESET, "the process that stands for the guest's was killed");
	if (failure.code == 0)
		return 0;
	*err = failure;
	return -failure.code;
}

/* Keeps the master, or sends it where it was asked for; the pid is told as a container's process's is. */
static int hand_out(const struct exec_request *request, struct standing *standing, struct exec_running *ret,
		    struct err *err)
{
	int result = 0;

	if (standing->terminal.master >= 0 && request->console_socket)
		result = tty_send_master(request->console_socket, &standing->terminal, err);
	else
		ret->terminal = fd_take(&standing->terminal.master);
	if (result >= 0 && request->pidfd_socket)
		result = pid_socket_send(request->pidfd_socket, PID_SOCKET_EXEC, ret->pidfd, err);
	return result < 0 ? result : pid_file_write(request->pid_file, ret->pid, err);
}

static int start(const struct exec_request *request, struct standing *standing, struct exec_running *ret,
		 struct err *err)
{
	struct proc_clone how = {.cgroup_fd = -1, .ret_pidfd = &ret->pidfd};
	CLEANUP_FD int ours = -1, theirs = -1;
	int ends[2], result = sock_pair(ends, err), status;

	if (result < 0)
		return result;
	ours = ends[0];
	theirs = ends[1];
	standing->report_fd = theirs;
	standing->parents_end = ours;
	ret->pid = proc_clone(&how);
	if (ret->pid == 0)
		stand(standing);
	if (ret->pid < 0)
		return err_set(err, -ret->pid, "start a process for the guest's");
	scope_fd(&theirs);
	theirs = -1;
	result = wait_until_it_runs(ours, err);
	if (result >= 0)
		result = hand_out(request, standing, ret, err);
	if (result < 0) {
		if (ret->pidfd >= 0)
			(void)proc_signal(ret->pidfd, SIGKILL);
		(void)proc_wait(ret->pid, &status);
	}
	return result;
}

int exec_vm(const struct exec_request *request, const struct control_view *view, struct exec_running *ret,
	    struct err *err)
{
	CLEANUP_FD int folder = store_find(request->store, view->record.id, err);
	CLEANUP_FD int agent = folder < 0 ? -1 : agent_client_connect(folder, err);
	CLEANUP_TEXT struct text document = TEXT_INIT;
	struct standing standing = {
		.client = {.fd = agent,
			   .stdio = {request->stdio[0], request->stdio[1], request->stdio[2]},
			   .terminal = request->asked->terminal,
			   .raw_fd = -1,
			   .detach = request->detached,
			   .started = it_runs},
		.report_fd = -1,
		.terminal = {.master = -1, .slave = -1},
	};
	int result = folder < 0 ? folder : agent;

	if (result >= 0)
		result = write_document(request, &document, err);
	if (result >= 0)
		result = open_terminal(request, &standing.terminal, err);
	standing.client.document = document.data;
	standing.client.document_len = document.len;
	standing.client.user = &standing;
	if (result >= 0)
		result = start(request, &standing, ret, err);
	scope_fd(&standing.terminal.master);
	scope_fd(&standing.terminal.slave);
	if (result < 0)
		exec_running_close(ret);
	return result;
}

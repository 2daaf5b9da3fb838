// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/core/exec.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/magic.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "namespaces/tty.h"
#include "runtime/base/path.h"
#include "runtime/base/process.h"
#include "runtime/core/backend.h"
#include "runtime/core/backend_parts.h"
#include "runtime/core/cgroup_driver.h"
#include "runtime/core/child.h"
#include "runtime/core/control.h"
#include "runtime/core/fault.h"
#include "runtime/core/filter.h"
#include "runtime/core/join.h"
#include "runtime/core/lifecycle.h"
#include "runtime/core/pid_file.h"
#include "runtime/core/pid_socket.h"
#include "runtime/core/spawn.h"
#include "runtime/core/stdio.h"

/* --- The new process ---------------------------------------------------------------------------------------------- */

struct exec_child {
	struct child_program program;
	struct sync sync;
	/* of the socket, which this side must not keep open (closed already where namespaces were joined) */
	int parents_end;
};

/*
 * In the container's namespaces, with all rights of its user namespace, undumpable: a process inside can neither trace
 * it nor look at its descriptors before the exec (CVE-2016-9962). Must not: run anything of the container's before the
 * parent has moved it into the cgroup, which GO says.
 */
static int enter(struct exec_child *child, struct err *err)
{
	int result;

	proc_reset_signals();
	(void)umask(DEFAULT_UMASK);
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		return err_set(err, errno, "ask to end with the parent process");
	result = sync_wait(&child->sync, CHILD_MAPPED, err);
	if (result < 0)
		return result;
	if (setsid() < 0)
		return err_set(err, errno, "make a session");
	if (!child->program.own_user_namespace)
		return 0;
	(void)setgroups(
		0, NULL); /* refused where setgroups is denied; then there are none of the caller's inside either */
	if (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
		return err_set(err, errno, "become root of the user namespace");
	return 0;
}

static int become(struct exec_child *child, struct err *err)
{
	int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC); /* both are child_become()'s to close */
	int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct err ignored = ERR_INIT;

	if (root < 0)
		return err_set(err, errno, "open the container's root");
	if (proc >= 0 && path_verify_fs(proc, PROC_SUPER_MAGIC, "/proc", &ignored) < 0) {
		(void)close(proc);
		proc = -1;
	}
	return child_become(&child->program, root, proc, false, &child->sync, -1, NULL, NULL, err);
}

static __attribute__((noreturn)) void exec_child_main(void *context)
{
	struct exec_child *child = context;
	struct err err = ERR_INIT;
	int result;

	(void)close(child->parents_end);
	result = enter(child, &err);
	if (result >= 0)
		(void)become(child, &err);
	sync_send_err(&child->sync, &err);
	_exit(err.exit_code ? err.exit_code : 1);
}

/* --- The caller --------------------------------------------------------------------------------------------------- */

static int check_state(const struct exec_request *request, const struct control_view *view, struct err *err)
{
	if (view->now.status == RECORD_PAUSED && request->ignore_paused)
		return 0;
	return lifecycle_allows(&view->record, &view->now, ACTION_EXEC, err);
}

/* What holds the first process of such a container (plan_apart.c) has to hold the next one, too. */
static int check_hold(const struct exec_request *request, const struct record *record, struct err *err)
{
	if (record->root_apart && plan_check_apart_profile(request->process->apparmor_profile, err) < 0)
		return -err->code;
	if (!record->host_mounts || !plan_could_leave_root(&request->process->caps))
		return 0;
	return err_say(err, EPERM,
		       "container '%s' is in the runtime's mount namespace: a program with CAP_SYS_ADMIN could leave "
		       "its root",
		       record->id);
}

static int join_cgroup(const struct exec_request *request, const struct record *record, pid_t pid, struct err *err)
{
	CLEANUP_CG struct cg *cgroup = NULL;
	int result = cg_open(cgroup_driver_parse(record->cgroup.driver), record->cgroup.path, &cgroup, err);

	cg_warm_join();
	/*
	 * An empty cgroup can be joined by anybody, without effect: then nothing would bound the process, or end it
	 * with the container.
	 */
	if (result >= 0 && cg_is_gone(cgroup))
		result = err_say(err, ESRCH, "the container has just ended");
	if (result < 0)
		return result;
	if (request->cgroups && request->cgroups->count > 0)
		return cg_join_below(cgroup, pid, request->cgroups, err);
	return cg_join_beside(cgroup, pid, record->init.pid, err);
}

static int take_ready(const struct exec_request *request, struct sync *sync, struct exec_running *running,
		      struct err *err)
{
	unsigned number = 0, fd_count = 1;
	size_t len = sizeof(number);
	int result = sync_wait_data(sync, CHILD_READY, &number, &len, &running->terminal, &fd_count, err);

	if (result < 0)
		return result;
	if (fd_count == 0)
		running->terminal = -1;
	if (fd_count == 0 || !request->console_socket)
		return 0;
	result = tty_send_master(request->console_socket,
				 &(struct tty_pair){.master = running->terminal, .slave = -1, .number = number}, err);
	(void)close(running->terminal);
	running->terminal = -1;
	return result;
}

static int set_cpus(const char *member, const char *cpus, pid_t pid, struct err *err)
{
	if (!cpus || limits_set_affinity(pid, cpus, err) >= 0)
		return 0;
	return err_wrap(err, "process.execCPUAffinity.%s", member);
}

/* A process that was gone when it was to be moved has said why, or has gone with the container. */
static int or_why_gone(const struct exec_request *request, struct sync *sync, struct exec_running *running, int result,
		       struct err *err)
{
	if ((result != -ESRCH && result != -ENOENT) || running->pidfd < 0 || proc_wait_end(running->pidfd, 50) < 0)
		return result;
	return take_ready(request, sync, running, err);
}

/*
 * What comes after the clone, in the parent. On failure the new process ends by itself when the socket closes. What the
 * process does before READY is done while the first migration's grace period passes (cg_warm_start() has begun it).
 */
static int guide(const struct exec_request *request, const struct record *record, struct sync *sync,
		 struct exec_running *running, struct err *err)
{
	int result = fault_point("exec", "cgroup", err);

	if (result >= 0)
		result = set_cpus("initial", request->process->exec_cpus_initial, running->pid, err);
	if (result >= 0)
		result = sync_send(sync, CHILD_MAPPED, err);
	if (result >= 0)
		result = or_why_gone(request, sync, running, join_cgroup(request, record, running->pid, err), err);
	if (result >= 0) /* the cgroup's own CPUs have just become the process's */
		result = set_cpus("final", request->process->exec_cpus_final, running->pid, err);
	if (result >= 0)
		result = fault_point("exec", "ready", err);
	if (result >= 0)
		result = take_ready(request, sync, running, err);
	if (result >= 0 && request->pidfd_socket)
		result = pid_socket_send(request->pidfd_socket, PID_SOCKET_EXEC, running->pidfd, err);
	if (result >= 0)
		result = limits_apply_outside(&request->process->limits, running->pid, err);
	if (result >= 0)
		result = pid_file_write(request->pid_file, running->pid, err);
	return result;
}

/* Its exec; nothing is left of the pid file of one that fails. */
static int let_go(const struct exec_request *request, const struct record *record, struct sync *sync,
		  const struct exec_running *running, struct err *err)
{
	int result = fault_point("exec", "go", err);

	if (result >= 0)
		result = sync_send(sync, CHILD_GO, err);
	if (result >= 0)
		result = fault_point("exec", "exec", err);
	if (result >= 0)
		result = filter_take_listener(sync, CHILD_EXEC, request->process->seccomp, record, running->pid, err);
	if (result >= 0)
		result = sync_wait_closed(sync, err);
	if (result < 0 && request->pid_file)
		(void)unlink(request->pid_file);
	return result;
}

static int spawn_and_guide(const struct exec_request *request, const struct record *record, const int *namespaces,
			   int root_fd, struct exec_child *child, struct exec_running *running, struct err *err)
{
	CLEANUP_SYNC struct sync ours = {.fd = -1}, theirs = {.fd = -1};
	int keeps[] = {child->program.stdio[0], child->program.stdio[1], child->program.stdio[2], -1};
	struct spawn_request spawning = {.joins = namespaces,
					 .has_root = record->root_apart,
					 .root_fd = root_fd,
					 .cgroup_fd = -1,
					 .keeps = keeps,
					 .keep_count = ARRAY_SIZE(keeps),
					 .keeps_from = 3 + request->preserve_fds,
					 .main = exec_child_main,
					 .context = child};
	int result = sync_pair(&ours, &theirs, child_stage_names, CHILD_STAGE_COUNT, err), status;

	if (result < 0)
		return result;
	ours.peer = "process for the container";
	child->sync = theirs;
	keeps[3] = theirs.fd;
	child->parents_end = ours.fd;
	result = spawn(&spawning, &running->pid, &running->pidfd, err);
	sync_close(&theirs);
	if (result < 0)
		return result;
	result = guide(request, record, &ours, running, err);
	if (result >= 0)
		result = let_go(request, record, &ours, running, err);
	if (result < 0) {
		if (running->pidfd >= 0)
			(void)proc_signal(running->pidfd, SIGKILL);
		sync_close(&ours);
		(void)proc_wait(running->pid, &status);
	}
	return result;
}

/*
 * What is joined before the first process has its root is the host's: so this waits for who is still making it. Where
 * its state allows no exec, that is said at once: it may be a hook of its creation that asks.
 */
static int look(const struct exec_request *request, struct arena *arena, struct control_view *ret, struct err *err)
{
	int result = control_look_at_rest(request->store, arena, request->id, false, ret, err);

	if (result == -EWOULDBLOCK) {
		result = control_look(request->store, arena, request->id, true, ret, err);
		if (result >= 0)
			result = check_state(request, ret, err);
		if (result >= 0)
			result = control_look_at_rest(request->store, arena, request->id, true, ret, err);
	}
	return result < 0 ? result : check_state(request, ret, err);
}

int exec_start(const struct exec_request *request, struct exec_running *ret, struct err *err)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	const struct backend_ops *backend = NULL;
	struct control_view view;
	int result = look(request, &arena, &view, err);

	*ret = (struct exec_running){.pidfd = -1, .terminal = -1};
	if (result >= 0)
		result = backend_of(&view.record, &backend, err);
	if (result < 0)
		return result;
	return backend->exec ? backend->exec(request, &view, ret, err) : backend_lacks(backend, "exec", err);
}

/*
 * Whatever went wrong in a container that was dying, went wrong because of that: it kills our process, and its PID
 * namespace takes no more of them (ENOMEM).
 */
static int or_has_ended(const char *id, const struct record_process *init, int result, struct err *err)
{
	bool seems_to_die = result == -ECONNRESET || result == -ENOMEM;

	if (err->exit_code != 0 || !(seems_to_die ? lifecycle_dies(init) : !lifecycle_is_alive(init)))
		return result;
	return err_say(err, ESRCH, "container '%s' has just ended", id);
}

int exec_ns(const struct exec_request *request, const struct control_view *view, struct exec_running *ret,
	    struct err *err)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	CLEANUP_STDIO struct stdio stdio = STDIO_INIT;
	CLEANUP_FD int pidfd = -1;
	CLEANUP_FD int root = -1;
	int namespaces[NS_COUNT] CLEANUP(join_close) = JOIN_INIT;
	struct confine_filter filter = {0};
	struct exec_child child = {
		.program = {.process = request->process, .preserve_fds = request->preserve_fds, .init_fd = -1},
	};
	int result;

	result = check_hold(request, &view->record, err);
	if (result >= 0)
		result = fault_point("exec", "look", err);
	if (result < 0)
		return result;
	pidfd = proc_open(view->record.init.pid, view->record.init.start_ticks);
	if (pidfd < 0)
		return pidfd == -ESRCH ? err_say(err, ESRCH, "container '%s' has just ended", request->id)
				       : err_set(err, -pidfd, "open the process of container '%s'", request->id);
	result = fault_point("exec", "join", err);
	if (result >= 0)
		result = join_open(&view->record.init, pidfd, JOIN_ALL, namespaces, err);
	if (result >= 0)
		result = fault_point("exec", "root", err);
	if (result >= 0 && view->record.root_apart)
		result = root = join_open_root(&view->record.init, pidfd, err);
	if (result >= 0)
		result = filter_compile(request->process->seccomp, request->seccomp_cache, &arena, &filter, err);
	if (result >= 0)
		result = stdio_settle(request->stdio, request->preserve_fds, namespaces[NS_USER] < 0, &stdio, err);
	if (result < 0)
		return result;
	child.program.own_user_namespace = namespaces[NS_USER] >= 0;
	child.program.keyring = request->new_keyring ? child_keyring(&arena, request->id) : NULL;
	child.program.filter = request->process->seccomp ? &filter : NULL;
	for (int number = 0; number < 3; number++)
		child.program.stdio[number] = stdio.fds[number];
	result = spawn_and_guide(request, &view->record, namespaces, root, &child, ret, err);
	if (result >= 0)
		return result;
	exec_running_close(ret);
	return or_has_ended(request->id, &view->record.init, result, err);
}

void exec_running_close(struct exec_running *running)
{
	scope_fd(&running->pidfd);
	scope_fd(&running->terminal);
	running->pidfd = running->terminal = -1;
}

// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/core/hooks.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/base/log.h"
#include "runtime/base/process.h"

/* The hook's process: state on 0, the caller's 1 and 2, nothing else of hull's. Does not return. */
__attribute__((noreturn)) static void become_hook(const struct plan_hook *hook, int state_fd)
{
	struct err ignored = ERR_INIT;
	static char *const no_environment[] = {NULL};

	proc_reset_signals();
	(void)setpgid(0, 0); /* so that a time limit reaches what it starts, too */
	if (lseek(state_fd, 0, SEEK_SET) == 0 && fd_place(state_fd, STDIN_FILENO) == 0 &&
	    fd_cloexec_from(3, &ignored) >= 0)
		(void)execve(hook->path, hook->args.items, hook->env.items ? hook->env.items : no_environment);
	_exit(errno == ENOENT ? 127 : 126);
}

static int wait_for_hook(const struct plan_hook *hook, pid_t pid, int pidfd, int *ret_status)
{
	int timeout_ms = hook->timeout_ms ? (int)hook->timeout_ms : -1;
	int result = pidfd < 0 ? 0 : proc_wait_end(pidfd, timeout_ms), waited;

	if (result == -ETIMEDOUT)
		(void)kill(-pid, SIGKILL);
	if (result < 0)
		(void)kill(pid, SIGKILL);
	/* Without a status nothing is known, and unknown is not success: the caller may have had SIGCHLD ignored. */
	waited = proc_wait(pid, ret_status);
	return result < 0 ? result : waited;
}

static int run_one(const struct plan_hook *hook, int state_fd, struct err *err)
{
	CLEANUP_FD int pidfd = -1;
	int status = 0, result;
	pid_t pid = proc_clone(&(struct proc_clone){.cgroup_fd = -1, .ret_pidfd = &pidfd});

	if (pid < 0)
		return err_set(err, -pid, "start hook '%s'", hook->path);
	if (pid == 0)
		become_hook(hook, state_fd);
	result = wait_for_hook(hook, pid, pidfd, &status);
	if (result == -ETIMEDOUT)
		return err_say(err, ETIMEDOUT, "hook '%s' took longer than %llu ms and was killed", hook->path,
			       (unsigned long long)hook->timeout_ms);
	if (result < 0)
		return err_set(err, -result, "wait for hook '%s'", hook->path);
	if (status != 0)
		return err_say(err, ECANCELED, "hook '%s' ended with exit code %d", hook->path, proc_exit_code(status));
	return 0;
}

static bool is_passed_over(enum plan_hook_kind kind)
{
	return kind == HOOK_POSTSTART || kind == HOOK_POSTSTOP;
}

int hooks_run(const plan_hook_list *hooks, enum plan_hook_kind kind, const void *state, size_t state_len,
	      struct err *err)
{
	CLEANUP_FD int state_fd = -1;

	if (hooks->count == 0)
		return 0;
	state_fd = fd_memory("hull-state", state, state_len, err);
	if (state_fd < 0)
		return state_fd;
	for (size_t i = 0; i < hooks->count; i++) {
		int result = run_one(&hooks->items[i], state_fd, err);

		if (result >= 0)
			continue;
		(void)err_wrap(err, "%s hook", plan_hook_name(kind));
		if (!is_passed_over(kind))
			return result;
		log_line(LOG_LEVEL_WARN, "%s", err->msg);
		err_clear(err);
	}
	return 0;
}

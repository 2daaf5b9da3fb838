/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Beginning the wait of the first migration early.
 *
 * Every write to cgroup.procs takes the kernel's cgroup_threadgroup_rwsem for writing. While nobody has done so for a while, that
 * semaphore is in the mode that makes forks cheap, and leaving the mode waits for an RCU grace period: 7 to 15 ms. After that
 * it stays in the other mode for about as long, and a write takes microseconds. So a helper moves itself to where it is already, the
 * grace period passes while the caller makes its sockets, layers and child, and the real move comes into the open window.
 *
 * The helper is a process of its own, with its own memory and descriptors, not a thread and not a child that borrows the caller's memory:
 * the caller goes on to fork, and a borrowed stack or errno would be two processes' at once. It costs one fork of a
 * small program. It is cloned without an exit signal, so that no SIGCHLD handler and no plain wait() of the caller meets it, and with a pidfd,
 * so that a child of the caller can wait for it as well. It closes what it inherited, so that it holds no one's pipe or
 * lock open.
 */
#include "cgroups/cg.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "cgroups/layout.h"
#include "runtime/base/fd.h"

static int helper_pidfd = -1;
static pid_t helper_pid;

/* Only system calls from here on: the memory is a copy of a program in the midst of something. */
static _Noreturn void run_helper(const char *procs_file)
{
	int fd;

	if (fd_close_from(0, NULL) == 0) {
		fd = open(procs_file, O_WRONLY | O_CLOEXEC);
		if (fd >= 0)
			(void)!write(fd, "0", 1); /* 0: whoever writes */
	}
	_exit(0);
}

/* The cgroup that this process is in already, in any tree that it can reach. */
static bool name_own_procs(const struct cg_layout *layout, char to[static PATH_MAX])
{
	for (size_t i = 0; i < layout->tree_count; i++) {
		const struct cg_tree *tree = &layout->trees[i];

		if (tree->own && snprintf(to, PATH_MAX, "%s%s/cgroup.procs", tree->mount_point, tree->own) < PATH_MAX)
			return true;
	}
	return false;
}

int cg_warm_start(void)
{
	const struct cg_layout *layout;
	struct err ignored = ERR_INIT;
	char procs_file[PATH_MAX];
	int pidfd = -1;
	long pid;

	if (helper_pidfd >= 0)
		return 0;
	if (cg_layout_get(&layout, &ignored) < 0)
		return -ignored.code;
	if (layout->kind != CG_LAYOUT_V1 && layout->kind != CG_LAYOUT_HYBRID)
		return -ENOTSUP;
	if (!name_own_procs(layout, procs_file))
		return -ENOTSUP;
	/* CLONE_PIDFD returns the descriptor where the parent's tid would be. No exit signal in the low byte. */
	pid = syscall(SYS_clone, (unsigned long)CLONE_PIDFD, NULL, &pidfd, NULL, 0UL);
	if (pid < 0)
		return -errno;
	if (pid == 0)
		run_helper(procs_file);
	helper_pid = (pid_t)pid;
	helper_pidfd = pidfd;
	return 0;
}

void cg_warm_join(void)
{
	struct pollfd end = {.fd = helper_pidfd, .events = POLLIN};

	if (helper_pidfd < 0)
		return;
	while (poll(&end, 1, -1) < 0 && errno == EINTR)
		;
	/* Where the caller is a child of the process that started the helper, that one is the parent. */
	(void)waitpid(helper_pid, NULL, __WALL | WNOHANG);
	scope_fd(&helper_pidfd);
	helper_pidfd = -1;
}

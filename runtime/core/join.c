// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/core/join.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>

#include "runtime/base/process.h"

/*
 * One kind: 0 with a descriptor, or without one where the caller is in that namespace already. -ENOENT: the process has
 * no namespaces any more. That comes before its end is told (they are dropped first), so nothing may take it for "the
 * same as the caller's".
 */
static int open_kind(pid_t pid, enum ns_kind kind, int *ret_fd, struct err *err)
{
	char theirs[64], ours[64];
	struct stat their_ns, our_ns;

	(void)snprintf(theirs, sizeof(theirs), "/proc/%d/ns/%s", pid, ns_proc_name(kind));
	(void)snprintf(ours, sizeof(ours), "/proc/self/ns/%s", ns_proc_name(kind));
	if (stat(ours, &our_ns) < 0)
		return errno == ENOENT ? 0
				       : err_set(err, errno, "look at our own %s namespace",
						 ns_name(kind)); /* a kind that this kernel lacks */
	if (stat(theirs, &their_ns) < 0)
		return err_set(err, errno, "look at the container's %s namespace", ns_name(kind));
	if (our_ns.st_ino == their_ns.st_ino && our_ns.st_dev == their_ns.st_dev)
		return 0;
	*ret_fd = ns_open_path(kind, theirs, err);
	return *ret_fd < 0 ? *ret_fd : 0;
}

/* Still the same process: so what was opened is its own, and not that of one that got its pid. */
static int check_same(int pidfd, int result, struct err *err)
{
	int alive = proc_signal(pidfd, 0);

	if (alive == -ESRCH || result == -ENOENT || result == -ESRCH)
		return err_say(err, ESRCH, "the container has just ended");
	if (alive < 0)
		return err_set(err, -alive, "look whether the container still runs");
	return result;
}

int join_open_root(const struct record_process *init, int pidfd, struct err *err)
{
	CLEANUP_FD int root = -1;
	char path[64];
	int result = 0;

	(void)snprintf(path, sizeof(path), "/proc/%d/root", init->pid);
	root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		result = err_set(err, errno, "open the container's root");
	result = check_same(pidfd, result, err);
	return result < 0 ? result : fd_take(&root);
}

int join_open(const struct record_process *init, int pidfd, unsigned kinds, int ret_fds[static NS_COUNT],
	      struct err *err)
{
	int result = 0;

	for (int kind = 0; kind < NS_COUNT && result == 0; kind++)
		if (kinds & 1u << kind)
			result = open_kind(init->pid, (enum ns_kind)kind, &ret_fds[kind], err);
	return check_same(pidfd, result, err);
}

void join_close(int (*fds)[NS_COUNT])
{
	for (int kind = 0; kind < NS_COUNT; kind++)
		scope_fd(&(*fds)[kind]);
}

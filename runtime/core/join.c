// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/core/join.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>

#include "runtime/base/process.h"

int join_open(const struct record_process *init, int pidfd, unsigned kinds, int ret_fds[static NS_COUNT],
	      struct err *err)
{
	int result;

	for (int kind = 0; kind < NS_COUNT; kind++) {
		char theirs[64], ours[64];
		struct stat their_ns, our_ns;

		if (!(kinds & 1u << kind))
			continue;
		(void)snprintf(theirs, sizeof(theirs), "/proc/%d/ns/%s", init->pid, ns_proc_name((enum ns_kind)kind));
		(void)snprintf(ours, sizeof(ours), "/proc/self/ns/%s", ns_proc_name((enum ns_kind)kind));
		if (stat(theirs, &their_ns) < 0) {
			if (errno == ENOENT)
				continue; /* a kind that this kernel lacks; or a process that is gone: seen below */
			return err_set(err, errno, "look at the container's %s namespace", ns_name((enum ns_kind)kind));
		}
		if (stat(ours, &our_ns) == 0 && our_ns.st_ino == their_ns.st_ino && our_ns.st_dev == their_ns.st_dev)
			continue;
		ret_fds[kind] = ns_open_path((enum ns_kind)kind, theirs, err);
		if (ret_fds[kind] < 0)
			return ret_fds[kind];
	}
	/* Still the same process: so these were its namespaces, and not those of one that got its pid. */
	result = proc_signal(pidfd, 0);
	if (result < 0)
		return result == -ESRCH ? err_say(err, ESRCH, "the container has just ended")
					: err_set(err, -result, "look whether the container still runs");
	return 0;
}

void join_close(int (*fds)[NS_COUNT])
{
	for (int kind = 0; kind < NS_COUNT; kind++)
		scope_fd(&(*fds)[kind]);
}

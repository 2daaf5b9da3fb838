// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/core/unmounting.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "runtime/base/process.h"
#include "runtime/base/scope.h"

/* The only descriptors that it keeps: no one's pipe or lock is held open by it. */
enum { HELD_PIDFD, HELD_MOUNTNS, HELD_COUNT };

struct unmounting {
	int pidfd, mountns_fd;
	struct pollfd end;
};

static void hold(void *context)
{
	struct unmounting *unmounting = context;

	if (aside_call(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0) < 0 ||
	    aside_call(SYS_dup3, unmounting->pidfd, HELD_PIDFD, O_CLOEXEC, 0) < 0 ||
	    aside_call(SYS_dup3, unmounting->mountns_fd, HELD_MOUNTNS, O_CLOEXEC, 0) < 0 ||
	    aside_call(SYS_close_range, HELD_COUNT, UINT_MAX, 0, 0) < 0)
		return;
	unmounting->end = (struct pollfd){.fd = HELD_PIDFD, .events = POLLIN};
	(void)aside_call5(SYS_ppoll, (long)&unmounting->end, 1, 0, 0, 0);
}

void unmounting_start(pid_t pid, int pidfd, struct aside *ret)
{
	struct unmounting unmounting = {.pidfd = pidfd};
	char path[32];

	(void)snprintf(path, sizeof(path), "/proc/%d/ns/mnt", (int)pid);
	/* Of who has not been waited for yet: the number is its own. */
	unmounting.mountns_fd = pidfd < 0 ? -1 : open(path, O_RDONLY | O_CLOEXEC);
	/* Where dup3() would overwrite what is still to be copied, or the helper would be handed a stream. */
	if (pidfd >= HELD_COUNT && unmounting.mountns_fd >= HELD_COUNT)
		(void)aside_start(ret, hold, &unmounting, sizeof(unmounting), ASIDE_STANDS_BACK);
	scope_fd(&unmounting.mountns_fd);
}

void unmounting_wait(struct aside *helper)
{
	aside_close(helper);
}

void unmounting_drop(struct aside *helper)
{
	if (helper->pidfd >= 0)
		(void)proc_signal(helper->pidfd, SIGKILL);
	aside_close(helper);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/ahead.h"

#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "runtime/base/aside.h"
#include "runtime/base/scope.h"

static struct aside helper = ASIDE_INIT;

struct making {
	char path[sizeof("/proc/self/ns/net")]; /* the helper's own: it has a process id, and namespaces, of its own */
	struct ifreq lo;
	int netns_fd;
	bool lo_up;
};

static void make(void *context)
{
	struct making *making = context;
	long socket_fd;

	if (aside_call(SYS_unshare, CLONE_NEWNET, 0, 0, 0) < 0)
		return;
	making->netns_fd = (int)aside_call(SYS_openat, AT_FDCWD, (long)making->path, O_RDONLY | O_CLOEXEC, 0);
	socket_fd = aside_call(SYS_socket, AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0, 0);
	if (socket_fd < 0)
		return;
	making->lo_up = aside_call(SYS_ioctl, socket_fd, SIOCSIFFLAGS, (long)&making->lo, 0) == 0;
	(void)aside_call(SYS_close, socket_fd, 0, 0, 0);
}

void net_ahead_start(void)
{
	const struct making making = {
		.path = "/proc/self/ns/net",
		.lo = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_LOOPBACK | IFF_RUNNING},
		.netns_fd = -1,
	};

	if (helper.pidfd < 0)
		(void)aside_start(&helper, make, &making, sizeof(making), true);
}

bool net_ahead_is_started(void)
{
	return helper.pidfd >= 0;
}

int net_ahead_take(bool *ret_lo_up)
{
	const struct making *making = aside_wait(&helper);
	int fd = making ? making->netns_fd : -1;

	*ret_lo_up = making && making->lo_up;
	aside_close(&helper);
	return fd < 0 ? -1 : fd;
}

void net_ahead_drop(void)
{
	bool lo_up;
	int netns_fd = net_ahead_take(&lo_up);

	scope_fd(&netns_fd);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/ahead.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "runtime/base/aside.h"
#include "runtime/base/scope.h"

static struct aside helper = ASIDE_INIT;

struct making {
	char path[sizeof("/proc/self/ns/net")]; /* the helper's own: it has a process id, and namespaces, of its own */
	char sysfs[sizeof("sysfs")], source[sizeof("source")];
	struct ifreq lo;
	unsigned with;
	int netns_fd, sysfs_fd;
	bool lo_is_up;
	unsigned has_netns, has_sysfs; /* told: the above are what they are going to be */
};

/* Of the one that runs. */
static bool is_netns_taken, is_sysfs_taken;

static int mount_sysfs(const struct making *making)
{
	long context = aside_call(SYS_fsopen, (long)making->sysfs, FSOPEN_CLOEXEC, 0, 0), fd = -1;

	if (context < 0)
		return -1;
	if (aside_call5(SYS_fsconfig, context, FSCONFIG_SET_STRING, (long)making->source, (long)making->sysfs, 0) >=
		    0 &&
	    aside_call5(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, 0, 0, 0) >= 0)
		fd = aside_call(SYS_fsmount, context, FSMOUNT_CLOEXEC, 0, 0);
	(void)aside_call(SYS_close, context, 0, 0, 0);
	return fd < 0 ? -1 : (int)fd;
}

static bool raise_loopback(const struct making *making)
{
	long socket_fd = aside_call(SYS_socket, AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0, 0);
	bool is_up;

	if (socket_fd < 0)
		return false;
	is_up = aside_call(SYS_ioctl, socket_fd, SIOCSIFFLAGS, (long)&making->lo, 0) == 0;
	(void)aside_call(SYS_close, socket_fd, 0, 0, 0);
	return is_up;
}

static void make(void *context)
{
	struct making *making = context;
	bool is_inside = aside_call(SYS_unshare, CLONE_NEWNET, 0, 0, 0) >= 0;

	if (is_inside)
		making->netns_fd = (int)aside_call(SYS_openat, AT_FDCWD, (long)making->path, O_RDONLY | O_CLOEXEC, 0);
	aside_tell(&making->has_netns);
	/* The one without the other shows nothing that is of use. */
	if (making->netns_fd >= 0 && making->with & NET_AHEAD_SYSFS)
		making->sysfs_fd = mount_sysfs(making);
	aside_tell(&making->has_sysfs);
	if (making->netns_fd >= 0 && making->with & NET_AHEAD_LOOPBACK)
		making->lo_is_up = raise_loopback(making);
}

void net_ahead_start(unsigned with)
{
	const struct making making = {
		.path = "/proc/self/ns/net",
		.lo = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_LOOPBACK | IFF_RUNNING},
		.sysfs = "sysfs",
		.source = "source",
		.with = with,
		.netns_fd = -1,
		.sysfs_fd = -1,
	};

	if (is_netns_taken)
		net_ahead_drop();
	if (helper.pidfd < 0)
		(void)aside_start(&helper, make, &making, sizeof(making), ASIDE_SHARES_FILES);
}

bool net_ahead_is_started(void)
{
	return helper.pidfd >= 0 && !is_netns_taken;
}

int net_ahead_take(void)
{
	const struct making *making = is_netns_taken ? NULL : aside_context(&helper);

	if (!making)
		return -1;
	aside_wait_told(&helper, &making->has_netns);
	is_netns_taken = true;
	return making->netns_fd;
}

int net_ahead_take_sysfs(bool wait)
{
	const struct making *making = is_sysfs_taken ? NULL : aside_context(&helper);

	if (!making)
		return -1;
	if (!wait && !aside_has_told(&making->has_sysfs))
		return -EAGAIN;
	aside_wait_told(&helper, &making->has_sysfs);
	is_sysfs_taken = true;
	return making->sysfs_fd;
}

bool net_ahead_end(void)
{
	const struct making *making = aside_wait(&helper);
	bool lo_is_up = making && making->lo_is_up;

	aside_close(&helper);
	is_netns_taken = is_sysfs_taken = false;
	return lo_is_up;
}

void net_ahead_drop(void)
{
	int fds[] = {net_ahead_take(), net_ahead_take_sysfs(true)};

	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		scope_fd(&fds[i]);
	(void)net_ahead_end();
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/ahead.h"

#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "runtime/base/aside.h"

static struct aside helper = ASIDE_INIT;

struct making {
	char path[sizeof("/proc/self/ns/net")]; /* the helper's own: it has a process id, and namespaces, of its own */
	char sysfs[sizeof("sysfs")], source[sizeof("source")];
	struct ifreq lo;
	unsigned with;
	unsigned is_made; /* told: `made` is what it is going to be */
	struct net_ahead made;
	bool lo_is_up;
};

static bool is_taken;

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
		making->made.netns_fd =
			(int)aside_call(SYS_openat, AT_FDCWD, (long)making->path, O_RDONLY | O_CLOEXEC, 0);
	if (is_inside && making->with & NET_AHEAD_SYSFS)
		making->made.sysfs_fd = mount_sysfs(making);
	aside_tell(&making->is_made);
	if (is_inside && making->with & NET_AHEAD_LOOPBACK)
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
		.made = NET_AHEAD_INIT,
	};

	if (is_taken)
		net_ahead_drop();
	if (helper.pidfd < 0)
		(void)aside_start(&helper, make, &making, sizeof(making), ASIDE_SHARES_FILES);
}

bool net_ahead_is_started(void)
{
	return helper.pidfd >= 0 && !is_taken;
}

struct net_ahead net_ahead_take(void)
{
	const struct making *making = is_taken ? NULL : aside_context(&helper);
	struct net_ahead made = NET_AHEAD_INIT;

	if (making) {
		aside_wait_told(&helper, &making->is_made);
		made = making->made;
		is_taken = true;
	}
	/* The one without the other shows nothing that is of use. */
	if (made.netns_fd < 0)
		net_ahead_close(&made);
	return made;
}

bool net_ahead_end(void)
{
	const struct making *making = aside_wait(&helper);
	bool lo_is_up = making && making->lo_is_up;

	aside_close(&helper);
	is_taken = false;
	return lo_is_up;
}

void net_ahead_close(struct net_ahead *ahead)
{
	scope_fd(&ahead->netns_fd);
	scope_fd(&ahead->sysfs_fd);
	*ahead = NET_AHEAD_INIT;
}

void net_ahead_drop(void)
{
	struct net_ahead made = net_ahead_take();

	net_ahead_close(&made);
	(void)net_ahead_end();
}

// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/vm/remains.h"

#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/socket.h"

/* No monitor has more descriptors, but for many disks and network cards. */
#define SMALL_FDS 256

static bool is_socket(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode);
}

/*
 * Most numbers are nobody's, which one call says of them all. (Where it fails, since fewer descriptors are allowed,
 * each is looked at.)
 */
static void close_sockets(void)
{
	struct pollfd all[SMALL_FDS];

	for (int fd = 0; fd < SMALL_FDS; fd++)
		all[fd] = (struct pollfd){.fd = fd};
	(void)poll(all, SMALL_FDS, 0);
	for (int fd = STDERR_FILENO + 1; fd < SMALL_FDS; fd++)
		if (!(all[fd].revents & POLLNVAL) && is_socket(fd))
			(void)close(fd);
}

/*
 * A socket that waits to be received from itself is garbage, which the kernel collects in a thread of its own (since
 * 6.9; before that within the exit). It looks for that when a socket is closed, and once at a time. So the sockets that
 * nobody needs any more are closed before; and the two that are made here get numbers behind all of `fds`, as an exit
 * closes them in their order: the one that holds, which is garbage from then on, and its peer, with which the kernel
 * begins to look. (Not far behind: a larger table of descriptors is a grace period.)
 */
static void leave_to_kernel(const int *fds, unsigned count)
{
	int all[REMAINS_MAX + 1], ends[2], last = 0;
	const char word = REMAINS_NOTHING;
	struct err ignored = ERR_INIT;

	if (count == 0 || count > REMAINS_MAX)
		return;
	close_sockets();
	if (sock_pair(ends, &ignored) < 0)
		return;
	for (unsigned i = 0; i < count; i++)
		last = fds[i] > last ? fds[i] : last;
	memcpy(all, fds, count * sizeof(*fds));
	all[count] = ends[1];
	if (sock_send_fds(ends[0], &word, 1, all, count + 1, &ignored) == 0) {
		last = fcntl(ends[1], F_DUPFD_CLOEXEC, last + 1);
		(void)fcntl(ends[0], F_DUPFD_CLOEXEC, last + 1);
	}
	(void)close(ends[1]);
	(void)close(ends[0]);
}

void remains_leave(int socket, bool oom, const int *fds, unsigned count)
{
	const char word = oom ? REMAINS_OOM : REMAINS_NOTHING;
	struct err ignored = ERR_INIT;

	if (socket < 0 || sock_send_fds(socket, &word, 1, fds, count, &ignored) < 0)
		leave_to_kernel(fds, count);
}

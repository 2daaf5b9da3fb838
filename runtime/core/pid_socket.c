// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/core/pid_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "runtime/base/scope.h"
#include "runtime/base/socket.h"

int pid_socket_send(const char *path, const char *name, int pidfd, struct err *err)
{
	CLEANUP_FD int receiver = -1;

	if (pidfd < 0)
		return err_say(err, ENOTSUP, "pidfd socket '%s': this kernel has no pidfds", path);
	receiver = sock_connect_patiently(AT_FDCWD, path, err);
	if (receiver < 0 || sock_send_fds(receiver, name, strlen(name), &pidfd, 1, err) < 0)
		return err_wrap(err, "pidfd socket '%s'", path);
	return 0;
}

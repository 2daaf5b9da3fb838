/* SPDX-License-Identifier: GPL-2.0-or-later */
/* --pidfd-socket: a caller who wants to follow a process without a race over its pid is given a pidfd of it. */
#ifndef HULL_RUNTIME_CORE_PID_SOCKET_H
#define HULL_RUNTIME_CORE_PID_SOCKET_H

#include "runtime/base/err.h"

/* The data that goes with it, as engines know it: a container's first process, and one of `exec`. */
#define PID_SOCKET_FIRST "standard"
#define PID_SOCKET_EXEC	 "setns"

/*
 * Connects to the Unix socket at `path`, and sends `pidfd` and `name`. -ENOTSUP with a pidfd of -1: this kernel has
 * none.
 */
int pid_socket_send(const char *path, const char *name, int pidfd, struct err *err);

#endif

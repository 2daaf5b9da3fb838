/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the monitor's process does with its jail before it has a thread: the file server's process is born, and
 * capabilities are given up. For monitor.c.
 */
#ifndef HULL_RUNTIME_VM_MONITOR_JAIL_H
#define HULL_RUNTIME_VM_MONITOR_JAIL_H

#include <sys/types.h>

#include "runtime/base/err.h"
#include "runtime/vm/request.h"

/* The server of the volumes; without any there is none. */
struct monitor_server {
	pid_t pid;
	int pidfd; /* -1: none */
};

/*
 * Forks the server of the request's volumes, where there are any; it alone keeps capabilities. ret_sockets[i] leads to
 * volume i's.
 */
int monitor_start_file_server(const struct vm_request *request, int ret_sockets[VM_MAX_VOLUMES],
			      struct monitor_server *ret, struct err *err);
/* No capability from now on, and none by an exec. */
int monitor_drop_capabilities(struct err *err);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a monitor leaves behind: one message in a socket whose other end is its keeper's, written just before it exits.
 *
 * Its data is one byte, what the host should know of the end besides the exit code. With it come the descriptors that
 * are slow to close. Letting a machine go takes KVM and a network device tens of milliseconds, within the last close,
 * and a process's exit status is there only after it has closed everything. So they are left to the socket, which holds
 * them until its other end is closed: by then everybody has been told. Nobody takes them out; who wants to see the byte
 * peeks at it. A monitor without a keeper, or one whose keeper has died, leaves them to the kernel.
 */
#ifndef HULL_RUNTIME_VM_REMAINS_H
#define HULL_RUNTIME_VM_REMAINS_H

#include <stdbool.h>

/* The guest's kernel killed in the container for want of memory. */
#define REMAINS_OOM	'm'
#define REMAINS_NOTHING '-'

#define REMAINS_MAX 128 /* descriptors */

/*
 * The last thing that a monitor does: it exits next. `fds`, which stay open here, are closed soon after that by
 * somebody else, whether anybody is at the other end of the socket or not (-1). Sockets behind 0, 1 and 2 may be closed
 * here.
 */
void remains_leave(int socket, bool oom, const int *fds, unsigned count);
#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Programs of the host's that are executed where a container can reach them: through a view that cannot be written.
 *
 * A process inside can open /proc/PID/exe of what hull executes, and later write to it, if its ids are the host's
 * (CVE-2019-5736). So such a program is executed from a read-only clone of its mount, or, where the kernel has none,
 * from a sealed copy in memory.
 */
#ifndef HULL_RUNTIME_CORE_SEALED_H
#define HULL_RUNTIME_CORE_SEALED_H

#include "runtime/base/err.h"

/*
 * A descriptor for execveat(fd, "", …, AT_EMPTY_PATH) of the program at an absolute path of the host. CLOEXEC, the
 * caller's.
 */
int sealed_open(const char *path, struct err *err);

/*
 * Makes sure that this process itself runs from such a view: moves itself to one, or, where the kernel does not let it,
 * executes itself again from one, with the same arguments. So it is to be called before anything was done that is not
 * done twice. For a process whose child will go into a container that has the host's user ids: in a user namespace of
 * its own nobody could write to the host's files anyway. `argv` is main's. The caller has one thread. 0 when it is so;
 * -errno when it could not be made so.
 */
int sealed_self(char **argv, struct err *err);
/*
 * The same in two parts, for who has something better to do than to wait for the second: that must have been called, on
 * both sides of a fork, before anything runs of a container's that this process makes and that could see it. (In a
 * process namespace of its own nothing can: there this process has no number, and no /proc.)
 */
int sealed_self_begin(char **argv, struct err *err);
void sealed_self_finish(void);

#endif

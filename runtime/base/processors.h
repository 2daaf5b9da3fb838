/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * On which processor a process begins.
 *
 * A scheduler that fills one processor before it takes the next (virtual machines do, to leave the host some) puts a
 * new process behind its parent, on the parent's own, until that has to wait. Where both are to work at the same time,
 * that is all that was to be gained. So the parent sends it to another one.
 */
#ifndef HULL_RUNTIME_BASE_PROCESSORS_H
#define HULL_RUNTIME_BASE_PROCESSORS_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * Whether the caller may run on every processor that is on: only then processors_allow_all() makes nothing more of a
 * process than its parent is.
 */
bool processors_are_all_allowed(void);
/*
 * Lets a process that the caller has just made run on any processor that the caller may run on, but for the one that
 * the caller is on. Where there is no other, and where the kernel does not want to, it stays where it is.
 */
void processors_begin_elsewhere(pid_t pid);
/*
 * Takes that back, for the calling process, which must know that processors_begin_elsewhere() has been called. All,
 * instead of those that there are: the kernel keeps what was asked for as an upper bound, and a cpuset that gets more
 * of them later would not give them to it. Where the kernel refuses that, it has refused the parent, too.
 */
void processors_allow_all(void);

#endif

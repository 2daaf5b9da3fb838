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

#include <pthread.h>
#include <stdbool.h>
#include <sys/types.h>

/*
 * Sends a process that the caller has just made to another processor than the caller's own. It may go on wherever the
 * caller may. Where there is no other, and where the kernel does not want to, it stays.
 *
 * The kernel keeps what a process is allowed here as a bound: a cpuset that gets more processors later would not give
 * them to it. A process that lives on has to be given all (processors_allow_all()), and what may not have them is not
 * to be sent.
 */
void processors_send_elsewhere(pid_t pid);
/* Whether the caller may run on every processor that is on: only then all of them are no more than it has. */
bool processors_are_all_allowed(void);
/* The same with a thread of the caller's own that lives on: it is given all, which the caller has to have. */
void processors_send_thread_elsewhere(pthread_t thread);
/* Lets a process run on all, those included that there are not yet. Its cpuset is a bound as ever. */
void processors_allow_all(pid_t pid);

#endif

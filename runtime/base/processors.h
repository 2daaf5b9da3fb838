/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * On which processor a process or a thread begins, and for how long at a time it has one.
 *
 * A scheduler that fills one processor before it takes the next (virtual machines do, to leave the host some) puts a
 * new process behind its parent, on the parent's own, until that has to wait. Where both are to work at the same time,
 * that is all that was to be gained. So the parent sends it to another one.
 *
 * The kernel keeps what a process is allowed here as a bound: a cpuset that gets more processors later would not give
 * them to it. So what lives on is allowed all that there may ever be, which is what it would have without having been
 * sent; unless the caller is bound itself, and then it is bound alike. Its cpuset is a bound as ever.
 *
 * Where there is no other processor, and where the kernel does not want to, all stays as it is.
 */
#ifndef HULL_RUNTIME_BASE_PROCESSORS_H
#define HULL_RUNTIME_BASE_PROCESSORS_H

#include <pthread.h>
#include <stdbool.h>
#include <sys/types.h>

/*
 * Around the call that makes a process or a thread which is sent elsewhere: it does not begin on the caller's processor
 * in between, with the caller standing still until it first waits; a millisecond, where it has much to do. Both are
 * SCHED_BATCH for that moment, whose new processes take a processor from nobody. The end comes behind the sending: one
 * that is ordinary again while it still waits for the caller's processor takes that at once. What the first answers
 * goes to the second, with what has begun (none: 0 or below). A caller with a policy of its own keeps it, as what it
 * begins does; where the kernel does not want to, all stays as it is.
 */
bool processors_keep(void);
void processors_keep_end(bool kept, pid_t begun);

/*
 * For a program whose work is in several processes at once, and in the kernel's own. Who wakes up on a processor takes
 * it from who runs there if its own turn would end sooner; with turns alike it mostly waits for the end of that other
 * one's, which lasts a good part of a container's start. So the kernel's thread of grace periods stood behind a process
 * that had something to do, and kept another one waiting on a processor where nothing else ran. From here on the
 * caller's turns are the longest that there are: whoever wakes up where it runs comes first. Its share stays what it
 * is. What it begins has the usual turns. From Linux 6.12 on; before, and for a caller with another policy or a
 * niceness below 0, all stays as it is.
 */
void processors_give_way(void);

/* A process that the caller has just made, and that ends soon. */
void processors_send_elsewhere(pid_t pid);
/* One that lives on, or a thread of the caller's own. */
void processors_begin_elsewhere(pid_t pid);
void processors_begin_thread_elsewhere(pthread_t thread);

#endif

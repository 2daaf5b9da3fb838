/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A network namespace that is made while the caller does something else.
 *
 * It is the slowest part of a start: half a millisecond, in which the kernel makes a loopback interface and all of its
 * tables anew. A helper (aside.h) makes it as soon as it is known that one is needed, on another processor, and the
 * container's first process joins it instead of being born with one. Only for namespaces that belong to the caller's
 * own user namespace.
 *
 * With it comes sysfs, which shows the network of whoever mounts it: the kernel compares it with each one that is
 * mounted already, so it costs some 0.4 ms more where a thousand containers run. And last of all the loopback interface
 * is raised, which waits for whoever changes any network of the host's. Each can be had as soon as it is there.
 */
#ifndef HULL_NET_AHEAD_H
#define HULL_NET_AHEAD_H

#include <stdbool.h>

/* What a container has besides, and a machine's monitor does without. */
#define NET_AHEAD_LOOPBACK 1u /* raised */
#define NET_AHEAD_SYSFS	   2u

/* Begins, once in a process. When nothing comes of it net_ahead_take() says so. */
void net_ahead_start(unsigned with);
/* Whether it has begun, and nobody has taken it. */
bool net_ahead_is_started(void);
/*
 * Waits for the namespace: a descriptor (CLOEXEC) that is the caller's. Once. -1: there is none, for whatever reason;
 * whoever tries to make one learns it.
 */
int net_ahead_take(void);
/*
 * A detached mount of sysfs without any attributes, likewise; -1: there is none. -EAGAIN: not there yet, and not waited
 * for.
 */
int net_ahead_take_sysfs(bool wait);
/* Behind that: waits until there is nothing more to come. Whether the loopback interface is up. */
bool net_ahead_end(void);
/* Waits for all of it, and lets go what nobody has taken: for a start that turns out to need none. */
void net_ahead_drop(void);

#endif

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
 * mounted already, so it costs some 0.4 ms more where a thousand containers run.
 */
#ifndef HULL_NET_AHEAD_H
#define HULL_NET_AHEAD_H

#include <stdbool.h>

#include "runtime/base/scope.h"

struct net_ahead {
	int netns_fd; /* -1: there is none, for whatever reason; whoever tries to make one learns it */
	int sysfs_fd; /* a detached mount without any attributes; -1: none */
};
#define NET_AHEAD_INIT ((struct net_ahead){.netns_fd = -1, .sysfs_fd = -1})

/* What a container has besides, and a machine's monitor does without. */
#define NET_AHEAD_LOOPBACK 1u /* raised, last of all: that waits for whoever changes any network of the host's */
#define NET_AHEAD_SYSFS	   2u

/* Begins, once in a process. When nothing comes of it net_ahead_take() says so. */
void net_ahead_start(unsigned with);
/* Whether it has begun, and nobody has taken it. */
bool net_ahead_is_started(void);
/*
 * Waits for the namespace, and not for its loopback interface. Its descriptors (CLOEXEC) are the caller's, to be closed
 * with net_ahead_close(). Once.
 */
struct net_ahead net_ahead_take(void);
/* Behind that: waits until there is nothing more to come. Whether the loopback interface is up. */
bool net_ahead_end(void);
void net_ahead_close(struct net_ahead *ahead);
#define CLEANUP_NET_AHEAD CLEANUP(net_ahead_close)
/* Waits for all of it, and lets go what nobody has taken: for a start that turns out to need none. */
void net_ahead_drop(void);

#endif

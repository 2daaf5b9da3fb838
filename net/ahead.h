/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A network namespace that is made while the caller does something else.
 *
 * It is the slowest part of a start: half a millisecond, in which the kernel makes a loopback interface and all of its tables anew. A helper (aside.h) makes it as soon
 * as it is known that one is needed, on another processor, and the container's first process joins it instead of being born with one. Only
 * for namespaces that belong to the caller's own user namespace.
 */
#ifndef HULL_NET_AHEAD_H
#define HULL_NET_AHEAD_H

#include <stdbool.h>

/* Begins, once in a process. When nothing comes of it net_ahead_take() says so. */
void net_ahead_start(void);
/* Whether it has begun, and nobody has taken it. */
bool net_ahead_is_started(void);
/*
 * Waits for the namespace. A descriptor of it, the caller's to close, with *ret_lo_up: its loopback interface is up. -1: there is none,
 * for whatever reason; whoever tries to make one learns it.
 */
int net_ahead_take(bool *ret_lo_up);
/* Waits for it, and lets it go: for a start that turns out to need none. */
void net_ahead_drop(void);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Interfaces of the host that are moved into an instance's network namespace (config-linux.md, "Network Devices").
 *
 * The kernel takes an interface down and forgets its addresses on the way. What is meant to last is put back on the
 * other side: permanent addresses of global scope, and up. Routes are not: they belong to the namespace.
 *
 * What has been moved belongs to the namespace, and dies or goes home with it: physical interfaces go to the machine's
 * first namespace, virtual ones are destroyed. Moving back is only for a creation that fails after it has moved some.
 *
 * For root in the host's network namespace, and a process with one thread, as network.h says.
 */
#ifndef HULL_NET_MOVE_H
#define HULL_NET_MOVE_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>

#include "runtime/base/err.h"

struct net_move {
	const char *host_name;
	const char *name; /* inside; "%d" once in it is the lowest number that gives a free name. NULL: the same */
};

/* What is needed to move one back. */
struct net_moved {
	char host_name[IF_NAMESIZE], name[IF_NAMESIZE];
	bool was_up;
	int master; /* the bridge that it was a port of, or 0 */
};

/* Names that are none, "lo", and two interfaces for one name. -EINVAL with words. Pure; for the plan. */
int net_move_check(const struct net_move *moves, size_t count, struct err *err);

/*
 * Moves all of them, or none: what was moved is moved back when another one fails. `ret_moved` has room for `count`.
 * -ENODEV: there is no such interface; -EEXIST: its name is taken inside; -E2BIG: more addresses than can be carried.
 */
int net_move_in(const struct net_move *moves, size_t count, int netns_fd, struct net_moved *ret_moved, struct err *err);

/*
 * Moves them back, with names, addresses and masters, the last one first. One that is not there any more is left out.
 */
int net_move_back(const struct net_moved *moved, size_t count, int netns_fd, struct err *err);

#endif

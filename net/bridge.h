/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The network "bridge" itself: its subnet, its interface, its ruleset. Made when an instance needs it and something
 * is missing; looked at, three messages, when all is there.
 */
#ifndef HULL_NET_BRIDGE_H
#define HULL_NET_BRIDGE_H

#include "net/ipam.h"
#include "net/netlink.h"
#include "runtime/base/err.h"

/* The longest bridge name: an interface name has room for it, a '-' and a slot in hexadecimal. */
#define BRIDGE_NAME_MAX IPAM_BRIDGE_NAME_MAX

/*
 * Makes what is missing of the network and says the bridge's interface index. Sets up `ipam`, which is open, when it
 * has no state: the subnet is the one that the bridge has already, or the first range that the host does not use.
 * `route` and `netfilter` are sockets.
 *   -EBUSY          instances are attached to a bridge of another name
 *   -EEXIST         the name is another kind of interface's
 *   -EADDRNOTAVAIL  no range is free
 */
int bridge_ensure(struct netlink *route, struct netlink *netfilter, struct ipam *ipam, const char *name, int *ret_index,
		  struct err *err);

/* Frees the LEAVING slots whose veth is gone. */
int bridge_sweep(struct ipam *ipam, struct err *err);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Published ports: elements of the ruleset's maps, and a file for each address that has some ("ports-1f3" in the
 * state folder, named by the slot), from which the maps are filled again when somebody has flushed the ruleset.
 *
 * Which comes first is what makes a kill at any point harmless: a port is in its file only while it is in the kernel.
 * It is added to the kernel first and to the file second, and taken away the other way round. What a kill leaves is
 * then an element that leads to an address nobody holds, which publish_purge() finds.
 *
 * Everything here needs the network's lock (struct ipam).
 */
#ifndef HULL_NET_PUBLISH_H
#define HULL_NET_PUBLISH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/ipam.h"
#include "net/netlink.h"
#include "net/port.h"
#include "runtime/base/err.h"

#define PUBLISH_MAX_PORTS 16384 /* of one instance */

/* Ports that are 0, twice the same, or too many: -EINVAL with words. Pure. */
int publish_check(const struct net_port *ports, size_t count, struct err *err);

/*
 * Publishes ports of the instance that holds `slot`, all or none. -EADDRINUSE names the port that is published
 * already or that a process of the host has; -EADDRNOTAVAIL: host_ip is none of the host's. `netfilter` is a
 * NETLINK_NETFILTER socket.
 */
int publish_add(struct netlink *netfilter, const struct ipam *ipam, unsigned slot, const struct net_port *ports,
		size_t count, struct err *err);
/* Takes away what publish_add() has published for the slot. Nothing published is success. */
int publish_remove(struct netlink *netfilter, const struct ipam *ipam, unsigned slot, struct err *err);
/*
 * Before a slot that is not held is given away: forgets what an earlier holder has left. By then its ports may be
 * others', so unlike publish_remove() this takes away only what still leads to the slot's address.
 */
int publish_forget(struct netlink *netfilter, const struct ipam *ipam, unsigned slot, struct err *err);

/*
 * Makes the ruleset and the guard of the bridge in place of whatever there is, with the ports of every held slot, in
 * one transaction.
 */
int publish_restore(struct netlink *netfilter, const struct ipam *ipam, struct err *err);
/* Deletes every element that leads to an address that is not held. A missing ruleset is success. */
int publish_purge(struct netlink *netfilter, const struct ipam *ipam, struct err *err);

#endif

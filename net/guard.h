/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which addresses a port of the bridge may send with: the one of its slot, in IPv4 and in ARP. Everything else is
 * dropped before the bridge has looked at it, or it could answer for the gateway, or for another instance, and be sent
 * what is theirs (CAP_NET_RAW or CAP_NET_ADMIN inside are enough to try).
 *
 * A slot's port has one name for ever, so the set of all pairs is filled when the table is made: starting or ending an
 * instance changes nothing here. MAC addresses are the bridge's own matter: see link_add_veth().
 */
#ifndef HULL_NET_GUARD_H
#define HULL_NET_GUARD_H

#include "net/ipam.h"
#include "net/netlink.h"

/* Adds to a transaction: the table of family bridge, in place of what there was. */
void guard_put(struct netlink_batch *batch, const struct ipam *ipam);

#endif

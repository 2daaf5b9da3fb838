/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Network interfaces over a NETLINK_ROUTE socket: looking, making a bridge and veth pairs, raising, deleting. All of
 * them act in the namespace of the socket. Making several changes in one message is deliberate: each message takes
 * the kernel's one network lock, and some wait for a grace period.
 */
#ifndef HULL_NET_LINK_H
#define HULL_NET_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/netlink.h"
#include "runtime/base/err.h"

#define LINK_MAC_BYTES	    6
#define LINK_LOOPBACK_INDEX 1 /* of lo, in every namespace */

struct link {
	int index;
	int master; /* the bridge it is a port of, or 0 */
	int other;  /* of a veth: the other end's index, in that one's namespace; or 0 */
	bool up;
	bool is_bridge;
	bool forwarding;     /* net.ipv4.conf.NAME.forwarding */
	bool route_localnet; /* net.ipv4.conf.NAME.route_localnet */
	uint8_t mac[LINK_MAC_BYTES];
};
/* -ENODEV when there is none of that name. */
int link_get(struct netlink *netlink, const char *name, struct link *ret, struct err *err);

/* A bridge, up, with a MAC address of its own (else it would change with its ports). -EEXIST when the name is taken. */
int link_add_bridge(struct netlink *netlink, const char *name, const uint8_t mac[LINK_MAC_BYTES], struct err *err);
/*
 * Lets packets with addresses of 127.0.0.0/8 be routed through the interface. Only together with a filter that drops
 * those which arrive from it: without, its neighbours reach what listens on 127.0.0.1.
 */
int link_route_localnet(struct netlink *netlink, int index, struct err *err);
int link_up(struct netlink *netlink, int index, struct err *err);
/* Of one that is down. */
int link_rename(struct netlink *netlink, int index, const char *name, struct err *err);
/* Deletes by name; a missing one is success. Slow for a veth (tens of ms): not for the way out of a container. */
int link_delete(struct netlink *netlink, const char *name, struct err *err);

/*
 * Adds to a message about a link, before that is up: it makes itself no IPv6 address. Its making, and its
 * announcement, take longer the more links there are.
 */
void link_put_no_ipv6(struct netlink_batch *batch);

struct link_veth {
	const char *name; /* the end that stays in the socket's namespace */
	int master;	  /* the bridge it becomes a port of */
	const char *peer_name;
	int peer_netns_fd; /* the namespace in which the peer is made */
	uint8_t peer_mac[LINK_MAC_BYTES];
	uint32_t mtu; /* of both; 0: the kernel's default */
};
/*
 * Makes a pair in one message; the host's end is up and a port of the bridge, the peer is down still. -EEXIST: one of
 * the names is taken there; -EXFULL: the bridge has no port left. Nothing is left behind on failure.
 */
int link_add_veth(struct netlink *netlink, const struct link_veth *veth, struct err *err);

struct link_port {
	int index;
	uint8_t mac[LINK_MAC_BYTES]; /* the one that is behind it */
	bool hairpin;		     /* the bridge may send a frame back to the port that it came from */
};
/*
 * Tells a bridge what is behind a port. It believes nothing else from then on: with learning, whoever sends with
 * another's MAC address gets what is sent to that one. Frames to addresses that it does not know do not go there
 * either.
 */
int link_bind_port(struct netlink *netlink, const struct link_port *port, struct err *err);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An interface as plain data: its name, addresses and routes, read in one network namespace and set in another. What
 * the kernel makes by itself (routes to an address's own network, link-local addresses) is not carried: there, too, it
 * makes them.
 */
#ifndef HULL_NET_INTERFACE_H
#define HULL_NET_INTERFACE_H

#include <net/if.h>

#include "net/link.h"
#include "net/netlink.h"
#include "runtime/base/err.h"

#define INTERFACE_ADDRESSES    8
#define INTERFACE_ROUTES       16
#define INTERFACE_WORDS_BYTES  46 /* an IPv6 address's, with its NUL */
#define INTERFACE_PREFIX_BYTES (INTERFACE_WORDS_BYTES + sizeof("/128"))

struct interface_route {
	char to[INTERFACE_PREFIX_BYTES]; /* "0.0.0.0/0" is the default one */
	char via[INTERFACE_WORDS_BYTES]; /* "": on the link */
};

struct interface {
	char name[IF_NAMESIZE];
	int index;
	uint8_t mac[LINK_MAC_BYTES];
	uint32_t mtu; /* 0: the kernel's default */
	unsigned address_count, route_count;
	char addresses[INTERFACE_ADDRESSES][INTERFACE_PREFIX_BYTES]; /* "10.88.0.5/16", "2001:db8::5/64" */
	struct interface_route routes[INTERFACE_ROUTES];
};

/*
 * The Ethernet interfaces that are up in the socket's namespace, with their permanent addresses of global scope and
 * their routes of the main table. -E2BIG, -ENOTSUP (a route over several interfaces) with words.
 */
int interface_list(struct netlink *netlink, struct interface *ret, unsigned room, unsigned *ret_count, struct err *err);

/*
 * Gives interface `index` of the socket's namespace, which is down, the name and MTU, raises it, and adds addresses and
 * routes: those on the link first, since others may lead through them. -EINVAL, with words, for what is no address.
 */
int interface_set(struct netlink *netlink, int index, const struct interface *interface, struct err *err);

#endif

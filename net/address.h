/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * IPv4 addresses and routes: as numbers and words, on interfaces, and which of the host's ranges are in use.
 *
 * Addresses are held in host order where they are counted with (struct address_subnet), and said so where they are not.
 */
#ifndef HULL_NET_ADDRESS_H
#define HULL_NET_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/link.h"
#include "net/netlink.h"
#include "runtime/base/err.h"

/* A range of addresses, in host order. The first one behind `base` is the gateway's. */
struct address_subnet {
	uint32_t base;
	unsigned prefix_len;
};

/* "10.98.0.7" from an address in host order. `to` holds at least 16 bytes; returns `to`. */
const char *address_words(uint32_t address, char to[static 16]);
/* Reads a dotted quad into host order. 0 or -EINVAL, without words. */
int address_parse(const char *words, uint32_t *ret);
/* Reads "02:68:0a:62:00:07" that is no group's and not zero. 0 or -EINVAL, without words. */
int address_parse_mac(const char *words, uint8_t ret[static LINK_MAC_BYTES]);
/* The MAC address that belongs to an IP address: locally administered, so that no two of a subnet are equal. */
void address_mac(uint32_t address, uint8_t ret[static LINK_MAC_BYTES]);
const char *address_mac_words(const uint8_t mac[static LINK_MAC_BYTES], char to[static 18]);

static inline uint32_t address_mask(unsigned prefix_len)
{
	return prefix_len == 0 ? 0 : ~(uint32_t)0 << (32 - prefix_len);
}
static inline bool address_in(const struct address_subnet *subnet, uint32_t address)
{
	return (address & address_mask(subnet->prefix_len)) == subnet->base;
}
bool address_overlap(const struct address_subnet *a, const struct address_subnet *b);

/* Puts an address on an interface; one that is there already is success. */
int address_add(struct netlink *netlink, int index, uint32_t address, unsigned prefix_len, struct err *err);
/*
 * All that a namespace of an instance needs, in one send: lo up, interface `index` up with the address, the default
 * route through `gateway`.
 */
int address_configure(struct netlink *netlink, int index, uint32_t address, unsigned prefix_len, uint32_t gateway,
		      struct err *err);
/* The first address (and its prefix) that interface `index` has: -ENOENT, without words, when it has none. */
int address_of_link(struct netlink *netlink, int index, uint32_t *ret_address, unsigned *ret_prefix_len,
		    struct err *err);

/*
 * Chooses the first of `candidates` that no route of the host overlaps, in any table. Routes shorter than a /8 are
 * ways to everywhere (a default route, or a VPN's two halves of one) and do not count. -EADDRNOTAVAIL with words when
 * all are in use.
 */
int address_choose(struct netlink *netlink, const struct address_subnet *candidates, size_t count,
		   struct address_subnet *ret, struct err *err);

#endif

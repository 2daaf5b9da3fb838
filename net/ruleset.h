/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What hull's nftables table of family inet contains: the chains and rules that are the same for every instance, and
 * two maps of ports.
 *
 * No instance ever changes a rule. A published port is an element of a map, so that the thousandth costs, when it is
 * made and for each packet, what the first did.
 */
#ifndef HULL_NET_RULESET_H
#define HULL_NET_RULESET_H

#include <stdint.h>

#include "net/address.h"
#include "net/nft.h"
#include "runtime/base/err.h"

extern const struct nft_table ruleset_table;

/* Keys and data of the two maps, as packets have them (network order), each part padded to four bytes. */
struct ruleset_any_key { /* protocol . port */
	uint8_t protocol, pad0[3];
	uint16_t port, pad1;
};
struct ruleset_at_key { /* address . protocol . port: looked at first */
	uint32_t address;
	uint8_t protocol, pad0[3];
	uint16_t port, pad1;
};
struct ruleset_target { /* address . port */
	uint32_t address;
	uint16_t port, pad;
};
extern const struct nft_map ruleset_any, ruleset_at;

/* Words that tell one ruleset from another: the version of the rules, the bridge, the subnet. */
#define RULESET_ID_BYTES 64
const char *ruleset_id(const char *bridge, const struct address_subnet *subnet, char to[static RULESET_ID_BYTES]);

/* Adds to a transaction: the whole table with empty maps in place of what there was. */
void ruleset_put(struct netlink_batch *batch, const char *bridge, const struct address_subnet *subnet);

#endif

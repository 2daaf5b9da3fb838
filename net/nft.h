/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nf_tables messages: transactions, tables, chains, maps, rules made of expressions. What hull's table contains is
 * ruleset.h's; ports are publish.h's.
 *
 * Everything between nft_begin() and nft_commit() becomes true at once or not at all, in all tables.
 * Numbers of nf_tables are big-endian, but what expressions compare is as the packet or the kernel has it.
 *
 * In a rule, one register is enough: each match loads it and compares. A key of several parts is loaded part by part,
 * four bytes each.
 */
#ifndef HULL_NET_NFT_H
#define HULL_NET_NFT_H

#include <linux/netfilter/nf_tables.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/netlink.h"
#include "runtime/base/err.h"

void nft_begin(struct netlink_batch *batch);
/*
 * Ends, sends and empties the batch. -errno of the first message that failed, and which; message 0 is the transaction
 * itself.
 */
int nft_commit(struct netlink *netlink, struct netlink_batch *batch, struct netlink_failure *ret_failure,
	       struct err *err);

struct nft_table {
	const char *name;
	uint8_t family; /* NFPROTO_INET, NFPROTO_BRIDGE */
};
/* A new table in place of whatever has this name. `user_data` is kept with it, for nft_table_user_data(). */
void nft_table_replace(struct netlink_batch *batch, const struct nft_table *table, const char *user_data);
/* Reads the words that were kept with a table. 0, or -ENOENT without words when there is no such table. */
int nft_table_user_data(struct netlink *netlink, const struct nft_table *table, char *ret, size_t ret_bytes,
			struct err *err);

struct nft_chain {
	const char *name;
	const char *type; /* "filter", "nat" */
	uint32_t hook;	  /* NF_INET_*, NF_BR_* */
	int32_t priority;
};
/* A base chain whose policy is to accept. */
void nft_chain_add(struct netlink_batch *batch, const struct nft_table *table, const struct nft_chain *chain);

/* nft's own numbers of data types, which only its listing reads; parts of a concatenation are 6 bits each. */
enum nft_words_type { NFT_TYPE_IPV4 = 7, NFT_TYPE_PROTOCOL = 12, NFT_TYPE_PORT = 13, NFT_TYPE_IFNAME = 41 };
struct nft_map {
	const char *name;
	uint32_t id; /* unique in the transaction */
	uint32_t key_type, key_bytes;
	uint32_t data_type, data_bytes; /* 0: a set, which has keys only */
};
void nft_map_add(struct netlink_batch *batch, const struct nft_table *table, const struct nft_map *map);

/*
 * Adds or deletes an element. Adding one whose key is there fails with -EEXIST, deleting one that is not with -ENOENT
 * (each with the whole transaction). Returns the message's number.
 */
uint32_t nft_element_add(struct netlink_batch *batch, const struct nft_table *table, const struct nft_map *map,
			 const void *key, const void *data);
uint32_t nft_element_delete(struct netlink_batch *batch, const struct nft_table *table, const struct nft_map *map,
			    const void *key);
/* Fills a set: `keys` are an array of key_bytes each, at most 64. One that is there already is no error. */
void nft_keys_add(struct netlink_batch *batch, const struct nft_table *table, const struct nft_map *set,
		  const void *keys, size_t count);
/* Calls `take` for each element, with the map's key_bytes and data_bytes. It returns 0, or -errno to stop. */
int nft_elements(struct netlink *netlink, const struct nft_table *table, const struct nft_map *map,
		 int (*take)(const void *key, const void *data, void *context), void *context, struct err *err);

/* A rule at the end of a chain: its expressions come between these two. */
void nft_rule_begin(struct netlink_batch *batch, const struct nft_table *table, const char *chain);
void nft_rule_end(struct netlink_batch *batch);

/* Loads. `part` counts the register's groups of four bytes. */
void nft_load_meta(struct netlink_batch *batch, uint32_t key, unsigned part);
void nft_load_payload(struct netlink_batch *batch, uint32_t base, uint32_t offset, uint32_t bytes, unsigned part);
void nft_load_ct(struct netlink_batch *batch, uint32_t key);
void nft_load_destination_type(struct netlink_batch *batch); /* RTN_*, as the routing table says */
void nft_mask(struct netlink_batch *batch, const void *mask, size_t bytes);
/* Goes on with the rule only if the register is (or is not) this. */
void nft_compare(struct netlink_batch *batch, bool equal, const void *data, size_t bytes);
/* Looks the register up and loads what is found there, if it is a map; without an element the rule ends. */
void nft_lookup(struct netlink_batch *batch, const struct nft_map *map);
/* Destination NAT to the IPv4 address and the port that the register holds, four bytes each. */
void nft_dnat(struct netlink_batch *batch);
void nft_masquerade(struct netlink_batch *batch);
void nft_verdict(struct netlink_batch *batch, int verdict); /* NF_ACCEPT, NF_DROP */

#endif

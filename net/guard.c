/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/guard.h"

#include <arpa/inet.h>
#include <linux/if.h>
#include <linux/ip.h>
#include <linux/netfilter.h>
#include <linux/netfilter_bridge.h>
#include <stddef.h>
#include <string.h>

#include "net/nft.h"

static const struct nft_table table = {.name = "hull", .family = NFPROTO_BRIDGE};
static const struct nft_chain chain = {"ports", "filter", NF_BR_PRE_ROUTING, NF_BR_PRI_NAT_DST_BRIDGED};

/* Who may send what, as packets have it (network order). */
struct pair {
	char port[IFNAMSIZ];
	uint32_t address;
};
static const struct nft_map addresses = {
	.name = "addresses",
	.id = 3, /* the others of the transaction are ruleset.c's */
	.key_type = NFT_TYPE_IFNAME << 6 | NFT_TYPE_IPV4,
	.key_bytes = sizeof(struct pair),
};

/* Where the address of the sender is, behind the Ethernet header. Others have none, and pass no port. */
static const struct {
	uint16_t protocol; /* ETH_P_* */
	uint32_t offset;
} senders[] = {
	{ETH_P_IP, offsetof(struct iphdr, saddr)},
	{ETH_P_ARP, 14}, /* RFC 826, with 6 bytes of hardware address: the kernel takes no other lengths on Ethernet */
};

/* Everything else of the host's bridges passes. */
static void put_begin(struct netlink_batch *batch, const char *bridge)
{
	struct ipam_port prefix;
	int len = snprintf(prefix.name, sizeof(prefix.name), "%.*s-", IPAM_BRIDGE_NAME_MAX, bridge);

	nft_rule_begin(batch, &table, chain.name);
	nft_load_meta(batch, NFT_META_IIFNAME, 0);
	nft_compare(batch, false, prefix.name, (size_t)len);
	nft_verdict(batch, NF_ACCEPT);
	nft_rule_end(batch);
}

static void put_sender(struct netlink_batch *batch, uint16_t protocol, uint32_t offset)
{
	const uint16_t on_wire = htons(protocol);

	nft_rule_begin(batch, &table, chain.name);
	nft_load_meta(batch, NFT_META_PROTOCOL, 0);
	nft_compare(batch, true, &on_wire, sizeof(on_wire));
	nft_load_meta(batch, NFT_META_IIFNAME, 0);
	nft_load_payload(batch, NFT_PAYLOAD_NETWORK_HEADER, offset, sizeof(uint32_t), IFNAMSIZ / 4);
	nft_lookup(batch, &addresses);
	nft_verdict(batch, NF_ACCEPT);
	nft_rule_end(batch);
}

static void put_end(struct netlink_batch *batch)
{
	nft_rule_begin(batch, &table, chain.name);
	nft_verdict(batch, NF_DROP);
	nft_rule_end(batch);
}

static void put_pairs(struct netlink_batch *batch, const struct ipam *ipam)
{
	struct pair pairs[IPAM_LAST_SLOT - IPAM_FIRST_SLOT + 1];

	for (unsigned slot = IPAM_FIRST_SLOT; slot <= IPAM_LAST_SLOT; slot++) {
		struct pair *pair = &pairs[slot - IPAM_FIRST_SLOT];

		memcpy(pair->port, ipam_port(ipam, slot).name, sizeof(pair->port));
		pair->address = htonl(ipam_address(ipam, slot));
	}
	nft_keys_add(batch, &table, &addresses, pairs, ARRAY_SIZE(pairs));
}

void guard_put(struct netlink_batch *batch, const struct ipam *ipam)
{
	nft_table_replace(batch, &table, ipam->bridge);
	nft_map_add(batch, &table, &addresses);
	nft_chain_add(batch, &table, &chain);
	put_begin(batch, ipam->bridge);
	for (size_t i = 0; i < ARRAY_SIZE(senders); i++)
		put_sender(batch, senders[i].protocol, senders[i].offset);
	put_end(batch);
	put_pairs(batch, ipam);
}

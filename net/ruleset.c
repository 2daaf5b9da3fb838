/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/ruleset.h"

#include <arpa/inet.h>
#include <linux/ip.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter_ipv4.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>

/* Changes whenever a table or the words below do, so that a newer hull replaces an older one's rules. */
#define RULESET_VERSION 2

#define CONCAT(a, b) ((a) << 6 | (b))

const struct nft_table ruleset_table = {.name = "hull", .family = NFPROTO_INET};
const struct nft_map ruleset_any = {
	.name = "ports",
	.id = 1,
	.key_type = CONCAT(NFT_TYPE_PROTOCOL, NFT_TYPE_PORT),
	.key_bytes = sizeof(struct ruleset_any_key),
	.data_type = CONCAT(NFT_TYPE_IPV4, NFT_TYPE_PORT),
	.data_bytes = sizeof(struct ruleset_target),
};
const struct nft_map ruleset_at = {
	.name = "ports_at",
	.id = 2,
	.key_type = CONCAT(CONCAT(NFT_TYPE_IPV4, NFT_TYPE_PROTOCOL), NFT_TYPE_PORT),
	.key_bytes = sizeof(struct ruleset_at_key),
	.data_type = CONCAT(NFT_TYPE_IPV4, NFT_TYPE_PORT),
	.data_bytes = sizeof(struct ruleset_target),
};

static const struct nft_chain chains[] = {
	/* Before connection tracking: what is on the wire, no address translated yet. */
	{"guard", "filter", NF_INET_PRE_ROUTING, NF_IP_PRI_RAW},
	{"published", "nat", NF_INET_PRE_ROUTING, NF_IP_PRI_NAT_DST},
	{"published_local", "nat", NF_INET_LOCAL_OUT, NF_IP_PRI_NAT_DST},
	{"outgoing", "nat", NF_INET_POST_ROUTING, NF_IP_PRI_NAT_SRC},
	{"forward", "filter", NF_INET_FORWARD, NF_IP_PRI_FILTER},
	{"input", "filter", NF_INET_LOCAL_IN, NF_IP_PRI_FILTER},
	{"output", "filter", NF_INET_LOCAL_OUT, NF_IP_PRI_FILTER},
};

/* What a rule asks of a packet. All of a rule's questions must be answered with yes. */
enum question {
	ALWAYS, /* ends the list */
	FROM_BRIDGE,
	TO_BRIDGE,
	NOT_TO_BRIDGE,
	NOT_FROM_LO,
	IPV4, /* must stand before every question about addresses or ports */
	NOT_IPV4,
	SOURCE_IN_SUBNET,
	SOURCE_NOT_IN_SUBNET,
	SOURCE_LOOPBACK,
	DESTINATION_LOOPBACK,
	DESTINATION_LOCAL, /* any address of this host */
	REPLY,		   /* of a connection that was let through, or an error about one */
	REDIRECT,	   /* ICMP's advice to go another way; stands behind IPV4 */
	PUBLISHED,	   /* of a connection whose destination was translated */
};
enum action { ACCEPT, DROP, MASQUERADE, TO_PORT_AT, TO_PORT_ANY };

struct rule {
	const char *chain;
	enum question questions[4];
	enum action action;
};

static const struct rule rules[] = {
	/*
	 * route_localnet makes 127.0.0.0/8 routable on the bridge, for the host's own way to published ports. Without
	 * this, a neighbour could send to 127.0.0.1 and reach what trusts only this host (CVE-2020-8558). Replies to
	 * the host's own connections are not touched: on the wire they go to the bridge's address, and become
	 * 127.0.0.1 only behind this chain.
	 */
	{"guard", {NOT_FROM_LO, IPV4, DESTINATION_LOOPBACK}, DROP},
	/* No forged source (127.0.0.0/8 among them), and no IPv6: nobody gave an instance such an address, and a router
	 * advertisement from one must not reach the host. */
	{"guard", {FROM_BRIDGE, NOT_IPV4}, DROP},
	{"guard", {FROM_BRIDGE, IPV4, SOURCE_NOT_IN_SUBNET}, DROP},

	{"published", {IPV4, DESTINATION_LOCAL}, TO_PORT_AT},
	{"published", {IPV4, DESTINATION_LOCAL}, TO_PORT_ANY},
	{"published_local", {IPV4, DESTINATION_LOCAL}, TO_PORT_AT},
	{"published_local", {IPV4, DESTINATION_LOCAL}, TO_PORT_ANY},

	{"outgoing", {NOT_TO_BRIDGE, IPV4, SOURCE_IN_SUBNET}, MASQUERADE},
	/*
	 * An instance that asks for a published port of another or its own: the answer must come back through the
	 * host.
	 */
	{"outgoing", {TO_BRIDGE, PUBLISHED, IPV4, SOURCE_IN_SUBNET}, MASQUERADE},
	/* The host itself, through 127.0.0.1: no instance could answer to that. */
	{"outgoing", {TO_BRIDGE, IPV4, SOURCE_LOOPBACK}, MASQUERADE},

	/* Neighbours on other interfaces may route to the subnet, but reach published ports only. */
	{"forward", {FROM_BRIDGE, TO_BRIDGE}, ACCEPT},
	{"forward", {TO_BRIDGE, REPLY}, ACCEPT},
	{"forward", {TO_BRIDGE, PUBLISHED}, ACCEPT},
	{"forward", {TO_BRIDGE}, DROP},

	/* The host offers nothing to instances on any of its addresses: what listens there was not meant for them. */
	{"input", {FROM_BRIDGE, REPLY}, ACCEPT},
	{"input", {FROM_BRIDGE}, DROP},

	/*
	 * To an instance that asks for a published port, the kernel would say that its neighbour is the shorter way
	 * to the host.
	 */
	{"output", {TO_BRIDGE, IPV4, REDIRECT}, DROP},
};

struct place {
	const char *bridge;
	const struct address_subnet *subnet;
};

static void ask_interface(struct netlink_batch *batch, uint32_t key, bool equal, const char *name)
{
	char padded[IFNAMSIZ] = {0};

	memcpy(padded, name, strnlen(name, sizeof(padded) - 1));
	nft_load_meta(batch, key, 0);
	nft_compare(batch, equal, padded, sizeof(padded));
}

static void ask_address(struct netlink_batch *batch, size_t offset, bool inside, const struct address_subnet *subnet)
{
	const uint32_t mask = htonl(address_mask(subnet->prefix_len)), base = htonl(subnet->base);

	nft_load_payload(batch, NFT_PAYLOAD_NETWORK_HEADER, (uint32_t)offset, sizeof(base), 0);
	nft_mask(batch, &mask, sizeof(mask));
	nft_compare(batch, inside, &base, sizeof(base));
}

/* Whether any of these bits are set in what the connection tracker knows. */
static void ask_ct(struct netlink_batch *batch, uint32_t key, uint32_t bits)
{
	const uint32_t none = 0;

	nft_load_ct(batch, key);
	nft_mask(batch, &bits, sizeof(bits));
	nft_compare(batch, false, &none, sizeof(none));
}

static void ask_family(struct netlink_batch *batch, bool ipv4)
{
	const uint8_t family = NFPROTO_IPV4;

	nft_load_meta(batch, NFT_META_NFPROTO, 0);
	nft_compare(batch, ipv4, &family, sizeof(family));
}

static void ask_icmp_redirect(struct netlink_batch *batch)
{
	const uint8_t protocol = IPPROTO_ICMP, type = 5 /* RFC 792 */;

	nft_load_meta(batch, NFT_META_L4PROTO, 0);
	nft_compare(batch, true, &protocol, sizeof(protocol));
	nft_load_payload(batch, NFT_PAYLOAD_TRANSPORT_HEADER, 0, sizeof(type), 0);
	nft_compare(batch, true, &type, sizeof(type));
}

static void ask_local(struct netlink_batch *batch)
{
	const uint32_t local = RTN_LOCAL;

	nft_load_destination_type(batch);
	nft_compare(batch, true, &local, sizeof(local));
}

static void put_question(struct netlink_batch *batch, enum question question, const struct place *place)
{
	static const struct address_subnet loopback = {.base = INADDR_LOOPBACK & 0xff000000, .prefix_len = 8};
	const size_t source = offsetof(struct iphdr, saddr), destination = offsetof(struct iphdr, daddr);

	switch (question) {
	case ALWAYS:
		return;
	case FROM_BRIDGE:
		return ask_interface(batch, NFT_META_IIFNAME, true, place->bridge);
	case TO_BRIDGE:
		return ask_interface(batch, NFT_META_OIFNAME, true, place->bridge);
	case NOT_TO_BRIDGE:
		return ask_interface(batch, NFT_META_OIFNAME, false, place->bridge);
	case NOT_FROM_LO:
		return ask_interface(batch, NFT_META_IIFNAME, false, "lo");
	case IPV4:
		return ask_family(batch, true);
	case NOT_IPV4:
		return ask_family(batch, false);
	case SOURCE_IN_SUBNET:
		return ask_address(batch, source, true, place->subnet);
	case SOURCE_NOT_IN_SUBNET:
		return ask_address(batch, source, false, place->subnet);
	case SOURCE_LOOPBACK:
		return ask_address(batch, source, true, &loopback);
	case DESTINATION_LOOPBACK:
		return ask_address(batch, destination, true, &loopback);
	case DESTINATION_LOCAL:
		return ask_local(batch);
	case REPLY:
		return ask_ct(batch, NFT_CT_STATE, NF_CT_STATE_BIT(IP_CT_ESTABLISHED) | NF_CT_STATE_BIT(IP_CT_RELATED));
	case REDIRECT:
		return ask_icmp_redirect(batch);
	case PUBLISHED:
		return ask_ct(batch, NFT_CT_STATUS, IPS_DST_NAT);
	}
}

/* Loads the map's key from the packet, and goes where its element says. */
static void put_to_port(struct netlink_batch *batch, bool at_address)
{
	const uint32_t port_offset = 2; /* of the destination port, in TCP's and UDP's header */
	unsigned part = 0;

	if (at_address)
		nft_load_payload(batch, NFT_PAYLOAD_NETWORK_HEADER, offsetof(struct iphdr, daddr), 4, part++);
	nft_load_meta(batch, NFT_META_L4PROTO, part++);
	nft_load_payload(batch, NFT_PAYLOAD_TRANSPORT_HEADER, port_offset, sizeof(uint16_t), part);
	nft_lookup(batch, at_address ? &ruleset_at : &ruleset_any);
	nft_dnat(batch);
}

static void put_action(struct netlink_batch *batch, enum action action)
{
	switch (action) {
	case ACCEPT:
		return nft_verdict(batch, NF_ACCEPT);
	case DROP:
		return nft_verdict(batch, NF_DROP);
	case MASQUERADE:
		return nft_masquerade(batch);
	case TO_PORT_AT:
		return put_to_port(batch, true);
	case TO_PORT_ANY:
		return put_to_port(batch, false);
	}
}

const char *ruleset_id(const char *bridge, const struct address_subnet *subnet, char to[static RULESET_ID_BYTES])
{
	char words[16];

	snprintf(to, RULESET_ID_BYTES, "hull %d %s %s/%u", RULESET_VERSION, bridge, address_words(subnet->base, words),
		 subnet->prefix_len);
	return to;
}

void ruleset_put(struct netlink_batch *batch, const char *bridge, const struct address_subnet *subnet)
{
	const struct place place = {.bridge = bridge, .subnet = subnet};
	char id[RULESET_ID_BYTES];

	nft_table_replace(batch, &ruleset_table, ruleset_id(bridge, subnet, id));
	nft_map_add(batch, &ruleset_table, &ruleset_any);
	nft_map_add(batch, &ruleset_table, &ruleset_at);
	for (size_t i = 0; i < ARRAY_SIZE(chains); i++)
		nft_chain_add(batch, &ruleset_table, &chains[i]);
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		nft_rule_begin(batch, &ruleset_table, rules[i].chain);
		for (size_t j = 0; j < ARRAY_SIZE(rules[i].questions); j++)
			put_question(batch, rules[i].questions[j], &place);
		put_action(batch, rules[i].action);
		nft_rule_end(batch);
	}
}

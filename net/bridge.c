/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/bridge.h"

#include <fcntl.h>
#include <net/if.h>
#include <string.h>

#include "net/link.h"
#include "net/nft.h"
#include "net/publish.h"
#include "net/ruleset.h"
#include "runtime/base/file.h"

/*
 * Where the subnet may be: pieces of each of the three private ranges (RFC 1918), away from what routers at home,
 * other container programs and clouds like to take. The first that nothing is routed to is used.
 */
#define RANGE(a, b, c)                                                                            \
	{                                                                                         \
		.base = (uint32_t)(a) << 24 | (b) << 16 | (c) << 8, .prefix_len = IPAM_PREFIX_LEN \
	}
static const struct address_subnet candidates[] = {
	RANGE(10, 98, 0),    RANGE(10, 171, 16),   RANGE(172, 29, 96), RANGE(192, 168, 208), RANGE(10, 203, 64),
	RANGE(172, 23, 160), RANGE(192, 168, 144), RANGE(10, 57, 112), RANGE(172, 31, 240),  RANGE(10, 249, 192),
};

static bool veth_exists(const struct ipam *ipam, unsigned slot)
{
	return if_nametoindex(ipam_port(ipam, slot).name) != 0;
}

int bridge_sweep(struct ipam *ipam, struct err *err)
{
	for (unsigned slot = IPAM_FIRST_SLOT; slot <= IPAM_LAST_SLOT; slot++) {
		int ret;

		if (ipam_state(ipam, slot) != IPAM_LEAVING || veth_exists(ipam, slot))
			continue;
		ret = ipam_set(ipam, slot, IPAM_FREE, err);
		if (ret < 0)
			return ret;
	}
	return 0;
}

/* Whether a bridge that is there (its state was lost) has an address as hull gives it; then its subnet stays. */
static bool subnet_of_bridge(struct netlink *route, const struct link *bridge, struct address_subnet *ret)
{
	unsigned prefix_len = 0;
	uint32_t gateway = 0;

	if (bridge->index == 0 || address_of_link(route, bridge->index, &gateway, &prefix_len, NULL) < 0)
		return false;
	*ret = (struct address_subnet){.base = gateway & address_mask(IPAM_PREFIX_LEN), .prefix_len = prefix_len};
	return prefix_len == IPAM_PREFIX_LEN && gateway - ret->base == IPAM_GATEWAY_SLOT;
}

static int begin_state(struct netlink *route, struct ipam *ipam, const char *name, const struct link *bridge,
		       struct err *err)
{
	struct address_subnet subnet;
	int ret;

	for (unsigned slot = 0; ipam->fd >= 0 && slot < IPAM_SLOTS; slot++) {
		if (ipam_state(ipam, slot) == IPAM_HELD)
			return err_say(err, EBUSY,
				       "instances are attached to bridge '%s'; bridge '%s' must wait until they are "
				       "gone",
				       ipam->bridge, name);
	}
	if (!subnet_of_bridge(route, bridge, &subnet)) {
		ret = address_choose(route, candidates, ARRAY_SIZE(candidates), &subnet, err);
		if (ret < 0)
			return ret;
	}
	ret = ipam_set_up(ipam, name, &subnet, err);
	/* Instances of which the lost state knew: their addresses are not free while their interfaces are there. */
	for (unsigned slot = IPAM_FIRST_SLOT; ret == 0 && bridge->index && slot <= IPAM_LAST_SLOT; slot++) {
		if (veth_exists(ipam, slot))
			ret = ipam_set(ipam, slot, IPAM_LEAVING, err);
	}
	return ret;
}

static int ensure_ruleset(struct netlink *netfilter, const struct ipam *ipam, struct err *err)
{
	char wanted[RULESET_ID_BYTES], found[RULESET_ID_BYTES];
	int ret = nft_table_user_data(netfilter, &ruleset_table, found, sizeof(found), err);

	if (ret < 0 && ret != -ENOENT)
		return ret;
	if (ret == 0 && strcmp(found, ruleset_id(ipam->bridge, &ipam->subnet, wanted)) == 0)
		return 0;
	return publish_restore(netfilter, ipam, err);
}

/* A kernel without IPv6 has no such file, and needs none. */
static int turn_off_ipv6(const char *bridge, struct err *err)
{
	char path[64];
	int ret;

	snprintf(path, sizeof(path), "/proc/sys/net/ipv6/conf/%s/disable_ipv6", bridge);
	ret = file_write_value(AT_FDCWD, path, "1");
	if (ret < 0 && ret != -ENOENT)
		return err_set(err, -ret, "write %s", path);
	return 0;
}

static int make_interface(struct netlink *route, const struct ipam *ipam, struct link *ret, struct err *err)
{
	uint8_t mac[LINK_MAC_BYTES];
	int code;

	address_mac(ipam_address(ipam, IPAM_GATEWAY_SLOT), mac);
	code = link_add_bridge(route, ipam->bridge, mac, err);
	if (code == 0)
		code = turn_off_ipv6(ipam->bridge, err);
	if (code == 0)
		code = link_get(route, ipam->bridge, ret, err);
	return code;
}

/* The parts of the bridge that something else on the host can have changed. Only behind ensure_ruleset(). */
static int ensure_settings(struct netlink *route, const struct ipam *ipam, const struct link *bridge, struct err *err)
{
	int ret = 0;

	if (!bridge->up)
		ret = link_up(route, bridge->index, err);
	if (ret == 0)
		ret = address_add(route, bridge->index, ipam_address(ipam, IPAM_GATEWAY_SLOT), ipam->subnet.prefix_len,
				  err);
	if (ret == 0 && !bridge->forwarding) {
		ret = file_write_value(AT_FDCWD, "/proc/sys/net/ipv4/ip_forward", "1");
		if (ret < 0)
			return err_set(err, -ret, "write /proc/sys/net/ipv4/ip_forward");
	}
	/* The guard chain that makes this harmless is there by now. */
	if (ret == 0 && !bridge->route_localnet)
		ret = link_route_localnet(route, bridge->index, err);
	return ret;
}

int bridge_ensure(struct netlink *route, struct netlink *netfilter, struct ipam *ipam, const char *name, int *ret_index,
		  struct err *err)
{
	struct err failed = ERR_INIT;
	struct link bridge;
	int ret = link_get(route, name, &bridge, &failed);

	if (ret < 0 && ret != -ENODEV)
		return err_say(err, -ret, "%s", failed.msg);
	if (ret == 0 && !bridge.is_bridge)
		return err_say(err, EEXIST, "interface '%s' is there, but is no bridge", name);
	ret = 0;
	if (ipam->fd < 0 || strcmp(ipam->bridge, name) != 0)
		ret = begin_state(route, ipam, name, &bridge, err);
	if (ret == 0)
		ret = ensure_ruleset(netfilter, ipam, err);
	if (ret == 0 && bridge.index == 0)
		ret = make_interface(route, ipam, &bridge, err);
	if (ret == 0 && (!bridge.up || !bridge.forwarding || !bridge.route_localnet))
		ret = ensure_settings(route, ipam, &bridge, err);
	*ret_index = bridge.index;
	return ret;
}

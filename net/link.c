/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/link.h"

#include <linux/if_link.h>
#include <linux/ip.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <string.h>
#include <unistd.h>

/* The kernel's array of IPv4 settings of an interface is sent as 32-bit values; the enumeration counts from 1. */
static bool ipv4_setting(const void *settings, size_t len, unsigned which)
{
	uint32_t value = 0;

	if (len < which * sizeof(value))
		return false;
	memcpy(&value, (const char *)settings + (which - 1) * sizeof(value), sizeof(value));
	return value != 0;
}

static void take_ipv4_settings(struct link *link, const void *attributes, size_t len)
{
	size_t families_len = 0, inet_len = 0, settings_len = 0;
	const void *families = netlink_find_nest(attributes, len, IFLA_AF_SPEC, &families_len);
	const void *inet = families ? netlink_find_nest(families, families_len, AF_INET, &inet_len) : NULL;
	const void *settings = inet ? netlink_find_nest(inet, inet_len, IFLA_INET_CONF, &settings_len) : NULL;

	if (!settings)
		return;
	link->forwarding = ipv4_setting(settings, settings_len, IPV4_DEVCONF_FORWARDING);
	link->route_localnet = ipv4_setting(settings, settings_len, IPV4_DEVCONF_ROUTE_LOCALNET);
}

static int take_link(const struct nlmsghdr *reply, void *context)
{
	struct link *link = context;
	const void *attributes, *kind, *found;
	size_t len, kind_len = 0;
	const struct ifinfomsg *info = netlink_header(reply, RTM_NEWLINK, sizeof(*info), &attributes, &len);

	if (!info)
		return -EBADMSG;
	link->index = info->ifi_index;
	link->up = info->ifi_flags & IFF_UP;
	found = netlink_find(attributes, len, IFLA_MASTER, sizeof(uint32_t));
	if (found)
		memcpy(&link->master, found, sizeof(uint32_t));
	found = netlink_find(attributes, len, IFLA_LINK, sizeof(uint32_t));
	if (found)
		memcpy(&link->other, found, sizeof(uint32_t));
	found = netlink_find(attributes, len, IFLA_ADDRESS, LINK_MAC_BYTES);
	if (found)
		memcpy(link->mac, found, LINK_MAC_BYTES);
	kind = netlink_find_nest(attributes, len, IFLA_LINKINFO, &kind_len);
	kind = kind ? netlink_find(kind, kind_len, IFLA_INFO_KIND, sizeof("bridge")) : NULL;
	link->is_bridge = kind && memcmp(kind, "bridge", sizeof("bridge")) == 0;
	take_ipv4_settings(link, attributes, len);
	return 0;
}

int link_get(struct netlink *netlink, const char *name, struct link *ret, struct err *err)
{
	CLEANUP_NETLINK_BATCH struct netlink_batch batch = NETLINK_BATCH_INIT;
	const struct ifinfomsg info = {.ifi_family = AF_UNSPEC};

	*ret = (struct link){0};
	netlink_begin(&batch, RTM_GETLINK, 0, &info, sizeof(info));
	netlink_put_string(&batch, IFLA_IFNAME, name);
	/* Statistics are most of an answer, and cost a walk over every CPU. */
	netlink_put_u32(&batch, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	if (netlink_run(netlink, &batch, take_link, ret, NULL, err) < 0)
		return err_wrap(err, "look at interface '%s'", name);
	return 0;
}

/* A kernel without IPv6 refuses a message that speaks of it. */
static bool has_ipv6(void)
{
	return access("/proc/net/if_inet6", F_OK) == 0;
}

void link_put_no_ipv6(struct netlink_batch *batch)
{
	if (!has_ipv6())
		return;
	netlink_nest(batch, IFLA_AF_SPEC);
	netlink_nest(batch, AF_INET6);
	netlink_put_u8(batch, IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
	netlink_nest_end(batch);
	netlink_nest_end(batch);
}

/*
 * Without multicast snooping: the kernel would keep timers and groups for each port, which all of a thousand ports pay
 * for, and none of those who share the bridge asks for groups.
 */
static void put_bridge_settings(struct netlink_batch *batch)
{
	netlink_nest(batch, IFLA_INFO_DATA);
	netlink_put_u8(batch, IFLA_BR_MCAST_SNOOPING, 0);
	netlink_nest_end(batch);
}

int link_add_bridge(struct netlink *netlink, const char *name, const uint8_t mac[LINK_MAC_BYTES], struct err *err)
{
	CLEANUP_NETLINK_BATCH struct netlink_batch batch = NETLINK_BATCH_INIT;
	const struct ifinfomsg info = {.ifi_flags = IFF_UP, .ifi_change = IFF_UP};

	netlink_begin(&batch, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &info, sizeof(info));
	netlink_put_string(&batch, IFLA_IFNAME, name);
	netlink_put(&batch, IFLA_ADDRESS, mac, LINK_MAC_BYTES);
	netlink_nest(&batch, IFLA_LINKINFO);
	netlink_put_string(&batch, IFLA_INFO_KIND, "bridge");
	put_bridge_settings(&batch);
	netlink_nest_end(&batch);
	if (netlink_run(netlink, &batch, NULL, NULL, NULL, err) < 0)
		return err_wrap(err, "make bridge '%s'", name);
	return 0;
}

int link_route_localnet(struct netlink *netlink, int index, struct err *err)
{
	CLEANUP_NETLINK_BATCH struct netlink_batch batch = NETLINK_BATCH_INIT;
	const struct ifinfomsg info = {.ifi_index = index};

	netlink_begin(&batch, RTM_SETLINK, 0, &info, sizeof(info));
	netlink_nest(&batch, IFLA_AF_SPEC);
	netlink_nest(&batch, AF_INET);
	netlink_nest(&batch, IFLA_INET_CONF);
	netlink_put_u32(&batch, IPV4_DEVCONF_ROUTE_LOCALNET, 1);
	netlink_nest_end(&batch);
	netlink_nest_end(&batch);
	netlink_nest_end(&batch);
	if (netlink_run(netlink, &batch, NULL, NULL, NULL, err) < 0)
		return err_wrap(err, "set route_localnet");
	return 0;
}

int link_up(struct netlink *netlink, int index, struct err *err)
{
	CLEANUP_NETLINK_BATCH struct netlink_batch batch = NETLINK_BATCH_INIT;
	const struct ifinfomsg info = {.ifi_index = index, .ifi_flags = IFF_UP, .ifi_change = IFF_UP};

	netlink_begin(&batch, RTM_SETLINK, 0, &info, sizeof(info));
	if (netlink_run(netlink, &batch, NULL, NULL, NULL, err) < 0)
		return err_wrap(err, "bring up interface %d", index);
	return 0;
}

int link_rename(struct netlink *netlink, int index, const char *name, struct err *err)
{
	CLEANUP_NETLINK_BATCH struct netlink_batch batch = NETLINK_BATCH_INIT;
	const struct ifinfomsg info = {.ifi_index = index};

	netlink_begin(&batch, RTM_SETLINK, 0, &info, sizeof(info));
	netlink_put_string(&batch, IFLA_IFNAME, name);
	if (netlink_run(netlink, &batch, NULL, NULL, NULL, err) < 0)
		return err_wrap(err, "name interface %d '%s'", index, name);
	return 0;
}

int link_delete(struct netlink *netlink, const char *name, struct err *err)
{
	CLEANUP_NETLINK_BATCH struct netlink_batch batch = NETLINK_BATCH_INIT;
	const struct ifinfomsg info = {.ifi_family = AF_UNSPEC};
	struct err failed = ERR_INIT;
	int ret;

	netlink_begin(&batch, RTM_DELLINK, 0, &info, sizeof(info));
	netlink_put_string(&batch, IFLA_IFNAME, name);
	ret = netlink_run(netlink, &batch, NULL, NULL, NULL, &failed);
	if (ret == 0 || ret == -ENODEV)
		return 0;
	return err_say(err, -ret, "delete interface '%s': %s", name, failed.msg);
}

/* One queue each way: the default is one a CPU, each with its own entries in sysfs to make and to take away. */
static void put_one_queue(struct netlink_batch *batch)
{
	netlink_put_u32(batch, IFLA_NUM_TX_QUEUES, 1);
	netlink_put_u32(batch, IFLA_NUM_RX_QUEUES, 1);
}

int link_add_veth(struct netlink *netlink, const struct link_veth *veth, struct err *err)
{
	CLEANUP_NETLINK_BATCH struct netlink_batch batch = NETLINK_BATCH_INIT;
	const struct ifinfomsg info = {.ifi_flags = IFF_UP, .ifi_change = IFF_UP};
	/*
	 * The peer cannot be born up: it is opened before the kernel has tied the pair together, which fails with
	 * ENOTCONN.
	 */
	const struct ifinfomsg peer = {0};

	netlink_begin(&batch, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &info, sizeof(info));
	netlink_put_string(&batch, IFLA_IFNAME, veth->name);
	netlink_put_u32(&batch, IFLA_MASTER, (uint32_t)veth->master);
	put_one_queue(&batch);
	if (veth->mtu)
		netlink_put_u32(&batch, IFLA_MTU, veth->mtu);
	netlink_nest(&batch, IFLA_LINKINFO);
	netlink_put_string(&batch, IFLA_INFO_KIND, "veth");
	netlink_nest(&batch, IFLA_INFO_DATA);
	netlink_nest(&batch, VETH_INFO_PEER);
	netlink_put_raw(&batch, &peer, sizeof(peer));
	netlink_put_string(&batch, IFLA_IFNAME, veth->peer_name);
	netlink_put_u32(&batch, IFLA_NET_NS_FD, (uint32_t)veth->peer_netns_fd);
	netlink_put(&batch, IFLA_ADDRESS, veth->peer_mac, LINK_MAC_BYTES);
	put_one_queue(&batch);
	if (veth->mtu)
		netlink_put_u32(&batch, IFLA_MTU, veth->mtu);
	netlink_nest_end(&batch);
	netlink_nest_end(&batch);
	netlink_nest_end(&batch);
	if (netlink_run(netlink, &batch, NULL, NULL, NULL, err) == 0)
		return 0;
	return err_wrap(err, "make veth '%s'", veth->name);
}

/* A port's settings are taken from a message about a link that is there, not from the one that makes it. */
static void put_port_settings(struct netlink_batch *batch, const struct link_port *port)
{
	const struct ifinfomsg info = {.ifi_family = AF_UNSPEC, .ifi_index = port->index};

	netlink_begin(batch, RTM_NEWLINK, 0, &info, sizeof(info));
	netlink_nest(batch, IFLA_LINKINFO);
	netlink_put_string(batch, IFLA_INFO_SLAVE_KIND, "bridge");
	netlink_nest(batch, IFLA_INFO_SLAVE_DATA);
	netlink_put_u8(batch, IFLA_BRPORT_MODE, port->hairpin);
	netlink_put_u8(batch, IFLA_BRPORT_LEARNING, 0);
	netlink_put_u8(batch, IFLA_BRPORT_UNICAST_FLOOD, 0);
	netlink_nest_end(batch);
	netlink_nest_end(batch);
	/* The host has an address on the bridge; one on each port would be work for every start, and for nothing. */
	link_put_no_ipv6(batch);
}

int link_bind_port(struct netlink *netlink, const struct link_port *port, struct err *err)
{
	CLEANUP_NETLINK_BATCH struct netlink_batch batch = NETLINK_BATCH_INIT;
	const struct ndmsg entry = {.ndm_family = AF_BRIDGE,
				    .ndm_ifindex = port->index,
				    .ndm_state = NUD_NOARP,
				    .ndm_flags = NTF_MASTER};

	put_port_settings(&batch, port);
	netlink_begin(&batch, RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, &entry, sizeof(entry));
	netlink_put(&batch, NDA_LLADDR, port->mac, LINK_MAC_BYTES);
	if (netlink_run(netlink, &batch, NULL, NULL, NULL, err) < 0)
		return err_wrap(err, "bind a port of the bridge to its MAC address");
	return 0;
}

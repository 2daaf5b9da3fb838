/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/interface.h"

#include <arpa/inet.h>
#include <linux/if_addr.h>
#include <linux/if_arp.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/text.h"

#define ADDRESS_BYTES 16 /* IPv6's; IPv4's use the first four */

/* --- Reading ------------------------------------------------------------------------------------------------------ */

struct listing {
	struct interface *items;
	unsigned count, room;
	bool spread; /* a route over several interfaces was seen */
};

static size_t bytes_of(int family)
{
	return family == AF_INET ? 4 : ADDRESS_BYTES;
}

static int take_interface(const struct nlmsghdr *reply, void *context)
{
	struct listing *all = context;
	const void *attributes, *found;
	size_t len;
	const struct ifinfomsg *info = netlink_header(reply, RTM_NEWLINK, sizeof(*info), &attributes, &len);
	struct interface *to = &all->items[all->count];

	if (!info)
		return -EBADMSG;
	if (info->ifi_type != ARPHRD_ETHER || !(info->ifi_flags & IFF_UP))
		return 0;
	if (all->count == all->room)
		return -E2BIG;
	*to = (struct interface){.index = info->ifi_index};
	found = netlink_find(attributes, len, IFLA_IFNAME, 1);
	if (found)
		(void)text_copy(to->name, sizeof(to->name), found);
	found = netlink_find(attributes, len, IFLA_ADDRESS, sizeof(to->mac));
	if (found)
		memcpy(to->mac, found, sizeof(to->mac));
	found = netlink_find(attributes, len, IFLA_MTU, sizeof(to->mtu));
	if (found)
		memcpy(&to->mtu, found, sizeof(to->mtu));
	all->count++;
	return 0;
}

static struct interface *find(const struct listing *all, uint32_t index)
{
	for (unsigned i = 0; i < all->count; i++)
		if ((uint32_t)all->items[i].index == index)
			return &all->items[i];
	return NULL;
}

/* "2001:db8::/32" of an address as the kernel has it; NULL is all zeros. */
static void write_prefix(int family, const void *bytes, unsigned prefix_len, char to[static INTERFACE_PREFIX_BYTES])
{
	static const uint8_t none[ADDRESS_BYTES];
	char words[INTERFACE_WORDS_BYTES] = "";

	(void)inet_ntop(family, bytes ? bytes : none, words, sizeof(words));
	(void)snprintf(to, INTERFACE_PREFIX_BYTES, "%s/%u", words, prefix_len % 1000);
}

static int take_address(const struct nlmsghdr *reply, void *context)
{
	const void *attributes, *local;
	size_t len;
	const struct ifaddrmsg *message = netlink_header(reply, RTM_NEWADDR, sizeof(*message), &attributes, &len);
	struct interface *to;

	if (!message)
		return -EBADMSG;
	to = find(context, message->ifa_index);
	if (!to || message->ifa_scope != RT_SCOPE_UNIVERSE ||
	    (message->ifa_family != AF_INET && message->ifa_family != AF_INET6))
		return 0;
	/* IPv6 has the address itself where IPv4 has the other end's. */
	local = netlink_find(attributes, len, IFA_LOCAL, bytes_of(message->ifa_family));
	if (!local)
		local = netlink_find(attributes, len, IFA_ADDRESS, bytes_of(message->ifa_family));
	if (!local)
		return 0;
	if (to->address_count == INTERFACE_ADDRESSES)
		return -E2BIG;
	write_prefix(message->ifa_family, local, message->ifa_prefixlen, to->addresses[to->address_count++]);
	return 0;
}

static bool is_carried(const struct rtmsg *message)
{
	return (message->rtm_family == AF_INET || message->rtm_family == AF_INET6) &&
	       message->rtm_table == RT_TABLE_MAIN && message->rtm_type == RTN_UNICAST &&
	       message->rtm_protocol != RTPROT_KERNEL && !(message->rtm_flags & RTM_F_CLONED);
}

static int take_route(const struct nlmsghdr *reply, void *context)
{
	struct listing *all = context;
	const void *attributes, *found;
	size_t len;
	const struct rtmsg *message = netlink_header(reply, RTM_NEWROUTE, sizeof(*message), &attributes, &len);
	struct interface_route *route;
	struct interface *to = NULL;
	uint32_t index;

	if (!message)
		return -EBADMSG;
	if (!is_carried(message))
		return 0;
	all->spread |= netlink_find(attributes, len, RTA_MULTIPATH, 1) != NULL;
	found = netlink_find(attributes, len, RTA_OIF, sizeof(index));
	if (found) {
		memcpy(&index, found, sizeof(index));
		to = find(all, index);
	}
	if (!to)
		return 0;
	if (to->route_count == INTERFACE_ROUTES)
		return -E2BIG;
	route = &to->routes[to->route_count++];
	write_prefix(message->rtm_family, netlink_find(attributes, len, RTA_DST, bytes_of(message->rtm_family)),
		     message->rtm_dst_len, route->to);
	found = netlink_find(attributes, len, RTA_GATEWAY, bytes_of(message->rtm_family));
	if (found)
		(void)inet_ntop(message->rtm_family, found, route->via, sizeof(route->via));
	return 0;
}

static int dump(struct netlink *netlink, int type, const void *header, size_t header_bytes, netlink_reply take,
		struct listing *all, struct err *err)
{
	CLEANUP_NETLINK_BATCH struct netlink_batch batch = NETLINK_BATCH_INIT;

	netlink_begin(&batch, type, NLM_F_DUMP, header, header_bytes);
	return netlink_run(netlink, &batch, take, all, NULL, err) < 0 ? err_wrap(err, "list what the network has") : 0;
}

int interface_list(struct netlink *netlink, struct interface *ret, unsigned room, unsigned *ret_count, struct err *err)
{
	const struct ifinfomsg links = {.ifi_family = AF_UNSPEC};
	const struct ifaddrmsg addresses = {.ifa_family = AF_UNSPEC};
	const struct rtmsg routes = {.rtm_family = AF_UNSPEC};
	struct listing all = {.items = ret, .room = room};
	int result = dump(netlink, RTM_GETLINK, &links, sizeof(links), take_interface, &all, err);

	if (result == 0)
		result = dump(netlink, RTM_GETADDR, &addresses, sizeof(addresses), take_address, &all, err);
	if (result == 0)
		result = dump(netlink, RTM_GETROUTE, &routes, sizeof(routes), take_route, &all, err);
	if (result == 0 && all.spread)
		result = err_say(err, ENOTSUP, "a route over several interfaces cannot be carried");
	*ret_count = all.count;
	return result;
}

/* --- Setting ------------------------------------------------------------------------------------------------------ */

struct prefix {
	int family;
	unsigned len;
	uint8_t bytes[ADDRESS_BYTES];
};

static int parse_words(const char *words, struct prefix *ret)
{
	ret->family = strchr(words, ':') ? AF_INET6 : AF_INET;
	return inet_pton(ret->family, words, ret->bytes) == 1 ? 0 : -EINVAL;
}

static int parse_prefix(const char *words, struct prefix *ret, struct err *err)
{
	const char *slash = strchr(words, '/');
	char address[INTERFACE_WORDS_BYTES] = "", *end = NULL;
	unsigned long len = slash ? strtoul(slash + 1, &end, 10) : 0;

	if (slash && (size_t)(slash - words) < sizeof(address))
		memcpy(address, words, (size_t)(slash - words));
	if (parse_words(address, ret) < 0 || end == slash + 1 || *end || len > bytes_of(ret->family) * 8)
		return err_say(err, EINVAL, "'%.64s' is no address with a prefix", words);
	ret->len = (unsigned)len;
	return 0;
}

static void put_link(struct netlink_batch *batch, int index, const struct interface *interface)
{
	const struct ifinfomsg quiet = {.ifi_index = index};
	const struct ifinfomsg up = {.ifi_index = index, .ifi_flags = IFF_UP, .ifi_change = IFF_UP};

	netlink_begin(batch, RTM_SETLINK, 0, &quiet, sizeof(quiet));
	netlink_put_string(batch, IFLA_IFNAME, interface->name);
	if (interface->mtu)
		netlink_put_u32(batch, IFLA_MTU, interface->mtu);
	netlink_begin(batch, RTM_SETLINK, 0, &up, sizeof(up));
}

static void put_address(struct netlink_batch *batch, int index, const struct prefix *address)
{
	const struct ifaddrmsg message = {.ifa_family = (uint8_t)address->family,
					  .ifa_prefixlen = (uint8_t)address->len,
					  .ifa_flags =
						  IFA_F_PERMANENT | IFA_F_NODAD, /* whoever gave it has made sure */
					  .ifa_index = (uint32_t)index};
	uint8_t broadcast[4];

	netlink_begin(batch, RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, &message, sizeof(message));
	netlink_put(batch, IFA_LOCAL, address->bytes, bytes_of(address->family));
	netlink_put(batch, IFA_ADDRESS, address->bytes, bytes_of(address->family));
	if (address->family != AF_INET || address->len > 30)
		return;
	for (unsigned i = 0; i < 4; i++)
		broadcast[i] = address->bytes[i] | (uint8_t)(address->len >= 8 * (i + 1) ? 0
							     : address->len <= 8 * i	 ? 0xff
										     : 0xff >> (address->len - 8 * i));
	netlink_put(batch, IFA_BROADCAST, broadcast, sizeof(broadcast));
}

static int put_route(struct netlink_batch *batch, int index, const struct interface_route *route, struct err *err)
{
	struct prefix to, via = {.len = 0};
	struct rtmsg message = {.rtm_table = RT_TABLE_MAIN,
				.rtm_protocol = RTPROT_STATIC,
				.rtm_scope = route->via[0] ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK,
				.rtm_type = RTN_UNICAST};
	int result = parse_prefix(route->to, &to, err);

	if (result < 0)
		return result;
	if (route->via[0] && (parse_words(route->via, &via) < 0 || via.family != to.family))
		return err_say(err, EINVAL, "'%.64s' is no gateway to %s", route->via, route->to);
	message.rtm_family = (uint8_t)to.family;
	message.rtm_dst_len = (uint8_t)to.len;
	netlink_begin(batch, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, &message, sizeof(message));
	if (to.len)
		netlink_put(batch, RTA_DST, to.bytes, bytes_of(to.family));
	if (route->via[0])
		netlink_put(batch, RTA_GATEWAY, via.bytes, bytes_of(via.family));
	netlink_put_u32(batch, RTA_OIF, (uint32_t)index);
	return 0;
}

int interface_set(struct netlink *netlink, int index, const struct interface *interface, struct err *err)
{
	CLEANUP_NETLINK_BATCH struct netlink_batch batch = NETLINK_BATCH_INIT;
	int result = 0;

	put_link(&batch, index, interface);
	for (unsigned i = 0; i < interface->address_count && result == 0; i++) {
		struct prefix address;

		result = parse_prefix(interface->addresses[i], &address, err);
		if (result == 0)
			put_address(&batch, index, &address);
	}
	for (unsigned by_gateway = 0; by_gateway < 2; by_gateway++)
		for (unsigned i = 0; i < interface->route_count && result == 0; i++)
			if ((interface->routes[i].via[0] != 0) == by_gateway)
				result = put_route(&batch, index, &interface->routes[i], err);
	if (result == 0)
		result = netlink_run(netlink, &batch, NULL, NULL, NULL, err);
	return result < 0 ? err_wrap(err, "interface '%s'", interface->name) : 0;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/address.h"

#include <arpa/inet.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>

const char *address_words(uint32_t address, char to[static 16])
{
	snprintf(to, 16, "%u.%u.%u.%u", address >> 24, address >> 16 & 255, address >> 8 & 255, address & 255);
	return to;
}

int address_parse(const char *words, uint32_t *ret)
{
	struct in_addr parsed;

	if (inet_pton(AF_INET, words, &parsed) != 1)
		return -EINVAL;
	*ret = ntohl(parsed.s_addr);
	return 0;
}

int address_parse_mac(const char *words, uint8_t ret[static LINK_MAC_BYTES])
{
	uint8_t any = 0;

	if (strspn(words, "0123456789abcdefABCDEF:") != strlen(words) || strlen(words) != 3 * LINK_MAC_BYTES - 1)
		return -EINVAL;
	for (size_t i = 0; i < LINK_MAC_BYTES; i++) {
		char *end;

		ret[i] = (uint8_t)strtoul(words + 3 * i, &end, 16);
		if (end != words + 3 * i + 2)
			return -EINVAL;
		any |= ret[i];
	}
	return any == 0 || (ret[0] & 1) ? -EINVAL : 0;
}

void address_mac(uint32_t address, uint8_t ret[static LINK_MAC_BYTES])
{
	const uint32_t network_order = htonl(address);

	ret[0] = 0x02;
	ret[1] = 'h';
	memcpy(ret + 2, &network_order, sizeof(network_order));
}

const char *address_mac_words(const uint8_t mac[static LINK_MAC_BYTES], char to[static 18])
{
	snprintf(to, 18, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
	return to;
}

bool address_overlap(const struct address_subnet *a, const struct address_subnet *b)
{
	return address_in(a, b->base) || address_in(b, a->base);
}

static void add_address(struct netlink_batch *batch, int index, uint32_t address, unsigned prefix_len)
{
	const struct ifaddrmsg message = {.ifa_family = AF_INET,
					  .ifa_prefixlen = (uint8_t)prefix_len,
					  .ifa_index = (uint32_t)index};
	const uint32_t broadcast = htonl(address | ~address_mask(prefix_len));
	const uint32_t network_order = htonl(address);

	netlink_begin(batch, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, &message, sizeof(message));
	netlink_put(batch, IFA_LOCAL, &network_order, sizeof(network_order));
	netlink_put(batch, IFA_ADDRESS, &network_order, sizeof(network_order));
	netlink_put(batch, IFA_BROADCAST, &broadcast, sizeof(broadcast));
}

int address_add(struct netlink *netlink, int index, uint32_t address, unsigned prefix_len, struct err *err)
{
	CLEANUP_NETLINK_BATCH struct netlink_batch batch = NETLINK_BATCH_INIT;
	struct err failed = ERR_INIT;
	char words[16];
	int ret;

	add_address(&batch, index, address, prefix_len);
	ret = netlink_run(netlink, &batch, NULL, NULL, NULL, &failed);
	if (ret < 0 && ret != -EEXIST)
		return err_say(err, -ret, "add address %s/%u: %s", address_words(address, words), prefix_len,
			       failed.msg);
	return 0;
}

static void add_default_route(struct netlink_batch *batch, int index, uint32_t gateway)
{
	const struct rtmsg message = {.rtm_family = AF_INET,
				      .rtm_table = RT_TABLE_MAIN,
				      .rtm_protocol = RTPROT_STATIC,
				      .rtm_scope = RT_SCOPE_UNIVERSE,
				      .rtm_type = RTN_UNICAST};
	const uint32_t network_order = htonl(gateway);

	netlink_begin(batch, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, &message, sizeof(message));
	netlink_put(batch, RTA_GATEWAY, &network_order, sizeof(network_order));
	netlink_put_u32(batch, RTA_OIF, (uint32_t)index);
}

static void raise_link(struct netlink_batch *batch, int index)
{
	const struct ifinfomsg message = {.ifi_index = index, .ifi_flags = IFF_UP, .ifi_change = IFF_UP};

	netlink_begin(batch, RTM_SETLINK, 0, &message, sizeof(message));
}

static void keep_from_ipv6(struct netlink_batch *batch, int index)
{
	const struct ifinfomsg message = {.ifi_index = index};

	netlink_begin(batch, RTM_SETLINK, 0, &message, sizeof(message));
	link_put_no_ipv6(batch);
}

int address_configure(struct netlink *netlink, int index, uint32_t address, unsigned prefix_len, uint32_t gateway,
		      struct err *err)
{
	static const char *const steps[] = {"bring up lo", "keep the interface from IPv6", "bring up the interface",
					    "add the address", "add the default route"};
	CLEANUP_NETLINK_BATCH struct netlink_batch batch = NETLINK_BATCH_INIT;
	struct netlink_failure failure = {0};

	raise_link(&batch, LINK_LOOPBACK_INDEX);
	keep_from_ipv6(&batch, index);
	raise_link(&batch, index);
	add_address(&batch, index, address, prefix_len);
	add_default_route(&batch, index, gateway);
	if (netlink_run(netlink, &batch, NULL, NULL, &failure, err) < 0)
		return err_wrap(err, "%s in the instance's namespace",
				failure.message < ARRAY_SIZE(steps) ? steps[failure.message] : "configure");
	return 0;
}

struct first_address {
	uint32_t index;
	uint32_t address;
	unsigned prefix_len;
};

static int take_address(const struct nlmsghdr *reply, void *context)
{
	struct first_address *first = context;
	const void *attributes, *local;
	uint32_t network_order;
	size_t len;
	const struct ifaddrmsg *message = netlink_header(reply, RTM_NEWADDR, sizeof(*message), &attributes, &len);

	if (!message)
		return -EBADMSG;
	local = netlink_find(attributes, len, IFA_LOCAL, sizeof(network_order));
	if (message->ifa_index != first->index || !local || first->address)
		return 0;
	memcpy(&network_order, local, sizeof(network_order));
	first->address = ntohl(network_order);
	first->prefix_len = message->ifa_prefixlen;
	return 0;
}

int address_of_link(struct netlink *netlink, int index, uint32_t *ret_address, unsigned *ret_prefix_len,
		    struct err *err)
{
	CLEANUP_NETLINK_BATCH struct netlink_batch batch = NETLINK_BATCH_INIT;
	const struct ifaddrmsg message = {.ifa_family = AF_INET};
	struct first_address first = {.index = (uint32_t)index};

	netlink_begin(&batch, RTM_GETADDR, NLM_F_DUMP, &message, sizeof(message));
	if (netlink_run(netlink, &batch, take_address, &first, NULL, err) < 0)
		return err_wrap(err, "list addresses");
	if (first.address == 0)
		return -ENOENT;
	*ret_address = first.address;
	*ret_prefix_len = first.prefix_len;
	return 0;
}

/* Routes shorter than this are ways to everywhere. */
#define SHORTEST_ROUTE_THAT_COUNTS 8

struct choice {
	const struct address_subnet *candidates;
	size_t count;
	uint64_t used; /* a bit for each candidate */
};

static int take_route(const struct nlmsghdr *reply, void *context)
{
	struct choice *choice = context;
	const void *attributes, *destination;
	struct address_subnet route;
	uint32_t network_order;
	size_t len;
	const struct rtmsg *message = netlink_header(reply, RTM_NEWROUTE, sizeof(*message), &attributes, &len);

	if (!message)
		return -EBADMSG;
	destination = netlink_find(attributes, len, RTA_DST, sizeof(network_order));
	if (message->rtm_family != AF_INET || !destination || message->rtm_dst_len < SHORTEST_ROUTE_THAT_COUNTS)
		return 0;
	memcpy(&network_order, destination, sizeof(network_order));
	route = (struct address_subnet){.base = ntohl(network_order), .prefix_len = message->rtm_dst_len};
	for (size_t i = 0; i < choice->count; i++) {
		if (address_overlap(&route, &choice->candidates[i]))
			choice->used |= (uint64_t)1 << i;
	}
	return 0;
}

int address_choose(struct netlink *netlink, const struct address_subnet *candidates, size_t count,
		   struct address_subnet *ret, struct err *err)
{
	CLEANUP_NETLINK_BATCH struct netlink_batch batch = NETLINK_BATCH_INIT;
	const struct rtmsg message = {.rtm_family = AF_INET};
	struct choice choice = {.candidates = candidates, .count = count < 64 ? count : 64};

	netlink_begin(&batch, RTM_GETROUTE, NLM_F_DUMP, &message, sizeof(message));
	if (netlink_run(netlink, &batch, take_route, &choice, NULL, err) < 0)
		return err_wrap(err, "list routes");
	for (size_t i = 0; i < choice.count; i++) {
		if (choice.used & (uint64_t)1 << i)
			continue;
		*ret = candidates[i];
		return 0;
	}
	return err_say(err, EADDRNOTAVAIL, "every private range that hull would use is routed elsewhere on this host");
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/network.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <string.h>

#include "net/address.h"
#include "net/bridge.h"
#include "net/ipam.h"
#include "net/link.h"
#include "net/netlink.h"
#include "net/publish.h"
#include "net/tap.h"
#include "runtime/base/file.h"
#include "runtime/base/text.h"

#define MTU_MIN 68 /* RFC 791 */
#define MTU_MAX 65535

static const char *or_default(const char *words, const char *default_words)
{
	return text_is_empty(words) ? default_words : words;
}

/* An interface name that every program can handle, which is less than what the kernel takes. */
static bool is_interface_name(const char *name, size_t max)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.";
	size_t len = strlen(name);

	return len > 0 && len <= max && strspn(name, allowed) == len && strcmp(name, ".") != 0 &&
	       strcmp(name, "..") != 0;
}

int net_check(const struct net_request *request, struct err *err)
{
	const char *name = or_default(request->name, NET_DEFAULT_NAME);
	const char *bridge = or_default(request->bridge, NET_DEFAULT_BRIDGE);
	const char *ifname = or_default(request->ifname, NET_DEFAULT_IFNAME);
	uint8_t mac[LINK_MAC_BYTES];
	uint32_t address;

	if (strcmp(name, NET_DEFAULT_NAME) != 0)
		return err_say(err, ENOENT, "there is no network '%s'", name);
	if (text_is_empty(request->instance) || strlen(request->instance) >= IPAM_HOLDER_BYTES)
		return err_say(err, EINVAL, "an instance with an address needs an id of 1 to %d characters",
			       IPAM_HOLDER_BYTES - 1);
	if (!is_interface_name(bridge, BRIDGE_NAME_MAX))
		return err_say(err, EINVAL, "bridge name '%s': at most %d letters, digits, '_', '-', '.' are possible",
			       bridge, BRIDGE_NAME_MAX);
	if (!is_interface_name(ifname, 15) || strcmp(ifname, "lo") == 0)
		return err_say(err, EINVAL, "'%s' is no name for an interface", ifname);
	if (!text_is_empty(request->want_ip) && address_parse(request->want_ip, &address) < 0)
		return err_say(err, EINVAL, "'%s' is no IPv4 address", request->want_ip);
	if (!text_is_empty(request->want_mac) && address_parse_mac(request->want_mac, mac) < 0)
		return err_say(err, EINVAL, "'%s' is no MAC address that an interface can have", request->want_mac);
	if (request->mtu != 0 && (request->mtu < MTU_MIN || request->mtu > MTU_MAX))
		return err_say(err, EINVAL, "MTU %d is not between %d and %d", request->mtu, MTU_MIN, MTU_MAX);
	return publish_check(request->ports, request->port_count, err);
}

int net_host_ip_parse(const char *words, uint32_t *ret_ip, struct err *err)
{
	struct in6_addr ipv6;
	uint32_t address = 0;

	if (!text_is_empty(words) && address_parse(words, &address) < 0) {
		if (inet_pton(AF_INET6, words, &ipv6) == 1)
			return err_say(err, EAFNOSUPPORT, "publish on '%s': ports are published on IPv4 addresses only",
				       words);
		return err_say(err, EINVAL, "publish on '%s': no IPv4 address", words);
	}
	*ret_ip = htonl(address);
	return 0;
}

/* What one attachment has so far; what is not zero is undone when it fails. */
struct attachment {
	const struct net_request *request;
	const char *state_dir;
	struct netlink route, netfilter;
	struct ipam ipam; /* open while the lock is held */
	int bridge_index;
	unsigned slot;
	bool published, linked;
};

static int find_wanted(struct attachment *to, struct err *err)
{
	const char *wanted = to->request->want_ip;
	uint32_t address = 0;

	(void)address_parse(wanted, &address);
	to->slot = ipam_slot(&to->ipam, address);
	if (to->slot == 0) {
		char base[16];

		return err_say(err, EADDRNOTAVAIL, "address %s cannot be given: the network is %s/%u", wanted,
			       address_words(to->ipam.subnet.base, base), to->ipam.subnet.prefix_len);
	}
	if (ipam_state(&to->ipam, to->slot) != IPAM_FREE) {
		to->slot = 0;
		return err_say(err, EADDRINUSE, "address %s is in use", wanted);
	}
	return 0;
}

static bool is_full(const struct ipam *ipam)
{
	return ipam_used(ipam) >= IPAM_MAX_USED || ipam_next_free(ipam) == 0;
}

static int network_full(struct err *err)
{
	return err_say(err, EXFULL, "network '%s' is full: its bridge takes %u instances", NET_DEFAULT_NAME,
		       IPAM_MAX_USED);
}

static int take_address(struct attachment *to, struct err *err)
{
	const char *wanted = to->request->want_ip;
	int ret = 0;

	/*
	 * The look at leaving ones costs each a call, so only who cannot do without them takes it: every thousandth,
	 * or so.
	 */
	if (!text_is_empty(wanted) || is_full(&to->ipam))
		ret = bridge_sweep(&to->ipam, err);
	if (ret == 0 && is_full(&to->ipam))
		ret = network_full(err);
	if (ret == 0 && !text_is_empty(wanted))
		ret = find_wanted(to, err);
	if (ret < 0)
		return ret;
	if (to->slot == 0)
		to->slot = ipam_next_free(&to->ipam);
	ret = publish_forget(&to->netfilter, &to->ipam, to->slot, err);
	if (ret == 0)
		ret = ipam_take(&to->ipam, to->slot, to->request->instance, err);
	if (ret < 0)
		to->slot = 0;
	return ret;
}

/* All that needs the lock: which network, which address, which ports. */
static int reserve(struct attachment *to, struct err *err)
{
	const struct net_request *request = to->request;
	int ret = ipam_open(&to->ipam, to->state_dir, true, err);

	if (ret == 0)
		ret = bridge_ensure(&to->route, &to->netfilter, &to->ipam,
				    or_default(request->bridge, NET_DEFAULT_BRIDGE), &to->bridge_index, err);
	if (ret == 0)
		ret = take_address(to, err);
	if (ret == 0 && request->port_count > 0) {
		ret = publish_add(&to->netfilter, &to->ipam, to->slot, request->ports, request->port_count, err);
		to->published = ret == 0;
	}
	return ret;
}

static void fill_lease(const struct attachment *to, const uint8_t mac[static LINK_MAC_BYTES], struct net_lease *ret)
{
	char words[16];

	*ret = (struct net_lease){.prefix_len = to->ipam.subnet.prefix_len};
	(void)text_copy(ret->ip, sizeof(ret->ip), address_words(ipam_address(&to->ipam, to->slot), words));
	(void)text_copy(ret->gateway, sizeof(ret->gateway),
			address_words(ipam_address(&to->ipam, IPAM_GATEWAY_SLOT), words));
	(void)text_copy(ret->veth, sizeof(ret->veth), ipam_port(&to->ipam, to->slot).name);
	(void)address_mac_words(mac, ret->mac);
}

/*
 * The pair, and the instance's end of it. Every step here is a message to the kernel; none waits for another
 * instance.
 */
static int connect_namespace(struct attachment *to, int netns_fd, struct net_lease *lease, struct err *err)
{
	CLEANUP_NETLINK struct netlink inside = NETLINK_INIT;
	const char *ifname = or_default(to->request->ifname, NET_DEFAULT_IFNAME);
	const uint32_t address = ipam_address(&to->ipam, to->slot);
	struct link_veth veth = {.name = lease->veth,
				 .master = to->bridge_index,
				 .peer_name = ifname,
				 .peer_netns_fd = netns_fd,
				 .mtu = (uint32_t)to->request->mtu};
	/*
	 * Where bridged packets pass the ruleset too (br_netfilter), one that asks for its own published port is turned
	 * round within the bridge.
	 */
	struct link_port port = {.hairpin = to->request->port_count > 0};
	struct link peer;
	int ret;

	(void)address_parse_mac(lease->mac, veth.peer_mac);
	ret = netlink_open_in(&inside, NETLINK_ROUTE, netns_fd, err);
	if (ret == 0) {
		ret = link_add_veth(&to->route, &veth, err);
		to->linked = ret == 0;
		/* Somebody else has put interfaces into the bridge: it is full before the addresses are. */
		if (ret == -EXFULL)
			ret = network_full(err);
	}
	if (ret == 0)
		ret = link_get(&inside, ifname, &peer, err);
	if (ret == 0) {
		port.index = peer.other;
		memcpy(port.mac, veth.peer_mac, sizeof(port.mac));
		ret = link_bind_port(&to->route, &port, err);
	}
	if (ret == 0)
		ret = address_configure(&inside, peer.index, address, lease->prefix_len,
					ipam_address(&to->ipam, IPAM_GATEWAY_SLOT), err);
	return ret;
}

/* A machine's card is behind a tap instead, and the machine itself sets its address. */
static int connect_tap(struct attachment *to, int *ret_tap_fd, struct net_lease *lease, struct err *err)
{
	struct tap tap = {.name = lease->veth,
			  .master = to->bridge_index,
			  .port = {.hairpin = to->request->port_count > 0},
			  .mtu = (uint32_t)to->request->mtu};
	int ret;

	(void)address_parse_mac(lease->mac, tap.port.mac);
	ret = tap_open(&to->route, &tap, err);
	if (ret == -EXFULL)
		return network_full(err);
	if (ret < 0)
		return ret;
	*ret_tap_fd = ret;
	return 0;
}

/*
 * What can fail here fails in the state of net_collect()'s reach; the error that led here is what the caller is told.
 */
static void undo(struct attachment *to)
{
	if (to->linked)
		(void)link_delete(&to->route, ipam_port(&to->ipam, to->slot).name, NULL);
	if (to->slot == 0)
		return;
	if (to->ipam.lock_fd < 0) {
		const unsigned slot = to->slot;

		if (ipam_open(&to->ipam, to->state_dir, false, NULL) < 0 || to->ipam.fd < 0)
			return;
		to->slot = slot;
	}
	if (to->published)
		(void)publish_remove(&to->netfilter, &to->ipam, to->slot, NULL);
	(void)ipam_set(&to->ipam, to->slot, IPAM_FREE, NULL);
}

/* With `ret_tap_fd` a machine, else what is in the namespace `netns_fd`. */
static int attach(const struct net_request *request, int netns_fd, int *ret_tap_fd, struct net_lease *ret,
		  struct err *err)
{
	struct attachment to = {.request = request,
				.state_dir = or_default(request->state_dir, NET_STATE_DIR),
				.ipam = IPAM_INIT};
	uint8_t mac[LINK_MAC_BYTES];
	int code = net_check(request, err);

	if (code == 0)
		code = netlink_open(&to.route, NETLINK_ROUTE, err);
	if (code == 0)
		code = netlink_open(&to.netfilter, NETLINK_NETFILTER, err);
	if (code == 0)
		code = reserve(&to, err);
	if (code == 0) {
		ipam_close(&to.ipam);
		address_mac(ipam_address(&to.ipam, to.slot), mac);
		if (!text_is_empty(request->want_mac))
			(void)address_parse_mac(request->want_mac, mac);
		fill_lease(&to, mac, ret);
		code = ret_tap_fd ? connect_tap(&to, ret_tap_fd, ret, err) : connect_namespace(&to, netns_fd, ret, err);
	}
	/* Lost in another namespace, nothing can be undone: net_collect() will. */
	if (code < 0 && code != -ENOTRECOVERABLE)
		undo(&to);
	ipam_close(&to.ipam);
	netlink_close(&to.netfilter);
	netlink_close(&to.route);
	return code;
}

int net_attach(const struct net_request *request, int netns_fd, struct net_lease *ret, struct err *err)
{
	return attach(request, netns_fd, NULL, ret, err);
}

int net_attach_tap(const struct net_request *request, int *ret_tap_fd, struct net_lease *ret, struct err *err)
{
	return attach(request, -1, ret_tap_fd, ret, err);
}

/* Opens what is needed to take an address back: 0 and `ipam->fd` -1 when there is no state. */
static int open_to_free(const char *state_dir, struct ipam *ipam, struct netlink *netfilter, struct err *err)
{
	int ret = ipam_open(ipam, or_default(state_dir, NET_STATE_DIR), false, err);

	if (ret == -ENOENT)
		return 0;
	if (ret == 0 && ipam->fd >= 0)
		ret = netlink_open(netfilter, NETLINK_NETFILTER, err);
	return ret;
}

static int give_back(struct netlink *netfilter, struct ipam *ipam, unsigned slot, struct err *err)
{
	int ret = publish_remove(netfilter, ipam, slot, err);

	return ret < 0 ? ret : ipam_set(ipam, slot, IPAM_LEAVING, err);
}

/*
 * The slot that an instance holds: the one of its address, or, when nobody has written that down, the one that has its
 * name. 0: none.
 */
static unsigned find_held(const struct ipam *ipam, const char *instance, const struct net_lease *lease)
{
	unsigned first = IPAM_FIRST_SLOT, last = IPAM_LAST_SLOT;
	char holder[IPAM_HOLDER_BYTES];
	uint32_t address;

	if (lease) {
		if (address_parse(lease->ip, &address) < 0)
			return 0;
		first = last = ipam_slot(ipam, address);
	}
	for (unsigned slot = first; slot > 0 && slot <= last; slot++) {
		if (ipam_state(ipam, slot) != IPAM_HELD)
			continue;
		ipam_holder(ipam, slot, holder);
		if (strcmp(holder, instance) == 0)
			return slot;
	}
	return 0;
}

int net_detach(const char *state_dir, const char *instance, const struct net_lease *lease,
	       const struct net_port *ports __attribute__((unused)), size_t port_count __attribute__((unused)),
	       struct err *err)
{
	CLEANUP_NETLINK struct netlink netfilter = NETLINK_INIT;
	CLEANUP_IPAM struct ipam ipam = IPAM_INIT;
	unsigned slot;
	int ret = open_to_free(state_dir, &ipam, &netfilter, err);

	if (ret < 0 || ipam.fd < 0)
		return ret;
	slot = find_held(&ipam, instance, lease);
	if (slot == 0)
		return 0;
	return give_back(&netfilter, &ipam, slot, err);
}

int net_collect(const char *state_dir, bool (*is_held)(const char *instance, void *context), void *context,
		struct err *err)
{
	CLEANUP_NETLINK struct netlink netfilter = NETLINK_INIT;
	CLEANUP_IPAM struct ipam ipam = IPAM_INIT;
	unsigned dropped = 0;
	int ret = open_to_free(state_dir, &ipam, &netfilter, err);

	if (ret < 0 || ipam.fd < 0)
		return ret;
	for (unsigned slot = IPAM_FIRST_SLOT; slot <= IPAM_LAST_SLOT && ret == 0; slot++) {
		char holder[IPAM_HOLDER_BYTES];

		if (ipam_state(&ipam, slot) != IPAM_HELD)
			continue;
		ipam_holder(&ipam, slot, holder);
		if (holder[0] && is_held(holder, context))
			continue;
		ret = give_back(&netfilter, &ipam, slot, err);
		dropped++;
	}
	/* A holder that was killed while it published may have left ports that only the kernel knows. */
	if (ret == 0 && dropped > 0)
		ret = publish_purge(&netfilter, &ipam, err);
	return ret < 0 ? ret : bridge_sweep(&ipam, err);
}

int net_loopback_up(int netns_fd, struct err *err)
{
	CLEANUP_NETLINK struct netlink inside = NETLINK_INIT;
	int ret = netns_fd < 0 ? netlink_open(&inside, NETLINK_ROUTE, err)
			       : netlink_open_in(&inside, NETLINK_ROUTE, netns_fd, err);

	return ret < 0 ? ret : link_up(&inside, LINK_LOOPBACK_INDEX, err);
}

// SPDX-License-Identifier: GPL-2.0-or-later
#include "net/move.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>

#include "net/link.h"
#include "net/netlink.h"
#include "runtime/base/scope.h"
#include "runtime/base/text.h"

#define ADDRESSES_MAX  64   /* of one interface */
#define TEMPLATE_TRIES 4096 /* numbers for "%d" */
#define ADDRESS_BYTES  16   /* IPv6's; IPv4's use the first four */
#define KEPT_FLAGS     (IFA_F_NODAD | IFA_F_HOMEADDRESS | IFA_F_MANAGETEMPADDR | IFA_F_NOPREFIXROUTE | IFA_F_MCAUTOJOIN)

/* --- names -------------------------------------------------------------------------------------------------------- */

static const char *name_inside(const struct net_move *move)
{
	return text_is_empty(move->name) ? move->host_name : move->name;
}

/* As the kernel has it (dev_valid_name()): it is a file's name in /sys, and a part of rules and aliases. */
static int check_name(const char *name, struct err *err)
{
	if (*name == '\0')
		return err_say(err, EINVAL, "the name of the interface is empty");
	if (strlen(name) >= IF_NAMESIZE)
		return err_say(err, EINVAL, "'%.64s' is longer than an interface's name can be: %d characters", name,
			       IF_NAMESIZE - 1);
	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || strpbrk(name, "/: \t\n\v\f\r"))
		return err_say(err, EINVAL, "'%s' is no name of an interface", name);
	return 0;
}

static int check_name_inside(const char *name, struct err *err)
{
	const char *percent = strchr(name, '%');

	if (percent && (percent[1] != 'd' || strchr(percent + 1, '%')))
		return err_say(err, EINVAL, "'%s': a name may have one %%d for a number, and no other %%", name);
	return check_name(name, err);
}

int net_move_check(const struct net_move *moves, size_t count, struct err *err)
{
	for (size_t i = 0; i < count; i++) {
		const char *name = name_inside(&moves[i]);

		if (check_name(moves[i].host_name, err) < 0 || check_name_inside(name, err) < 0)
			return -EINVAL;
		if (strcmp(moves[i].host_name, "lo") == 0 || strcmp(name, "lo") == 0)
			return err_say(err, EINVAL, "'lo' is in every network namespace and stays there");
		for (size_t before = 0; before < i; before++)
			if (!strchr(name, '%') && strcmp(name_inside(&moves[before]), name) == 0)
				return err_say(err, EINVAL, "two interfaces are to be '%s' inside", name);
	}
	return 0;
}

/* 1 when the name is taken, 0 when it is free. */
static int is_taken(struct netlink *netlink, const char *name, struct err *err)
{
	struct err looked = ERR_INIT;
	struct link link;
	int ret = link_get(netlink, name, &link, &looked);

	if (ret < 0 && ret != -ENODEV) {
		*err = looked;
		return ret;
	}
	return ret == 0;
}

/*
 * What the kernel would make of "eth%d": done here, so that the name is known. Who else takes it meanwhile makes the
 * move fail.
 */
static int choose_name(struct netlink *to, const char *wanted, char ret_name[static IF_NAMESIZE], struct err *err)
{
	const char *percent = strchr(wanted, '%');
	int taken;

	if (!percent) {
		(void)text_copy(ret_name, IF_NAMESIZE, wanted);
		taken = is_taken(to, wanted, err);
		return taken > 0 ? err_say(err, EEXIST, "there is an interface '%s' already", wanted) : taken;
	}
	for (unsigned number = 0; number < TEMPLATE_TRIES; number++) {
		int len = snprintf(ret_name, IF_NAMESIZE, "%.*s%u%s", (int)(percent - wanted), wanted, number,
				   percent + 2);

		if (len >= IF_NAMESIZE)
			break;
		taken = is_taken(to, ret_name, err);
		if (taken <= 0)
			return taken;
	}
	return err_say(err, EEXIST, "no name like '%s' is free", wanted);
}

/* --- addresses ---------------------------------------------------------------------------------------------------- */

struct carried {
	uint8_t family, prefix_len;
	uint32_t flags;
	bool has_local, has_address, has_broadcast;
	uint8_t local[ADDRESS_BYTES], address[ADDRESS_BYTES], broadcast[ADDRESS_BYTES];
};

struct carrying {
	int index;
	size_t count;
	struct carried addresses[ADDRESSES_MAX];
};

static bool take_bytes(const void *attributes, size_t len, int attribute, uint8_t family,
		       uint8_t to[static ADDRESS_BYTES])
{
	size_t bytes = family == AF_INET ? 4 : ADDRESS_BYTES;
	const void *found = netlink_find(attributes, len, attribute, bytes);

	if (found)
		memcpy(to, found, bytes);
	return found;
}

static int take_address(const struct nlmsghdr *reply, void *context)
{
	struct carrying *all = context;
	struct carried *to = &all->addresses[all->count];
	const void *attributes, *found;
	size_t len;
	const struct ifaddrmsg *message = netlink_header(reply, RTM_NEWADDR, sizeof(*message), &attributes, &len);
	uint32_t flags;

	if (!message)
		return -EBADMSG;
	flags = message->ifa_flags;
	found = netlink_find(attributes, len, IFA_FLAGS, sizeof(flags));
	if (found)
		memcpy(&flags, found, sizeof(flags));
	if (message->ifa_index != (uint32_t)all->index || !(flags & IFA_F_PERMANENT) ||
	    message->ifa_scope != RT_SCOPE_UNIVERSE ||
	    (message->ifa_family != AF_INET && message->ifa_family != AF_INET6))
		return 0;
	if (all->count == ADDRESSES_MAX)
		return -E2BIG;
	*to = (struct carried){.family = message->ifa_family,
			       .prefix_len = message->ifa_prefixlen,
			       .flags = flags & KEPT_FLAGS};
	to->has_local = take_bytes(attributes, len, IFA_LOCAL, to->family, to->local);
	to->has_address = take_bytes(attributes, len, IFA_ADDRESS, to->family, to->address);
	to->has_broadcast = take_bytes(attributes, len, IFA_BROADCAST, to->family, to->broadcast);
	all->count++;
	return 0;
}

static int list_addresses(struct netlink *netlink, int index, struct carrying *ret, struct err *err)
{
	CLEANUP_NETLINK_BATCH struct netlink_batch batch = NETLINK_BATCH_INIT;
	const struct ifaddrmsg message = {.ifa_family = AF_UNSPEC};

	*ret = (struct carrying){.index = index};
	netlink_begin(&batch, RTM_GETADDR, NLM_F_DUMP, &message, sizeof(message));
	return netlink_run(netlink, &batch, take_address, ret, NULL, err) < 0 ? err_wrap(err, "list its addresses") : 0;
}

static void put_address(struct netlink_batch *batch, int index, const struct carried *from)
{
	const struct ifaddrmsg message = {.ifa_family = from->family,
					  .ifa_prefixlen = from->prefix_len,
					  .ifa_scope = RT_SCOPE_UNIVERSE,
					  .ifa_index = (uint32_t)index};
	size_t bytes = from->family == AF_INET ? 4 : ADDRESS_BYTES;

	netlink_begin(batch, RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, &message, sizeof(message));
	if (from->has_local)
		netlink_put(batch, IFA_LOCAL, from->local, bytes);
	if (from->has_address)
		netlink_put(batch, IFA_ADDRESS, from->address, bytes);
	if (from->has_broadcast)
		netlink_put(batch, IFA_BROADCAST, from->broadcast, bytes);
	netlink_put_u32(batch, IFA_FLAGS, from->flags);
}

/* --- moving ------------------------------------------------------------------------------------------------------- */

/* The move and the new name are one message: nobody sees the interface there by its old name. */
static int move_link(struct netlink *from, int index, const char *new_name, int to_netns_fd, struct err *err)
{
	CLEANUP_NETLINK_BATCH struct netlink_batch batch = NETLINK_BATCH_INIT;
	const struct ifinfomsg info = {.ifi_index = index};

	netlink_begin(&batch, RTM_SETLINK, 0, &info, sizeof(info));
	netlink_put_u32(&batch, IFLA_NET_NS_FD, (uint32_t)to_netns_fd);
	netlink_put_string(&batch, IFLA_IFNAME, new_name);
	return netlink_run(from, &batch, NULL, NULL, NULL, err);
}

static int settle(struct netlink *to, const char *name, const struct carrying *addresses, bool up, int master,
		  struct err *err)
{
	CLEANUP_NETLINK_BATCH struct netlink_batch batch = NETLINK_BATCH_INIT;
	struct link link;
	int ret = link_get(to, name, &link, err);
	const struct ifinfomsg info = {.ifi_index = link.index,
				       .ifi_flags = up ? IFF_UP : 0,
				       .ifi_change = up ? IFF_UP : 0};

	if (ret < 0)
		return ret;
	netlink_begin(&batch, RTM_SETLINK, 0, &info, sizeof(info));
	if (master)
		netlink_put_u32(&batch, IFLA_MASTER, (uint32_t)master);
	for (size_t i = 0; i < addresses->count; i++)
		put_address(&batch, link.index, &addresses->addresses[i]);
	return netlink_run(to, &batch, NULL, NULL, NULL, err) < 0
		       ? err_wrap(err, "bring up '%s' with its addresses", name)
		       : 0;
}

/* Both ends of a move. */
struct two_places {
	struct netlink host, inside;
	int host_fd, inside_fd; /* inside_fd is the caller's */
};

static void close_places(struct two_places *places)
{
	netlink_close(&places->host);
	netlink_close(&places->inside);
	scope_fd(&places->host_fd);
}

static int open_places(int netns_fd, struct two_places *ret, struct err *err)
{
	int result;

	*ret = (struct two_places){.inside_fd = netns_fd, .host_fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC)};
	if (ret->host_fd < 0)
		return err_set(err, errno, "open the own network namespace");
	result = netlink_open(&ret->host, NETLINK_ROUTE, err);
	return result < 0 ? result : netlink_open_in(&ret->inside, NETLINK_ROUTE, netns_fd, err);
}

static int move_one_back(struct two_places *places, const struct net_moved *moved, struct err *err)
{
	struct err looked = ERR_INIT;
	struct carrying addresses;
	struct link link;
	int ret = link_get(&places->inside, moved->name, &link, &looked);

	if (ret == -ENODEV)
		return 0;
	if (ret < 0)
		*err = looked;
	if (ret == 0)
		ret = list_addresses(&places->inside, link.index, &addresses, err);
	if (ret == 0)
		ret = move_link(&places->inside, link.index, moved->host_name, places->host_fd, err);
	if (ret == 0)
		ret = settle(&places->host, moved->host_name, &addresses, moved->was_up, moved->master, err);
	return ret < 0 ? err_wrap(err, "move interface '%s' back", moved->host_name) : 0;
}

static int move_all_back(struct two_places *places, const struct net_moved *moved, size_t count, struct err *err)
{
	struct err first = ERR_INIT;

	while (count-- > 0) {
		struct err failed = ERR_INIT;

		if (move_one_back(places, &moved[count], &failed) < 0 && !first.code)
			first = failed;
	}
	if (first.code)
		*err = first;
	return -first.code;
}

static int move_one_in(struct two_places *places, const struct net_move *move, struct net_moved *ret_moved,
		       struct err *err)
{
	struct net_moved moved = {0};
	struct err ignored = ERR_INIT;
	struct carrying addresses;
	struct link link;
	int ret = link_get(&places->host, move->host_name, &link, err);

	if (ret == -ENODEV) {
		err_clear(err);
		return err_say(err, ENODEV, "the host has no such interface");
	}
	(void)text_copy(moved.host_name, sizeof(moved.host_name), move->host_name);
	moved.was_up = link.up;
	moved.master = link.master;
	if (ret == 0)
		ret = choose_name(&places->inside, name_inside(move), moved.name, err);
	if (ret == 0)
		ret = list_addresses(&places->host, link.index, &addresses, err);
	if (ret < 0)
		return ret;
	ret = move_link(&places->host, link.index, moved.name, places->inside_fd, err);
	if (ret < 0)
		return ret;
	ret = settle(&places->inside, moved.name, &addresses, true, 0, err);
	if (ret < 0)
		(void)move_one_back(places, &moved, &ignored);
	else
		*ret_moved = moved;
	return ret;
}

int net_move_in(const struct net_move *moves, size_t count, int netns_fd, struct net_moved *ret_moved, struct err *err)
{
	struct two_places places __attribute__((cleanup(close_places)));
	struct err ignored = ERR_INIT;
	int ret = open_places(netns_fd, &places, err);

	for (size_t i = 0; ret == 0 && i < count; i++) {
		ret = move_one_in(&places, &moves[i], &ret_moved[i], err);
		if (ret == 0)
			continue;
		(void)err_wrap(err, "interface '%s'", moves[i].host_name);
		(void)move_all_back(&places, ret_moved, i, &ignored);
	}
	return ret;
}

int net_move_back(const struct net_moved *moved, size_t count, int netns_fd, struct err *err)
{
	struct two_places places __attribute__((cleanup(close_places)));
	int ret = open_places(netns_fd, &places, err);

	return ret < 0 ? ret : move_all_back(&places, moved, count, err);
}

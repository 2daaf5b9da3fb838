/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/stand_in.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <linux/tc_act/tc_mirred.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "net/tap.h"
#include "runtime/base/fd.h"

#define INGRESS_HANDLE 0xffff0000U /* TC_H_INGRESS's own, "ffff:" */
#define TAP_NAME       "hull%u"	   /* the number is the interface's: one tap for each */
#define FIRST_ACTION   1

/* --- Redirection -------------------------------------------------------------------------------------------------- */

static void put_ingress(struct netlink_batch *batch, int type, int flags, int index)
{
	const struct tcmsg message = {.tcm_family = AF_UNSPEC,
				      .tcm_ifindex = index,
				      .tcm_handle = INGRESS_HANDLE,
				      .tcm_parent = TC_H_INGRESS};

	netlink_begin(batch, type, flags, &message, sizeof(message));
	netlink_put_string(batch, TCA_KIND, "ingress");
}

/* One key with an empty mask, which every packet has. "matchall" would say it better, and fewer kernels have it. */
static void put_every_packet(struct netlink_batch *batch)
{
	union {
		struct tc_u32_sel select; /* its keys follow it */
		char with_key[sizeof(struct tc_u32_sel) + sizeof(struct tc_u32_key)];
	} every = {.with_key = {0}};

	every.select.flags = TC_U32_TERMINAL;
	every.select.nkeys = 1;

	netlink_put(batch, TCA_U32_SEL, &every, sizeof(every));
}

static void put_redirect(struct netlink_batch *batch, int from, int to)
{
	const struct tcmsg message = {.tcm_family = AF_UNSPEC,
				      .tcm_ifindex = from,
				      .tcm_parent = INGRESS_HANDLE,
				      .tcm_info = TC_H_MAKE(1U << 16, htons(ETH_P_ALL))};
	const struct tc_mirred redirect = {.action = TC_ACT_STOLEN,
					   .eaction = TCA_EGRESS_REDIR,
					   .ifindex = (uint32_t)to};

	netlink_begin(batch, RTM_NEWTFILTER, NLM_F_CREATE | NLM_F_EXCL, &message, sizeof(message));
	netlink_put_string(batch, TCA_KIND, "u32");
	netlink_nest(batch, TCA_OPTIONS);
	put_every_packet(batch);
	netlink_nest(batch, TCA_U32_ACT);
	netlink_nest(batch, FIRST_ACTION);
	netlink_put_string(batch, TCA_ACT_KIND, "mirred");
	netlink_nest(batch, TCA_ACT_OPTIONS);
	netlink_put(batch, TCA_MIRRED_PARMS, &redirect, sizeof(redirect));
	netlink_nest_end(batch);
	netlink_nest_end(batch);
	netlink_nest_end(batch);
	netlink_nest_end(batch);
}

/* The rule of a machine that was here before leads nowhere any more. */
static void remove_old(struct netlink *netlink, int index)
{
	CLEANUP_NETLINK_BATCH struct netlink_batch batch = NETLINK_BATCH_INIT;
	struct err none = ERR_INIT;

	put_ingress(&batch, RTM_DELQDISC, 0, index);
	(void)netlink_run(netlink, &batch, NULL, NULL, NULL, &none);
}

static int connect_both(struct netlink *netlink, const struct interface *interface, int tap, struct err *err)
{
	CLEANUP_NETLINK_BATCH struct netlink_batch batch = NETLINK_BATCH_INIT;
	const struct ifinfomsg up = {.ifi_index = tap, .ifi_flags = IFF_UP, .ifi_change = IFF_UP};

	remove_old(netlink, interface->index);
	netlink_begin(&batch, RTM_SETLINK, 0, &up, sizeof(up));
	/* An address of its own would be a second voice behind the machine's. */
	link_put_no_ipv6(&batch);
	netlink_put_u32(&batch, IFLA_MTU, interface->mtu);
	put_ingress(&batch, RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL, tap);
	put_ingress(&batch, RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL, interface->index);
	put_redirect(&batch, interface->index, tap);
	put_redirect(&batch, tap, interface->index);
	return netlink_run(netlink, &batch, NULL, NULL, NULL, err) < 0
		       ? err_wrap(err, "lead packets of '%s' to the machine and back", interface->name)
		       : 0;
}

/* --- Taking the place --------------------------------------------------------------------------------------------- */

static bool is_tap(const struct interface *interface)
{
	char name[IF_NAMESIZE];
	unsigned number;

	return sscanf(interface->name, TAP_NAME "%s", &number, name) == 1;
}

static void name_tap(const struct interface *interface, char to[static IF_NAMESIZE])
{
	(void)snprintf(to, IF_NAMESIZE, TAP_NAME, (unsigned)interface->index % 1000000);
}

static int stand_in_one(struct netlink *netlink, const struct interface *interface, int *ret_tap, struct err *err)
{
	CLEANUP_FD int fd = -1;
	char name[IF_NAMESIZE];
	struct link link;
	int result;

	name_tap(interface, name);
	result = fd = tap_open_device(name, err);
	if (result == -EEXIST || result == -EBUSY) {
		err_clear(err);
		return err_say(err, EBUSY, "interface '%s' is another machine's already: a pod has one machine",
			       interface->name);
	}
	if (result >= 0)
		result = link_get(netlink, name, &link, err);
	if (result >= 0)
		result = connect_both(netlink, interface, link.index, err);
	if (result >= 0)
		*ret_tap = fd_take(&fd);
	return result < 0 ? result : 0;
}

/* All but the taps of a machine that is there already. */
static int list_interfaces(struct netlink *netlink, struct stand_in *ret, struct err *err)
{
	struct interface all[2 * STAND_IN_INTERFACES];
	unsigned count = 0;
	int result = interface_list(netlink, all, ARRAY_SIZE(all), &count, err);

	for (unsigned i = 0; result == 0 && i < count; i++) {
		if (is_tap(&all[i]))
			continue;
		if (ret->count == STAND_IN_INTERFACES)
			result = -E2BIG;
		else
			ret->interfaces[ret->count++] = all[i];
	}
	if (result != -E2BIG)
		return result;
	err_clear(err);
	return err_say(err, E2BIG, "more than %d interfaces, or more addresses and routes than can be carried",
		       STAND_IN_INTERFACES);
}

/* In the namespace: the taps are of the one that their maker is in. */
static int stand_in_here(struct stand_in *ret, struct err *err)
{
	CLEANUP_NETLINK struct netlink netlink = NETLINK_INIT;
	int result = netlink_open(&netlink, NETLINK_ROUTE, err);

	if (result == 0)
		result = list_interfaces(&netlink, ret, err);
	for (unsigned i = 0; result == 0 && i < ret->count; i++)
		result = stand_in_one(&netlink, &ret->interfaces[i], &ret->taps[i], err);
	return result;
}

/* Another machine's packets must not be led astray: the namespace that this process is in has the host's interfaces. */
static int check_foreign(int there, int home, struct err *err)
{
	struct stat other, own;

	if (fstat(there, &other) < 0 || fstat(home, &own) < 0)
		return err_set(err, errno, "look at a network namespace");
	if (other.st_ino == own.st_ino && other.st_dev == own.st_dev)
		return err_say(err, ENOTSUP,
			       "the host's network: not possible, since a machine has a kernel of its own");
	return 0;
}

/* The first interface without a tap beside it. */
static int find_missed(struct netlink *netlink, char ret_name[static IF_NAMESIZE], struct err *err)
{
	struct interface all[2 * STAND_IN_INTERFACES];
	unsigned count = 0;
	int result = interface_list(netlink, all, ARRAY_SIZE(all), &count, err);

	if (result < 0)
		return result;
	for (unsigned i = 0; i < count; i++) {
		char tap[IF_NAMESIZE];
		bool is_attended = is_tap(&all[i]);

		name_tap(&all[i], tap);
		for (unsigned other = 0; other < count; other++)
			is_attended |= strcmp(all[other].name, tap) == 0;
		if (is_attended)
			continue;
		(void)snprintf(ret_name, IF_NAMESIZE, "%s", all[i].name);
		return 1;
	}
	return 0;
}

static int find_missed_here(void *to, struct err *err)
{
	CLEANUP_NETLINK struct netlink netlink = NETLINK_INIT;
	int result = netlink_open(&netlink, NETLINK_ROUTE, err);

	return result < 0 ? result : find_missed(&netlink, to, err);
}

static int take_place_here(void *to, struct err *err)
{
	return stand_in_here(to, err);
}

static int visit(const char *path, int (*what)(void *to, struct err *err), void *to, struct err *err)
{
	CLEANUP_FD int there = open(path, O_RDONLY | O_CLOEXEC);
	CLEANUP_FD int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	int result;

	if (there < 0 || home < 0)
		return err_set(err, errno, "open the network namespace '%s'", there < 0 ? path : "/proc/self/ns/net");
	result = check_foreign(there, home, err);
	if (result < 0)
		return result;
	if (setns(there, CLONE_NEWNET) < 0)
		return err_set(err, errno, "enter the network namespace '%s'", path);
	result = what(to, err);
	if (setns(home, CLONE_NEWNET) < 0)
		result = err_say(err, ENOTRECOVERABLE, "come back from the network namespace '%s': %s", path,
				 strerror(errno));
	return result;
}

int net_stand_in(const char *path, struct stand_in *ret, struct err *err)
{
	int result;

	*ret = (struct stand_in){.count = 0};
	for (unsigned i = 0; i < STAND_IN_INTERFACES; i++)
		ret->taps[i] = -1;
	result = visit(path, take_place_here, ret, err);
	for (unsigned i = 0; result < 0 && i < STAND_IN_INTERFACES; i++)
		scope_fd(&ret->taps[i]);
	return result;
}

int net_stand_in_missed(const char *path, char ret_name[static IF_NAMESIZE], struct err *err)
{
	return visit(path, find_missed_here, ret_name, err);
}

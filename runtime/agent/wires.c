// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a container's engine on a host makes from outside, and here is made in the guest: the network's addresses, the
 * clock, files of /etc.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "namespaces/ns.h"
#include "namespaces/sysctl.h"
#include "net/address.h"
#include "net/network.h"
#include "net/stand_in.h"
#include "runtime/agent/agent.h"
#include "runtime/base/file.h"
#include "runtime/base/process.h"

#define WAIT_MS 10000
#define STEP_MS 2

/* --- Network ------------------------------------------------------------------------------------------------------ */

static int find_interface(const char *mac, char *to, size_t to_bytes)
{
	CLEANUP_DIR DIR *dir = opendir("/sys/class/net");
	struct dirent *entry;
	char path[300], address[64];

	while (dir && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.' || strcmp(entry->d_name, "lo") == 0)
			continue;
		(void)snprintf(path, sizeof(path), "/sys/class/net/%s/address", entry->d_name);
		if (file_read_line(AT_FDCWD, path, address, sizeof(address)) < 0)
			continue;
		if (!mac || strcasecmp(address, mac) == 0)
			return text_copy(to, to_bytes, entry->d_name);
	}
	return -ENOENT;
}

static int await_interface(const char *mac, char *to, size_t to_bytes, struct err *err)
{
	uint64_t until_ns = proc_monotonic_ns() + WAIT_MS * UINT64_C(1000000);
	const struct timespec step = {.tv_nsec = STEP_MS * 1000000L};
	int result;

	while ((result = find_interface(mac, to, to_bytes)) < 0 && proc_monotonic_ns() < until_ns)
		(void)nanosleep(&step, NULL);
	return result < 0 ? err_say(err, ENODEV, "there is no network interface %s", mac ? mac : "") : 0;
}

static int configure(const struct guest_network *network, const char *interface, struct err *err)
{
	CLEANUP_NETLINK struct netlink netlink = NETLINK_INIT;
	uint32_t address, gateway = 0;
	struct link link;
	int result;

	if (address_parse(network->address, &address) < 0 ||
	    (network->gateway && address_parse(network->gateway, &gateway) < 0))
		return err_say(err, EINVAL, "'%s' and '%s' are no addresses", network->address,
			       network->gateway ? network->gateway : "");
	result = netlink_open(&netlink, NETLINK_ROUTE, err);
	if (result >= 0)
		result = link_get(&netlink, interface, &link, err);
	if (result < 0)
		return result;
	if (network->gateway)
		return address_configure(&netlink, link.index, address, network->prefix, gateway, err);
	result = address_add(&netlink, link.index, address, network->prefix, err);
	return result < 0 ? result : link_up(&netlink, link.index, err);
}

static int take_interface(const struct guest_interface *from, struct interface *to, struct err *err)
{
	int result = text_copy(to->name, sizeof(to->name), from->name);

	to->mtu = from->mtu;
	for (size_t i = 0; i < from->addresses.count && result >= 0; i++)
		result =
			text_copy(to->addresses[to->address_count++], INTERFACE_PREFIX_BYTES, from->addresses.items[i]);
	for (size_t i = 0; i < from->routes.count && result >= 0; i++) {
		struct interface_route *route = &to->routes[to->route_count++];

		result = text_copy(route->to, sizeof(route->to), from->routes.items[i].to);
		if (result >= 0 && from->routes.items[i].via)
			result = text_copy(route->via, sizeof(route->via), from->routes.items[i].via);
	}
	return result < 0 ? err_say(err, -result, "a word of interface '%s' is too long", from->name) : 0;
}

/* Under a name that nobody wants: the kernel may have given an interface the one that is meant for another. */
static int set_aside(struct netlink *netlink, const char *mac, int *ret_index, struct err *err)
{
	char found[64], aside[IF_NAMESIZE];
	struct link link;
	int result = await_interface(mac, found, sizeof(found), err);

	if (result >= 0)
		result = link_get(netlink, found, &link, err);
	if (result < 0)
		return result;
	*ret_index = link.index;
	(void)snprintf(aside, sizeof(aside), "aside%u", (unsigned)link.index % 100000);
	return link_rename(netlink, link.index, aside, err);
}

int wires_interfaces(const struct guest_start *start, struct err *err)
{
	CLEANUP_NETLINK struct netlink netlink = NETLINK_INIT;
	int indices[STAND_IN_INTERFACES] = {0};
	int result;

	if (start->interfaces.count == 0)
		return 0;
	result = boot_load_modules("net", err);
	if (result >= 0)
		result = netlink_open(&netlink, NETLINK_ROUTE, err);
	for (size_t i = 0; i < start->interfaces.count && result >= 0; i++)
		result = set_aside(&netlink, start->interfaces.items[i].mac, &indices[i], err);
	for (size_t i = 0; i < start->interfaces.count && result >= 0; i++) {
		struct interface wanted = {.mtu = 0};

		result = take_interface(&start->interfaces.items[i], &wanted, err);
		if (result >= 0)
			result = interface_set(&netlink, indices[i], &wanted, err);
	}
	return result < 0 ? err_wrap(err, "network") : 0;
}

int wires_network(const struct guest_network *network, struct err *err)
{
	char interface[64];
	int result;

	if (!network || !network->gateway) {
		result = net_loopback_up(-1, err);
		if (result < 0 || !network)
			return result;
	}
	result = boot_load_modules("net", err);
	if (result >= 0)
		result = await_interface(network->mac, interface, sizeof(interface), err);
	if (result >= 0)
		result = configure(network, interface, err);
	return result < 0 ? err_wrap(err, "network") : 0;
}

/* --- Sysctls ------------------------------------------------------------------------------------------------------ */

/* Of a namespace that the container has for itself in here: it sets them as it does everywhere. */
static bool is_of_container(const char *name)
{
	return sysctl_check(name, ns_clone_flag(NS_IPC) | ns_clone_flag(NS_UTS), NULL) == 0;
}

static int set_sysctl(const struct strpair *pair, struct err *err)
{
	const struct sysctl_value value = {.name = pair->key, .value = pair->value};
	CLEANUP_FD int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int result = sysctl_check_value(pair->key, pair->value, err);

	if (result >= 0)
		result = sysctl_apply(proc, &value, 1, ns_clone_flag(NS_NET) | SYSCTL_OWN_KERNEL, err);
	return result < 0 ? err_wrap(err, "linux.sysctl") : 0;
}

int wires_sysctls(struct arena *arena, struct config *config, struct err *err)
{
	struct config_linux *os = config->linux_;
	struct strmap rest = {0};

	for (size_t i = 0; os && i < os->sysctl.count; i++) {
		const struct strpair *pair = &os->sysctl.items[i];
		int result = is_of_container(pair->key) ? strmap_set(arena, &rest, pair->key, pair->value)
							: set_sysctl(pair, err);

		if (result < 0)
			return result;
	}
	if (os)
		os->sysctl = rest;
	return 0;
}

/* --- Clock -------------------------------------------------------------------------------------------------------- */

void wires_clock(uint64_t epoch_ns)
{
	struct timespec now = {.tv_sec = (time_t)(epoch_ns / 1000000000), .tv_nsec = (long)(epoch_ns % 1000000000)};

	if (epoch_ns > 0)
		(void)clock_settime(CLOCK_REALTIME, &now);
}

/* --- Files -------------------------------------------------------------------------------------------------------- */

static int add_file(struct arena *arena, struct config *config, const char *name, const char *contents, struct err *err)
{
	static const char *const options[] = {"bind", "nosuid", "nodev", "noexec"};
	struct config_mount *mount;
	char *source;
	int result;

	if (!contents)
		return 0;
	source = arena_printf(arena, AGENT_FILES "/%s", name);
	if (!source)
		return arena_check(arena, err);
	result = file_replace(AT_FDCWD, source, contents, strlen(contents), 0644, FILE_VOLATILE, err);
	if (result < 0)
		return result;
	mount = LIST_ADD(arena, &config->mounts);
	if (!mount)
		return arena_check(arena, err);
	*mount = (struct config_mount){
		.destination = arena_printf(arena, "/etc/%s", name),
		.type = "bind",
		.source = source,
	};
	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		if (strv_add(arena, &mount->options, options[i]) < 0)
			break;
	return arena_check(arena, err);
}

int wires_files(const struct guest_files *files, struct arena *arena, struct config *config, struct err *err)
{
	int result = add_file(arena, config, "hosts", files->hosts, err);

	if (result >= 0)
		result = add_file(arena, config, "hostname", files->hostname, err);
	if (result >= 0)
		result = add_file(arena, config, "resolv.conf", files->resolv_conf, err);
	return result;
}

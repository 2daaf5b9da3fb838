/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/publish.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "net/guard.h"
#include "net/nft.h"
#include "net/ruleset.h"
#include "runtime/base/arena.h"
#include "runtime/base/fd.h"
#include "runtime/base/file.h"

/* A line for a message: "127.0.0.1:8080/tcp". */
struct port_words {
	char words[32];
};

static struct port_words port_words(const struct net_port *port)
{
	struct port_words to;
	char address[16];

	snprintf(to.words, sizeof(to.words), "%s:%u/%s", address_words(ntohl(port->host_ip), address), port->host_port,
		 port->udp ? "udp" : "tcp");
	return to;
}

static int compare_ports(const void *a, const void *b)
{
	const struct net_port *left = *(const struct net_port *const *)a, *right = *(const struct net_port *const *)b;

	if (left->host_port != right->host_port)
		return left->host_port < right->host_port ? -1 : 1;
	if (left->udp != right->udp)
		return left->udp ? -1 : 1;
	return left->host_ip < right->host_ip ? -1 : left->host_ip > right->host_ip;
}

int publish_check(const struct net_port *ports, size_t count, struct err *err)
{
	CLEANUP_FREE const struct net_port **sorted = NULL;

	if (count > PUBLISH_MAX_PORTS)
		return err_say(err, EINVAL, "%zu ports to publish: at most %d are possible", count, PUBLISH_MAX_PORTS);
	sorted = calloc(count + 1, sizeof(*sorted));
	if (!sorted)
		return err_set(err, ENOMEM, "check ports");
	for (size_t i = 0; i < count; i++) {
		if (ports[i].host_port == 0 || ports[i].container_port == 0)
			return err_say(err, EINVAL, "port 0 cannot be published");
		sorted[i] = &ports[i];
	}
	qsort(sorted, count, sizeof(*sorted), compare_ports);
	for (size_t i = 1; i < count; i++) {
		if (compare_ports(&sorted[i - 1], &sorted[i]) == 0)
			return err_say(err, EINVAL, "port %s is to be published twice", port_words(sorted[i]).words);
	}
	return 0;
}

/* The two maps' keys, and where a port leads to. */
struct element {
	const struct nft_map *map;
	union {
		struct ruleset_any_key any;
		struct ruleset_at_key at;
	} key;
	struct ruleset_target target;
};

static struct element port_element(const struct net_port *port, uint32_t address)
{
	const uint8_t protocol = port->udp ? IPPROTO_UDP : IPPROTO_TCP;
	struct element element = {.map = port->host_ip ? &ruleset_at : &ruleset_any,
				  .target = {.address = htonl(address), .port = htons(port->container_port)}};

	if (port->host_ip)
		element.key.at = (struct ruleset_at_key){.address = port->host_ip,
							 .protocol = protocol,
							 .port = htons(port->host_port)};
	else
		element.key.any = (struct ruleset_any_key){.protocol = protocol, .port = htons(port->host_port)};
	return element;
}

/*
 * A process of the host that listens there would no longer be reached, and never know why: binding tells. A socket in
 * TIME_WAIT is no listener: SO_REUSEADDR looks past it (but for UDP it would look past real ones).
 */
static int check_host_port(const struct net_port *port, struct err *err)
{
	CLEANUP_FD int fd = socket(AF_INET, (port->udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, 0);
	const struct sockaddr_in address = {.sin_family = AF_INET,
					    .sin_addr.s_addr = port->host_ip,
					    .sin_port = htons(port->host_port)};

	if (fd < 0)
		return err_set(err, errno, "socket");
	if (!port->udp)
		(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
	if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
		return 0;
	if (errno == EADDRINUSE)
		return err_say(err, EADDRINUSE, "publish port %s: a process of the host has it",
			       port_words(port).words);
	if (errno == EADDRNOTAVAIL)
		return err_say(err, EADDRNOTAVAIL, "publish port %s: the host does not have that address",
			       port_words(port).words);
	return err_set(err, errno, "publish port %s", port_words(port).words);
}

struct file_name {
	char name[16];
};

static struct file_name ports_file(unsigned slot)
{
	struct file_name to;

	snprintf(to.name, sizeof(to.name), "ports-%x", slot);
	return to;
}

/* The file is an array of struct net_port: it is read by the same machine in the same boot. Missing: no ports. */
static int read_ports(struct arena *arena, const struct ipam *ipam, unsigned slot, const struct net_port **ret,
		      size_t *ret_count, struct err *err)
{
	struct err failed = ERR_INIT;
	char *data = NULL;
	size_t len = 0;
	int code = file_read(arena, ipam->dir_fd, ports_file(slot).name, PUBLISH_MAX_PORTS * sizeof(struct net_port),
			     &data, &len, &failed);

	*ret = (const struct net_port *)(const void *)data;
	*ret_count = code < 0 ? 0 : len / sizeof(struct net_port);
	if (code < 0 && code != -ENOENT)
		return err_say(err, -code, "read published ports: %s", failed.msg);
	return 0;
}

/*
 * Written in place: what a kill leaves of the file is a beginning of it, and every port in it is in the kernel. A
 * temporary name would be one more thing to leave behind.
 */
static int write_ports(const struct ipam *ipam, unsigned slot, const struct net_port *ports, size_t count)
{
	CLEANUP_FD int fd = openat(ipam->dir_fd, ports_file(slot).name,
				   O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);

	return fd < 0 ? -errno : fd_write_all(fd, ports, count * sizeof(*ports));
}

static void put_add(struct netlink_batch *batch, const struct net_port *port, uint32_t address)
{
	const struct element element = port_element(port, address);

	nft_element_add(batch, &ruleset_table, element.map, &element.key, &element.target);
}

static void put_delete(struct netlink_batch *batch, const struct net_port *port)
{
	const struct element element = port_element(port, 0);

	nft_element_delete(batch, &ruleset_table, element.map, &element.key);
}

static int delete_elements(struct netlink *netfilter, const struct net_port *ports, size_t count, struct err *err)
{
	struct err failed = ERR_INIT;
	int code = 0;

	for (size_t pass = 0; pass < 2; pass++) {
		/*
		 * All in one transaction; where one is missing (the ruleset was flushed) all would stay, so then one
		 * by one.
		 */
		size_t at_once = pass == 0 ? count : 1;

		for (size_t done = 0; done < count; done += at_once) {
			CLEANUP_NETLINK_BATCH struct netlink_batch batch = NETLINK_BATCH_INIT;

			nft_begin(&batch);
			for (size_t i = 0; i < at_once; i++)
				put_delete(&batch, &ports[done + i]);
			code = nft_commit(netfilter, &batch, NULL, &failed);
			if (code < 0 && code != -ENOENT)
				return err_say(err, -code, "take back published ports: %s", failed.msg);
		}
		if (code == 0)
			return 0;
	}
	return 0;
}

int publish_add(struct netlink *netfilter, const struct ipam *ipam, unsigned slot, const struct net_port *ports,
		size_t count, struct err *err)
{
	CLEANUP_NETLINK_BATCH struct netlink_batch batch = NETLINK_BATCH_INIT;
	struct netlink_failure failure = {0};
	struct err failed = ERR_INIT;
	int code;

	for (size_t i = 0; i < count; i++) {
		code = check_host_port(&ports[i], err);
		if (code < 0)
			return code;
	}
	nft_begin(&batch);
	for (size_t i = 0; i < count; i++)
		put_add(&batch, &ports[i], ipam_address(ipam, slot));
	code = nft_commit(netfilter, &batch, &failure, &failed);
	/* Message 0 begins the transaction, so port i is message i + 1. */
	if (code == -EEXIST && failure.message > 0 && failure.message <= count)
		return err_say(err, EADDRINUSE, "publish port %s: another instance has published it",
			       port_words(&ports[failure.message - 1]).words);
	if (code < 0)
		return err_say(err, -code, "publish ports: %s", failed.msg);
	code = write_ports(ipam, slot, ports, count);
	if (code < 0) {
		(void)unlinkat(ipam->dir_fd, ports_file(slot).name, 0);
		(void)delete_elements(netfilter, ports, count, NULL);
		return err_set(err, -code, "record published ports");
	}
	return 0;
}

int publish_remove(struct netlink *netfilter, const struct ipam *ipam, unsigned slot, struct err *err)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	const struct net_port *ports;
	size_t count;
	int ret = read_ports(&arena, ipam, slot, &ports, &count, err);

	if (ret < 0)
		return ret;
	if (unlinkat(ipam->dir_fd, ports_file(slot).name, 0) < 0 && errno != ENOENT)
		return err_set(err, errno, "forget published ports");
	return count > 0 ? delete_elements(netfilter, ports, count, err) : 0;
}

int publish_restore(struct netlink *netfilter, const struct ipam *ipam, struct err *err)
{
	CLEANUP_NETLINK_BATCH struct netlink_batch batch = NETLINK_BATCH_INIT;
	int ret;

	nft_begin(&batch);
	ruleset_put(&batch, ipam->bridge, &ipam->subnet);
	guard_put(&batch, ipam);
	for (unsigned slot = IPAM_FIRST_SLOT; slot <= IPAM_LAST_SLOT; slot++) {
		CLEANUP_ARENA struct arena arena = ARENA_INIT;
		const struct net_port *ports;
		size_t count;

		if (ipam_state(ipam, slot) != IPAM_HELD)
			continue;
		ret = read_ports(&arena, ipam, slot, &ports, &count, err);
		if (ret < 0)
			return ret;
		for (size_t i = 0; i < count; i++)
			put_add(&batch, &ports[i], ipam_address(ipam, slot));
	}
	if (nft_commit(netfilter, &batch, NULL, err) < 0)
		return err_wrap(err, "make nftables table '%s' (hull needs nf_tables with NAT, and of bridges)",
				ruleset_table.name);
	return 0;
}

int publish_forget(struct netlink *netfilter, const struct ipam *ipam, unsigned slot, struct err *err)
{
	if (unlinkat(ipam->dir_fd, ports_file(slot).name, 0) < 0)
		return errno == ENOENT ? 0 : err_set(err, errno, "forget published ports");
	return publish_purge(netfilter, ipam, err);
}

/* Elements of dead addresses, gathered while the map is listed, since a listing must not be changed under way. */
struct purge {
	const struct ipam *ipam;
	const struct nft_map *map;
	struct netlink_batch *batch;
	size_t found;
};

static int purge_element(const void *key, const void *data, void *context)
{
	struct purge *purge = context;
	const struct ruleset_target *target = data;
	unsigned slot = ipam_slot(purge->ipam, ntohl(target->address));

	if (slot != 0 && ipam_state(purge->ipam, slot) == IPAM_HELD)
		return 0;
	nft_element_delete(purge->batch, &ruleset_table, purge->map, key);
	purge->found++;
	return 0;
}

int publish_purge(struct netlink *netfilter, const struct ipam *ipam, struct err *err)
{
	static const struct nft_map *const maps[] = {&ruleset_any, &ruleset_at};
	CLEANUP_NETLINK_BATCH struct netlink_batch batch = NETLINK_BATCH_INIT;
	struct purge purge = {.ipam = ipam, .batch = &batch};

	nft_begin(&batch);
	for (size_t i = 0; i < ARRAY_SIZE(maps); i++) {
		struct err failed = ERR_INIT;
		int ret;

		purge.map = maps[i];
		ret = nft_elements(netfilter, &ruleset_table, maps[i], purge_element, &purge, &failed);
		if (ret == -ENOENT)
			return 0;
		if (ret < 0)
			return err_say(err, -ret, "%s", failed.msg);
	}
	if (purge.found == 0)
		return 0;
	if (nft_commit(netfilter, &batch, NULL, err) < 0)
		return err_wrap(err, "take back ports that lead nowhere");
	return 0;
}

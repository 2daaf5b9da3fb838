/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A network as users see it: attach an instance to it, detach it, and give back what nobody holds.
 *
 * There is one network now, "bridge": the bridge hull0 with a private subnet of its own, a veth pair for each
 * instance, NAT towards the outside and published ports. It is made when the first instance needs it and stays until
 * the machine goes down.
 *
 *     instance's namespace              the host's namespace
 *     eth0 10.98.0.7/20  ----veth----  hull0-7 -- hull0 10.98.0.1/20 -- routing, nftables table "hull" -- outside
 *
 * What is on disk: a folder of state (below /run: it dies with the boot, as interfaces do) that says who holds which
 * address and which ports. The kernel's interfaces and nftables elements are made from it. Whoever changes it holds
 * its lock; a process that is killed at any point leaves a state which net_collect() sets right.
 *
 * All functions are for root in the network namespace they are called from ("the host's"), and for a process with one
 * thread: some enter the instance's namespace for a moment. A process that cannot come back from there is told so by
 * -ENOTRECOVERABLE, and must end without doing anything else on the host's network.
 */
#ifndef HULL_NET_NETWORK_H
#define HULL_NET_NETWORK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/port.h"
#include "runtime/base/err.h"

#define NET_STATE_DIR	   "/run/hull/net"
#define NET_DEFAULT_NAME   "bridge"
#define NET_DEFAULT_BRIDGE "hull0"
#define NET_DEFAULT_IFNAME "eth0"
#define NET_INSTANCE_BYTES 120 /* the longest instance id that can hold an address, with its NUL */

/* Who wants to be attached to what. Strings belong to the caller; those that may be NULL say what NULL means. */
struct net_request {
	const char *instance; /* the holder: its id, shorter than NET_INSTANCE_BYTES */
	/* The network; NULL: NET_DEFAULT_NAME, which is also the only one there is: others are -ENOENT. */
	const char *name;
	const char *bridge;    /* the interface of network "bridge", at most 9 characters; NULL: NET_DEFAULT_BRIDGE */
	const char *state_dir; /* made (0700) when missing; NULL: NET_STATE_DIR */
	const char *ifname;    /* the interface's name inside; NULL: NET_DEFAULT_IFNAME */
	const struct net_port *ports;
	size_t port_count;
	const char *want_ip;  /* a free IPv4 address of the subnet; NULL: the next free one */
	const char *want_mac; /* "02:68:00:00:00:07", a unicast address; NULL: derived from the IP address */
	int mtu;	      /* 68 to 65535; 0: the kernel's default for veth, 1500 */
};

/* What an attached instance has. All NUL-terminated; kept in its record and given back to net_detach(). */
struct net_lease {
	char ip[46];	  /* "10.98.0.7" */
	char gateway[46]; /* hull0's address */
	char mac[18];
	char veth[16]; /* the host's end: its name belongs to the address, so no two instances share one */
	unsigned prefix_len;
};

/*
 * Checks what can be checked of a request without looking at the host or changing it: names, ids, addresses' form,
 * MTU, ports that are 0 or published twice. Pure; for the plan. net_attach() checks the same.
 */
int net_check(const struct net_request *request, struct err *err);

/*
 * Reads a host address of a published port: "" and "0.0.0.0" are 0 (every IPv4 address). Pure. For IPv6 addresses,
 * "::1" among them, it returns -EAFNOSUPPORT with words that say that publishing is for IPv4.
 */
int net_host_ip_parse(const char *words, uint32_t *ret_ip, struct err *err);

/*
 * Attaches an instance: an address, the veth pair with the peer made inside as `ifname`, address and default route
 * there, lo up, ports published. Makes the bridge, the subnet and the nftables table first where they are missing.
 * `netns_fd` is the instance's network namespace and stays the caller's; it may belong to a descendant user
 * namespace.
 *
 * IPv6 is turned off for interfaces made in that namespace from then on, and stays on for lo.
 *
 * On failure everything is undone but the bridge and the table, which are no instance's. Errors (all with words):
 *   -EADDRINUSE      a port is published already or a process of the host listens there, or want_ip is held
 *   -EADDRNOTAVAIL   host_ip is no address of this host, or want_ip is not in the subnet; every candidate subnet is in
 *                    use
 *   -EXFULL          the bridge has 1,023 instances
 *   -ENOTRECOVERABLE see above
 */
int net_attach(const struct net_request *request, int netns_fd, struct net_lease *ret, struct err *err);

/*
 * The same for a machine: its card is a tap on the bridge, whose descriptor (net/tap.h; non-blocking, CLOEXEC, the
 * caller's) its monitor gets. Nothing is configured behind it: the lease says what the machine's own kernel is to be
 * told. lease.veth is the tap's name. `ifname` is not looked at.
 */
int net_attach_tap(const struct net_request *request, int *ret_tap_fd, struct net_lease *ret, struct err *err);

/*
 * Takes the ports away at once and gives the address back, which becomes free when the veth is gone: the death of its
 * namespace takes it, a few ms after the last process, and nobody waits for that here. Idempotent: what the instance
 * does not hold (any more) is left alone, whoever has it by now. Without a lease (NULL: whoever attached it was killed
 * before it wrote the address down) the state is searched for the instance. The ports are those that the state knows;
 * `ports` and `port_count` are what the caller's record says, and are not looked at: a record may be older than the
 * state.
 *
 * 0.05 ms without published ports; with some about 10 ms, a grace period for which the kernel waits when the socket
 * that has deleted elements is closed. So tell whoever waits for the exit status first.
 */
int net_detach(const char *state_dir, const char *instance, const struct net_lease *lease, const struct net_port *ports,
	       size_t port_count, struct err *err);

/* Brings lo up in the namespace (-1: the process's own): all that `--network none` has. net_attach() does it too. */
int net_loopback_up(int netns_fd, struct err *err);

/*
 * Frees what no instance holds: for each holder that `is_held` denies, the ports at once, and the address when its
 * veth is gone. Also frees the addresses of detached instances whose veth is gone by now. `is_held` is called with
 * the state locked: it must not call functions of this header. Missing state is success.
 */
int net_collect(const char *state_dir, bool (*is_held)(const char *instance, void *context), void *context,
		struct err *err);

#endif

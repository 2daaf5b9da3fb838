/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Instances on the network of a small world (world.h). */
#ifndef HULL_TESTS_UNIT_NET_NETWORK_FIXTURE_H
#define HULL_TESTS_UNIT_NET_NETWORK_FIXTURE_H

#include "net/network.h"

#include <net/if.h>
#include <signal.h>
#include <time.h>

#include "net/ipam.h"
#include "tests/unit/net/world.h"

static struct err err;

#define ATTACH_OK(...)                                              \
	do {                                                        \
		if ((__VA_ARGS__) < 0) {                            \
			tap_fail(__FILE__, __LINE__, #__VA_ARGS__); \
			printf("#   %s\n", err.msg);                \
			return;                                     \
		}                                                   \
	} while (0)

/* Attaches a namespace made for it. `ports` may be NULL. */
static inline int attach(const char *instance, const struct net_port *ports, size_t count, int *ret_ns,
			 struct net_lease *lease)
{
	const struct net_request request = {.instance = instance,
					    .state_dir = world_state,
					    .ports = ports,
					    .port_count = count};
	int ret;

	*ret_ns = world_instance_ns();
	ret = net_attach(&request, *ret_ns, lease, &err);
	if (ret < 0) {
		close(*ret_ns);
		*ret_ns = -1;
	}
	return ret;
}

static inline struct net_port tcp(unsigned host_port, unsigned container_port)
{
	return (struct net_port){.host_port = (uint16_t)host_port, .container_port = (uint16_t)container_port};
}

/* The instances' count of used addresses, read as another process would. */
static inline unsigned used(void)
{
	CLEANUP_IPAM struct ipam ipam = IPAM_INIT;

	return ipam_open(&ipam, world_state, false, NULL) < 0 || ipam.fd < 0 ? 0 : ipam_used(&ipam);
}

#endif

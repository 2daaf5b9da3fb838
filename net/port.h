/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A published port as plain data: what a request names, what the maps and their record hold.
 */
#ifndef HULL_NET_PORT_H
#define HULL_NET_PORT_H

#include <stdbool.h>
#include <stdint.h>

/* A port of the host that leads to a port of the instance. */
struct net_port {
	uint32_t host_ip;	 /* in network order; 0: every address of the host, 127.0.0.1 among them */
	uint16_t host_port;	 /* in host order, not 0 */
	uint16_t container_port; /* in host order, not 0 */
	bool udp;		 /* else TCP */
};

#endif

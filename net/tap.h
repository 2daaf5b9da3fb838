/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A tap interface: what a machine's network card is on the host. It is not persistent: it goes with the last descriptor
 * of it.
 */
#ifndef HULL_NET_TAP_H
#define HULL_NET_TAP_H

#include "net/link.h"
#include "net/netlink.h"
#include "runtime/base/err.h"

/* What precedes each packet that is read or written: struct virtio_net_hdr_mrg_rxbuf. */
#define TAP_HEADER_BYTES 12

struct tap {
	const char *name;
	int master;	       /* the bridge that it becomes a port of */
	struct link_port port; /* what is behind it; the index is found here */
	uint32_t mtu;	       /* 0: the kernel's default */
};
/*
 * Makes it in the process's network namespace, which `netlink` is of, up and bound to its port's MAC address. The
 * descriptor: non-blocking, CLOEXEC, the caller's; -EEXIST: the name is taken; -EXFULL: the bridge has no port left;
 * -ENOENT or -EACCES with words where the host has no /dev/net/tun to give.
 */
int tap_open(struct netlink *netlink, const struct tap *tap, struct err *err);
/* Only the device, in the process's network namespace: down, and of no bridge. The same errors. */
int tap_open_device(const char *name, struct err *err);

#endif

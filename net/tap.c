/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/tap.h"

#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/ioctl.h>

#include "runtime/base/fd.h"
#include "runtime/base/text.h"

#define TUN_DEVICE "/dev/net/tun"

/* With headers, so that guest and host can leave checksums and segments to one another. */
int tap_open_device(const char *name, struct err *err)
{
	CLEANUP_FD int fd = open(TUN_DEVICE, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | IFF_TUN_EXCL};
	int header_bytes = TAP_HEADER_BYTES;

	if (fd < 0)
		return err_set(err, errno, "open '%s'", TUN_DEVICE);
	(void)text_copy(request.ifr_name, sizeof(request.ifr_name), name);
	if (ioctl(fd, TUNSETIFF, &request) < 0)
		return err_set(err, errno == EBUSY ? EEXIST : errno, "make tap '%s'", name);
	if (ioctl(fd, TUNSETVNETHDRSZ, &header_bytes) < 0)
		return err_set(err, errno, "tap '%s': set the size of headers", name);
	return fd_take(&fd);
}

static int join_bridge(struct netlink *netlink, const struct tap *tap, int index, struct err *err)
{
	CLEANUP_NETLINK_BATCH struct netlink_batch batch = NETLINK_BATCH_INIT;
	const struct ifinfomsg info = {.ifi_index = index, .ifi_flags = IFF_UP, .ifi_change = IFF_UP};

	netlink_begin(&batch, RTM_SETLINK, 0, &info, sizeof(info));
	/* Before it is up: an address of its own on the host is of no use. */
	link_put_no_ipv6(&batch);
	netlink_put_u32(&batch, IFLA_MASTER, (uint32_t)tap->master);
	if (tap->mtu)
		netlink_put_u32(&batch, IFLA_MTU, tap->mtu);
	if (netlink_run(netlink, &batch, NULL, NULL, NULL, err) < 0)
		return err_wrap(err, "make '%s' a port of the bridge", tap->name);
	return 0;
}

int tap_open(struct netlink *netlink, const struct tap *tap, struct err *err)
{
	CLEANUP_FD int fd = tap_open_device(tap->name, err);
	struct link_port port = tap->port;
	struct link link;
	int ret = fd;

	if (ret >= 0)
		ret = link_get(netlink, tap->name, &link, err);
	if (ret >= 0)
		ret = join_bridge(netlink, tap, link.index, err);
	if (ret >= 0) {
		port.index = link.index;
		ret = link_bind_port(netlink, &port, err);
	}
	return ret < 0 ? ret : fd_take(&fd);
}

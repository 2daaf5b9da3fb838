/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virtio-net on a tap (virtio 1.2, section 5.1): one pair of queues, mergeable receive buffers, checksum and
 * segmentation offloads passed through to the host's kernel, which checks every header that the guest writes. Frames to
 * the guest wait in the tap while it has no buffers, and its own wait in its queue while the tap takes none.
 */
#ifndef HULL_RUNTIME_VM_NIC_H
#define HULL_RUNTIME_VM_NIC_H

#include <linux/virtio_net.h>

#include "runtime/vm/virtio.h"

enum { NIC_RX, NIC_TX, NIC_QUEUES };

struct nic_frame;

struct nic {
	struct virtio_device device;
	struct virtqueue queues[NIC_QUEUES];
	int tap_fd;
	int vhost_fd; /* the host's kernel serves the queues (nic_vhost.h); -1: what is below does */
	struct virtio_net_config config;
	struct virtio_source tap;
	bool starved;		 /* the guest has no buffers: the tap is not asked for frames */
	bool blocked;		 /* the tap takes no more: the guest's frames wait in their queue */
	struct nic_frame *frame; /* on its way to the guest */
	uint64_t dropped;	 /* frames that the guest's buffers could not hold, or that the tap refused */
};

/*
 * `tap_fd`: a tap (IFF_TAP | IFF_NO_PI | IFF_VNET_HDR), non-blocking from now on; the device owns it, also when this
 * fails. `mac`: 6 bytes. -EINVAL when the descriptor is no such tap.
 */
int nic_open(struct nic *nic, int tap_fd, const uint8_t mac[static 6], struct loop *loop,
	     const struct guest_memory *memory, struct err *err);
/* After the transport was closed. */
void nic_close(struct nic *nic);

/*
 * For who serves the queues elsewhere. When the driver is ready: the tap gives it unfinished frames of the kinds that
 * it takes, and no others.
 */
int nic_set_offloads(const struct nic *nic, struct err *err);
void nic_config_read(struct virtio_device *device, uint32_t offset, void *to, size_t len);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virtio-net on a tap (virtio 1.2, section 5.1): one pair of queues, mergeable receive buffers, checksum and segmentation offloads passed through to the
 * host's kernel, which checks every header that the guest writes. Where /dev/vhost-net was handed over, that serves the queues.
 */
#ifndef HULL_RUNTIME_VM_NIC_H
#define HULL_RUNTIME_VM_NIC_H

#include <linux/virtio_net.h>

#include "runtime/vm/virtio.h"

enum { NIC_RX, NIC_TX, NIC_QUEUES };

/* The largest frame that comes with segmentation offloaded, and its header in front. */
#define NIC_FRAME_BYTES (65550U + sizeof(struct virtio_net_hdr_mrg_rxbuf))

struct nic {
	struct virtio_device device;
	struct virtqueue queues[NIC_QUEUES];
	int tap_fd;
	int vhost_fd; /* -1: the frames go through this process */
	struct virtio_net_config config;
	struct virtio_source tap_in;  /* while the guest has buffers */
	struct virtio_source tap_out; /* while the tap takes no more */
	size_t waiting_bytes;	      /* of `frame`: a frame for which the guest has no buffers yet */
	uint8_t *frame;		      /* NIC_FRAME_BYTES */
	uint64_t dropped;	      /* frames that fit into no buffers of the guest's, or that the tap refused */
};

/*
 * `tap_fd`: a tap (IFF_TAP | IFF_NO_PI | IFF_VNET_HDR, one queue), non-blocking from now on; `vhost_fd`: an open /dev/vhost-net, or -1. The device owns
 * both from now on, also when this fails. `mac`: 6 bytes. -EINVAL when the descriptor is no such tap.
 */
int nic_open(struct nic *nic, int tap_fd, int vhost_fd, const uint8_t mac[static 6], struct loop *loop,
	     const struct guest_memory *memory, struct err *err);
/* After the transport was closed. */
void nic_close(struct nic *nic);

#endif

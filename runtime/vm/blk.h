/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virtio-blk (virtio 1.2, section 5.2) over a raw image: a regular file or a block device, by descriptor. There is no
 * other format, and nothing in the image is looked at.
 *
 * Requests go through an io_uring of the device's own where the kernel has one, so that a slow disk holds up nobody
 * else; else they are done one by one in the loop's thread. The ring can do nothing but read, write, sync and
 * deallocate on this one descriptor, and is made before the thread's filter is in place: that needs io_uring_enter(2)
 * alone, in the loop's thread and in vCPU threads (a reset waits for what is in flight). Without a ring: preadv2,
 * pwritev2, fdatasync, fallocate.
 */
#ifndef HULL_RUNTIME_VM_BLK_H
#define HULL_RUNTIME_VM_BLK_H

#include <linux/virtio_blk.h>

#include "runtime/vm/virtio.h"

#define BLK_MAX_QUEUES 4U
/* Requests in flight, over all queues; what comes beyond waits in the queues. */
#define BLK_MAX_FLIGHTS 64U

struct blk_ring;

struct blk_disk {
	int fd;		    /* the device's from now on, also when blk_open() fails */
	bool read_only;	    /* the guest's writes fail; `fd` should be open for reading only */
	const char *serial; /* at most VIRTIO_BLK_ID_BYTES characters, how the guest finds it; copied */
	unsigned queues;    /* 1..BLK_MAX_QUEUES: one for each vCPU is plenty */
	bool no_ring;	    /* io_uring is not even tried */
};

/* A request whose outcome is not known yet. */
struct blk_flight {
	uint8_t *status; /* where the driver wants to know, in guest memory; NULL: nobody uses this flight */
	uint32_t bytes;	 /* that have to be transferred */
	uint16_t head;
	uint8_t queue;
	bool into_guest;
};

struct blk {
	struct virtio_device device;
	struct virtqueue queues[BLK_MAX_QUEUES];
	struct virtio_blk_config config;
	int fd;
	bool read_only;
	char serial[VIRTIO_BLK_ID_BYTES];
	struct blk_ring *ring;	      /* NULL: there is none */
	struct virtio_source landing; /* requests of the ring have ended */
	struct blk_flight flights[BLK_MAX_FLIGHTS];
	unsigned in_flight;
	unsigned waiting_queues; /* a mask: those that have more than there were flights for */
};

/* -EINVAL: no regular file or block device, or its size is no multiple of 512 bytes, or the serial is too long. */
int blk_open(struct blk *blk, const struct blk_disk *disk, struct loop *loop, const struct guest_memory *memory,
	     struct err *err);
/* After the transport was closed; waits for what is in flight. */
void blk_close(struct blk *blk);

#endif

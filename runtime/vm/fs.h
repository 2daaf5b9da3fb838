/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virtio-fs in the monitor (virtio 1.2, section 5.11): a vhost-user front end. It hands guest memory, the rings' places and the descriptors for kicks
 * and interrupts to the server's process (fs_server.h) and is out of the way from then on.
 */
#ifndef HULL_RUNTIME_VM_FS_H
#define HULL_RUNTIME_VM_FS_H

#include "runtime/vm/virtio.h"

#define FS_QUEUES    2U /* FORGET and INTERRUPT have one of their own, all else the other */
#define FS_TAG_BYTES 36

struct fs_device {
	struct virtio_device device;
	struct virtqueue queues[FS_QUEUES];
	int socket_fd; /* the device's own */
	char tag[FS_TAG_BYTES + 1];
	unsigned running;	   /* a bit for each queue that the server was given */
	struct virtio_source gone; /* the server's end of the socket closes */
};

/*
 * `socket_fd` leads to the server; the device owns it from now on, also when this fails. `tag`: 1..36 bytes, what the guest mounts. Talks to the
 * server (it must be running) to learn what it can. -EINVAL, -EPROTO, -ECONNRESET.
 */
int fs_device_open(struct fs_device *fs, int socket_fd, const char *tag, struct loop *loop,
		   const struct guest_memory *memory, struct err *err);
/* After the transport was closed. */
void fs_device_close(struct fs_device *fs);

#endif

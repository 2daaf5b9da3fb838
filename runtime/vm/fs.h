/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virtio-fs in the monitor (virtio 1.2, section 5.11): a vhost-user front end. It hands guest memory, the rings' places
 * and the descriptors for kicks and interrupts to the server's process (fs_server.h) and is out of the way from then
 * on.
 *
 * What it asks the server (when it is opened, and when the driver starts or resets it) is asked with the device's lock
 * held, by a processor's thread that stands still meanwhile; so do others that come to the same device. So the server
 * has some time to answer, and if it does not, the machine cannot go on: nobody knows any more whether it still writes
 * into the guest's memory.
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
	unsigned running; /* a bit for each queue that the server was given */
	void (*silent)(void *user, const struct err *err);
	void *user;
	struct virtio_source gone; /* the server's end of the socket closes */
};

struct fs_device_config {
	int socket_fd;	      /* leads to the server; the device owns it from now on, also when opening it fails */
	const char *tag;      /* 1..36 bytes, what the guest mounts */
	unsigned patience_ms; /* for each answer; 0: VHOST_USER_PATIENCE_MS */
	/*
	 * The server has not answered in time: called once, from any thread, with words, and with the device's lock
	 * held. May be NULL.
	 */
	void (*silent)(void *user, const struct err *err);
	void *user;
};

/* Talks to the server (it must be running) to learn what it can. -EINVAL, -EPROTO, -ECONNRESET, -ETIMEDOUT. */
int fs_device_open(struct fs_device *fs, const struct fs_device_config *config, struct loop *loop,
		   const struct guest_memory *memory, struct err *err);
/* After the transport was closed. */
void fs_device_close(struct fs_device *fs);

#endif

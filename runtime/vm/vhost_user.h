/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The messages of vhost-user (the protocol's document is QEMU's docs/interop/vhost-user): how a machine hands a
 * device's queues to another process. A message is a header, a payload, and descriptors beside its first byte. Both
 * ends of it are here; what they mean is vhost_user_backend.c's and fs.c's.
 */
#ifndef HULL_RUNTIME_VM_VHOST_USER_H
#define HULL_RUNTIME_VM_VHOST_USER_H

#include <stdint.h>

#include "runtime/base/err.h"

/*
 * How long either end waits for the other: for the rest of a message, for room to send one, and a front end for a
 * reply. A server is one thread, which a slow disk may hold up; but whoever asks it holds up others.
 */
#define VHOST_USER_PATIENCE_MS 30000U

#define VHOST_USER_MAX_REGIONS	8U
#define VHOST_USER_MAX_FDS	8U
#define VHOST_USER_CONFIG_BYTES 256U

enum vhost_user_request {
	VHOST_USER_GET_FEATURES = 1,
	VHOST_USER_SET_FEATURES = 2,
	VHOST_USER_SET_OWNER = 3,
	VHOST_USER_RESET_OWNER = 4,
	VHOST_USER_SET_MEM_TABLE = 5,
	VHOST_USER_SET_VRING_NUM = 8,
	VHOST_USER_SET_VRING_ADDR = 9,
	VHOST_USER_SET_VRING_BASE = 10,
	VHOST_USER_GET_VRING_BASE = 11,
	VHOST_USER_SET_VRING_KICK = 12,
	VHOST_USER_SET_VRING_CALL = 13,
	VHOST_USER_SET_VRING_ERR = 14,
	VHOST_USER_GET_PROTOCOL_FEATURES = 15,
	VHOST_USER_SET_PROTOCOL_FEATURES = 16,
	VHOST_USER_GET_QUEUE_NUM = 17,
	VHOST_USER_SET_VRING_ENABLE = 18,
	VHOST_USER_REQUESTS
};

/* Of the header's flags. */
#define VHOST_USER_VERSION	1U
#define VHOST_USER_VERSION_MASK 3U
#define VHOST_USER_IS_REPLY	(1U << 2)
#define VHOST_USER_NEED_REPLY	(1U << 3)

/* Numbers of bits. The first one is a virtio feature, which says that the others can be asked for. */
#define VHOST_USER_F_PROTOCOL_FEATURES	30U
#define VHOST_USER_PROTOCOL_F_MQ	0U
#define VHOST_USER_PROTOCOL_F_REPLY_ACK 3U

/* In the payload of KICK, CALL and ERR: the queue's number, and whether there is no descriptor. */
#define VHOST_USER_VRING_INDEX UINT64_C(0xff)
#define VHOST_USER_VRING_NO_FD (UINT64_C(1) << 8)

struct vhost_user_region {
	uint64_t gpa;
	uint64_t bytes;
	uint64_t front_address; /* where the front end has it: rings are named by such addresses */
	uint64_t file_offset;
};

struct vhost_user_vring {
	uint32_t index;
	uint32_t value;
};

struct vhost_user_vring_addresses {
	uint32_t index;
	uint32_t flags;
	uint64_t descriptors, used, available, log; /* addresses of the front end */
};

struct vhost_user_memory {
	uint32_t count;
	uint32_t padding;
	struct vhost_user_region regions[VHOST_USER_MAX_REGIONS];
};

struct vhost_user_message {
	struct {
		uint32_t request; /* enum vhost_user_request */
		uint32_t flags;
		uint32_t bytes; /* of the payload */
	} header;
	union {
		uint64_t number;
		struct vhost_user_vring vring;
		struct vhost_user_vring_addresses addresses;
		struct vhost_user_memory memory;
	} payload;
	int fds[VHOST_USER_MAX_FDS]; /* -1: none, or taken */
	unsigned fd_count;
};

/* What came with a message and was not taken is closed. */
void vhost_user_drop(struct vhost_user_message *message);

/* Sets how long both functions below wait on this socket. */
int vhost_user_set_patience(int socket_fd, unsigned patience_ms, struct err *err);

/*
 * The next message, whole; waits for it. Payloads longer than any that is known are refused. 1; 0: the peer is gone;
 * -ETIMEDOUT: it does not go on, -EPROTO, -errno. The descriptors are the caller's (vhost_user_drop()).
 */
int vhost_user_receive(int socket_fd, struct vhost_user_message *message, struct err *err);
/* Sends it with its descriptors, which stay the caller's. Never raises SIGPIPE. -ETIMEDOUT: the peer does not read. */
int vhost_user_send(int socket_fd, const struct vhost_user_message *message, struct err *err);

#endif

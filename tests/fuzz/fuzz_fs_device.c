/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The device for shared directories between two who mean it no good: a server that answers whatever it likes, with
 * descriptors beside it or in pieces, and a guest that writes registers and the configuration space in any order. The
 * device keeps no descriptor, and promises the guest no more than it has.
 *
 * Input: a byte that says whether the server's greeting is right; then steps, each a byte that says what happens, and
 * what that needs. What the server says lies in the socket before it is asked: where it says nothing the device hears
 * so at once, since its end does not wait.
 */
#include <fcntl.h>
#include <linux/virtio_fs.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/base/scope.h"
#include "runtime/base/socket.h"
#include "runtime/vm/fs.h"
#include "runtime/vm/vhost_user.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/vm/guest_driver.h"

#define MEMORY_BYTES (64U * 1024)
#define STEPS	     40
#define MAX_FDS	     16U  /* more than a message may have */
#define MAX_PAYLOAD  600U /* the same */
#define MAX_OPEN     128
#define TAG	     "data"
#define FEATURES     (VIRTIO_FEATURES_ALWAYS | VIRTIO_BIT(VHOST_USER_F_PROTOCOL_FEATURES))
#define PROTOCOL     (VIRTIO_BIT(VHOST_USER_PROTOCOL_F_MQ) | VIRTIO_BIT(VHOST_USER_PROTOCOL_F_REPLY_ACK))

static struct {
	const uint8_t *data;
	size_t size;
} input;

static struct {
	struct guest guest;
	struct fs_device fs;
	int server_fd; /* -1: gone */
	int event_fd;
} world;

static uint32_t take(unsigned bytes)
{
	uint32_t value = 0;

	for (; bytes > 0 && input.size > 0; bytes--, input.size--)
		value = value << 8 | *input.data++;
	return value;
}

/* --- the server --------------------------------------------------------------------------------------------------- */

static void server_replies(enum vhost_user_request request, uint64_t number)
{
	struct vhost_user_message message = {
		.header = {request, VHOST_USER_VERSION | VHOST_USER_IS_REPLY, sizeof(message.payload.number)},
		.payload.number = number,
	};
	struct err err = ERR_INIT;

	if (world.server_fd >= 0)
		(void)vhost_user_send(world.server_fd, &message, &err);
}

/* Bytes, and descriptors beside the first of them. */
static void server_sends(void *bytes, size_t len, unsigned fd_count)
{
	struct iovec part = {.iov_base = bytes, .iov_len = len};
	union {
		char bytes[CMSG_SPACE(MAX_FDS * sizeof(int))];
		struct cmsghdr align;
	} control = {{0}};
	struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1};

	if (fd_count > 0) {
		struct cmsghdr *rights = &control.align;

		header.msg_control = &control;
		header.msg_controllen = CMSG_SPACE(fd_count * sizeof(int));
		*rights = (struct cmsghdr){CMSG_LEN(fd_count * sizeof(int)), SOL_SOCKET, SCM_RIGHTS};
		for (unsigned i = 0; i < fd_count; i++)
			memcpy(CMSG_DATA(rights) + i * sizeof(int), &world.event_fd, sizeof(int));
	}
	if (world.server_fd >= 0)
		(void)!sendmsg(world.server_fd, &header, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* A reply that may differ from the right one in each of its parts: its length, too, may be one that no message has. */
static void step_reply(void)
{
	struct {
		uint32_t request, flags, bytes;
		uint8_t payload[MAX_PAYLOAD];
	} reply = {.flags = VHOST_USER_VERSION | VHOST_USER_IS_REPLY, .bytes = sizeof(uint64_t)};
	uint32_t how;

	reply.request = take(1) % (VHOST_USER_REQUESTS + 2);
	how = take(1);
	if (how & 1)
		reply.flags = take(1);
	if (how & 2)
		reply.bytes = take(2) % MAX_PAYLOAD;
	for (uint32_t i = 0; i < reply.bytes && i < sizeof(uint64_t); i++)
		reply.payload[i] = (uint8_t)take(1);
	server_sends(&reply, offsetof(typeof(reply), payload) + reply.bytes, how >> 2 & (MAX_FDS - 1));
}

static void step_bytes(void)
{
	uint8_t bytes[64];
	size_t len = take(1) % sizeof(bytes);

	for (size_t i = 0; i < len; i++)
		bytes[i] = (uint8_t)take(1);
	server_sends(bytes, len, take(1) % 2);
}

/* What a driver's start, or its reset, asks the server. */
static void step_right_replies(void)
{
	for (unsigned i = 0; i < FS_QUEUES; i++)
		server_replies(take(1) & 1 ? VHOST_USER_GET_VRING_BASE : VHOST_USER_SET_VRING_ENABLE, 0);
}

static void step_server_goes(void)
{
	if (world.server_fd >= 0)
		(void)close(world.server_fd);
	world.server_fd = -1;
}

/* --- the guest ---------------------------------------------------------------------------------------------------- */

/* So that there is room for the device's next words. */
static void server_listens(void)
{
	uint8_t drained[4096];

	if (world.server_fd < 0)
		return;
	while (recv(world.server_fd, drained, sizeof(drained), MSG_DONTWAIT) > 0)
		;
}

static void step_start(void)
{
	world.guest.next_gpa = GUEST_MEMORY_GPA;
	(void)guest_start(&world.guest, take(1) & 1 ? ~0ULL : (uint64_t)take(4) << 16, 8);
}

static void step_write(void)
{
	uint64_t value = (uint64_t)take(4) << 32 | take(4);
	uint32_t offset = take(2) % 0x180;

	virtio_mmio_write(&world.guest.mmio, offset, &value, 1U << take(1) % 4);
}

static void step_read(void)
{
	static const uint8_t nothing[8];
	uint64_t value = 0;
	uint32_t how = take(1), bytes = 1U << how % 4;
	uint32_t offset = how & 0x80 ? 0x100 + take(1) % 64 : take(2) % 0x180;

	virtio_mmio_read(&world.guest.mmio, offset, &value, bytes);
	/* Behind the configuration there is nothing to be seen. */
	if (offset >= 0x100 + sizeof(struct virtio_fs_config))
		fuzz_want(memcmp(&value, nothing, bytes) == 0, "something behind the configuration");
}

static void step_reset(void)
{
	guest_reset(&world.guest);
}

static void step_kick(void)
{
	guest_write32(&world.guest, 0x50, take(1) % 4);
}

static void (*const steps[])(void) = {
	step_reply, step_bytes, step_right_replies, step_right_replies, step_start,
	step_write, step_read,	step_reset,	    step_kick,		step_server_goes,
};

static void check_promises(void)
{
	char tag[FS_TAG_BYTES] = TAG;
	struct virtio_fs_config config;

	guest_config(&world.guest, 0, &config, sizeof(config));
	fuzz_want(memcmp(config.tag, tag, sizeof(tag)) == 0, "another tag");
	fuzz_want(config.num_request_queues == FS_QUEUES - 1, "another number of queues");
	fuzz_want((world.fs.device.offered & ~VIRTIO_FEATURES_ALWAYS) == 0, "features that the device does not have");
	fuzz_want((world.fs.device.features & ~world.fs.device.offered) == 0, "features that were not offered");
}

static void greet(uint32_t how)
{
	if (how & 1) {
		server_replies(VHOST_USER_GET_FEATURES, how & 2 ? FEATURES : ~UINT64_C(0));
		server_replies(VHOST_USER_GET_PROTOCOL_FEATURES, how & 4 ? PROTOCOL : ~UINT64_C(0));
		return;
	}
	for (uint32_t i = 0; i < 1 + (how >> 1 & 3); i++)
		(how & 0x10 ? step_bytes : step_reply)();
}

static void run(int device_fd)
{
	struct fs_device_config config = {.socket_fd = device_fd, .tag = TAG};
	struct err err = ERR_INIT;

	greet(take(1));
	if (fs_device_open(&world.fs, &config, &world.guest.loop, &world.guest.memory, &err) < 0) {
		fuzz_want(err.code > 0 && err.msg[0], "a failure without words");
		return;
	}
	guest_attach(&world.guest, &world.fs.device);
	for (int i = 0; i < STEPS && input.size > 0; i++) {
		server_listens();
		steps[take(1) % ARRAY_SIZE(steps)]();
		(void)guest_turn(&world.guest, 0);
		check_promises();
	}
	virtio_mmio_close(&world.guest.mmio);
	world.guest.device = NULL;
	fs_device_close(&world.fs);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned before = fuzz_open_descriptors(MAX_OPEN);
	struct err err = ERR_INIT;
	int pair[2];

	(void)signal(SIGPIPE, SIG_IGN);
	input.data = data;
	input.size = size;
	guest_open_shared(&world.guest, MEMORY_BYTES);
	world.event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (world.event_fd < 0 || sock_pair(pair, &err) < 0)
		abort();
	(void)fd_set_nonblock(pair[0], true);
	(void)fd_set_nonblock(pair[1], true);
	world.server_fd = pair[1];
	run(pair[0]);
	step_server_goes();
	(void)close(world.event_fd);
	guest_close(&world.guest);
	fuzz_want(fuzz_open_descriptors(MAX_OPEN) == before, "a descriptor is left");
	return 0;
}

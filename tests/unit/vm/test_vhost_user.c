/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A back end and what front ends say to it, in order, out of order, and against all rules. */
#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/base/scope.h"
#include "runtime/base/socket.h"
#include "runtime/vm/vhost_user_backend.h"
#include "tests/unit/tap.h"

#define BYTES 65536U
#define GPA   0x10000U
#define FRONT 0x7f0000000000U

static struct {
	struct loop loop;
	struct vhost_user_backend backend;
	int fd, memory_fd, kick_fd, call_fd;
	uint8_t *memory;
	bool gone;
	struct err failure;
	unsigned served;
} world;

static uint32_t serve(struct vhost_user_backend *backend, const struct vq_chain *chain)
{
	(void)backend;
	world.served++;
	return (uint32_t)vq_chain_write(chain, 0, "served", 6);
}

static void gone(struct vhost_user_backend *backend, const struct err *failure)
{
	(void)backend;
	world.gone = true;
	if (failure)
		world.failure = *failure;
}

static const struct vhost_user_ops ops = {.queues = 2, .serve = serve, .gone = gone};

static void begin(void)
{
	struct err err = ERR_INIT;
	int pair[2];

	memset(&world, 0, sizeof(world));
	CHECK_INT(loop_open(&world.loop, &err), 0);
	CHECK_INT(sock_pair(pair, &err), 0);
	world.fd = pair[1];
	CHECK_INT(vhost_user_backend_open(&world.backend, &ops, pair[0], &world.loop, &err), 0);
	world.memory_fd = memfd_create("guest", MFD_CLOEXEC);
	CHECK_INT(ftruncate(world.memory_fd, BYTES), 0);
	world.memory = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, world.memory_fd, 0);
	CHECK(world.memory != MAP_FAILED);
	world.kick_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	world.call_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

static void finish(void)
{
	close(world.fd);
	vhost_user_backend_close(&world.backend);
	loop_close(&world.loop);
	CHECK_INT(munmap(world.memory, BYTES), 0);
	close(world.memory_fd);
	close(world.kick_fd);
	close(world.call_fd);
}

static void turn(void)
{
	struct err err = ERR_INIT;

	while (!world.gone && loop_turn(&world.loop, 0, &err) > 0)
		continue;
}

static void tell(uint32_t request, const void *payload, uint32_t bytes, int fd)
{
	struct vhost_user_message message = {
		.header = {.request = request, .flags = VHOST_USER_VERSION, .bytes = bytes}};
	struct err err = ERR_INIT;

	memcpy(&message.payload, payload, bytes);
	if (fd >= 0)
		message.fds[message.fd_count++] = fd;
	CHECK_INT(vhost_user_send(world.fd, &message, &err), 0);
	turn();
}

static void tell_vring(uint32_t request, uint32_t index, uint32_t value)
{
	tell(request, &(struct vhost_user_vring){index, value}, sizeof(struct vhost_user_vring), -1);
}

static void tell_number(uint32_t request, uint64_t number, int fd)
{
	tell(request, &number, sizeof(number), fd);
}

static void tell_memory(struct vhost_user_region region, int fd)
{
	struct vhost_user_memory table = {.count = 1, .regions = {region}};

	tell(VHOST_USER_SET_MEM_TABLE, &table, sizeof(table), fd);
}

static const struct vhost_user_region good_region = {GPA, BYTES, FRONT, 0};
static const struct vhost_user_vring_addresses good_ring = {.index = 1,
							    .descriptors = FRONT,
							    .available = FRONT + 0x1000,
							    .used = FRONT + 0x2000};

static void tell_ring(struct vhost_user_vring_addresses ring)
{
	tell(VHOST_USER_SET_VRING_ADDR, &ring, sizeof(ring), -1);
}

static uint64_t reply_number(uint32_t request)
{
	struct vhost_user_message message;
	struct err err = ERR_INIT;

	CHECK_INT(vhost_user_receive(world.fd, &message, &err), 1);
	CHECK_INT(message.header.request, request);
	CHECK(message.header.flags & VHOST_USER_IS_REPLY);
	return message.payload.number;
}

static void set_up(void)
{
	tell_number(VHOST_USER_SET_FEATURES, UINT64_C(1) << VIRTIO_F_VERSION_1 | 1U << VHOST_USER_F_PROTOCOL_FEATURES,
		    -1);
	tell_number(VHOST_USER_SET_PROTOCOL_FEATURES, 1U << VHOST_USER_PROTOCOL_F_REPLY_ACK, -1);
	tell_memory(good_region, world.memory_fd);
	tell_vring(VHOST_USER_SET_VRING_NUM, 1, 4);
	tell_vring(VHOST_USER_SET_VRING_BASE, 1, 0);
	tell_ring(good_ring);
	tell_number(VHOST_USER_SET_VRING_KICK, 1, world.kick_fd);
	tell_number(VHOST_USER_SET_VRING_CALL, 1, world.call_fd);
}

/* A request of one buffer, as available entry number `index`. */
static void offer(uint16_t index)
{
	struct vring_desc desc = {.addr = GPA + 0x3000, .len = 16, .flags = VRING_DESC_F_WRITE};
	uint16_t *available = (uint16_t *)(void *)(world.memory + 0x1000);
	uint64_t one = 1;

	memcpy(world.memory, &desc, sizeof(desc));
	available[2 + index % 4] = 0;
	available[1] = (uint16_t)(index + 1);
	CHECK_INT(write(world.kick_fd, &one, sizeof(one)), sizeof(one));
	turn();
}

static uint16_t used_index(void)
{
	return ((uint16_t *)(void *)(world.memory + 0x2000))[1];
}

static void test_a_ring_is_served(void)
{
	uint64_t calls = 0;

	begin();
	set_up();
	offer(0);
	/* Not before it is enabled. */
	CHECK_INT(world.served, 0);
	tell_vring(VHOST_USER_SET_VRING_ENABLE, 1, 1);
	turn();
	CHECK_INT(world.served, 1);
	CHECK_INT(used_index(), 1);
	CHECK_STR((char *)world.memory + 0x3000, "served");
	CHECK_INT(read(world.call_fd, &calls, sizeof(calls)), sizeof(calls));
	/* Memory told anew while it runs: it goes on where it was. */
	tell_memory(good_region, world.memory_fd);
	offer(1);
	CHECK_INT(used_index(), 2);
	tell_vring(VHOST_USER_GET_VRING_BASE, 1, 0);
	CHECK_INT(reply_number(VHOST_USER_GET_VRING_BASE) >> 32, 2);
	offer(2);
	CHECK_INT(used_index(), 2);
	/* And on from there. */
	tell_vring(VHOST_USER_SET_VRING_BASE, 1, 2);
	tell_ring(good_ring);
	tell_number(VHOST_USER_SET_VRING_KICK, 1, world.kick_fd);
	turn();
	CHECK_INT(used_index(), 3);
	CHECK(!world.gone);
	finish();
	CHECK_INT(world.failure.code, 0);
}

static void test_questions(void)
{
	struct vhost_user_message message = {.header = {VHOST_USER_SET_VRING_NUM,
							VHOST_USER_VERSION | VHOST_USER_NEED_REPLY,
							sizeof(struct vhost_user_vring)}};
	struct err err = ERR_INIT;

	begin();
	tell_number(VHOST_USER_GET_FEATURES, 0, -1);
	CHECK(reply_number(VHOST_USER_GET_FEATURES) & 1U << VHOST_USER_F_PROTOCOL_FEATURES);
	tell_number(VHOST_USER_GET_QUEUE_NUM, 0, -1);
	CHECK_INT(reply_number(VHOST_USER_GET_QUEUE_NUM), 2);
	set_up();
	/* With an acknowledgement a refusal is an answer, not the end. */
	message.payload.vring = (struct vhost_user_vring){7, 4};
	CHECK_INT(vhost_user_send(world.fd, &message, &err), 0);
	turn();
	CHECK_INT(reply_number(VHOST_USER_SET_VRING_NUM), 1);
	message.payload.vring = (struct vhost_user_vring){0, 4};
	CHECK_INT(vhost_user_send(world.fd, &message, &err), 0);
	turn();
	CHECK_INT(reply_number(VHOST_USER_SET_VRING_NUM), 0);
	CHECK(!world.gone);
	finish();
}

#define ENDS(words)                                  \
	do {                                         \
		CHECK(world.gone);                   \
		CHECK_HAS(world.failure.msg, words); \
		finish();                            \
	} while (0)

static void test_bad_memory(void)
{
	static const struct vhost_user_region bad[] = {
		{GPA, BYTES + 4096, FRONT, 0},
		{GPA, BYTES, FRONT, 4096},
		{GPA, 0, FRONT, 0},
		{GPA, 100, FRONT, 0},
		{GPA, 4096, FRONT, 100},
		{UINT64_MAX - 100, 4096, FRONT, 0},
		{GPA, 4096, UINT64_MAX - 100, 0},
		{GPA, UINT64_MAX - 4095, FRONT, 4096},
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		begin();
		tell_memory(bad[i], world.memory_fd);
		ENDS("map guest memory");
	}
	begin();
	tell_memory(good_region, world.call_fd);
	ENDS("map guest memory");
	begin();
	tell_memory(good_region, -1);
	ENDS("1 regions and 0 descriptors");
	begin();
	tell(VHOST_USER_SET_MEM_TABLE, &(struct vhost_user_memory){.count = 9}, sizeof(struct vhost_user_memory),
	     world.memory_fd);
	ENDS("9 regions");
	begin();
	tell(VHOST_USER_SET_MEM_TABLE, &(struct vhost_user_memory){.count = 1}, 8, world.memory_fd);
	ENDS("1 regions");
}

static void test_bad_rings(void)
{
	struct vhost_user_vring_addresses bad[4] = {good_ring, good_ring, good_ring, good_ring};

	bad[0].descriptors = FRONT + BYTES;
	bad[1].used = FRONT - 16;
	bad[2].available = FRONT + BYTES - 4;
	bad[3].descriptors = FRONT + 8;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		begin();
		set_up();
		tell_ring(bad[i]);
		tell_vring(VHOST_USER_SET_VRING_ENABLE, 1, 1);
		ENDS("not in the guest's memory");
	}
	begin();
	set_up();
	tell_vring(VHOST_USER_SET_VRING_NUM, 1, 1025);
	ENDS("1025 slots");
	begin();
	set_up();
	tell_vring(VHOST_USER_SET_VRING_BASE, 1, 65536);
	ENDS("begins at 65536");
	/* A chain that is none: the queue is broken, the connection is not. */
	begin();
	set_up();
	tell_vring(VHOST_USER_SET_VRING_ENABLE, 1, 1);
	world.memory[0x1000 + 4] = 77;
	((uint16_t *)(void *)(world.memory + 0x1000))[1] = 1;
	CHECK_INT(write(world.kick_fd, &(uint64_t){1}, 8), 8);
	turn();
	CHECK_INT(world.served, 0);
	CHECK(!world.gone && world.backend.queues[1].queue.broken);
	finish();
}

static void test_bad_numbers(void)
{
	static const uint32_t of_queues[] = {VHOST_USER_SET_VRING_NUM, VHOST_USER_SET_VRING_BASE,
					     VHOST_USER_GET_VRING_BASE, VHOST_USER_SET_VRING_ENABLE};

	for (size_t i = 0; i < ARRAY_SIZE(of_queues); i++) {
		begin();
		tell_vring(of_queues[i], 2, 0);
		ENDS("no queue 2");
	}
	for (uint32_t request = VHOST_USER_SET_VRING_KICK; request <= VHOST_USER_SET_VRING_ERR; request++) {
		begin();
		tell_number(request, 0xff, world.kick_fd);
		ENDS("no queue 255");
		begin();
		tell_number(request, 0, -1);
		ENDS("descriptor is missing");
	}
	begin();
	tell_number(VHOST_USER_SET_FEATURES, UINT64_MAX, -1);
	ENDS("not offered");
	begin();
	tell_number(VHOST_USER_SET_PROTOCOL_FEATURES, UINT64_MAX, -1);
	ENDS("not offered");
	begin();
	tell(VHOST_USER_SET_VRING_ADDR, "", 1, -1);
	ENDS("of 1 bytes");
	begin();
	tell(33, "", 0, -1);
	ENDS("request 33");
}

static void test_broken_headers(void)
{
	uint32_t headers[][3] = {{1, 0, 0}, {1, VHOST_USER_VERSION, 100000}, {1, 2, 0}};

	for (size_t i = 0; i < ARRAY_SIZE(headers); i++) {
		begin();
		CHECK_INT(send(world.fd, headers[i], sizeof(headers[i]), 0), sizeof(headers[i]));
		turn();
		ENDS("not of this protocol");
	}
	begin();
	CHECK_INT(send(world.fd, headers[0], 5, 0), 5);
	CHECK_INT(shutdown(world.fd, SHUT_WR), 0);
	turn();
	ENDS("header");
}

int main(void)
{
	return TAP_RUN(TAP_CASE(test_a_ring_is_served), TAP_CASE(test_questions), TAP_CASE(test_bad_memory),
		       TAP_CASE(test_bad_rings), TAP_CASE(test_bad_numbers), TAP_CASE(test_broken_headers));
}

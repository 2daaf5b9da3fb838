/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/base/socket.h"
#include "runtime/vm/vsock.h"
#include "runtime/vm/vsock_connection.h"
#include "tests/unit/tap.h"
#include "tests/unit/vm/guest_driver.h"

#define CID	     42U
#define PORT	     1024U
#define BUFFER_BYTES 4096U
#define HEADER	     sizeof(struct virtio_vsock_hdr)

static struct {
	struct guest guest;
	struct vsock vsock;
	int refuse;	    /* the errno with which the host refuses, or 0 */
	uint32_t asked;	    /* for this port */
	int far_fd;	    /* the host's end of the connection made last */
	uint64_t gpas[512]; /* of the buffer behind each head of the receive queue */
	uint64_t tx_gpa;
} world;

/* A packet as the guest got it. */
struct packet {
	struct virtio_vsock_hdr header;
	uint8_t data[BUFFER_BYTES];
};

static int connect_to_host(void *data, uint32_t host_port)
{
	struct err err = ERR_INIT;
	int pair[2];

	(void)data;
	world.asked = host_port;
	if (world.refuse)
		return -world.refuse;
	CHECK_INT(sock_pair(pair, &err), 0);
	world.far_fd = pair[1];
	return pair[0];
}

static void give_buffer(uint64_t gpa, uint32_t len)
{
	uint16_t head = guest_add(&world.guest, VSOCK_RX, (struct guest_buffer[]){{gpa, len, true}}, 1);

	world.gpas[head] = gpa;
}

static void begin(unsigned buffers)
{
	struct vsock_config config = {.guest_cid = CID, .connect = connect_to_host};
	struct err err = ERR_INIT;

	memset(&world, 0, sizeof(world));
	world.far_fd = -1;
	guest_open(&world.guest, 1 << 20);
	CHECK_INT(vsock_open(&world.vsock, &config, &world.guest.loop, &world.guest.memory, &err), 0);
	guest_attach(&world.guest, &world.vsock.device);
	CHECK(guest_start(&world.guest, ~UINT64_C(0), 128));
	world.tx_gpa = guest_alloc(&world.guest, HEADER + 2 * VSOCK_WINDOW_BYTES);
	for (unsigned i = 0; i < buffers; i++)
		give_buffer(guest_alloc(&world.guest, BUFFER_BYTES), BUFFER_BYTES);
}

static void finish(void)
{
	if (world.far_fd >= 0)
		close(world.far_fd);
	guest_close(&world.guest);
	vsock_close(&world.vsock);
}

static struct virtio_vsock_hdr header(uint16_t op, uint32_t guest_port, uint32_t len)
{
	return (struct virtio_vsock_hdr){
		.src_cid = CID,
		.dst_cid = VSOCK_HOST_CID,
		.src_port = guest_port,
		.dst_port = PORT,
		.len = len,
		.type = VIRTIO_VSOCK_TYPE_STREAM,
		.op = op,
		.buf_alloc = 1 << 20,
	};
}

/* Sends a packet whose buffer has `bytes` behind the header, whatever that says. */
static void send_raw(struct virtio_vsock_hdr head, const void *data, uint32_t bytes)
{
	uint16_t used;
	uint32_t written;

	memcpy(guest_at(&world.guest, world.tx_gpa), &head, sizeof(head));
	if (bytes > 0)
		memcpy(guest_at(&world.guest, world.tx_gpa + HEADER), data, bytes);
	guest_add(&world.guest, VSOCK_TX,
		  (struct guest_buffer[]){{world.tx_gpa, HEADER, false}, {world.tx_gpa + HEADER, bytes, false}},
		  bytes > 0 ? 2 : 1);
	CHECK(guest_wait(&world.guest, VSOCK_TX, &used, &written));
}

static void send_op(uint16_t op, uint32_t guest_port)
{
	send_raw(header(op, guest_port, 0), NULL, 0);
}

static void send_data(uint32_t guest_port, const void *data, uint32_t bytes)
{
	send_raw(header(VIRTIO_VSOCK_OP_RW, guest_port, bytes), data, bytes);
}

/* Waits for a packet, and gives its buffer back to the device. */
static void expect(uint16_t op, struct packet *ret)
{
	uint32_t written = 0;
	uint16_t head = 0;

	memset(ret, 0, sizeof(*ret));
	CHECK(guest_wait(&world.guest, VSOCK_RX, &head, &written));
	CHECK(written >= HEADER && written <= BUFFER_BYTES);
	memcpy(ret, guest_at(&world.guest, world.gpas[head]), written);
	CHECK_INT(ret->header.op, op);
	CHECK_INT(ret->header.len, written - HEADER);
	CHECK_INT(ret->header.src_cid, VSOCK_HOST_CID);
	CHECK_INT(ret->header.dst_cid, CID);
	give_buffer(world.gpas[head], BUFFER_BYTES);
}

static void expect_nothing(void)
{
	uint32_t written;
	uint16_t head;

	guest_settle(&world.guest);
	CHECK(!guest_used(&world.guest, VSOCK_RX, &head, &written));
}

/* Takes what was said meanwhile, which is of this kind; how often. */
static unsigned take_all(uint16_t op)
{
	struct packet packet;
	uint32_t written;
	uint16_t head;
	unsigned count = 0;

	for (guest_settle(&world.guest); guest_used(&world.guest, VSOCK_RX, &head, &written); count++) {
		memcpy(&packet, guest_at(&world.guest, world.gpas[head]), sizeof(packet.header));
		CHECK_INT(packet.header.op, op);
		give_buffer(world.gpas[head], BUFFER_BYTES);
		guest_settle(&world.guest);
	}
	return count;
}

static void open_connection(uint32_t guest_port)
{
	struct packet packet;

	send_op(VIRTIO_VSOCK_OP_REQUEST, guest_port);
	expect(VIRTIO_VSOCK_OP_RESPONSE, &packet);
	CHECK_INT(packet.header.src_port, PORT);
	CHECK_INT(packet.header.dst_port, guest_port);
	CHECK_INT(packet.header.buf_alloc, VSOCK_WINDOW_BYTES);
}

/* The host's end: whether it is at its end, or everything that is there. */
static bool host_sees_end(void)
{
	char byte;

	guest_settle(&world.guest);
	return recv(world.far_fd, &byte, 1, MSG_DONTWAIT) == 0;
}

static void test_guest_connects(void)
{
	struct packet packet;
	char words[16] = "";

	begin(8);
	open_connection(7);
	CHECK_INT(world.asked, PORT);
	send_data(7, "to the host", 11);
	CHECK_INT(recv(world.far_fd, words, sizeof(words), MSG_DONTWAIT), 11);
	CHECK_STR(words, "to the host");
	CHECK_INT(write(world.far_fd, "to the guest", 12), 12);
	expect(VIRTIO_VSOCK_OP_RW, &packet);
	CHECK_STR((char *)packet.data, "to the guest");
	CHECK_INT(packet.header.fwd_cnt, 11);
	finish();
}

static void test_host_connects(void)
{
	struct err err = ERR_INIT;
	struct packet packet;
	int pair[2];

	begin(8);
	CHECK_INT(sock_pair(pair, &err), 0);
	world.far_fd = pair[1];
	CHECK_INT(write(world.far_fd, "early", 5), 5);
	CHECK_INT(vsock_connect(&world.vsock, 99, pair[0]), 0);
	expect(VIRTIO_VSOCK_OP_REQUEST, &packet);
	CHECK_INT(packet.header.dst_port, 99);
	expect_nothing();

	struct virtio_vsock_hdr answer = header(VIRTIO_VSOCK_OP_RESPONSE, 99, 0);

	answer.dst_port = packet.header.src_port;
	send_raw(answer, NULL, 0);
	expect(VIRTIO_VSOCK_OP_RW, &packet);
	CHECK_STR((char *)packet.data, "early");
	/* It has its answer: another one is none of this protocol. */
	send_raw(answer, NULL, 0);
	expect(VIRTIO_VSOCK_OP_RST, &packet);
	CHECK(host_sees_end());
	finish();
}

static void test_refusals(void)
{
	struct virtio_vsock_hdr wrong = header(VIRTIO_VSOCK_OP_REQUEST, 7, 0);
	struct packet packet;
	int pair[2];
	struct err err = ERR_INIT;

	begin(8);
	world.refuse = ECONNREFUSED;
	send_op(VIRTIO_VSOCK_OP_REQUEST, 7);
	expect(VIRTIO_VSOCK_OP_RST, &packet);
	CHECK_INT(packet.header.dst_port, 7);
	send_data(7, "x", 1);
	expect(VIRTIO_VSOCK_OP_RST, &packet);
	send_op(VIRTIO_VSOCK_OP_SHUTDOWN, 7);
	expect(VIRTIO_VSOCK_OP_RST, &packet);
	send_op(77, 7);
	expect(VIRTIO_VSOCK_OP_RST, &packet);
	/* A reset is never answered, or two ends would go on for ever. */
	send_op(VIRTIO_VSOCK_OP_RST, 7);
	world.refuse = 0;
	world.asked = 0;
	wrong.src_cid = CID + 1;
	send_raw(wrong, NULL, 0);
	wrong.src_cid = CID;
	wrong.dst_cid = CID;
	send_raw(wrong, NULL, 0);
	expect_nothing();
	wrong.dst_cid = VSOCK_HOST_CID;
	wrong.type = VIRTIO_VSOCK_TYPE_SEQPACKET;
	send_raw(wrong, NULL, 0);
	expect(VIRTIO_VSOCK_OP_RST, &packet);
	CHECK_INT(world.asked, 0);
	guest_reset(&world.guest);
	CHECK_INT(sock_pair(pair, &err), 0);
	world.far_fd = pair[1];
	CHECK_INT(vsock_connect(&world.vsock, 1, pair[0]), -ENOTCONN);
	CHECK(host_sees_end());
	finish();
}

/* The guest's own buffer is never overrun, whatever the host writes. */
static void test_credit_of_the_guest(void)
{
	struct virtio_vsock_hdr narrow = header(VIRTIO_VSOCK_OP_REQUEST, 7, 0);
	struct packet packet;
	char much[1000];

	begin(8);
	narrow.buf_alloc = 100;
	send_raw(narrow, NULL, 0);
	expect(VIRTIO_VSOCK_OP_RESPONSE, &packet);
	memset(much, 'm', sizeof(much));
	CHECK_INT(write(world.far_fd, much, sizeof(much)), sizeof(much));
	expect(VIRTIO_VSOCK_OP_RW, &packet);
	CHECK_INT(packet.header.len, 100);
	expect_nothing();
	narrow.op = VIRTIO_VSOCK_OP_CREDIT_UPDATE;
	narrow.fwd_cnt = 40;
	send_raw(narrow, NULL, 0);
	expect(VIRTIO_VSOCK_OP_RW, &packet);
	CHECK_INT(packet.header.len, 40);
	/* It claims to have read more than it was sent. */
	narrow.fwd_cnt = 5000;
	send_raw(narrow, NULL, 0);
	expect_nothing();
	finish();
}

/* What the host does not read stays bounded, and stops nobody else. */
static void test_window_of_the_host(void)
{
	enum { CHUNK = 8192 };
	static uint8_t chunk[CHUNK], found[CHUNK];
	size_t total = 0, read_bytes = 0;
	int first;

	begin(8);
	open_connection(7);
	first = world.far_fd;
	CHECK_INT(setsockopt(first, SOL_SOCKET, SO_RCVBUF, &(int){4096}, sizeof(int)), 0);
	/* Until the socket takes no more and the whole window waits. */
	while (vsock_connection_window(&world.vsock.connections[0]) >= CHUNK) {
		for (size_t i = 0; i < CHUNK; i++)
			chunk[i] = (uint8_t)((total + i) * 7 >> 3);
		send_data(7, chunk, CHUNK);
		total += CHUNK;
		if (total > 64 << 20)
			break;
	}
	CHECK(total >= VSOCK_WINDOW_BYTES && total < 64 << 20);
	while (guest_settle(&world.guest), read_bytes < total) {
		ssize_t n = recv(first, found, CHUNK, MSG_DONTWAIT);

		if (n <= 0)
			break;
		for (ssize_t i = 0; i < n; i++, read_bytes++)
			if (found[i] != (uint8_t)(read_bytes * 7 >> 3)) {
				tap_fail(__FILE__, __LINE__, "a byte is not what was sent");
				break;
			}
	}
	CHECK_INT(read_bytes, total);
	CHECK(take_all(VIRTIO_VSOCK_OP_CREDIT_UPDATE) > 0);
	world.far_fd = -1;
	open_connection(8);
	send_data(8, "x", 1);
	CHECK_INT(recv(world.far_fd, found, 1, MSG_DONTWAIT), 1);
	close(first);
	finish();
}

static void test_more_than_the_window(void)
{
	static uint8_t much[VSOCK_WINDOW_BYTES + 1];
	struct packet packet;

	begin(8);
	open_connection(7);
	send_data(7, much, sizeof(much));
	expect(VIRTIO_VSOCK_OP_RST, &packet);
	CHECK(host_sees_end());
	expect_nothing();
	finish();
}

static void test_lengths_that_lie(void)
{
	struct packet packet;
	char words[8];

	begin(8);
	open_connection(7);
	send_raw(header(VIRTIO_VSOCK_OP_RW, 7, UINT32_MAX), "x", 1);
	expect(VIRTIO_VSOCK_OP_RST, &packet);
	send_raw(header(VIRTIO_VSOCK_OP_RW, 7, 2), "x", 1);
	expect(VIRTIO_VSOCK_OP_RST, &packet);
	CHECK_INT(recv(world.far_fd, words, sizeof(words), MSG_DONTWAIT), -1);
	/* Less than there is: the rest is not part of it. */
	send_raw(header(VIRTIO_VSOCK_OP_RW, 7, 1), "yz", 2);
	CHECK_INT(recv(world.far_fd, words, sizeof(words), MSG_DONTWAIT), 1);
	CHECK(!guest_needs_reset(&world.guest));
	guest_add(&world.guest, VSOCK_TX, (struct guest_buffer[]){{world.tx_gpa, HEADER - 1, false}}, 1);
	guest_settle(&world.guest);
	CHECK(guest_needs_reset(&world.guest));
	finish();
}

static void test_small_buffers(void)
{
	begin(0);
	give_buffer(world.tx_gpa, HEADER - 1);
	send_op(VIRTIO_VSOCK_OP_REQUEST, 7);
	CHECK(guest_needs_reset(&world.guest));
	finish();
}

static void test_waiting_for_buffers(void)
{
	struct packet packet;

	begin(0);
	send_op(VIRTIO_VSOCK_OP_REQUEST, 7);
	CHECK_INT(write(world.far_fd, "late", 4), 4);
	expect_nothing();
	give_buffer(guest_alloc(&world.guest, BUFFER_BYTES), BUFFER_BYTES);
	expect(VIRTIO_VSOCK_OP_RESPONSE, &packet);
	expect(VIRTIO_VSOCK_OP_RW, &packet);
	CHECK_STR((char *)packet.data, "late");
	finish();
}

static void test_ends_of_streams(void)
{
	struct virtio_vsock_hdr half = header(VIRTIO_VSOCK_OP_SHUTDOWN, 7, 0);
	struct packet packet;

	begin(8);
	open_connection(7);
	half.flags = VIRTIO_VSOCK_SHUTDOWN_SEND;
	send_raw(half, NULL, 0);
	CHECK(host_sees_end());
	CHECK_INT(write(world.far_fd, "still", 5), 5);
	expect(VIRTIO_VSOCK_OP_RW, &packet);
	CHECK_INT(shutdown(world.far_fd, SHUT_WR), 0);
	expect(VIRTIO_VSOCK_OP_SHUTDOWN, &packet);
	CHECK(packet.header.flags & VIRTIO_VSOCK_SHUTDOWN_SEND);
	half.flags = VIRTIO_VSOCK_SHUTDOWN_SEND | VIRTIO_VSOCK_SHUTDOWN_RCV;
	send_raw(half, NULL, 0);
	expect(VIRTIO_VSOCK_OP_RST, &packet);
	expect_nothing();
	close(world.far_fd);
	/* The host goes away altogether. */
	open_connection(8);
	close(world.far_fd);
	world.far_fd = -1;
	expect(VIRTIO_VSOCK_OP_SHUTDOWN, &packet);
	CHECK_INT(packet.header.flags, VIRTIO_VSOCK_SHUTDOWN_SEND | VIRTIO_VSOCK_SHUTDOWN_RCV);
	send_op(VIRTIO_VSOCK_OP_RST, 8);
	expect_nothing();
	finish();
}

static void test_bound(void)
{
	int ends[VSOCK_MAX_CONNECTIONS];
	struct packet packet;

	begin(16);
	for (unsigned i = 0; i < VSOCK_MAX_CONNECTIONS; i++) {
		open_connection(100 + i);
		ends[i] = world.far_fd;
	}
	world.far_fd = -1;
	send_op(VIRTIO_VSOCK_OP_REQUEST, 7);
	expect(VIRTIO_VSOCK_OP_RST, &packet);
	CHECK_INT(world.far_fd, -1);
	send_op(VIRTIO_VSOCK_OP_RST, 100);
	open_connection(7);
	/* A second request for a connection that there is ends it. */
	send_op(VIRTIO_VSOCK_OP_REQUEST, 7);
	expect(VIRTIO_VSOCK_OP_RST, &packet);
	CHECK(host_sees_end());
	/* With the driver all of them go. */
	guest_reset(&world.guest);
	for (unsigned i = 0; i < VSOCK_MAX_CONNECTIONS; i++) {
		char byte;

		CHECK_INT(recv(ends[i], &byte, 1, MSG_DONTWAIT), 0);
		close(ends[i]);
	}
	finish();
}

static void test_configuration(void)
{
	struct vsock_config config = {.guest_cid = 2, .connect = connect_to_host};
	struct err err = ERR_INIT;
	struct vsock other;
	uint64_t cid = 0;

	begin(0);
	guest_config(&world.guest, 0, &cid, 4);
	CHECK_INT(cid, CID);
	CHECK_INT(vsock_open(&other, &config, &world.guest.loop, &world.guest.memory, &err), -EINVAL);
	finish();
}

int main(void)
{
	return TAP_RUN(TAP_CASE(test_guest_connects), TAP_CASE(test_host_connects), TAP_CASE(test_refusals),
		       TAP_CASE(test_credit_of_the_guest), TAP_CASE(test_window_of_the_host),
		       TAP_CASE(test_more_than_the_window), TAP_CASE(test_lengths_that_lie),
		       TAP_CASE(test_small_buffers), TAP_CASE(test_waiting_for_buffers), TAP_CASE(test_ends_of_streams),
		       TAP_CASE(test_bound), TAP_CASE(test_configuration));
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* On a tap of the kernel's, in a network namespace of its own; the other side is a packet socket on it. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/base/scope.h"
#include "runtime/vm/nic.h"
#include "runtime/vm/nic_vhost.h"
#include "tests/unit/tap.h"
#include "tests/unit/vm/guest_driver.h"

/* For experiments, says IEEE: the kernel's own frames are others. */
#define PROTOCOL ETH_P_802_EX1
#define HEADER	 sizeof(struct virtio_net_hdr_mrg_rxbuf)

static const uint8_t mac[6] = {2, 0x42, 0xac, 0x11, 0, 2};

static struct {
	struct guest guest;
	struct nic nic;
	int wire; /* the packet socket */
	uint64_t gpas[512];
	uint64_t tx_gpa;
} world;

struct frame {
	struct ethhdr header;
	uint8_t data[4000];
};

/* A network namespace and a tap in it, which is up; -1: this machine has no such thing for us. */
static int make_tap(const char *name, short flags)
{
	struct ifreq request = {.ifr_flags = flags};
	CLEANUP_FD int control = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	if (fd < 0 || ioctl(fd, TUNSETIFF, &request) < 0) {
		scope_fd(&fd);
		return -1;
	}
	request.ifr_mtu = 9000;
	CHECK_INT(ioctl(control, SIOCSIFMTU, &request), 0);
	request.ifr_flags = IFF_UP;
	CHECK_INT(ioctl(control, SIOCSIFFLAGS, &request), 0);
	return fd;
}

static bool enter_namespace(void)
{
	CLEANUP_FD int quiet = -1;

	if (unshare(CLONE_NEWNET) < 0)
		return false;
	quiet = open("/proc/sys/net/ipv6/conf/default/disable_ipv6", O_WRONLY | O_CLOEXEC);
	(void)!write(quiet, "1", 1);
	return true;
}

static int open_wire(const char *name)
{
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, htons(PROTOCOL));
	struct sockaddr_ll address = {.sll_family = AF_PACKET,
				      .sll_protocol = htons(PROTOCOL),
				      .sll_ifindex = (int)if_nametoindex(name)};

	CHECK_INT(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static void give_buffer(uint64_t gpa, uint32_t len)
{
	uint16_t head = guest_add(&world.guest, NIC_RX, (struct guest_buffer[]){{gpa, len, true}}, 1);

	world.gpas[head] = gpa;
}

static void give_buffers(unsigned count, uint32_t len)
{
	for (unsigned i = 0; i < count; i++)
		give_buffer(guest_alloc(&world.guest, len), len);
}

static bool begin(uint64_t features)
{
	struct err err = ERR_INIT;
	int tap;

	memset(&world, 0, sizeof(world));
	tap = make_tap("test0", IFF_TAP | IFF_NO_PI | IFF_VNET_HDR);
	if (tap < 0)
		return false;
	world.wire = open_wire("test0");
	guest_open(&world.guest, 1 << 20);
	CHECK_INT(nic_open(&world.nic, tap, mac, &world.guest.loop, &world.guest.memory, &err), 0);
	CHECK_STR(err.msg, "");
	guest_attach(&world.guest, &world.nic.device);
	CHECK(guest_start(&world.guest, features, 64));
	world.tx_gpa = guest_alloc(&world.guest, 16384);
	return true;
}

static void finish(void)
{
	guest_close(&world.guest);
	nic_close(&world.nic);
	close(world.wire);
}

#define BEGIN(features)                                         \
	do {                                                    \
		if (!begin(features))                           \
			SKIP("there is no tap to be had here"); \
	} while (0)

static struct frame make_frame(const char *words)
{
	struct frame frame = {.header = {.h_proto = htons(PROTOCOL)}};

	memset(frame.header.h_dest, 0xff, ETH_ALEN);
	memcpy(frame.header.h_source, mac, sizeof(mac));
	snprintf((char *)frame.data, sizeof(frame.data), "%s", words);
	return frame;
}

static void put_on_wire(const char *words, size_t bytes)
{
	struct frame frame = make_frame(words);

	CHECK_INT(send(world.wire, &frame, bytes, 0), (ssize_t)bytes);
}

/* What comes next on the wire, within five seconds. */
static ssize_t hear(struct frame *ret)
{
	struct pollfd wait = {.fd = world.wire, .events = POLLIN};

	(void)poll(&wait, 1, 5000);
	return recv(world.wire, ret, sizeof(*ret), 0);
}

/* The guest sends `bytes` of header and frame, in two parts. */
static void transmit(const struct frame *frame, uint32_t bytes)
{
	uint8_t *to = guest_at(&world.guest, world.tx_gpa);
	uint32_t written;
	uint16_t head;

	memset(to, 0, HEADER);
	memcpy(to + HEADER, frame, sizeof(*frame));
	guest_add(&world.guest, NIC_TX,
		  (struct guest_buffer[]){{world.tx_gpa, 5, false}, {world.tx_gpa + 5, bytes - 5, false}}, 2);
	CHECK(guest_wait(&world.guest, NIC_TX, &head, &written));
}

/* What the guest gets next, put together from its buffers; the length of the frame. */
static size_t receive(struct frame *ret, unsigned *ret_buffers)
{
	struct virtio_net_hdr_mrg_rxbuf header = {0};
	size_t bytes = 0;
	uint32_t written = 0;
	uint16_t head = 0;

	memset(ret, 0, sizeof(*ret));
	CHECK(guest_wait(&world.guest, NIC_RX, &head, &written));
	if (written < HEADER)
		return 0;
	memcpy(&header, guest_at(&world.guest, world.gpas[head]), sizeof(header));
	*ret_buffers = header.num_buffers;
	for (unsigned i = 0; i < header.num_buffers; i++) {
		size_t skip = i == 0 ? HEADER : 0;

		if (i > 0)
			CHECK(guest_used(&world.guest, NIC_RX, &head, &written));
		if (bytes + written - skip > sizeof(*ret))
			break;
		memcpy((uint8_t *)ret + bytes, (uint8_t *)guest_at(&world.guest, world.gpas[head]) + skip,
		       written - skip);
		bytes += written - skip;
	}
	return bytes;
}

static void test_frames(void)
{
	struct frame frame = make_frame("from the guest"), found = {0};
	unsigned buffers = 0;
	uint8_t shown[6] = {0};

	BEGIN(~UINT64_C(0));
	guest_config(&world.guest, 0, shown, 4);
	CHECK(memcmp(shown, mac, 4) == 0);
	transmit(&frame, HEADER + 64);
	CHECK_INT(hear(&found), 64);
	CHECK_STR((char *)found.data, "from the guest");
	give_buffers(4, 2048);
	put_on_wire("to the guest", 100);
	CHECK_INT(receive(&found, &buffers), 100);
	CHECK_STR((char *)found.data, "to the guest");
	CHECK_INT(buffers, 1);
	finish();
}

static void test_merged_buffers(void)
{
	struct frame found;
	unsigned buffers = 0;

	BEGIN(~UINT64_C(0));
	give_buffers(20, 100);
	put_on_wire("small buffers", 1000);
	CHECK_INT(receive(&found, &buffers), 1000);
	CHECK_STR((char *)found.data, "small buffers");
	CHECK_INT(buffers, 11);
	/* Nine are left: the frame waits in them, and goes when the last has come. */
	put_on_wire("in two steps", 1200);
	guest_settle(&world.guest);
	uint32_t written;
	uint16_t head;

	CHECK(!guest_used(&world.guest, NIC_RX, &head, &written));
	give_buffers(3, 100);
	guest_settle(&world.guest);
	CHECK(!guest_used(&world.guest, NIC_RX, &head, &written));
	give_buffers(1, 100);
	CHECK_INT(receive(&found, &buffers), 1200);
	CHECK_STR((char *)found.data, "in two steps");
	CHECK_INT(buffers, 13);
	finish();
}

static void test_waiting_for_buffers(void)
{
	struct frame found;
	unsigned buffers;
	char words[32];

	BEGIN(~UINT64_C(0));
	for (int i = 0; i < 20; i++) {
		snprintf(words, sizeof(words), "frame %d", i);
		put_on_wire(words, 100);
		guest_settle(&world.guest);
	}
	/* Nobody is asked for what nobody can take. */
	CHECK_INT(guest_turn(&world.guest, 0), 0);
	for (int i = 0; i < 20; i++) {
		give_buffers(1, 512);
		CHECK_INT(receive(&found, &buffers), 100);
		snprintf(words, sizeof(words), "frame %d", i);
		CHECK_STR((char *)found.data, words);
	}
	finish();
}

static void test_frames_that_do_not_fit(void)
{
	struct frame found;
	unsigned buffers;

	/* Without merging, one buffer has to do. */
	BEGIN(~VIRTIO_BIT(VIRTIO_NET_F_MRG_RXBUF));
	give_buffers(2, 200);
	put_on_wire("too large", 1000);
	put_on_wire("fits", 100);
	CHECK_INT(receive(&found, &buffers), 100);
	CHECK_STR((char *)found.data, "fits");
	CHECK_INT(world.nic.dropped, 1);
	put_on_wire("fits too", 100);
	CHECK_INT(receive(&found, &buffers), 100);
	CHECK_STR((char *)found.data, "fits too");
	CHECK(!guest_needs_reset(&world.guest));
	finish();
}

static void test_broken_buffers(void)
{
	struct frame frame = make_frame("x");

	BEGIN(~UINT64_C(0));
	/* A frame that says of itself what cannot be: the kernel refuses it, and nothing else happens. */
	transmit(&frame, HEADER + 3);
	CHECK_INT(world.nic.dropped, 1);
	CHECK(!guest_needs_reset(&world.guest));
	guest_add(&world.guest, NIC_TX, (struct guest_buffer[]){{world.tx_gpa, HEADER - 1, false}}, 1);
	guest_settle(&world.guest);
	CHECK(guest_needs_reset(&world.guest));
	CHECK(guest_start(&world.guest, ~UINT64_C(0), 64));
	transmit(&frame, HEADER + 64);
	give_buffer(guest_alloc(&world.guest, 64), HEADER - 1);
	put_on_wire("x", 100);
	guest_settle(&world.guest);
	CHECK(guest_needs_reset(&world.guest));
	finish();
}

static void test_interface_goes_down(void)
{
	struct frame frame = make_frame("x");
	struct ifreq request = {.ifr_name = "test0"};
	CLEANUP_FD int control = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	BEGIN(~UINT64_C(0));
	CHECK_INT(ioctl(control, SIOCSIFFLAGS, &request), 0);
	transmit(&frame, HEADER + 64);
	CHECK_INT(world.nic.dropped, 1);
	/* The socket hears of it, too. */
	CHECK_INT(hear(&frame), -1);
	CHECK_INT(errno, ENETDOWN);
	request.ifr_flags = IFF_UP;
	CHECK_INT(ioctl(control, SIOCSIFFLAGS, &request), 0);
	frame = make_frame("x");
	transmit(&frame, HEADER + 64);
	CHECK_INT(hear(&frame), 64);
	finish();
}

static void test_wrong_descriptors(void)
{
	struct err err = ERR_INIT;
	struct guest guest;
	struct nic nic;
	int bare, whole;

	guest_open(&guest, 4096);
	CHECK(nic_open(&nic, open("/dev/null", O_RDWR | O_CLOEXEC), mac, &guest.loop, &guest.memory, &err) < 0);
	CHECK_HAS(err.msg, "no tap");
	bare = make_tap("bare0", IFF_TAP | IFF_NO_PI);
	if (bare >= 0) {
		CHECK_INT(nic_open(&nic, bare, mac, &guest.loop, &guest.memory, &err), -EINVAL);
		CHECK_HAS(err.msg, "'bare0'");
	}
	/* What cannot serve the queues leaves them to the device. */
	whole = make_tap("whole0", IFF_TAP | IFF_NO_PI | IFF_VNET_HDR);
	if (whole >= 0) {
		CHECK_INT(nic_open(&nic, whole, mac, &guest.loop, &guest.memory, &err), 0);
		CHECK_INT(nic_use_vhost(&nic, open("/dev/null", O_RDWR | O_CLOEXEC), &err), -ENOTTY);
		CHECK_HAS(err.msg, "vhost-net: become its owner");
		CHECK(nic.vhost_fd == -1 && nic.frame && !nic.device.ops->served_elsewhere);
		nic_close(&nic);
	}
	guest_close(&guest);
}

int main(void)
{
	if (!enter_namespace()) {
		printf("ok 1 - nic # SKIP no network namespace is to be had here\n1..1\n");
		return 0;
	}
	return TAP_RUN(TAP_CASE(test_frames), TAP_CASE(test_merged_buffers), TAP_CASE(test_waiting_for_buffers),
		       TAP_CASE(test_frames_that_do_not_fit), TAP_CASE(test_broken_buffers),
		       TAP_CASE(test_interface_goes_down), TAP_CASE(test_wrong_descriptors));
}

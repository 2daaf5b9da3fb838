// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Drivers of no manners: the input picks a device, and is then a list of what the guest (registers, memory, rings,
 * kicks) and the host (streams, targets) do, in any order. Nothing may crash, touch what is not guest memory, or keep
 * the loop busy for ever.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/vm/balloon.h"
#include "runtime/vm/blk.h"
#include "runtime/vm/console.h"
#include "runtime/vm/nic.h"
#include "runtime/vm/rng.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/vm/guest_driver.h"

#define MEMORY_BYTES (64U * 1024)
#define QUEUE_SIZE   8U
#define TABLE_GPA    (GUEST_MEMORY_GPA + MEMORY_BYTES / 2)
#define HEADER_GPA   (TABLE_GPA + 4096)
#define DATA_GPA     (TABLE_GPA + 8192)
#define DISK_BYTES   65536
#define MAX_STEPS    200U
#define SPINS	     5000U /* callbacks behind one step */

struct input {
	const uint8_t *data;
	size_t left;
};

static uint32_t take(struct input *input, unsigned bytes)
{
	uint32_t value = 0;

	for (; bytes > 0 && input->left > 0; bytes--, input->left--)
		value = value << 8 | *input->data++;
	return value;
}

/* Every kind of device that there is, one at a time. */
struct bench {
	struct guest guest;
	unsigned kind;
	union {
		struct blk blk;
		struct console console;
		struct rng rng;
		struct balloon balloon;
		struct nic nic;
	} device;
	int ends[2]; /* the host's, of the console's ports */
};

enum { KIND_BLK, KIND_BLK_READ_ONLY, KIND_BLK_RING, KIND_CONSOLE, KIND_RNG, KIND_BALLOON, KIND_NIC, KIND_COUNT };

/*
 * One for all inputs, as the kernel takes its time to let go of one: a tap in a network of its own, and a socket for
 * what is to come out of it.
 */
static struct {
	bool is_tried;
	int tap_fd, socket_fd; /* -1: this process may make none */
} wire = {.tap_fd = -1, .socket_fd = -1};

static void open_wire(void)
{
	struct ifreq request = {.ifr_name = "tap", .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR};
	struct sockaddr_ll address = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_802_EX1)};
	int fd;

	wire.is_tried = true;
	if (unshare(CLONE_NEWNET) < 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0)
		return;
	fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
	if (fd < 0 || ioctl(fd, TUNSETIFF, &request) < 0)
		return;
	wire.socket_fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, htons(ETH_P_802_EX1));
	address.sll_ifindex = (int)if_nametoindex("tap");
	request.ifr_flags = IFF_UP;
	if (ioctl(wire.socket_fd, SIOCSIFFLAGS, &request) < 0 ||
	    bind(wire.socket_fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		abort();
	wire.tap_fd = fd;
}

static struct virtio_device *disk(struct bench *bench)
{
	struct blk_disk disk = {
		.fd = memfd_create("disk", MFD_CLOEXEC),
		.read_only = bench->kind == KIND_BLK_READ_ONLY,
		.serial = "disk",
		.queues = 2,
		.no_ring = bench->kind != KIND_BLK_RING,
	};

	if (ftruncate(disk.fd, DISK_BYTES) < 0 ||
	    blk_open(&bench->device.blk, &disk, &bench->guest.loop, &bench->guest.memory, NULL) < 0)
		abort();
	return &bench->device.blk.device;
}

static struct virtio_device *console(struct bench *bench)
{
	struct console_port ports[2] = {{.out_fd = -1, .is_console = true}, {.out_fd = -1, .name = "port"}};

	for (unsigned i = 0; i < 2; i++) {
		int pair[2];

		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0)
			abort();
		ports[i].fd = pair[0];
		bench->ends[i] = pair[1];
	}
	if (console_open(&bench->device.console, ports, 2, &bench->guest.loop, &bench->guest.memory, NULL) < 0)
		abort();
	return &bench->device.console.device;
}

static struct virtio_device *make(struct bench *bench)
{
	switch (bench->kind) {
	case KIND_CONSOLE:
		return console(bench);
	case KIND_RNG:
		rng_open(&bench->device.rng, &bench->guest.loop, &bench->guest.memory);
		return &bench->device.rng.device;
	case KIND_NIC:
		if (nic_open(&bench->device.nic, fcntl(wire.tap_fd, F_DUPFD_CLOEXEC, 3),
			     (const uint8_t[]){2, 0, 0, 0, 0, 1}, &bench->guest.loop, &bench->guest.memory, NULL) < 0)
			abort();
		return &bench->device.nic.device;
	case KIND_BALLOON:
		balloon_open(&bench->device.balloon, &bench->guest.loop, &bench->guest.memory);
		return &bench->device.balloon.device;
	default:
		return disk(bench);
	}
}

static void unmake(struct bench *bench)
{
	switch (bench->kind) {
	case KIND_CONSOLE:
		console_close(&bench->device.console);
		break;
	case KIND_RNG:
		rng_close(&bench->device.rng);
		break;
	case KIND_NIC:
		nic_close(&bench->device.nic);
		break;
	case KIND_BALLOON:
		balloon_close(&bench->device.balloon);
		break;
	default:
		blk_close(&bench->device.blk);
		break;
	}
	for (unsigned i = 0; i < 2; i++)
		if (bench->ends[i] >= 0)
			close(bench->ends[i]);
}

/* --- steps -------------------------------------------------------------------------------------------------------- */

static void step_start(struct bench *bench, struct input *input)
{
	bench->guest.next_gpa = GUEST_MEMORY_GPA;
	(void)guest_start(&bench->guest, take(input, 1) & 1 ? ~0ULL : (uint64_t)take(input, 4), QUEUE_SIZE);
}

static void step_write(struct bench *bench, struct input *input)
{
	uint64_t value = (uint64_t)take(input, 4) << 32 | take(input, 4);
	uint32_t offset = take(input, 2) % 0x180;

	virtio_mmio_write(&bench->guest.mmio, offset, &value, 1U << take(input, 1) % 4);
}

static void step_read(struct bench *bench, struct input *input)
{
	uint64_t value;
	uint32_t offset = take(input, 2) % 0x180;

	virtio_mmio_read(&bench->guest.mmio, offset, &value, 1U << take(input, 1) % 4);
}

static void step_memory(struct bench *bench, struct input *input)
{
	uint32_t at = take(input, 2) % MEMORY_BYTES;

	for (unsigned len = take(input, 1) % 64; len > 0 && at < MEMORY_BYTES; len--)
		bench->guest.bytes[at++] = (uint8_t)take(input, 1);
}

/* A chain that is well-formed but for where its buffers are; in a table every other time. */
static void step_chain(struct bench *bench, struct input *input)
{
	struct vring_desc *table = guest_at(&bench->guest, TABLE_GPA);
	unsigned queue = take(input, 1) % bench->guest.device->queue_count, count = 1 + take(input, 1) % 6;
	struct guest_queue *ring = &bench->guest.queues[queue];
	struct guest_buffer buffers[6];

	if (ring->size == 0)
		return;
	for (unsigned i = 0; i < count; i++) {
		uint32_t how = take(input, 1);

		buffers[i].gpa = GUEST_MEMORY_GPA + take(input, how & 1 ? 2 : 3);
		buffers[i].len = take(input, how & 2 ? 1 : 2);
		buffers[i].writable = how & 4;
		table[i] = (struct vring_desc){buffers[i].gpa, buffers[i].len,
					       (uint16_t)((how & 4 ? VRING_DESC_F_WRITE : 0) |
							  (i + 1 < count ? VRING_DESC_F_NEXT : 0)),
					       (uint16_t)(i + 1)};
	}
	if (take(input, 1) & 1) {
		ring->descriptors[0] = (struct vring_desc){TABLE_GPA, 16 * count, VRING_DESC_F_INDIRECT, 0};
		guest_offer(&bench->guest, queue, 0);
	} else {
		(void)guest_add(&bench->guest, queue, buffers, count);
	}
}

/* What a driver of manners would send to this device, more or less. */
static void step_request(struct bench *bench, struct input *input)
{
	bool console = bench->kind == KIND_CONSOLE, balloon = bench->kind == KIND_BALLOON,
	     nic = bench->kind == KIND_NIC;
	unsigned queue = console ? 3 : take(input, 1) % bench->guest.device->queue_count, how = take(input, 1);
	uint32_t first = take(input, 1), second = take(input, 1);
	uint32_t page = (uint32_t)(GUEST_MEMORY_GPA >> 12);
	uint32_t words[4] = {first % 16, 0, second, 0};
	uint32_t message[4] = {first % 3, second % 9 | (first & 0x80) << 9, 0, 0};
	/*
	 * A frame's header: flags and kind of segments; lengths of headers and segments; where the sum begins and goes.
	 */
	uint32_t frame[4] = {first | (second & 0x8f) << 8 | (how & 1 ? 54U << 16 : 0), second * 8,
			     first % 64 | 16U << 16, 0};
	uint32_t pages[4] = {page + first % 20, page + second % 20, page + first % 20 + 1, first << 24};
	struct guest_buffer buffers[3] = {
		{HEADER_GPA,
		 console ? 8
		 : nic	 ? 12
			 : 16,
		 nic && queue == NIC_RX},
		{DATA_GPA, (how & 7) == 7 ? 16 : (how & 7) * 512, how & 8},
		{HEADER_GPA + 64, 1, true},
	};

	if (bench->guest.queues[queue].size == 0)
		return;
	memcpy(guest_at(&bench->guest, HEADER_GPA), console ? message : balloon ? pages : nic ? frame : words, 16);
	memcpy(guest_at(&bench->guest, DATA_GPA), words, 16);
	(void)guest_add(&bench->guest, queue, buffers, console || balloon ? 1 : nic ? 2 : 3);
}

static void step_offer(struct bench *bench, struct input *input)
{
	unsigned queue = take(input, 1) % bench->guest.device->queue_count;

	if (bench->guest.queues[queue].size > 0)
		guest_offer(&bench->guest, queue, (uint16_t)take(input, 2));
}

static void step_kick(struct bench *bench, struct input *input)
{
	guest_write32(&bench->guest, 0x50, take(input, 1) % 16);
}

static void step_reset(struct bench *bench, struct input *input)
{
	(void)input;
	guest_reset(&bench->guest);
}

static void step_host(struct bench *bench, struct input *input)
{
	uint8_t bytes[256] = {0};
	unsigned choice = take(input, 1), end = choice & 1;

	if (bench->kind == KIND_BALLOON) {
		balloon_set_target(&bench->device.balloon, (uint64_t)take(input, 2) << 12);
		(void)balloon_ask_stats(&bench->device.balloon);
	} else if (bench->kind == KIND_NIC) {
		((struct ethhdr *)(void *)bytes)->h_proto = htons(ETH_P_802_EX1);
		(void)send(wire.socket_fd, bytes, sizeof(struct ethhdr) + take(input, 1) % 200, 0);
	} else if (bench->kind == KIND_CONSOLE && bench->ends[end] >= 0) {
		if (choice & 2)
			(void)!write(bench->ends[end], bytes, 1 + take(input, 1) % 255);
		if (choice & 4)
			(void)!read(bench->ends[end], bytes, sizeof(bytes));
		if (choice & 8)
			(void)console_resize(&bench->device.console, take(input, 1) % 3, 80, 24);
		if ((choice & 0xf0) == 0xf0) {
			close(bench->ends[end]);
			bench->ends[end] = -1;
		}
	}
}

static void (*const steps[])(struct bench *bench, struct input *input) = {
	step_start,   step_write, step_read, step_memory, step_chain, step_request,
	step_request, step_offer, step_kick, step_host,	  step_reset,
};

static void settle(struct bench *bench)
{
	uint16_t head;
	uint32_t written;

	if (guest_turn(&bench->guest, 0) > SPINS)
		abort();
	for (unsigned i = 0; i < bench->guest.device->queue_count; i++)
		for (unsigned j = 0; j < QUEUE_SIZE && guest_used(&bench->guest, i, &head, &written); j++)
			;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = {data, size};
	struct bench *bench = calloc(1, sizeof(*bench));

	if (!bench || size == 0) {
		free(bench);
		return 0;
	}
	(void)signal(SIGPIPE, SIG_IGN);
	if (!wire.is_tried)
		open_wire();
	bench->kind = *data % KIND_COUNT;
	if (bench->kind == KIND_NIC && wire.tap_fd < 0)
		bench->kind = KIND_RNG;
	bench->ends[0] = bench->ends[1] = -1;
	guest_open(&bench->guest, MEMORY_BYTES);
	guest_attach(&bench->guest, make(bench));
	if (take(&input, 1) & 0x80)
		step_start(bench, &input);
	for (unsigned i = 0; i < MAX_STEPS && input.left > 0; i++) {
		uint32_t step = take(&input, 1);

		steps[step % (sizeof(steps) / sizeof(steps[0]))](bench, &input);
		if (step & 0x80)
			settle(bench);
	}
	settle(bench);
	guest_close(&bench->guest);
	unmake(bench);
	free(bench);
	return 0;
}

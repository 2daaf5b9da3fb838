/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every device at once, by several processors that know nothing of one another, while the loop serves, pauses and asks:
 * a storm that is worth most under ThreadSanitizer, and behind which each device still starts.
 */
#include <fcntl.h>
#include <linux/virtio_mmio.h>
#include <linux/virtio_ring.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/base/scope.h"
#include "runtime/vm/balloon.h"
#include "runtime/vm/blk.h"
#include "runtime/vm/console.h"
#include "runtime/vm/machine.h"
#include "runtime/vm/rng.h"
#include "tests/unit/tap.h"
#include "tests/unit/vm/hv_fake.h"

#define CPUS	   4U
#define ROUNDS	   150U /* of the loop's timer */
#define PERIOD_MS  2U
#define QUEUES	   4U /* of each device, at most */
#define SLOTS	   8U
#define RINGS_GPA  UINT64_C(0x100000)
#define RING_BYTES 4096U /* of each queue, with what its buffers hold: descriptors, available, used, data */
#define AVAILABLE  0x400U
#define USED	   0x800U
#define DATA	   0xc00U
#define STARTED \
	(VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER | VIRTIO_CONFIG_S_FEATURES_OK | VIRTIO_CONFIG_S_DRIVER_OK)

enum { RNG, CONSOLE, BALLOON, DISK, DEVICES };

/* Pages of their own: a processor's thread must not outlive them. */
static struct {
	struct machine machine;
	struct hv_fake fake;
	struct rng rng;
	struct console console;
	struct balloon balloon;
	struct blk disk;
	int console_end;
	struct loop_timer timer;
	unsigned rounds;
} world;

/* --- a driver, as the list of registers that it writes ------------------------------------------------------------ */

struct access {
	uint32_t offset;
	uint32_t value;
};

static uint64_t ring_gpa(unsigned device, unsigned queue)
{
	return RINGS_GPA + (uint64_t)(device * QUEUES + queue) * RING_BYTES;
}

/* From reset to DRIVER_OK, with all queues; how many. */
static unsigned driver_starts(unsigned device, struct access *to)
{
	struct access *at = to;

	*at++ = (struct access){VIRTIO_MMIO_STATUS, 0};
	*at++ = (struct access){VIRTIO_MMIO_STATUS, VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER};
	*at++ = (struct access){VIRTIO_MMIO_DRIVER_FEATURES_SEL, 1};
	*at++ = (struct access){VIRTIO_MMIO_DRIVER_FEATURES, 1};
	*at++ = (struct access){VIRTIO_MMIO_STATUS, STARTED & ~VIRTIO_CONFIG_S_DRIVER_OK};
	for (unsigned queue = 0; queue < QUEUES; queue++) {
		uint32_t gpa = (uint32_t)ring_gpa(device, queue);

		*at++ = (struct access){VIRTIO_MMIO_QUEUE_SEL, queue};
		*at++ = (struct access){VIRTIO_MMIO_QUEUE_NUM, SLOTS};
		*at++ = (struct access){VIRTIO_MMIO_QUEUE_DESC_LOW, gpa};
		*at++ = (struct access){VIRTIO_MMIO_QUEUE_AVAIL_LOW, gpa + AVAILABLE};
		*at++ = (struct access){VIRTIO_MMIO_QUEUE_USED_LOW, gpa + USED};
		*at++ = (struct access){VIRTIO_MMIO_QUEUE_READY, 1};
	}
	*at++ = (struct access){VIRTIO_MMIO_STATUS, STARTED};
	for (unsigned queue = 0; queue < QUEUES; queue++)
		*at++ = (struct access){VIRTIO_MMIO_QUEUE_NOTIFY, queue};
	return (unsigned)(at - to);
}

#define MAX_ACCESSES (6 + 7 * QUEUES)

/*
 * Chains that every device takes: a disk's read of sector 0, and else one buffer, for the device to write where it has
 * something to say.
 */
static void prepare_ring(unsigned device, unsigned queue)
{
	uint64_t gpa = ring_gpa(device, queue);
	uint8_t *bytes = guest_memory_at(&world.machine.memory, gpa, RING_BYTES);
	struct vring_desc *chain = (struct vring_desc *)(void *)bytes;
	bool device_writes = device == RNG || (device == CONSOLE && queue % 2 == 0);

	chain[0] = (struct vring_desc){gpa + DATA, 16, device_writes ? VRING_DESC_F_WRITE : 0, 0};
	if (device == DISK) {
		chain[0].flags = VRING_DESC_F_NEXT;
		chain[0].next = 1;
		chain[1] = (struct vring_desc){gpa + DATA + 16, 512, VRING_DESC_F_WRITE | VRING_DESC_F_NEXT, 2};
		chain[2] = (struct vring_desc){gpa + DATA + 1008, 1, VRING_DESC_F_WRITE, 0};
	}
	((struct vring_avail *)(void *)(bytes + AVAILABLE))->idx = SLOTS;
}

/* --- the processors ----------------------------------------------------------------------------------------------- */

/* What one of them is at; nobody else looks. */
static struct processor {
	uint32_t seed;
	struct access accesses[MAX_ACCESSES];
	unsigned count, next, device;
	uint8_t data[8];
} processors[CPUS];

static uint32_t any(struct processor *processor)
{
	processor->seed = processor->seed * 1103515245U + 12345U;
	return processor->seed >> 8;
}

static void next_driver(struct processor *processor)
{
	processor->device = any(processor) % DEVICES;
	processor->count = driver_starts(processor->device, processor->accesses);
	processor->next = 0;
}

static void touch_port(struct processor *processor, struct hv_exit *exit)
{
	static const uint16_t ports[] = {LAYOUT_SERIAL, LAYOUT_SERIAL + 1, LAYOUT_SERIAL + 2, LAYOUT_I8042_DATA};

	processor->data[0] = (uint8_t)(any(processor) & 0x0f);
	*exit = (struct hv_exit){
		.kind = HV_EXIT_PIO,
		.is_write = any(processor) % 2,
		.address = ports[any(processor) % ARRAY_SIZE(ports)],
		.bytes = 1,
		.count = 1,
		.data = processor->data,
	};
}

static void touch_register(struct processor *processor, struct hv_exit *exit)
{
	static const uint32_t offsets[] = {VIRTIO_MMIO_INTERRUPT_STATUS, VIRTIO_MMIO_STATUS, VIRTIO_MMIO_INTERRUPT_ACK,
					   VIRTIO_MMIO_CONFIG, VIRTIO_MMIO_CONFIG + 4};
	const struct access *access = &processor->accesses[processor->next];
	uint32_t offset = offsets[any(processor) % ARRAY_SIZE(offsets)], value = any(processor) % 4;
	unsigned device = any(processor) % DEVICES;
	bool is_write = offset == VIRTIO_MMIO_INTERRUPT_ACK || (offset > VIRTIO_MMIO_CONFIG && value == 0);

	if (any(processor) % 4 > 0) {
		device = processor->device;
		offset = access->offset;
		value = access->value;
		is_write = true;
		if (++processor->next == processor->count)
			next_driver(processor);
	}
	memcpy(processor->data, &value, sizeof(value));
	*exit = (struct hv_exit){
		.kind = HV_EXIT_MMIO,
		.is_write = is_write,
		.address = LAYOUT_MMIO + device * LAYOUT_MMIO_STRIDE + offset,
		.bytes = 4,
		.count = 1,
		.data = processor->data,
	};
}

static void play(struct hv_vcpu *vcpu, struct hv_exit *ret)
{
	struct processor *processor = &processors[vcpu->index];

	(any(processor) % 16 ? touch_register : touch_port)(processor, ret);
}

/* --- the loop ----------------------------------------------------------------------------------------------------- */

static void round_ended(struct loop *loop, struct loop_timer *timer)
{
	char bytes[64] = "words";
	struct err err = ERR_INIT;

	(void)loop;
	world.rounds++;
	balloon_set_target(&world.balloon, (uint64_t)(world.rounds % 8) << 20);
	(void)balloon_ask_stats(&world.balloon);
	(void)console_resize(&world.console, 0, (uint16_t)world.rounds, 24);
	(void)!send(world.console_end, bytes, sizeof(bytes), MSG_DONTWAIT);
	(void)!recv(world.console_end, bytes, sizeof(bytes), MSG_DONTWAIT);
	if (world.rounds % 4 == 0) {
		CHECK_INT(machine_pause(&world.machine, &err), 0);
		machine_resume(&world.machine);
	}
	if (world.rounds == ROUNDS)
		machine_stop(&world.machine, MACHINE_STOPPED, NULL);
	else
		(void)loop_timer_set(timer, PERIOD_MS);
}

/* --- the storm ---------------------------------------------------------------------------------------------------- */

static void open_devices(struct err *err)
{
	struct loop *loop = &world.machine.loop;
	const struct guest_memory *memory = &world.machine.memory;
	struct blk_disk disk = {.fd = memfd_create("disk", MFD_CLOEXEC), .serial = "disk", .queues = QUEUES};
	struct console_port port = {.out_fd = -1, .is_console = true};
	int pair[2];

	if (ftruncate(disk.fd, 65536) < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		abort();
	port.fd = pair[0];
	world.console_end = pair[1];
	rng_open(&world.rng, loop, memory);
	CHECK_INT(console_open(&world.console, &port, 1, loop, memory, err), 0);
	balloon_open(&world.balloon, loop, memory);
	CHECK_INT(blk_open(&world.disk, &disk, loop, memory, err), 0);
	/* In the order of the enumeration: a device's place on the bus. */
	CHECK_INT(machine_add(&world.machine, &world.rng.device, err), 0);
	CHECK_INT(machine_add(&world.machine, &world.console.device, err), 0);
	CHECK_INT(machine_add(&world.machine, &world.balloon.device, err), 0);
	CHECK_INT(machine_add(&world.machine, &world.disk.device, err), 0);
	CHECK_STR(err->msg, "");
}

static void close_devices(void)
{
	rng_close(&world.rng);
	console_close(&world.console);
	balloon_close(&world.balloon);
	blk_close(&world.disk);
	(void)close(world.console_end);
}

/* With the processors' threads gone: a driver of good manners. */
static uint32_t start_alone(unsigned device)
{
	struct virtio_mmio *slot = &world.machine.slots[device];
	struct access accesses[MAX_ACCESSES];
	unsigned count = driver_starts(device, accesses);
	uint32_t status = 0;

	for (unsigned i = 0; i < count; i++)
		virtio_mmio_write(slot, accesses[i].offset, &accesses[i].value, 4);
	virtio_mmio_read(slot, VIRTIO_MMIO_STATUS, &status, 4);
	virtio_mmio_write(slot, VIRTIO_MMIO_STATUS, &(uint32_t){0}, 4);
	return status;
}

static void test_storm(void)
{
	static const uint8_t nothing[16];
	struct machine_request request = {.memory_bytes = 8 << 20, .cpus = CPUS};
	struct err err = ERR_INIT;
	CLEANUP_FD int null_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);

	request.serial_out_fd = null_fd;
	hv_fake_open(&world.fake);
	world.fake.play = play;
	CHECK_INT(machine_make(&world.machine, &world.fake.hv, &request, &err), 0);
	open_devices(&err);
	for (unsigned i = 0; i < DEVICES * QUEUES; i++)
		prepare_ring(i / QUEUES, i % QUEUES);
	for (unsigned i = 0; i < CPUS; i++) {
		processors[i].seed = i + 1;
		next_driver(&processors[i]);
	}
	world.timer.expired = round_ended;
	CHECK_INT(loop_timer_open(&world.machine.loop, &world.timer, &err), 0);
	CHECK_INT(loop_timer_set(&world.timer, PERIOD_MS), 0);
	CHECK_INT(machine_start(&world.machine, &err), 0);
	machine_resume(&world.machine);
	CHECK_INT(machine_run(&world.machine, &err), MACHINE_STOPPED);
	vcpus_end(&world.machine.vcpus);
	CHECK_INT(world.rounds, ROUNDS);
	/* Devices were started in the storm, and did what they were asked for. */
	CHECK(memcmp(guest_memory_at(&world.machine.memory, ring_gpa(RNG, 0) + DATA, 16), nothing, 16) != 0);
	for (unsigned device = 0; device < DEVICES; device++)
		CHECK_INT(start_alone(device), STARTED);
	loop_timer_close(&world.machine.loop, &world.timer);
	machine_free(&world.machine);
	close_devices();
}

/* --- the end, by everybody at once -------------------------------------------------------------------------------- */

static void play_end(struct hv_vcpu *vcpu, struct hv_exit *ret)
{
	static const enum hv_exit_kind ends[CPUS] = {HV_EXIT_SHUTDOWN, HV_EXIT_RESET, HV_EXIT_HALT, HV_EXIT_SHUTDOWN};

	*ret = (struct hv_exit){.kind = ends[vcpu->index]};
}

static void test_everybody_ends_it(void)
{
	struct machine_request request = {.memory_bytes = 8 << 20, .cpus = CPUS, .serial_out_fd = -1};

	for (int i = 0; i < 30; i++) {
		struct err err = ERR_INIT;
		int end;

		hv_fake_open(&world.fake);
		world.fake.play = play_end;
		CHECK_INT(machine_make(&world.machine, &world.fake.hv, &request, &err), 0);
		CHECK_INT(machine_start(&world.machine, &err), 0);
		machine_resume(&world.machine);
		machine_stop(&world.machine, MACHINE_STOPPED, NULL);
		end = machine_run(&world.machine, &err);
		CHECK(end == MACHINE_STOPPED || end == MACHINE_TRIPLE_FAULT || end == MACHINE_RESET ||
		      end == MACHINE_POWER_OFF);
		vcpus_end(&world.machine.vcpus);
		/* The first reason stays. */
		CHECK_INT(world.machine.end, end);
		machine_free(&world.machine);
	}
}

int main(void)
{
	return TAP_RUN(TAP_CASE(test_storm), TAP_CASE(test_everybody_ends_it));
}

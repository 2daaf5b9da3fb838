/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The transport's registers and status machine, with a device that gives chains back. */
#include "runtime/vm/virtio_mmio.h"

#include <errno.h>
#include <linux/virtio_mmio.h>
#include <stdlib.h>

#include "tests/unit/tap.h"
#include "tests/unit/vm/guest_driver.h"

#define MEMORY_BYTES (1U << 20)
#define ECHO_FEATURE 3U

/* Gives each chain back as it came; holds them while it is told to. */
struct echo {
	struct virtio_device device;
	struct virtqueue queues[2];
	unsigned activated, resets, kicks, served;
	bool holds;
	struct guest
		*feeder; /* offers another chain while each is served, `feeds` times: a guest on another processor */
	unsigned feeds, most_at_once, at_once;
	int fail_activate;
	uint32_t config[2];
};

static struct echo *echo_of(struct virtio_device *device)
{
	return (struct echo *)(void *)device;
}

static bool echo_serve(struct virtio_device *device, struct virtqueue *queue, const struct vq_chain *chain)
{
	if (echo_of(device)->holds)
		return false;
	echo_of(device)->served++;
	echo_of(device)->at_once++;
	if (echo_of(device)->feeds > 0) {
		echo_of(device)->feeds--;
		guest_offer(echo_of(device)->feeder, 0, chain->head);
	}
	vq_push(queue, chain->head, chain->writable_bytes);
	return true;
}

static int echo_activate(struct virtio_device *device, struct err *err)
{
	echo_of(device)->activated++;
	return echo_of(device)->fail_activate ? err_set(err, echo_of(device)->fail_activate, "activate") : 0;
}

static void echo_reset(struct virtio_device *device)
{
	echo_of(device)->resets++;
}

static void echo_kick(struct virtio_device *device, unsigned queue)
{
	struct echo *echo = echo_of(device);

	echo->kicks++;
	echo->at_once = 0;
	virtio_serve(device, queue, echo_serve);
	if (echo->at_once > echo->most_at_once)
		echo->most_at_once = echo->at_once;
}

static void echo_config_read(struct virtio_device *device, uint32_t offset, void *to, size_t len)
{
	virtio_config_copy(echo_of(device)->config, sizeof(echo_of(device)->config), offset, to, len);
}

static void echo_config_write(struct virtio_device *device, uint32_t offset, const void *from, size_t len)
{
	if (offset == 4 && len == 4)
		memcpy(&echo_of(device)->config[1], from, len);
}

static const struct virtio_ops echo_ops = {
	.id = 42,
	.name = "echo",
	.queues = 2,
	.queue_size = 64,
	.features = VIRTIO_BIT(ECHO_FEATURE),
	.activate = echo_activate,
	.reset = echo_reset,
	.kick = echo_kick,
	.config_read = echo_config_read,
	.config_write = echo_config_write,
};

struct bench {
	struct guest guest;
	struct echo echo;
};

static void bench_open(struct bench *bench)
{
	guest_open(&bench->guest, MEMORY_BYTES);
	bench->echo = (struct echo){.config = {0x11223344, 0x55667788}};
	virtio_device_init(&bench->echo.device, &echo_ops, bench->echo.queues, &bench->guest.loop,
			   &bench->guest.memory);
	guest_attach(&bench->guest, &bench->echo.device);
}

static void bench_close(struct bench *bench)
{
	guest_close(&bench->guest);
	virtio_device_close(&bench->echo.device);
}

static uint16_t add(struct bench *bench, unsigned queue)
{
	return guest_add(&bench->guest, queue, (struct guest_buffer[]){{GUEST_MEMORY_GPA, 16, true}}, 1);
}

static void test_identity(void)
{
	struct bench bench;

	bench_open(&bench);
	CHECK_INT(guest_read32(&bench.guest, VIRTIO_MMIO_MAGIC_VALUE), 0x74726976);
	CHECK_INT(guest_read32(&bench.guest, VIRTIO_MMIO_VERSION), 2);
	CHECK_INT(guest_read32(&bench.guest, VIRTIO_MMIO_DEVICE_ID), 42);
	CHECK_INT(guest_read32(&bench.guest, VIRTIO_MMIO_SHM_LEN_LOW), 0xffffffff);
	CHECK_INT(guest_read32(&bench.guest, VIRTIO_MMIO_QUEUE_NUM_MAX), 64);
	guest_write32(&bench.guest, VIRTIO_MMIO_QUEUE_SEL, 2);
	CHECK_INT(guest_read32(&bench.guest, VIRTIO_MMIO_QUEUE_NUM_MAX), 0);
	guest_write32(&bench.guest, VIRTIO_MMIO_QUEUE_SEL, UINT32_MAX);
	CHECK_INT(guest_read32(&bench.guest, VIRTIO_MMIO_QUEUE_NUM_MAX), 0);
	guest_write32(&bench.guest, VIRTIO_MMIO_DEVICE_FEATURES_SEL, 2);
	CHECK_INT(guest_read32(&bench.guest, VIRTIO_MMIO_DEVICE_FEATURES), 0);
	bench_close(&bench);
}

/* Whatever width and place, nothing is read past the end and nothing crashes; registers are whole words. */
static void test_accesses(void)
{
	static const uint32_t widths[] = {1, 2, 4, 8};
	struct bench bench;
	uint64_t value;

	bench_open(&bench);
	for (unsigned w = 0; w < 4; w++)
		for (uint64_t offset = 0; offset < 0x1010; offset++) {
			value = UINT64_MAX;
			virtio_mmio_read(&bench.guest.mmio, offset, &value, widths[w]);
			if (offset < 0x100 && (widths[w] != 4 || offset % 4))
				CHECK_INT(value & (widths[w] == 8 ? UINT64_MAX : (UINT64_C(1) << (8 * widths[w])) - 1),
					  0);
			if (offset != VIRTIO_MMIO_QUEUE_NOTIFY)
				virtio_mmio_write(&bench.guest.mmio, offset, &value, widths[w]);
		}
	value = 0;
	virtio_mmio_read(&bench.guest.mmio, 0x102, &value, 4);
	CHECK_INT(value, 0x00001122 | (bench.echo.config[1] & 0xffff) << 16);
	virtio_mmio_read(&bench.guest.mmio, 0x106, &value, 4);
	CHECK_INT((uint32_t)value, bench.echo.config[1] >> 16);
	virtio_mmio_read(&bench.guest.mmio, UINT64_MAX - 3, &value, 4);
	CHECK_INT((uint32_t)value, 0);
	bench_close(&bench);
}

static void test_life(void)
{
	struct bench bench;
	uint16_t head, back;
	uint32_t written;

	bench_open(&bench);
	/* Nothing is asked of the hypervisor before a driver is there. */
	CHECK_INT(bench.guest.hv.notify_count, 0);
	CHECK_INT(bench.guest.hv.lines[GUEST_GSI], -1);
	for (unsigned round = 0; round < 3; round++) {
		CHECK(guest_start(&bench.guest, ~0ULL, 32));
		CHECK_INT(bench.echo.device.features, VIRTIO_FEATURES_ALWAYS | VIRTIO_BIT(ECHO_FEATURE));
		CHECK_INT(bench.echo.activated, round + 1);
		CHECK_INT(bench.guest.hv.notify_count, 2);
		for (unsigned i = 0; i < 100; i++) {
			head = add(&bench, i % 2);
			CHECK(guest_wait(&bench.guest, i % 2, &back, &written));
			CHECK_INT(back, head);
			CHECK_INT(written, 16);
			CHECK_INT(guest_interrupt(&bench.guest), VQ_INTERRUPT_USED);
			CHECK(guest_edges(&bench.guest) == 1);
		}
		guest_reset(&bench.guest);
		CHECK_INT(guest_read32(&bench.guest, VIRTIO_MMIO_STATUS), 0);
		CHECK_INT(guest_read32(&bench.guest, VIRTIO_MMIO_QUEUE_READY), 0);
		CHECK_INT(guest_read32(&bench.guest, VIRTIO_MMIO_INTERRUPT_STATUS), 0);
		CHECK(!bench.echo.device.active);
	}
	CHECK_INT(bench.echo.served, 300);
	bench_close(&bench);
}

static void test_features(void)
{
	struct bench bench;

	bench_open(&bench);
	/* One that was not offered. */
	guest_reset(&bench.guest);
	guest_write32(&bench.guest, VIRTIO_MMIO_STATUS, 3);
	guest_write32(&bench.guest, VIRTIO_MMIO_DRIVER_FEATURES, 1 << 7);
	guest_write32(&bench.guest, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 1);
	guest_write32(&bench.guest, VIRTIO_MMIO_DRIVER_FEATURES, 1);
	guest_write32(&bench.guest, VIRTIO_MMIO_STATUS, 11);
	CHECK_INT(guest_read32(&bench.guest, VIRTIO_MMIO_STATUS), 3);
	/* Without VERSION_1. */
	guest_reset(&bench.guest);
	guest_write32(&bench.guest, VIRTIO_MMIO_STATUS, 3);
	guest_write32(&bench.guest, VIRTIO_MMIO_STATUS, 11);
	CHECK_INT(guest_read32(&bench.guest, VIRTIO_MMIO_STATUS), 3);
	/* Before there is a driver, and after they are settled. */
	guest_reset(&bench.guest);
	guest_write32(&bench.guest, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 1);
	guest_write32(&bench.guest, VIRTIO_MMIO_DRIVER_FEATURES, 1);
	guest_write32(&bench.guest, VIRTIO_MMIO_STATUS, 11);
	CHECK(!(guest_read32(&bench.guest, VIRTIO_MMIO_STATUS) & VIRTIO_CONFIG_S_FEATURES_OK));
	guest_reset(&bench.guest);
	CHECK(guest_negotiate(&bench.guest, 0));
	guest_write32(&bench.guest, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 0);
	guest_write32(&bench.guest, VIRTIO_MMIO_DRIVER_FEATURES, 1 << ECHO_FEATURE);
	CHECK_INT(bench.echo.device.features, VIRTIO_BIT(VIRTIO_F_VERSION_1));
	bench_close(&bench);
}

/* Steps left out, or done twice. */
static void test_order(void)
{
	struct bench bench;

	bench_open(&bench);
	guest_write32(&bench.guest, VIRTIO_MMIO_STATUS, 7);
	CHECK_INT(guest_read32(&bench.guest, VIRTIO_MMIO_STATUS), 3);
	CHECK_INT(bench.echo.activated, 0);
	/* A queue before features. */
	CHECK(!guest_queue_setup(&bench.guest, 0, 16));
	CHECK(guest_negotiate(&bench.guest, 0));
	CHECK(guest_queue_setup(&bench.guest, 0, 16));
	/* While it is ready it cannot be moved, nor switched off. */
	guest_write32(&bench.guest, VIRTIO_MMIO_QUEUE_DESC_LOW, 0);
	guest_write32(&bench.guest, VIRTIO_MMIO_QUEUE_NUM, 1);
	guest_write32(&bench.guest, VIRTIO_MMIO_QUEUE_READY, 0);
	CHECK_INT(bench.echo.queues[0].size, 16);
	CHECK_INT(bench.echo.queues[0].descriptors_gpa, bench.guest.queues[0].descriptors_gpa);
	CHECK_INT(guest_read32(&bench.guest, VIRTIO_MMIO_QUEUE_READY), 1);
	CHECK(guest_driver_ok(&bench.guest));
	CHECK_INT(bench.guest.hv.notify_count, 1); /* the other queue was not set up */
	CHECK(!guest_queue_setup(&bench.guest, 1, 16));
	/* Bits are not taken away, and once is enough. */
	guest_write32(&bench.guest, VIRTIO_MMIO_STATUS, 1);
	CHECK_INT(guest_read32(&bench.guest, VIRTIO_MMIO_STATUS), 15);
	guest_write32(&bench.guest, VIRTIO_MMIO_STATUS, 15);
	CHECK_INT(bench.echo.activated, 1);
	/* NEEDS_RESET is the device's to set. */
	guest_write32(&bench.guest, VIRTIO_MMIO_STATUS, 15 | VIRTIO_CONFIG_S_NEEDS_RESET);
	CHECK(!guest_needs_reset(&bench.guest));
	bench_close(&bench);
}

static void test_bad_queue(void)
{
	struct bench bench;

	bench_open(&bench);
	CHECK(guest_negotiate(&bench.guest, 0));
	guest_write32(&bench.guest, VIRTIO_MMIO_QUEUE_SEL, 0);
	guest_write32(&bench.guest, VIRTIO_MMIO_QUEUE_NUM, 65536 + 8);
	guest_write32(&bench.guest, VIRTIO_MMIO_QUEUE_READY, 1);
	CHECK_INT(guest_read32(&bench.guest, VIRTIO_MMIO_QUEUE_READY), 0);
	CHECK(guest_needs_reset(&bench.guest));
	/* No driver gets past that but by a reset. */
	guest_write32(&bench.guest, VIRTIO_MMIO_STATUS, 15);
	CHECK(!bench.echo.device.active);
	CHECK(guest_start(&bench.guest, 0, 16));
	bench_close(&bench);
}

static void test_broken_ring(void)
{
	struct bench bench;
	uint16_t head;
	uint32_t written;

	bench_open(&bench);
	CHECK(guest_start(&bench.guest, 0, 16));
	guest_offer(&bench.guest, 0, 999);
	guest_settle(&bench.guest);
	CHECK(guest_needs_reset(&bench.guest));
	CHECK_INT(guest_interrupt(&bench.guest), VQ_INTERRUPT_CONFIG);
	CHECK(guest_edges(&bench.guest) == 1);
	CHECK_HAS(bench.echo.queues[0].broken, "out of range");
	/* Kicks do nothing, and once was enough to tell. */
	(void)add(&bench, 0);
	guest_kick(&bench.guest, 0);
	guest_settle(&bench.guest);
	CHECK(!guest_used(&bench.guest, 0, &head, &written));
	CHECK(guest_edges(&bench.guest) == 0);
	CHECK(guest_start(&bench.guest, 0, 16));
	(void)add(&bench, 0);
	CHECK(guest_wait(&bench.guest, 0, &head, &written));
	bench_close(&bench);
}

static void test_failures(void)
{
	struct bench bench;

	bench_open(&bench);
	bench.guest.hv.fail_irq = EBUSY;
	CHECK(!guest_start(&bench.guest, 0, 16));
	CHECK(guest_needs_reset(&bench.guest));
	bench.guest.hv.fail_irq = 0;
	bench.guest.hv.fail_notify = ENOSPC;
	CHECK(!guest_start(&bench.guest, 0, 16));
	bench.guest.hv.fail_notify = 0;
	bench.echo.fail_activate = EIO;
	CHECK(!guest_start(&bench.guest, 0, 16));
	CHECK(!bench.echo.device.active);
	bench.echo.fail_activate = 0;
	CHECK(guest_start(&bench.guest, 0, 16));
	CHECK_INT(bench.echo.activated, 2);
	bench_close(&bench);
}

/* What the device cannot take stays in the ring, and comes when it can. */
static void test_held(void)
{
	struct bench bench;
	uint16_t head;
	uint32_t written;

	for (unsigned events = 0; events < 2; events++) {
		bench_open(&bench);
		CHECK(guest_start(&bench.guest, events ? ~0ULL : 0, 16));
		bench.echo.holds = true;
		for (unsigned i = 0; i < 16; i++)
			(void)add(&bench, 0);
		guest_settle(&bench.guest);
		CHECK_INT(bench.echo.kicks, 1);
		CHECK_INT(bench.echo.queues[0].taken, 0);
		CHECK(!guest_used(&bench.guest, 0, &head, &written));
		bench.echo.holds = false;
		echo_kick(&bench.echo.device, 0);
		for (unsigned i = 0; i < 16; i++)
			CHECK(guest_wait(&bench.guest, 0, &head, &written));
		(void)add(&bench, 0);
		CHECK(guest_wait(&bench.guest, 0, &head, &written));
		bench_close(&bench);
	}
}

/*
 * A guest that never stops asking is served in turns, so that the loop's others have theirs; and all of it is served.
 */
static void test_turns(void)
{
	struct bench bench;

	for (unsigned events = 0; events < 2; events++) {
		bench_open(&bench);
		CHECK(guest_start(&bench.guest, events ? ~0ULL : 0, 16));
		bench.echo.feeder = &bench.guest;
		bench.echo.feeds = 1000;
		(void)add(&bench, 0);
		guest_settle(&bench.guest);
		CHECK_INT(bench.echo.served, 1001);
		CHECK_INT(bench.echo.most_at_once, 16);
		bench_close(&bench);
	}
}

/* A kick that was on its way when the device was activated comes as a vCPU's exit. */
static void test_kick_by_exit(void)
{
	struct bench bench;
	uint32_t queue = 0, none = 77;

	bench_open(&bench);
	virtio_mmio_write(&bench.guest.mmio, VIRTIO_MMIO_QUEUE_NOTIFY, &queue, 4);
	CHECK(guest_start(&bench.guest, 0, 16));
	virtio_mmio_write(&bench.guest.mmio, VIRTIO_MMIO_QUEUE_NOTIFY, &none, 4);
	virtio_mmio_write(&bench.guest.mmio, VIRTIO_MMIO_QUEUE_NOTIFY, &queue, 4);
	guest_settle(&bench.guest);
	CHECK_INT(bench.echo.kicks, 1);
	bench_close(&bench);
}

static void test_config(void)
{
	struct bench bench;
	uint32_t value = 0xabcdef01, generation;

	bench_open(&bench);
	virtio_mmio_write(&bench.guest.mmio, 0x104, &value, 4);
	virtio_mmio_write(&bench.guest.mmio, 0x100, &value, 4);
	CHECK_INT(bench.echo.config[0], 0x11223344);
	CHECK_INT(bench.echo.config[1], 0xabcdef01);
	generation = guest_read32(&bench.guest, VIRTIO_MMIO_CONFIG_GENERATION);
	virtio_config_changed(&bench.echo.device);
	CHECK_INT(guest_interrupt(&bench.guest), 0); /* nobody is there to be told */
	CHECK(guest_read32(&bench.guest, VIRTIO_MMIO_CONFIG_GENERATION) != generation);
	CHECK(guest_start(&bench.guest, 0, 16));
	virtio_config_changed(&bench.echo.device);
	CHECK_INT(guest_interrupt(&bench.guest), VQ_INTERRUPT_CONFIG);
	CHECK_INT(guest_interrupt(&bench.guest), 0);
	bench_close(&bench);
}

/* --- a vCPU resets, over and over, while the loop is at work ------------------------------------------------------ */

struct worker {
	struct bench *bench;
	bool stop;
};

static void *loop_thread(void *data)
{
	struct worker *worker = data;

	while (!__atomic_load_n(&worker->stop, __ATOMIC_SEQ_CST))
		(void)guest_turn(&worker->bench->guest, 1);
	return NULL;
}

static void test_reset_under_load(void)
{
	struct bench bench;
	struct worker worker = {.bench = &bench};
	pthread_t thread;

	bench_open(&bench);
	CHECK(pthread_create(&thread, NULL, loop_thread, &worker) == 0);
	for (unsigned round = 0; round < 300; round++) {
		bench.guest.next_gpa = GUEST_MEMORY_GPA + 64;
		CHECK(guest_start(&bench.guest, round % 2 ? ~0ULL : 0, 64));
		for (unsigned i = 0; i < 1 + round % 50; i++)
			(void)add(&bench, i % 2);
	}
	guest_reset(&bench.guest);
	__atomic_store_n(&worker.stop, true, __ATOMIC_SEQ_CST);
	(void)pthread_join(thread, NULL);
	CHECK_INT(bench.echo.activated, 300);
	bench_close(&bench);
}

int main(void)
{
	return TAP_RUN(TAP_CASE(test_identity), TAP_CASE(test_accesses), TAP_CASE(test_life), TAP_CASE(test_features),
		       TAP_CASE(test_order), TAP_CASE(test_bad_queue), TAP_CASE(test_broken_ring),
		       TAP_CASE(test_failures), TAP_CASE(test_held), TAP_CASE(test_turns), TAP_CASE(test_kick_by_exit),
		       TAP_CASE(test_config), TAP_CASE(test_reset_under_load));
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The balloon over real shared memory: what goes back to the host, and what must not. */
#include "runtime/vm/balloon.h"

#include <sys/stat.h>

#include "tests/unit/tap.h"
#include "tests/unit/vm/guest_driver.h"

#define MEMORY_BYTES (4U << 20)
#define PAGE	     4096U
#define INFLATE	     0U
#define DEFLATE	     1U
#define STATS	     2U
#define REPORTING    3U
#define NO_STATS     (~VIRTIO_BIT(VIRTIO_BALLOON_F_STATS_VQ))

struct bench {
	struct guest guest;
	struct balloon balloon;
	uint64_t list_gpa;
};

static void bench_open(struct bench *bench)
{
	guest_open_shared(&bench->guest, MEMORY_BYTES);
	memset(bench->guest.bytes, 0xaa, MEMORY_BYTES);
	balloon_open(&bench->balloon, &bench->guest.loop, &bench->guest.memory);
	guest_attach(&bench->guest, &bench->balloon.device);
	bench->list_gpa = guest_alloc(&bench->guest, 3 * PAGE);
}

static void bench_close(struct bench *bench)
{
	guest_close(&bench->guest);
	balloon_close(&bench->balloon);
}

static uint64_t resident(const struct bench *bench)
{
	struct stat st;

	return fstat(bench->guest.memory.fd, &st) < 0 ? 0 : (uint64_t)st.st_blocks * 512;
}

static uint8_t byte_at(const struct bench *bench, uint64_t gpa)
{
	return *(const uint8_t *)guest_at(&bench->guest, gpa);
}

static bool inflate(struct bench *bench, const uint32_t *numbers, unsigned count)
{
	uint16_t head;
	uint32_t written;

	memcpy(guest_at(&bench->guest, bench->list_gpa), numbers, count * sizeof(*numbers));
	(void)guest_add(&bench->guest, INFLATE, (struct guest_buffer[]){{bench->list_gpa, count * 4, false}}, 1);
	return guest_wait(&bench->guest, INFLATE, &head, &written);
}

static void test_inflate(void)
{
	enum { FIRST = (GUEST_MEMORY_GPA + 2 * 1024 * 1024) / PAGE };
	static const uint32_t numbers[] = {FIRST,	FIRST + 1,  FIRST + 2, /* up */
					   FIRST + 11,	FIRST + 10, FIRST + 9, /* down */
					   FIRST + 100, FIRST + 100};
	struct bench bench;
	uint64_t before;
	uint32_t actual = 7;

	bench_open(&bench);
	CHECK(guest_start(&bench.guest, ~0ULL, 16));
	before = resident(&bench);
	CHECK(inflate(&bench, numbers, ARRAY_SIZE(numbers)));
	CHECK_INT(before - resident(&bench), 7 * PAGE);
	for (unsigned i = 0; i < ARRAY_SIZE(numbers); i++)
		CHECK_INT(byte_at(&bench, (uint64_t)numbers[i] * PAGE), 0);
	CHECK_INT(byte_at(&bench, (uint64_t)(FIRST + 3) * PAGE), 0xaa);
	CHECK_INT(byte_at(&bench, (uint64_t)FIRST * PAGE - 1), 0xaa);
	CHECK_INT(byte_at(&bench, (uint64_t)(FIRST + 8) * PAGE), 0xaa);
	CHECK_INT(byte_at(&bench, (uint64_t)(FIRST + 12) * PAGE), 0xaa);
	virtio_mmio_write(&bench.guest.mmio, 0x104, &actual, 4);
	CHECK_INT(balloon_actual(&bench.balloon), 7 * PAGE);
	/* Back: by being touched. */
	(void)guest_add(&bench.guest, DEFLATE, (struct guest_buffer[]){{bench.list_gpa, 4, false}}, 1);
	CHECK(guest_wait(&bench.guest, DEFLATE, &(uint16_t){0}, &(uint32_t){0}));
	bench_close(&bench);
}

/* Pages that are not there, and lists that are none. */
static void test_hostile_inflate(void)
{
	static const uint32_t outside[] = {UINT32_MAX, (MEMORY_BYTES + GUEST_MEMORY_GPA) / PAGE, 0xd0000, 0x100000,
					   UINT32_MAX - 1};
	/* The guest's last page, and the one behind it. */
	static const uint32_t edge[] = {(MEMORY_BYTES + GUEST_MEMORY_GPA) / PAGE - 1,
					(MEMORY_BYTES + GUEST_MEMORY_GPA) / PAGE};
	static const uint32_t lengths[] = {3, 5, 1024 * 4 + 4};
	struct bench bench;
	uint64_t before;

	bench_open(&bench);
	CHECK(guest_start(&bench.guest, ~0ULL, 16));
	before = resident(&bench);
	CHECK(inflate(&bench, outside, ARRAY_SIZE(outside)));
	CHECK_INT(resident(&bench), before);
	CHECK_INT(bench.balloon.returned_bytes, 0);
	CHECK(inflate(&bench, edge, ARRAY_SIZE(edge)));
	CHECK_INT(before - resident(&bench), PAGE);
	CHECK(!guest_needs_reset(&bench.guest));
	for (unsigned i = 0; i < ARRAY_SIZE(lengths); i++) {
		CHECK(guest_start(&bench.guest, ~0ULL, 16));
		(void)guest_add(&bench.guest, INFLATE, (struct guest_buffer[]){{bench.list_gpa, lengths[i], false}}, 1);
		guest_settle(&bench.guest);
		CHECK(guest_needs_reset(&bench.guest));
	}
	bench_close(&bench);
}

/* Only whole pages inside each buffer go back; the queue's number depends on what was negotiated. */
static void test_reporting(void)
{
	static const uint64_t wanted[] = {~0ULL, NO_STATS};

	for (unsigned i = 0; i < 2; i++) {
		unsigned queue = REPORTING - i;
		struct bench bench;
		uint64_t gpa = GUEST_MEMORY_GPA + 2 * 1024 * 1024, before;
		uint16_t head;
		uint32_t written;

		bench_open(&bench);
		CHECK(guest_start(&bench.guest, wanted[i], 16));
		before = resident(&bench);
		(void)guest_add(&bench.guest, queue,
				(struct guest_buffer[]){{gpa + 1, 3 * PAGE - 2, true},
							{gpa + 16 * PAGE, 4 * PAGE, true},
							{gpa + 32 * PAGE + 8, PAGE, true}},
				3);
		CHECK(guest_wait(&bench.guest, queue, &head, &written));
		CHECK_INT(before - resident(&bench), 5 * PAGE);
		CHECK_INT(byte_at(&bench, gpa), 0xaa);
		CHECK_INT(byte_at(&bench, gpa + PAGE), 0);
		CHECK_INT(byte_at(&bench, gpa + 2 * PAGE), 0xaa);
		CHECK_INT(byte_at(&bench, gpa + 19 * PAGE), 0);
		CHECK_INT(byte_at(&bench, gpa + 20 * PAGE), 0xaa);
		CHECK_INT(byte_at(&bench, gpa + 33 * PAGE), 0xaa);
		bench_close(&bench);
	}
}

static void test_target(void)
{
	struct bench bench;
	struct virtio_balloon_config config;

	bench_open(&bench);
	CHECK(guest_start(&bench.guest, ~0ULL, 16));
	balloon_set_target(&bench.balloon, 3 * PAGE + 17);
	CHECK_INT(guest_interrupt(&bench.guest), VQ_INTERRUPT_CONFIG);
	guest_config(&bench.guest, 0, &config, sizeof(config));
	CHECK_INT(config.num_pages, 3);
	balloon_set_target(&bench.balloon, UINT64_MAX);
	guest_config(&bench.guest, 0, &config, sizeof(config));
	CHECK_INT(config.num_pages, UINT32_MAX);
	/* The target is ours alone to set. */
	virtio_mmio_write(&bench.guest.mmio, 0x100, &(uint32_t){5}, 4);
	guest_config(&bench.guest, 0, &config, sizeof(config));
	CHECK_INT(config.num_pages, UINT32_MAX);
	bench_close(&bench);
}

static uint16_t tell_stats(struct bench *bench, uint64_t free_bytes)
{
	struct virtio_balloon_stat stats[] = {{.tag = VIRTIO_BALLOON_S_MEMFREE, .val = free_bytes},
					      {.tag = 999, .val = 1},
					      {.tag = VIRTIO_BALLOON_S_MEMTOT, .val = 1 << 20}};

	memcpy(guest_at(&bench->guest, bench->list_gpa), stats, sizeof(stats));
	return guest_add(&bench->guest, STATS, (struct guest_buffer[]){{bench->list_gpa, sizeof(stats) + 3, false}}, 1);
}

static void test_stats(void)
{
	struct bench bench;
	struct balloon_stats stats;
	uint16_t head, back;
	uint32_t written;

	bench_open(&bench);
	stats = balloon_ask_stats(&bench.balloon);
	CHECK_INT(stats.valid, 0);
	CHECK(guest_start(&bench.guest, ~0ULL, 16));
	head = tell_stats(&bench, 4711);
	guest_settle(&bench.guest);
	/* The buffer is kept, until somebody asks. */
	CHECK(!guest_used(&bench.guest, STATS, &back, &written));
	stats = balloon_ask_stats(&bench.balloon);
	CHECK_INT(stats.valid, 1U << VIRTIO_BALLOON_S_MEMFREE | 1U << VIRTIO_BALLOON_S_MEMTOT);
	CHECK_INT(stats.values[VIRTIO_BALLOON_S_MEMFREE], 4711);
	CHECK(guest_used(&bench.guest, STATS, &back, &written));
	CHECK_INT(back, head);
	CHECK(guest_interrupt(&bench.guest) & VQ_INTERRUPT_USED);
	stats = balloon_ask_stats(&bench.balloon);
	CHECK(!guest_used(&bench.guest, STATS, &back, &written));
	/* Two at once: the older one goes back. */
	head = tell_stats(&bench, 1);
	(void)tell_stats(&bench, 2);
	guest_settle(&bench.guest);
	CHECK(guest_used(&bench.guest, STATS, &back, &written));
	CHECK_INT(back, head);
	CHECK(!guest_used(&bench.guest, STATS, &back, &written));
	/* A reset forgets the buffer: asking does not write into the ring that was. */
	guest_reset(&bench.guest);
	stats = balloon_ask_stats(&bench.balloon);
	CHECK_INT(stats.valid, 0);
	bench_close(&bench);
}

int main(void)
{
	return TAP_RUN(TAP_CASE(test_inflate), TAP_CASE(test_hostile_inflate), TAP_CASE(test_reporting),
		       TAP_CASE(test_target), TAP_CASE(test_stats));
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rings as drivers make them, and as none would. */
#include "runtime/vm/virtqueue.h"

#include <errno.h>
#include <linux/virtio_ring.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "runtime/vm/memory.h"
#include "tests/unit/tap.h"

#define BASE	     UINT64_C(0x40000)
#define MEMORY_BYTES (256U * 1024)
#define SIZE	     8U
#define DESCRIPTORS  (BASE + 0x0)
#define AVAILABLE    (BASE + 0x1000)
#define USED	     (BASE + 0x2000)
#define TABLE	     (BASE + 0x3000)
#define DATA	     (BASE + 0x10000)
#define INDIRECT     (1ULL << VIRTIO_RING_F_INDIRECT_DESC)
#define EVENTS	     (1ULL << VIRTIO_RING_F_EVENT_IDX)

/* Memory, a queue in it, and the driver's view of its rings. */
struct bench {
	uint8_t *bytes;
	struct guest_memory memory;
	struct vq_interrupt interrupt;
	struct virtqueue queue;
	struct vring_desc *descriptors, *table;
	uint16_t *available, *used;
};

static void *at(const struct bench *bench, uint64_t gpa)
{
	return bench->bytes + (gpa - BASE);
}

static void bench_open(struct bench *bench, uint64_t features)
{
	*bench = (struct bench){.bytes = calloc(1, MEMORY_BYTES),
				.interrupt.fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)};
	if (!bench->bytes)
		abort();
	bench->memory = guest_memory_borrow(bench->bytes, BASE, MEMORY_BYTES);
	bench->queue = (struct virtqueue){
		.memory = &bench->memory,
		.interrupt = &bench->interrupt,
		.max_size = SIZE,
		.size = SIZE,
		.descriptors_gpa = DESCRIPTORS,
		.available_gpa = AVAILABLE,
		.used_gpa = USED,
	};
	bench->descriptors = at(bench, DESCRIPTORS);
	bench->table = at(bench, TABLE);
	bench->available = at(bench, AVAILABLE);
	bench->used = at(bench, USED);
	CHECK_INT(vq_enable(&bench->queue, features), 0);
}

static void bench_close(struct bench *bench)
{
	close(bench->interrupt.fd);
	free(bench->bytes);
}

static void offer(struct bench *bench, uint16_t head)
{
	bench->available[2 + bench->available[1] % SIZE] = head;
	bench->available[1]++;
}

static uint64_t edges(const struct bench *bench)
{
	uint64_t count = 0;

	return read(bench->interrupt.fd, &count, sizeof(count)) == (ssize_t)sizeof(count) ? count : 0;
}

static void test_chains(void)
{
	struct bench bench;
	struct vq_chain chain;
	char words[16] = "";

	bench_open(&bench, INDIRECT);
	CHECK_INT(vq_pop(&bench.queue, &chain), 0);
	bench.descriptors[5] = (struct vring_desc){DATA, 4, VRING_DESC_F_NEXT, 2};
	bench.descriptors[2] = (struct vring_desc){DATA + 4, 0, VRING_DESC_F_NEXT, 7};
	bench.descriptors[7] = (struct vring_desc){DATA + 100, 3, VRING_DESC_F_NEXT, 1};
	bench.descriptors[1] = (struct vring_desc){DATA + 200, 2, VRING_DESC_F_WRITE | VRING_DESC_F_NEXT, 0};
	bench.descriptors[0] = (struct vring_desc){DATA + 300, 5, VRING_DESC_F_WRITE, 0};
	memcpy(at(&bench, DATA), "pack", 4);
	memcpy(at(&bench, DATA + 100), "ing", 3);
	offer(&bench, 5);
	CHECK_INT(vq_pop(&bench.queue, &chain), 1);
	CHECK_INT(chain.head, 5);
	CHECK_INT(chain.readable_count, 2);
	CHECK_INT(chain.writable_count, 2);
	CHECK_INT(chain.readable_bytes, 7);
	CHECK_INT(chain.writable_bytes, 7);
	CHECK_INT(vq_chain_read(&chain, 0, words, sizeof(words)), 7);
	CHECK_STR(words, "packing");
	memset(words, 0, sizeof(words));
	CHECK_INT(vq_chain_read(&chain, 3, words, 2), 2);
	CHECK_STR(words, "ki");
	CHECK_INT(vq_chain_read(&chain, 7, words, 2), 0);
	CHECK_INT(vq_chain_write(&chain, 1, "abcdefghij", 10), 6);
	CHECK(memcmp(at(&bench, DATA + 200), "\0a\0", 3) == 0);
	CHECK(memcmp(at(&bench, DATA + 300), "bcdef\0", 6) == 0);
	vq_push(&bench.queue, chain.head, 7);
	CHECK_INT(bench.used[1], 1);
	CHECK_INT(bench.used[2], 5);
	CHECK_INT(bench.used[4], 7);
	CHECK_INT(vq_pop(&bench.queue, &chain), 0);
	bench_close(&bench);
}

/* While written pages are logged, those are that a device is given to write, and no others. */
static void test_log(void)
{
	struct bench bench;
	struct vq_chain chain;
	struct err err = ERR_INIT;

	bench_open(&bench, 0);
	bench.descriptors[0] = (struct vring_desc){DATA, 4, VRING_DESC_F_NEXT, 1};
	bench.descriptors[1] = (struct vring_desc){DATA + 0x1ff0, 0x20, VRING_DESC_F_WRITE, 0};
	offer(&bench, 0);
	CHECK_INT(vq_pop(&bench.queue, &chain), 1);
	CHECK_INT(guest_memory_log_begin(&bench.memory, &err), 0);
	CHECK(guest_memory_log_take(&bench.memory, 0, 0) == 0);
	vq_push(&bench.queue, chain.head, 0x20);
	offer(&bench, 0);
	CHECK_INT(vq_pop(&bench.queue, &chain), 1);
	CHECK(guest_memory_log_take(&bench.memory, 0, 0) == UINT64_C(3) << 17);
	guest_memory_mark(&bench.memory, BASE, 1);
	guest_memory_log_end(&bench.memory);
	guest_memory_mark(&bench.memory, BASE, 1);
	CHECK(guest_memory_log_take(&bench.memory, 0, 0) == 0);
	guest_memory_free(&bench.memory);
	bench_close(&bench);
}

/* Indices run past 65535, and rings around their ends, chains in tables too. */
static void test_wrap(void)
{
	struct bench bench;
	struct vq_chain chain;
	unsigned good = 0;

	bench_open(&bench, INDIRECT);
	bench.table[0] = (struct vring_desc){DATA, 8, VRING_DESC_F_NEXT, 1};
	bench.table[1] = (struct vring_desc){DATA + 8, 8, VRING_DESC_F_WRITE, 0};
	for (unsigned i = 0; i < 70000; i++) {
		uint16_t head = (uint16_t)(i * 3 % SIZE);

		bench.descriptors[head] = (struct vring_desc){TABLE, 32, VRING_DESC_F_INDIRECT, 0};
		offer(&bench, head);
		good += vq_pop(&bench.queue, &chain) == 1 && chain.head == head && chain.readable_bytes == 8 &&
			chain.writable_bytes == 8;
		vq_push(&bench.queue, head, i);
		good -= bench.used[2 + (i % SIZE) * 4] != head;
	}
	CHECK_INT(good, 70000);
	CHECK_INT(bench.used[1], 70000 % 65536);
	bench_close(&bench);
}

static void test_unpop(void)
{
	struct bench bench;
	struct vq_chain chain;

	bench_open(&bench, 0);
	bench.descriptors[3] = (struct vring_desc){DATA, 8, 0, 0};
	offer(&bench, 3);
	for (unsigned i = 0; i < 20; i++) {
		CHECK_INT(vq_pop(&bench.queue, &chain), 1);
		CHECK(!vq_has_more(&bench.queue));
		vq_unpop(&bench.queue);
		CHECK(vq_has_more(&bench.queue));
	}
	CHECK_INT(bench.queue.taken, 0);
	bench_close(&bench);
}

/* --- what breaks a queue ------------------------------------------------------------------------------------------ */

static void loop_of_two(struct bench *bench)
{
	bench->descriptors[0] = (struct vring_desc){DATA, 8, VRING_DESC_F_NEXT, 1};
	bench->descriptors[1] = (struct vring_desc){DATA, 8, VRING_DESC_F_NEXT, 0};
	offer(bench, 0);
}
static void loop_of_nothing(struct bench *bench)
{
	bench->descriptors[0] = (struct vring_desc){DATA, 0, VRING_DESC_F_NEXT, 0};
	offer(bench, 0);
}
static void loop_in_table(struct bench *bench)
{
	bench->descriptors[0] = (struct vring_desc){TABLE, 16, VRING_DESC_F_INDIRECT, 0};
	bench->table[0] = (struct vring_desc){DATA, 8, VRING_DESC_F_NEXT, 0};
	offer(bench, 0);
}
static void head_out_of_range(struct bench *bench)
{
	offer(bench, SIZE);
}
static void next_out_of_range(struct bench *bench)
{
	bench->descriptors[0] = (struct vring_desc){DATA, 8, VRING_DESC_F_NEXT, SIZE};
	offer(bench, 0);
}
static void next_out_of_table(struct bench *bench)
{
	bench->descriptors[0] = (struct vring_desc){TABLE, 32, VRING_DESC_F_INDIRECT, 0};
	bench->table[0] = (struct vring_desc){DATA, 8, VRING_DESC_F_NEXT, 2};
	bench->table[2] = (struct vring_desc){DATA, 8, 0, 0};
	offer(bench, 0);
}
static void buffer_below_memory(struct bench *bench)
{
	bench->descriptors[0] = (struct vring_desc){BASE - 1, 8, 0, 0};
	offer(bench, 0);
}
static void buffer_past_the_end(struct bench *bench)
{
	bench->descriptors[0] = (struct vring_desc){BASE + MEMORY_BYTES - 8, 9, 0, 0};
	offer(bench, 0);
}
static void buffer_around_the_end(struct bench *bench)
{
	bench->descriptors[0] = (struct vring_desc){UINT64_MAX - 3, 8, 0, 0};
	offer(bench, 0);
}
static void buffer_of_4g(struct bench *bench)
{
	bench->descriptors[0] = (struct vring_desc){DATA, UINT32_MAX, 0, 0};
	offer(bench, 0);
}
static void table_in_table(struct bench *bench)
{
	bench->descriptors[0] = (struct vring_desc){TABLE, 16, VRING_DESC_F_INDIRECT, 0};
	bench->table[0] = (struct vring_desc){TABLE, 16, VRING_DESC_F_INDIRECT, 0};
	offer(bench, 0);
}
static void table_goes_on(struct bench *bench)
{
	bench->descriptors[0] = (struct vring_desc){TABLE, 16, VRING_DESC_F_INDIRECT | VRING_DESC_F_NEXT, 1};
	bench->table[0] = (struct vring_desc){DATA, 16, 0, 0};
	bench->descriptors[1] = bench->table[0];
	offer(bench, 0);
}
static void table_cut_off(struct bench *bench)
{
	bench->descriptors[0] = (struct vring_desc){TABLE, 24, VRING_DESC_F_INDIRECT, 0};
	bench->table[0] = (struct vring_desc){DATA, 16, 0, 0};
	offer(bench, 0);
}
static void table_of_nothing(struct bench *bench)
{
	bench->descriptors[0] = (struct vring_desc){TABLE, 0, VRING_DESC_F_INDIRECT, 0};
	offer(bench, 0);
}
static void table_outside(struct bench *bench)
{
	bench->descriptors[0] = (struct vring_desc){BASE + MEMORY_BYTES - 16, 32, VRING_DESC_F_INDIRECT, 0};
	offer(bench, 0);
}
static void table_around_the_end(struct bench *bench)
{
	bench->descriptors[0] = (struct vring_desc){UINT64_MAX - 15, 32, VRING_DESC_F_INDIRECT, 0};
	offer(bench, 0);
}
static void read_behind_write(struct bench *bench)
{
	bench->descriptors[0] = (struct vring_desc){DATA, 8, VRING_DESC_F_WRITE | VRING_DESC_F_NEXT, 1};
	bench->descriptors[1] = (struct vring_desc){DATA, 8, 0, 0};
	offer(bench, 0);
}
static void index_runs_ahead(struct bench *bench)
{
	bench->descriptors[0] = (struct vring_desc){DATA, 8, 0, 0};
	bench->available[1] = SIZE + 1;
}
static void index_runs_back(struct bench *bench)
{
	bench->available[1] = UINT16_MAX;
}
/* Each piece is in memory, all of them are more than 32 bits can say. Nothing of it is touched. */
static void sum_of_4g(struct bench *bench)
{
	bench->memory.regions[0].bytes = UINT64_C(64) << 20;
	bench->descriptors[0] = (struct vring_desc){TABLE, 16 * VQ_MAX_SIZE, VRING_DESC_F_INDIRECT, 0};
	for (unsigned i = 0; i < VQ_MAX_SIZE; i++)
		bench->table[i] = (struct vring_desc){BASE, 64U << 20, VRING_DESC_F_NEXT, (uint16_t)(i + 1)};
	offer(bench, 0);
}

static const struct {
	const char *name;
	void (*make)(struct bench *bench);
	const char *why;
} breaks[] = {
	{"loop of two", loop_of_two, "loops"},
	{"loop of nothing", loop_of_nothing, "loops"},
	{"loop in a table", loop_in_table, "loops"},
	{"head out of range", head_out_of_range, "out of range"},
	{"next out of range", next_out_of_range, "out of range"},
	{"next out of table", next_out_of_table, "out of range"},
	{"buffer below memory", buffer_below_memory, "not in memory"},
	{"buffer past the end", buffer_past_the_end, "not in memory"},
	{"buffer around the end", buffer_around_the_end, "not in memory"},
	{"buffer of 4 GiB", buffer_of_4g, "not in memory"},
	{"table in a table", table_in_table, "table inside a table"},
	{"table goes on", table_goes_on, "goes on behind its table"},
	{"table cut off", table_cut_off, "middle of a descriptor"},
	{"table of nothing", table_of_nothing, "middle of a descriptor"},
	{"table outside", table_outside, "table is not in memory"},
	{"table around the end", table_around_the_end, "table is not in memory"},
	{"read behind write", read_behind_write, "stands behind one to write"},
	{"index runs ahead", index_runs_ahead, "runs ahead"},
	{"index runs back", index_runs_back, "runs ahead"},
	{"sum of 4 GiB", sum_of_4g, "too large"},
};

static void test_breaks(void)
{
	for (unsigned i = 0; i < sizeof(breaks) / sizeof(breaks[0]); i++) {
		struct bench bench;
		struct vq_chain chain;

		bench_open(&bench, INDIRECT);
		breaks[i].make(&bench);
		if (vq_pop(&bench.queue, &chain) != -EPROTO)
			tap_fail(__FILE__, __LINE__, breaks[i].name);
		CHECK_HAS(bench.queue.broken, breaks[i].why);
		/* And it stays so, with good chains as with bad ones. */
		bench.descriptors[0] = (struct vring_desc){DATA, 8, 0, 0};
		bench.available[1] = bench.queue.next;
		offer(&bench, 0);
		CHECK_INT(vq_pop(&bench.queue, &chain), -EPROTO);
		CHECK(!vq_has_more(&bench.queue));
		vq_push(&bench.queue, 0, 1);
		CHECK_INT(bench.used[1], 0);
		CHECK(!vq_should_notify(&bench.queue));
		vq_reset(&bench.queue);
		CHECK_INT(vq_pop(&bench.queue, &chain), 0);
		CHECK(!bench.queue.broken);
		bench_close(&bench);
	}
}

static void test_not_negotiated(void)
{
	struct bench bench;
	struct vq_chain chain;

	bench_open(&bench, 0);
	bench.descriptors[0] = (struct vring_desc){TABLE, 16, VRING_DESC_F_INDIRECT, 0};
	bench.table[0] = (struct vring_desc){DATA, 16, 0, 0};
	offer(&bench, 0);
	CHECK_INT(vq_pop(&bench.queue, &chain), -EPROTO);
	CHECK_HAS(bench.queue.broken, "not negotiated");
	bench_close(&bench);
}

/* The same chain offered again and again, and none given back: no more than there are slots. */
static void test_more_than_slots(void)
{
	struct bench bench;
	struct vq_chain chain;

	bench_open(&bench, 0);
	bench.descriptors[0] = (struct vring_desc){DATA, 8, 0, 0};
	for (unsigned i = 0; i < SIZE; i++) {
		offer(&bench, 0);
		CHECK_INT(vq_pop(&bench.queue, &chain), 1);
	}
	offer(&bench, 0);
	CHECK_INT(vq_pop(&bench.queue, &chain), -EPROTO);
	bench_close(&bench);
}

/* A chain as long as the queue is fine, and so is a table with as many as a chain holds; both, one longer, are not. */
static void test_longest(void)
{
	struct bench bench;
	struct vq_chain chain;

	bench_open(&bench, INDIRECT);
	for (unsigned i = 0; i < SIZE; i++)
		bench.descriptors[i] =
			(struct vring_desc){DATA, 8, i + 1 < SIZE ? VRING_DESC_F_NEXT : 0, (uint16_t)(i + 1)};
	offer(&bench, 0);
	CHECK_INT(vq_pop(&bench.queue, &chain), 1);
	CHECK_INT(chain.readable_count, SIZE);
	for (unsigned longer = 0; longer < 2; longer++) {
		unsigned count = VQ_MAX_SIZE + longer;

		bench.descriptors[0] = (struct vring_desc){TABLE, 16 * count, VRING_DESC_F_INDIRECT, 0};
		for (unsigned i = 0; i < count; i++)
			bench.table[i] =
				(struct vring_desc){DATA, 1, i + 1 < count ? VRING_DESC_F_NEXT : 0, (uint16_t)(i + 1)};
		offer(&bench, 0);
		CHECK_INT(vq_pop(&bench.queue, &chain), longer ? -EPROTO : 1);
		CHECK_INT(chain.readable_count, VQ_MAX_SIZE);
	}
	bench_close(&bench);
}

/* Normal descriptors, then one that names a table (2.7.5.3.2): no room is used twice. */
static void test_mixed(void)
{
	struct bench bench;
	struct vq_chain chain;

	bench_open(&bench, INDIRECT);
	bench.descriptors[0] = (struct vring_desc){DATA, 8, VRING_DESC_F_NEXT, 1};
	bench.descriptors[1] =
		(struct vring_desc){TABLE + 1, 16 * VQ_MAX_SIZE, VRING_DESC_F_INDIRECT | VRING_DESC_F_WRITE, 0};
	/* The table lies at an odd address. */
	for (unsigned i = 0; i < VQ_MAX_SIZE; i++) {
		struct vring_desc one = {DATA, 1, VRING_DESC_F_NEXT, (uint16_t)(i + 1)};

		memcpy((uint8_t *)at(&bench, TABLE + 1) + (size_t)i * 16, &one, sizeof(one));
	}
	offer(&bench, 0);
	CHECK_INT(vq_pop(&bench.queue, &chain), -EPROTO);
	vq_reset(&bench.queue);
	bench_close(&bench);
}

/* Buffers that lie over one another are the driver's affair; and what lies over the rings turns against it. */
static void test_overlaps(void)
{
	struct bench bench;
	struct vq_chain chain;
	uint8_t junk[0x3000];

	bench_open(&bench, EVENTS);
	bench.descriptors[0] = (struct vring_desc){DATA, 64, VRING_DESC_F_NEXT, 1};
	bench.descriptors[1] = (struct vring_desc){DATA + 32, 64, VRING_DESC_F_WRITE | VRING_DESC_F_NEXT, 2};
	bench.descriptors[2] = (struct vring_desc){BASE, sizeof(junk), VRING_DESC_F_WRITE, 0};
	offer(&bench, 0);
	CHECK_INT(vq_pop(&bench.queue, &chain), 1);
	memset(junk, 0xff, sizeof(junk));
	CHECK_INT(vq_chain_write(&chain, 64, junk, sizeof(junk)), sizeof(junk));
	vq_push(&bench.queue, chain.head, 1);
	vq_notify(&bench.queue);
	CHECK_INT(bench.used[1], 1);
	CHECK_INT(vq_pop(&bench.queue, &chain), -EPROTO);
	CHECK_HAS(bench.queue.broken, "runs ahead");
	bench_close(&bench);
}

static void test_setup(void)
{
	static const struct {
		uint16_t size;
		uint64_t descriptors, available, used;
	} bad[] = {
		{0, DESCRIPTORS, AVAILABLE, USED},
		{3, DESCRIPTORS, AVAILABLE, USED},
		{16, DESCRIPTORS, AVAILABLE, USED},
		{8, DESCRIPTORS + 8, AVAILABLE, USED},
		{8, DESCRIPTORS, AVAILABLE + 1, USED},
		{8, DESCRIPTORS, AVAILABLE, USED + 2},
		{8, BASE - 16, AVAILABLE, USED},
		{8, BASE + MEMORY_BYTES - 64, AVAILABLE, USED},
		{8, DESCRIPTORS, BASE + MEMORY_BYTES - 20, USED},
		{8, DESCRIPTORS, AVAILABLE, BASE + MEMORY_BYTES - 68},
		{8, UINT64_MAX - 15, AVAILABLE, USED},
		{8, DESCRIPTORS, UINT64_MAX - 1, USED},
	};
	struct bench bench;
	struct vq_chain chain;

	bench_open(&bench, 0);
	CHECK_INT(vq_enable(&bench.queue, 0), -EBUSY);
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		vq_reset(&bench.queue);
		bench.queue.size = bad[i].size;
		bench.queue.descriptors_gpa = bad[i].descriptors;
		bench.queue.available_gpa = bad[i].available;
		bench.queue.used_gpa = bad[i].used;
		if (vq_enable(&bench.queue, 0) != -EINVAL || bench.queue.ready || !bench.queue.broken)
			printf("# case %u\n", i), tap_fail(__FILE__, __LINE__, "a bad queue was taken");
		CHECK_INT(vq_pop(&bench.queue, &chain), -EPROTO);
	}
	bench_close(&bench);
}

/* --- telling the driver, and being told --------------------------------------------------------------------------- */

static void serve_one(struct bench *bench)
{
	struct vq_chain chain;

	bench->descriptors[0] = (struct vring_desc){DATA, 8, 0, 0};
	offer(bench, 0);
	CHECK_INT(vq_pop(&bench->queue, &chain), 1);
	vq_push(&bench->queue, chain.head, 0);
	vq_notify(&bench->queue);
}

static void test_interrupts_by_flag(void)
{
	struct bench bench;

	bench_open(&bench, 0);
	serve_one(&bench);
	CHECK_INT(edges(&bench), 1);
	CHECK_INT(bench.interrupt.status, VQ_INTERRUPT_USED);
	vq_notify(&bench.queue);
	CHECK_INT(edges(&bench), 0);
	bench.available[0] = VRING_AVAIL_F_NO_INTERRUPT;
	serve_one(&bench);
	CHECK_INT(edges(&bench), 0);
	bench.available[0] = 0;
	serve_one(&bench);
	CHECK_INT(edges(&bench), 1);
	vq_kicks_off(&bench.queue);
	CHECK_INT(bench.used[0], VRING_USED_F_NO_NOTIFY);
	CHECK(!vq_kicks_on(&bench.queue));
	CHECK_INT(bench.used[0], 0);
	vq_kicks_off(&bench.queue);
	offer(&bench, 0);
	CHECK(vq_kicks_on(&bench.queue));
	bench_close(&bench);
}

static void test_interrupts_by_index(void)
{
	struct bench bench;
	uint16_t *used_event, *available_event;

	bench_open(&bench, EVENTS);
	used_event = &bench.available[2 + SIZE];
	available_event = &bench.used[2 + 4 * SIZE];
	serve_one(&bench); /* the event is 0: the first one */
	CHECK_INT(edges(&bench), 1);
	serve_one(&bench);
	CHECK_INT(edges(&bench), 0);
	*used_event = 3; /* the fourth */
	serve_one(&bench);
	CHECK_INT(edges(&bench), 0);
	serve_one(&bench);
	CHECK_INT(edges(&bench), 1);
	/* Over the end of 16 bits. */
	for (unsigned i = 4; i < 65535; i++)
		serve_one(&bench);
	CHECK_INT(edges(&bench), 0);
	*used_event = 65535;
	serve_one(&bench);
	CHECK_INT(edges(&bench), 1);
	CHECK_INT(bench.used[1], 0);
	offer(&bench, 0);
	CHECK(vq_kicks_on(&bench.queue));
	CHECK_INT(*available_event, bench.queue.next);
	bench_close(&bench);
}

static void test_slices(void)
{
	uint8_t bytes[64];
	struct iovec iov[3] = {{bytes, 10}, {bytes + 20, 5}, {bytes + 40, 20}}, to[3];

	CHECK_INT(vq_slice(iov, 3, 0, 100, to, 3), 3);
	CHECK_INT(vq_slice(iov, 3, 10, 5, to, 3), 1);
	CHECK(to[0].iov_base == bytes + 20 && to[0].iov_len == 5);
	CHECK_INT(vq_slice(iov, 3, 9, 7, to, 3), 3);
	CHECK(to[0].iov_base == bytes + 9 && to[0].iov_len == 1 && to[2].iov_base == bytes + 40 && to[2].iov_len == 1);
	CHECK_INT(vq_slice(iov, 3, 0, 100, to, 2), 2);
	CHECK_INT(vq_slice(iov, 3, 35, 1, to, 3), 0);
	CHECK_INT(vq_slice(iov, 3, 0, 0, to, 3), 0);
	CHECK_INT(vq_slice(iov, 0, 0, 8, to, 3), 0);
}

int main(void)
{
	return TAP_RUN(TAP_CASE(test_chains), TAP_CASE(test_log), TAP_CASE(test_wrap), TAP_CASE(test_unpop),
		       TAP_CASE(test_breaks), TAP_CASE(test_not_negotiated), TAP_CASE(test_more_than_slots),
		       TAP_CASE(test_longest), TAP_CASE(test_mixed), TAP_CASE(test_overlaps), TAP_CASE(test_setup),
		       TAP_CASE(test_interrupts_by_flag), TAP_CASE(test_interrupts_by_index), TAP_CASE(test_slices));
}

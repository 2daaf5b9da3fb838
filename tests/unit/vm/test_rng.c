/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Randomness, and no more of it than the rate allows. */
#include "runtime/vm/rng.h"

#include <stdlib.h>

#include "tests/unit/tap.h"
#include "tests/unit/vm/guest_driver.h"

#define LEN 1024U

struct bench {
	struct guest guest;
	struct rng rng;
	uint64_t gpa;
};

static void bench_open(struct bench *bench)
{
	guest_open(&bench->guest, 1 << 20);
	rng_open(&bench->rng, &bench->guest.loop, &bench->guest.memory);
	guest_attach(&bench->guest, &bench->rng.device);
	CHECK(guest_start(&bench->guest, ~0ULL, 8));
	bench->gpa = guest_alloc(&bench->guest, 64 * LEN);
}

static void bench_close(struct bench *bench)
{
	guest_close(&bench->guest);
	rng_close(&bench->rng);
}

static void ask(struct bench *bench, uint32_t len)
{
	(void)guest_add(&bench->guest, 0, (struct guest_buffer[]){{bench->gpa, len, true}}, 1);
}

static void test_bytes(void)
{
	struct bench bench;
	uint8_t first[64];
	uint16_t head;
	uint32_t written;

	bench_open(&bench);
	ask(&bench, 64);
	CHECK(guest_wait(&bench.guest, 0, &head, &written));
	CHECK_INT(written, 64);
	memcpy(first, guest_at(&bench.guest, bench.gpa), 64);
	ask(&bench, 64);
	CHECK(guest_wait(&bench.guest, 0, &head, &written));
	CHECK(memcmp(first, guest_at(&bench.guest, bench.gpa), 64) != 0);
	/* A large buffer is filled in part. */
	ask(&bench, 64 * LEN);
	CHECK(guest_wait(&bench.guest, 0, &head, &written));
	CHECK_INT(written, LEN);
	bench_close(&bench);
}

/* What the burst allows comes at once, and then nothing, until the period is over. */
static void test_rate(void)
{
	struct bench bench;
	uint32_t written, got = 0;
	uint16_t head;

	bench_open(&bench);
	bench.rng.left_bytes = RNG_BURST_BYTES;
	bench.rng.period_ends_ms = UINT64_MAX; /* this period does not end by itself */
	for (unsigned i = 0; i < 2 * RNG_BURST_BYTES / LEN; i++) {
		ask(&bench, LEN);
		guest_settle(&bench.guest);
		if (!guest_used(&bench.guest, 0, &head, &written))
			break;
		got += written;
	}
	CHECK_INT(got, RNG_BURST_BYTES);
	CHECK_INT(guest_turn(&bench.guest, 0), 0);
	guest_reset(&bench.guest);
	/* And with a period that does, whoever waits is served behind it. */
	bench.guest.next_gpa = GUEST_MEMORY_GPA + 128 * LEN;
	CHECK(guest_start(&bench.guest, 0, 8));
	bench.rng.period_ends_ms = 1;
	bench.rng.left_bytes = 0;
	ask(&bench, LEN);
	CHECK(guest_wait(&bench.guest, 0, &head, &written));
	bench.rng.left_bytes = 0;
	ask(&bench, LEN);
	guest_settle(&bench.guest);
	CHECK(bench.rng.refill.source.registered);
	CHECK(guest_wait(&bench.guest, 0, &head, &written));
	CHECK_INT(written, LEN);
	CHECK(!bench.rng.refill.source.registered);
	bench_close(&bench);
}

static void test_hostile(void)
{
	struct bench bench;
	uint16_t head;
	uint32_t written;

	bench_open(&bench);
	(void)guest_add(&bench.guest, 0, (struct guest_buffer[]){{bench.gpa, 64, false}}, 1);
	guest_settle(&bench.guest);
	CHECK(guest_needs_reset(&bench.guest));
	CHECK(!guest_used(&bench.guest, 0, &head, &written));
	CHECK(guest_start(&bench.guest, 0, 8));
	/* Reset while it waits for the next period: the timer does not come back to the old queue. */
	bench.rng.left_bytes = 0;
	bench.rng.period_ends_ms = UINT64_MAX;
	ask(&bench, 64);
	guest_settle(&bench.guest);
	guest_reset(&bench.guest);
	CHECK(!bench.rng.refill.source.registered);
	CHECK_INT(guest_turn(&bench.guest, 0), 0);
	bench_close(&bench);
}

int main(void)
{
	return TAP_RUN(TAP_CASE(test_bytes), TAP_CASE(test_rate), TAP_CASE(test_hostile));
}

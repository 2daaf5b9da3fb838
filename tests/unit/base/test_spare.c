/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime/base/spare.h"

#include <stdint.h>
#include <string.h>

#include "runtime/base/sanitized.h"
#include "tests/unit/tap.h"

#define MANY 100 /* blocks: more than any stock has */

static void test_sizes(void)
{
	CHECK_INT(spare_size(0), SPARE_MIN_BYTES);
	CHECK_INT(spare_size(SPARE_MIN_BYTES), SPARE_MIN_BYTES);
	CHECK_INT(spare_size(SPARE_MIN_BYTES + 1), 2 * SPARE_MIN_BYTES);
	CHECK_INT(spare_size(SPARE_MAX_BYTES), SPARE_MAX_BYTES);
}

/*
 * Takes blocks of all sizes by turns, fills each with its number, looks whether all have kept theirs, and gives them
 * back.
 */
static void take_many(void)
{
	unsigned char *blocks[MANY];
	size_t sizes[MANY];

	for (size_t i = 0; i < MANY; i++) {
		sizes[i] = SPARE_MIN_BYTES << i % 4;
		blocks[i] = spare_take(sizes[i]);
		CHECK(blocks[i] != NULL && (uintptr_t)blocks[i] % 16 == 0);
		if (blocks[i])
			memset(blocks[i], (int)i, sizes[i]);
	}
	for (size_t i = 0; i < MANY; i++) {
		for (size_t at = 0; blocks[i] && at < sizes[i]; at += 64)
			if (blocks[i][at] != i)
				tap_fail(__FILE__, __LINE__, "two blocks overlap");
		spare_give(blocks[i], sizes[i]);
	}
}

static void test_without_a_stock(void)
{
	take_many();
}

static void test_with_a_stock(void)
{
	void *first, *second;

	spare_keep();
	spare_keep(); /* once is all that it does */
	for (int round = 0; round < 3; round++)
		take_many();
	first = spare_take(SPARE_MIN_BYTES);
	spare_give(first, SPARE_MIN_BYTES);
	second = spare_take(SPARE_MIN_BYTES);
	CHECK(IS_SANITIZED || second == first);
	spare_give(second, SPARE_MIN_BYTES);
}

int main(void)
{
	return TAP_RUN(TAP_CASE(test_sizes), TAP_CASE(test_without_a_stock), TAP_CASE(test_with_a_stock));
}

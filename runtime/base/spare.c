/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime/base/spare.h"

#include <stdlib.h>
#include <sys/mman.h>

#include "runtime/base/sanitized.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* not in musl's headers */
#endif

#define STOCK_BYTES ((size_t)160 << 10) /* what a start takes of a container with a filter of the usual size */
#define FILL_BYTES  ((size_t)40 << 10)	/* as much as any command takes; more when that is used up */
#define ORDERS	    4			/* SPARE_MIN_BYTES << 0 … 3 */

/* What lies in a block while nobody uses it. */
struct free_block {
	struct free_block *next;
};

static _Thread_local struct {
	unsigned char *begin, *unused, *filled, *end;
	struct free_block *given[ORDERS]; /* back, by order */
} stock;

_Static_assert(SPARE_MIN_BYTES << (ORDERS - 1) == SPARE_MAX_BYTES, "each size has a list");

static unsigned order_of(size_t bytes)
{
	unsigned order = 0;

	while (SPARE_MIN_BYTES << order < bytes)
		order++;
	return order;
}

/* In one call, what would be a fault for each page. Kernels before 5.14 do not know the wish, and go on with faults. */
static void fill(void)
{
	size_t left = (size_t)(stock.end - stock.filled), bytes = left < FILL_BYTES ? left : FILL_BYTES;

	(void)madvise(stock.filled, bytes, MADV_POPULATE_WRITE);
	stock.filled += bytes;
}

void spare_keep(void)
{
	void *memory;

	/* A sanitizer only sees what is used after it was freed where that comes from the heap. */
	if (IS_SANITIZED || stock.begin)
		return;
	memory = mmap(NULL, STOCK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		return;
	stock.begin = stock.unused = stock.filled = memory;
	stock.end = stock.begin + STOCK_BYTES;
	fill();
}

size_t spare_size(size_t bytes)
{
	return SPARE_MIN_BYTES << order_of(bytes);
}

void *spare_take(size_t size)
{
	struct free_block **given = &stock.given[order_of(size)];
	void *block = *given;

	if (block) {
		*given = (*given)->next;
	} else if ((size_t)(stock.end - stock.unused) >= size) {
		block = stock.unused;
		stock.unused += size;
		while (stock.unused > stock.filled)
			fill();
	} else {
		block = malloc(size);
	}
	return block;
}

void spare_give(void *block, size_t size)
{
	struct free_block **given = &stock.given[order_of(size)], *empty = block;

	if ((unsigned char *)block < stock.begin || (unsigned char *)block >= stock.end) {
		free(block);
		return;
	}
	empty->next = *given;
	*given = empty;
}

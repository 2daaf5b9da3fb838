/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Memory for arenas and texts that come and go.
 *
 * A start of a container has dozens of them, nearly one after the other. musl's heap maps most of what they ask for
 * alone, looks at each page of it to see whether it must be cleared, and gives it back to the kernel with the last of
 * what is in it: several faults for a page, and an interrupt of the processor that another thread runs on. A command
 * has a stock instead, which the kernel fills in a few calls, and keeps what is given back for the next one. Programs
 * that stay have none: what they do not use is the machine's.
 */
#ifndef HULL_RUNTIME_BASE_SPARE_H
#define HULL_RUNTIME_BASE_SPARE_H

#include <stddef.h>

/* Blocks are pages, and powers of two of them up to this. */
#define SPARE_MIN_BYTES ((size_t)4096)
#define SPARE_MAX_BYTES ((size_t)32 << 10)

/* From now on this thread has a stock. For the main() of a command, which ends soon. */
void spare_keep(void);

/* The size of the block that would be taken for so many bytes, of at most SPARE_MAX_BYTES. */
size_t spare_size(size_t bytes);

/*
 * A block of such a size, with anything in it, for any type; from the heap without a stock, or when that is used up.
 * NULL without memory. It is given back with the same size, in the thread that took it or after that has ended.
 */
void *spare_take(size_t size);
void spare_give(void *block, size_t size);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Pages for arenas and texts that come and go.
 *
 * A start of a container has two dozen of them, nearly one after the other, and each of them fits into a page. musl's
 * heap gives a page back to the kernel with the last of what is in it, so each would be mapped, cleared and unmapped,
 * with an interrupt of the processor that another thread runs on. A command keeps them instead, for its next one.
 * Programs that stay keep none: what they do not use is the machine's.
 */
#ifndef HULL_RUNTIME_BASE_SPARE_H
#define HULL_RUNTIME_BASE_SPARE_H

#include <stddef.h>

/* Of one block. With what the heap adds to it, a page. */
#define SPARE_BYTES ((size_t)4032)

/* From now on this thread keeps what is given back, up to a bound. For the main() of a command, which ends soon. */
void spare_keep(void);

/* SPARE_BYTES with anything in them, as from malloc(3); NULL without memory. The caller may free(3) it, too. */
void *spare_take(void);
void spare_give(void *block);

#endif

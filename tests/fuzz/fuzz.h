/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What every target has. */
#ifndef HULL_TESTS_FUZZ_FUZZ_H
#define HULL_TESTS_FUZZ_FUZZ_H

#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Ends the run, which keeps the input, where something is not as it has to be. */
static inline void fuzz_want(bool condition, const char *words)
{
	if (condition)
		return;
	fprintf(stderr, "%s\n", words);
	abort();
}

/* How many descriptors below `limit` are open: as many after an input as before it. */
static inline unsigned fuzz_open_descriptors(int limit)
{
	unsigned count = 0;

	for (int fd = 0; fd < limit; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What every target has. */
#ifndef HULL_TESTS_FUZZ_FUZZ_H
#define HULL_TESTS_FUZZ_FUZZ_H

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

#endif

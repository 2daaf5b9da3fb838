/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What QEMU says of its machine, which may be anything once a guest has broken out into it: a line changes what it may.
 */
#include "runtime/vm/qemu_qmp.h"

#include <ctype.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct qemu_state state = {
		.processors.question = 1,
		.dirty_rate = {.question = 1, .state = QEMU_RATE_MEASURING},
	};

	qmp_take_line((const char *)data, size, &state);
	fuzz_want(state.reason <= QEMU_QUIT, "an end that is none");
	fuzz_want(state.processors.question == 1 && state.processors.halted + state.processors.running <= 1,
		  "more processors than answers");
	fuzz_want(state.dirty_rate.question == 1, "another question than was asked");
	fuzz_want(memchr(state.dirty_rate.words, '\0', sizeof(state.dirty_rate.words)), "words without an end");
	for (const char *word = state.dirty_rate.words; *word; word++)
		fuzz_want(!iscntrl((unsigned char)*word), "words that a terminal obeys");
	fuzz_want((state.dirty_rate.state == QEMU_RATE_FAILED) == (*state.dirty_rate.words != '\0'),
		  "a failure without words, or words without one");
	return 0;
}

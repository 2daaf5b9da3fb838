/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Why a guest's kernel panicked, in its own words: "Kernel panic - not syncing: Attempted to kill init!". It says so on
 * its console, and keeps it in its log, which lies within its own memory; a monitor looks at what it has.
 *
 * Both are the guest's, which may write what it likes there. A guest that lies is believed: it tells of nobody but
 * itself, in few words that can be printed, and what is read is bounded.
 */
#ifndef HULL_RUNTIME_VM_PANIC_H
#define HULL_RUNTIME_VM_PANIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/vm/memory.h"

#define PANIC_WORDS_BYTES 160

/* The words of the first panic in `bytes`; they end where they cannot be printed. False: none, and `ret` is "". */
bool panic_find(const char *bytes, size_t len, char ret[static PANIC_WORDS_BYTES]);

/*
 * The same in guest memory, [gpa, end): there the kernel is, and its log. The machine's processors may still run. Not
 * found: the log of a bzImage, which may have moved itself anywhere (KASLR), or one that the kernel has made larger.
 */
bool panic_find_in_memory(const struct guest_memory *memory, uint64_t gpa, uint64_t end,
			  char ret[static PANIC_WORDS_BYTES]);

/* CAUSE_PANIC, or CAUSE_MEMORY where these words say that there was too little of it (last_words.h). */
const char *panic_cause(const char *words);

/* That as an error, with a hint where more memory may help: -EIO. `words` may be "": nobody knows why. */
int panic_say(const char *words, uint64_t memory_bytes, struct err *err);

#endif

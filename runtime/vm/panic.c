// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/vm/panic.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "runtime/vm/last_words.h"

static const char before[] = "Kernel panic - not syncing: ";

#define LEVEL_BYTES  2 /* "\0010" */
#define BEFORE_BYTES (sizeof(before) - 1)
/* Guest memory is looked at in pieces; and as much of the next one, for what begins at the end of this one. */
#define PIECE_BYTES ((size_t)16 << 10)
#define MORE_BYTES  (BEFORE_BYTES + PANIC_WORDS_BYTES)

static void take_words(const char *words, size_t len, char ret[static PANIC_WORDS_BYTES])
{
	size_t taken = 0;

	while (taken < len && taken + 1 < PANIC_WORDS_BYTES && words[taken] >= ' ' && words[taken] <= '~') {
		ret[taken] = words[taken];
		taken++;
	}
	ret[taken] = '\0';
}

/* The first that begins before `first_bytes`. In the kernel's own text there are the formats of these lines, too. */
static bool find(const char *bytes, size_t first_bytes, size_t len, char ret[static PANIC_WORDS_BYTES])
{
	const char *at = bytes, *end = bytes + len;

	while ((at = memmem(at, (size_t)(end - at), before, BEFORE_BYTES)) && at < bytes + first_bytes) {
		at += BEFORE_BYTES;
		take_words(at, (size_t)(end - at), ret);
		if (ret[0] && ret[0] != '%')
			return true;
	}
	ret[0] = '\0';
	return false;
}

bool panic_find(const char *bytes, size_t len, char ret[static PANIC_WORDS_BYTES])
{
	return find(bytes, len, len, ret);
}

/*
 * A kernel (since 5.11) moves a line that it keeps over the two bytes that gave its level, and what stood at the end
 * stands there twice: "crashsh".
 */
static void drop_rest(char *words)
{
	size_t len = strlen(words);

	if (len >= 2 * LEVEL_BYTES &&
	    memcmp(words + len - LEVEL_BYTES, words + len - 2 * LEVEL_BYTES, LEVEL_BYTES) == 0)
		words[len - LEVEL_BYTES] = '\0';
}

bool panic_find_in_memory(const struct guest_memory *memory, uint64_t gpa, uint64_t end,
			  char ret[static PANIC_WORDS_BYTES])
{
	char piece[PIECE_BYTES + MORE_BYTES];

	ret[0] = '\0';
	for (; gpa < end; gpa += PIECE_BYTES) {
		uint64_t rest = end - gpa;
		size_t len = rest < sizeof(piece) ? (size_t)rest : sizeof(piece);

		/* A copy: while it is judged it does not change. */
		if (guest_memory_read(memory, gpa, piece, len) < 0)
			return false;
		if (find(piece, PIECE_BYTES, len, ret)) {
			drop_rest(ret);
			return true;
		}
	}
	return false;
}

const char *panic_cause(const char *words)
{
	return strstr(words, "memory") ? CAUSE_MEMORY : CAUSE_PANIC;
}

int panic_say(const char *words, uint64_t memory_bytes, struct err *err)
{
	const char *cause = panic_cause(words);
	int r = last_words_say(cause, words, err);

	if (strcmp(cause, CAUSE_MEMORY) != 0)
		return r;
	return err_hint(err, "%" PRIu64 "m may be too little for it", memory_bytes >> 20);
}

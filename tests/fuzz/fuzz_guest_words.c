/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How a guest's end is read: its kernel's console and memory, and QEMU's standard error. What comes out is short and
 * can be printed, and the same wherever in memory it lies.
 */
#include <string.h>

#include "runtime/vm/panic.h"
#include "runtime/vm/qemu_words.h"
#include "tests/fuzz/fuzz.h"

#define MEMORY_BYTES ((size_t)64 << 10)
#define GPA	     ((uint64_t)1 << 20)

static void check_words(const char *words)
{
	size_t len = strnlen(words, PANIC_WORDS_BYTES);
	struct err err = {0};

	fuzz_want(len < PANIC_WORDS_BYTES, "words without an end");
	for (size_t i = 0; i < len; i++)
		fuzz_want(words[i] >= ' ' && words[i] <= '~', "words that cannot be printed");
	fuzz_want(panic_say(words, GPA, &err) < 0 && err.msg[0], "a panic without words");
}

static void look_at_memory(const uint8_t *data, size_t size, const char *said)
{
	static char bytes[MEMORY_BYTES];
	/* Across the border of two pieces, as many bytes of it in the first one as the input says. */
	size_t at = ((size_t)16 << 10) - (size ? data[0] : 0);
	struct guest_memory memory = guest_memory_borrow(bytes, GPA, sizeof(bytes));
	char words[PANIC_WORDS_BYTES];
	bool found;

	memset(bytes, 0, sizeof(bytes));
	memcpy(bytes + at, data, size);
	found = panic_find_in_memory(&memory, GPA, GPA + sizeof(bytes), words);
	check_words(words);
	fuzz_want(found == (said[0] != '\0'), "found in one place, and not in another");
	/* Less the two bytes that stand there twice. */
	fuzz_want(strncmp(words, said, strlen(words)) == 0 && strlen(said) - strlen(words) <= 2, "other words");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char words[PANIC_WORDS_BYTES], bytes[1024];
	const char *complaint, *of_disk;
	unsigned number;

	if (size >= sizeof(bytes))
		return 0;
	(void)panic_find((const char *)data, size, words);
	check_words(words);
	look_at_memory(data, size, words);
	memcpy(bytes, data, size);
	(void)qemu_words_have_triple_fault(bytes, size);
	complaint = qemu_words_complaint(bytes, size);
	fuzz_want(complaint[0] == '\0' || (complaint >= bytes && complaint < bytes + size), "words of somebody else");
	fuzz_want(!strpbrk(complaint, "\r\n"), "more than one line");
	of_disk = qemu_words_of_disk(complaint, &number);
	fuzz_want(!of_disk || (of_disk > complaint && of_disk <= bytes + size), "words of no disk");
	return 0;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A kernel's last line: found on its console and in its memory, whatever else the guest has put there. */
#include "runtime/vm/panic.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/scope.h"
#include "runtime/vm/last_words.h"
#include "tests/unit/tap.h"

#define SAID	     "Kernel panic - not syncing: "
#define MEMORY_BYTES ((size_t)64 << 10)
#define GPA	     ((uint64_t)16 << 20)

static void test_find(void)
{
	static const struct {
		const char *bytes, *words;
	} cases[] = {
		{"[    9.1] " SAID "Attempted to kill init! exitcode=0x00000300\r\n[    9.2] CPU: 0",
		 "Attempted to kill init! exitcode=0x00000300"},
		{SAID "it ends here", "it ends here"},
		{SAID "first\n" SAID "second\n", "first"},
		/* What the kernel makes these lines of, and one that says nothing. */
		{"0" SAID "%s\n" SAID "\n" SAID "System is deadlocked on memory\n", "System is deadlocked on memory"},
		{SAID "red \033[31m", "red "},
		{SAID "\xff", ""},
		{"Kernel panic - not syncing", ""},
		{SAID, ""},
		{"", ""},
	};
	char words[PANIC_WORDS_BYTES], many[2 * PANIC_WORDS_BYTES];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CHECK_INT(panic_find(cases[i].bytes, strlen(cases[i].bytes), words), cases[i].words[0] != '\0');
		CHECK_STR(words, cases[i].words);
	}
	/* However much there is, and however little of it may be read. */
	memset(many, 'x', sizeof(many));
	memcpy(many, SAID, strlen(SAID));
	CHECK(panic_find(many, sizeof(many), words) && strlen(words) == PANIC_WORDS_BYTES - 1);
	CHECK(panic_find(many, strlen(SAID) + 1, words) && strcmp(words, "x") == 0);
	CHECK(!panic_find(many, strlen(SAID), words));
}

/* Wherever it lies: it must not matter how the memory is read. */
static void test_memory(void)
{
	static const char said[] = SAID "Out of memory: compulsory panic_on_oom is enabled\n";
	char *bytes = calloc(1, MEMORY_BYTES), words[PANIC_WORDS_BYTES];
	struct guest_memory memory = guest_memory_borrow(bytes, GPA, MEMORY_BYTES);

	if (!bytes)
		abort();
	CHECK(!panic_find_in_memory(&memory, GPA, GPA + MEMORY_BYTES, words) && !words[0]);
	for (size_t at = 64; at + sizeof(said) < MEMORY_BYTES; at += 61) {
		memcpy(bytes + at, said, sizeof(said));
		CHECK(panic_find_in_memory(&memory, GPA, GPA + MEMORY_BYTES, words));
		CHECK_STR(words, "Out of memory: compulsory panic_on_oom is enabled");
		/* Up to its end, and no further. */
		CHECK(!panic_find_in_memory(&memory, GPA, GPA + at + strlen(SAID), words));
		CHECK(!panic_find_in_memory(&memory, GPA + at + 1, GPA + MEMORY_BYTES, words));
		memset(bytes + at, 0, sizeof(said));
	}
	/* As Linux keeps it. */
	memcpy(bytes, SAID "sysrq triggered crashsh\n", strlen(SAID) + 24);
	CHECK(panic_find_in_memory(&memory, GPA, GPA + MEMORY_BYTES, words));
	CHECK_STR(words, "sysrq triggered crash");
	memcpy(bytes, SAID "aa\n", strlen(SAID) + 3);
	CHECK(panic_find_in_memory(&memory, GPA, GPA + MEMORY_BYTES, words) && strcmp(words, "aa") == 0);
	/* Outside of memory there is nothing. */
	memcpy(bytes, said, sizeof(said));
	CHECK(!panic_find_in_memory(&memory, 0, GPA + MEMORY_BYTES, words));
	CHECK(!panic_find_in_memory(&memory, GPA, 0, words));
	free(bytes);
}

static void test_say(void)
{
	struct err err = ERR_INIT;

	CHECK_INT(panic_say("", (uint64_t)64 << 20, &err), -EIO);
	CHECK_STR(err.msg, "the guest's kernel panicked");
	CHECK_STR(panic_cause(""), CAUSE_PANIC);
	CHECK_INT(panic_say("Attempted to kill init!", (uint64_t)64 << 20, &err), -EIO);
	CHECK_STR(err.msg, "the guest's kernel panicked: Attempted to kill init!");
	CHECK_INT(panic_say("System is deadlocked on memory", (uint64_t)64 << 20, &err), -EIO);
	CHECK_STR(err.msg, "the guest's kernel panicked for want of memory: System is deadlocked on memory: "
			   "64m may be too little for it");
	CHECK_STR(panic_cause("System is deadlocked on memory"), CAUSE_MEMORY);
}

int main(void)
{
	return TAP_RUN(TAP_CASE(test_find), TAP_CASE(test_memory), TAP_CASE(test_say));
}

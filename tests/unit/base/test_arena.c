/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime/base/arena.h"

#include <errno.h>
#include <stdalign.h>
#include <stdint.h>

#include "runtime/base/spare.h"
#include "runtime/base/text.h"
#include "tests/unit/tap.h"

static void test_memory_is_zeroed_aligned_and_apart(void)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	unsigned char *before = NULL;

	for (size_t bytes = 0; bytes < 9000; bytes += 7) {
		unsigned char *now = arena_alloc(&arena, bytes);

		CHECK(now != NULL && now != before);
		if (!now)
			return;
		CHECK_INT((uintptr_t)now % alignof(max_align_t), 0);
		for (size_t i = 0; i < bytes; i++)
			if (now[i])
				tap_fail(__FILE__, __LINE__, "not zeroed, or two allocations overlap");
		memset(now, 0xff, bytes);
		before = now;
	}
	CHECK_INT(arena_check(&arena, NULL), 0);
}

static void test_the_bound_holds_and_is_remembered(void)
{
	CLEANUP_ARENA struct arena arena = {.max_bytes = 1000};
	struct err err = ERR_INIT;

	CHECK(arena_alloc(&arena, 900) != NULL);
	CHECK(arena_alloc(&arena, 900) == NULL);
	CHECK(arena.failed);
	CHECK_INT(arena_check(&arena, &err), -ENOMEM);
	CHECK_HAS(err.msg, "1000 bytes");
	CHECK(arena_alloc(&arena, 16) != NULL);
	CHECK_INT(arena_check(&arena, &err), -ENOMEM);
	arena_free(&arena);
	CHECK_INT(arena_check(&arena, &err), 0);
	CHECK(arena_alloc(&arena, 1001) == NULL);
}

static void test_many_small_ones_meet_the_bound(void)
{
	CLEANUP_ARENA struct arena arena = {.max_bytes = 1 << 20};
	size_t count = 0;

	while (arena_alloc(&arena, 1))
		count++;
	CHECK_INT(count, (1 << 20) / alignof(max_align_t));
}

static void test_sizes_that_overflow(void)
{
	CLEANUP_ARENA struct arena arena = {.max_bytes = SIZE_MAX};

	CHECK(arena_array(&arena, SIZE_MAX / 2, 3) == NULL);
	CHECK(arena_array(&arena, SIZE_MAX, 1) == NULL);
	CHECK(arena_alloc(&arena, SIZE_MAX - 3) == NULL);
	CHECK(arena_strndup(&arena, "x", SIZE_MAX) == NULL);
	CHECK(arena.failed);
}

static void test_copies(void)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;

	CHECK(arena_strdup(&arena, NULL) == NULL);
	CHECK(!arena.failed);
	CHECK_STR(arena_strdup(&arena, ""), "");
	CHECK_STR(arena_strndup(&arena, "abcdef", 3), "abc");
	CHECK_STR(arena_printf(&arena, "%s/%d", "a", 7), "a/7");
	CHECK(arena_strdup(&arena, "x") != arena_strdup(&arena, "x"));
}

/* What one arena leaves is the next one's, cleared; and a text's, which leaves it full of words. */
static void test_pages_that_are_kept(void)
{
	spare_keep();
	for (int round = 0; round < 20; round++) {
		CLEANUP_TEXT struct text text = {0};
		CLEANUP_ARENA struct arena first = ARENA_INIT, second = ARENA_INIT;
		struct arena *both[] = {&first, &second};

		for (size_t i = 0; i < 2; i++) {
			char *memory = arena_alloc(both[i], 3000);

			CHECK(memory != NULL);
			for (size_t at = 0; memory && at < 3000; at++)
				if (memory[at])
					tap_fail(__FILE__, __LINE__, "not cleared");
			if (memory)
				memset(memory, 'x', 3000);
		}
		CHECK(first.blocks != second.blocks);
		for (int i = 0; i < 900; i++)
			text_addf(&text, "%05d", i);
		CHECK_INT(text.len, 4500);
		CHECK(strncmp(text_get(&text), "000000000100002", 15) == 0);
	}
}

static void test_freeing_keeps_the_bound(void)
{
	struct arena arena = {.max_bytes = 100};

	(void)arena_alloc(&arena, 50);
	arena_free(&arena);
	arena_free(&arena);
	CHECK_INT(arena.used_bytes, 0);
	CHECK_INT(arena.max_bytes, 100);
	CHECK(arena_alloc(&arena, 90) != NULL);
	arena_free(&arena);
}

int main(void)
{
	return TAP_RUN(TAP_CASE(test_memory_is_zeroed_aligned_and_apart),
		       TAP_CASE(test_the_bound_holds_and_is_remembered), TAP_CASE(test_many_small_ones_meet_the_bound),
		       TAP_CASE(test_sizes_that_overflow), TAP_CASE(test_copies), TAP_CASE(test_pages_that_are_kept),
		       TAP_CASE(test_freeing_keeps_the_bound));
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The commands' malloc(), beside the C library's own. */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define malloc	heap_malloc
#define free	heap_free
#define calloc	heap_calloc
#define realloc heap_realloc
void *heap_malloc(size_t bytes);
void heap_free(void *memory);
void *heap_calloc(size_t count, size_t each);
void *heap_realloc(void *memory, size_t bytes);
#include "contrib/musl/heap.c"

#include "tests/unit/tap.h"

#define HELD   200
#define ROUNDS 20000

static void test_classes(void)
{
	bool fits = true, is_tight = true;

	for (size_t bytes = 1; bytes <= LARGEST_BYTES; bytes++) {
		size_t class = class_of(bytes);

		fits &= class < CLASSES && class_bytes(class) >= bytes && class_bytes(class) % UNIT == 0;
		is_tight &= class == 0 || class_bytes(class - 1) < bytes;
	}
	CHECK(fits);
	CHECK(is_tight);
	CHECK(class_bytes(CLASSES - 1) == LARGEST_BYTES);
}

static bool is_filled(const unsigned char *memory, size_t bytes, unsigned char with)
{
	for (size_t i = 0; i < bytes; i++)
		if (memory[i] != with)
			return false;
	return true;
}

/* Blocks of all sizes come and go, and none of them ever holds another one's bytes. */
static void test_blocks_are_apart(void)
{
	static struct {
		unsigned char *memory;
		size_t bytes;
	} held[HELD];
	uint32_t random = 1;
	bool is_whole = true, is_aligned = true;

	for (int round = 0; round < ROUNDS; round++) {
		random = random * 1664525 + 1013904223;
		size_t i = (random >> 8) % HELD, bytes = (random >> 16) % (round % 64 ? 700 : 3 * LARGEST_BYTES);

		is_whole &= is_filled(held[i].memory, held[i].bytes, (unsigned char)i);
		if (random & 0x80) {
			held[i].memory = heap_realloc(held[i].memory, bytes);
			is_whole &= is_filled(held[i].memory, bytes < held[i].bytes ? bytes : held[i].bytes,
					      (unsigned char)i);
		} else {
			heap_free(held[i].memory);
			held[i].memory = heap_calloc(1, bytes);
			is_whole &= is_filled(held[i].memory, bytes, 0);
		}
		held[i].bytes = bytes;
		is_aligned &= (uintptr_t)held[i].memory % UNIT == 0;
		memset(held[i].memory, (int)i, bytes);
	}
	CHECK(is_whole);
	CHECK(is_aligned);
}

static void test_free_blocks_are_used_again(void)
{
	void *first = heap_malloc(300);
	char *at;

	heap_free(first);
	at = heap.at;
	for (int i = 0; i < 1000; i++) {
		void *again = heap_malloc(310);

		CHECK(again == first);
		heap_free(again);
	}
	CHECK(heap.at == at);
}

static void test_newest_grows_in_place(void)
{
	char *text = heap_malloc(5000);
	char *grown = heap_realloc(text, 20000);

	CHECK(grown == text || heap.at - grown == 20480);
	CHECK(heap_realloc(grown, 100) == grown);
}

static void test_too_much(void)
{
	errno = 0;
	CHECK(!heap_malloc(SIZE_MAX) && errno == ENOMEM);
	errno = 0;
	CHECK(!heap_calloc(SIZE_MAX / 2, 4) && errno == ENOMEM);
}

/* How a process ends that does it. */
static int end_of(void (*what)(void))
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		(void)signal(SIGABRT, SIG_DFL);
		what();
		_exit(0);
	}
	return waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void free_twice(void)
{
	void *memory = heap_malloc(40);

	heap_free(memory);
	heap_free(memory);
}

static void write_over_a_header(void)
{
	char *memory = heap_malloc(4000);

	((volatile char *)memory)[-16] ^= 1; /* the size */
	heap_free(memory);
}

static void take_what_was_written_over(void)
{
	char *memory = heap_malloc(48);

	heap_free(memory);
	((volatile char *)memory)[-8] ^= 1;
	(void)heap_malloc(48);
}

static void free_what_is_none(void)
{
	static _Alignas(16) char data[64];

	heap_free(data + 32);
}

static void test_damage_ends_the_program(void)
{
	CHECK(end_of(free_twice) == SIGABRT);
	CHECK(end_of(write_over_a_header) == SIGABRT);
	CHECK(end_of(take_what_was_written_over) == SIGABRT);
	CHECK(end_of(free_what_is_none) == SIGABRT);
}

int main(void)
{
	return TAP_RUN(TAP_CASE(test_classes), TAP_CASE(test_free_blocks_are_used_again),
		       TAP_CASE(test_newest_grows_in_place), TAP_CASE(test_blocks_are_apart), TAP_CASE(test_too_much),
		       TAP_CASE(test_damage_ends_the_program));
}

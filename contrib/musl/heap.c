/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * malloc() and free() of the commands, in place of musl's.
 *
 * musl's own gives every group of blocks back to the kernel as soon as the last of them is free. A start allocates and frees one buffer at a time: 60 times
 * a page is mapped, touched and unmapped again, 6 us each. This one keeps what it has: blocks of a few sizes, a list of free ones for each, and new ones cut from
 * the front of a chunk. Nothing but large blocks goes back to the kernel, which the end of a command does anyway; what runs for long, and what reads what a guest
 * writes (keeper, monitor, agent), has musl's.
 *
 * Before each block is its size, sealed with a secret: a block that is freed twice, or was written over from the one before it, ends the program.
 * Must not: be used by more than one thread; the commands have one.
 */
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>

#define UNIT	      16 /* what a block begins and ends at a multiple of */
#define CHUNK_BYTES   (128 << 10)
#define LARGEST_BYTES (CHUNK_BYTES / 2) /* of what is cut from chunks; anything above has a mapping of its own */
#define STEPS	      4			/* sizes in each doubling */
#define CLASSES	      44		/* the last is LARGEST_BYTES */

struct block {
	size_t bytes; /* that fit behind this header */
	uintptr_t seal;
};
_Static_assert(sizeof(struct block) == UNIT, "what follows the header is aligned as the header is");

enum state {
	STATE_GIVEN = 1,
	STATE_FREE = 2,
};

static struct {
	char *at, *end;	      /* what is left of the chunk */
	struct block *newest; /* the block right before `at` */
	uintptr_t secret;
	struct block *free[CLASSES];
} heap;

static void *inside(struct block *block)
{
	return block + 1;
}

static uintptr_t seal_of(const struct block *block, enum state state)
{
	return ((uintptr_t)block + (uintptr_t)state) ^ block->bytes * 0x9e3779b97f4a7c15 ^ heap.secret;
}

static struct block *block_of(void *memory)
{
	struct block *block = (struct block *)memory - 1;

	if ((uintptr_t)memory % UNIT || block->seal != seal_of(block, STATE_GIVEN))
		abort();
	return block;
}

/* In a free block stands the next one, so that nobody can say which without the secret. */
static uintptr_t *next_of(struct block *block)
{
	return inside(block);
}

/* --- Sizes: 16, 32, 48, 64, then four in each doubling ----------------------------------------------------------------------------- */

static size_t class_of(size_t bytes)
{
	size_t units = (bytes + UNIT - 1) / UNIT, doubling;

	if (units <= STEPS)
		return units ? units - 1 : 0;
	doubling = (size_t)(63 - __builtin_clzl(units - 1)) - 2; /* 5 to 8 units: 0 */
	return STEPS + doubling * STEPS + ((units - 1) >> doubling) - STEPS;
}

static size_t class_bytes(size_t class)
{
	size_t doubling = class < STEPS ? 0 : class / STEPS - 1;

	return class < STEPS ? (class + 1) * UNIT : ((class % STEPS + STEPS + 1) << doubling) * UNIT;
}

/* --- Chunks ----------------------------------------------------------------------------------------------------------------------------- */

static void *map(size_t bytes)
{
	void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return memory == MAP_FAILED ? NULL : memory;
}

static void give(struct block *block, size_t bytes)
{
	block->bytes = bytes;
	block->seal = seal_of(block, STATE_GIVEN);
}

static void choose_secret(void)
{
	const char *random = (const char *)getauxval(AT_RANDOM);

	if (random)
		memcpy(&heap.secret, random + sizeof(heap.secret), sizeof(heap.secret));
	heap.secret |= 1;
}

static struct block *cut(size_t bytes)
{
	struct block *block;

	if ((size_t)(heap.end - heap.at) < sizeof(*block) + bytes) {
		char *chunk = map(CHUNK_BYTES);

		if (!chunk)
			return NULL;
		if (!heap.secret)
			choose_secret();
		heap.at = chunk;
		heap.end = chunk + CHUNK_BYTES;
	}
	block = (struct block *)heap.at;
	heap.at += sizeof(*block) + bytes;
	heap.newest = block;
	return block;
}

static struct block *take_free(size_t class)
{
	struct block *block = heap.free[class];

	if (!block)
		return NULL;
	if (block->seal != seal_of(block, STATE_FREE))
		abort();
	heap.free[class] = (struct block *)(*next_of(block) ^ heap.secret);
	return block;
}

static struct block *take_large(size_t bytes)
{
	size_t all = (bytes + sizeof(struct block) + 4095) & ~(size_t)4095;
	struct block *block = map(all);

	if (!block)
		return NULL;
	if (!heap.secret)
		choose_secret();
	give(block, all - sizeof(*block));
	return block;
}

/* --- What the C library promises ---------------------------------------------------------------------------------------------------- */

void *malloc(size_t bytes)
{
	struct block *block = NULL;

	if (bytes > LARGEST_BYTES) {
		if (bytes < PTRDIFF_MAX - CHUNK_BYTES)
			block = take_large(bytes);
	} else {
		size_t class = class_of(bytes);

		block = take_free(class);
		if (!block)
			block = cut(class_bytes(class));
		if (block)
			give(block, class_bytes(class));
	}
	if (!block)
		errno = ENOMEM;
	return block ? inside(block) : NULL;
}

void free(void *memory)
{
	struct block *block = memory ? block_of(memory) : NULL;

	if (!block)
		return;
	if (block->bytes > LARGEST_BYTES) {
		int code = errno;

		(void)munmap(block, sizeof(*block) + block->bytes);
		errno = code;
		return;
	}
	block->seal = seal_of(block, STATE_FREE);
	*next_of(block) = (uintptr_t)heap.free[class_of(block->bytes)] ^ heap.secret;
	heap.free[class_of(block->bytes)] = block;
}

void *calloc(size_t count, size_t each)
{
	size_t bytes;
	void *memory = NULL;

	if (__builtin_mul_overflow(count, each, &bytes))
		errno = ENOMEM;
	else
		memory = malloc(bytes);
	/* A mapping of its own is new, and empty. */
	return memory && bytes <= LARGEST_BYTES ? memset(memory, 0, bytes) : memory;
}

/* The newest block grows where it is: text that is put together piece by piece is never copied. */
static bool grow(struct block *block, size_t bytes)
{
	size_t wanted = class_bytes(class_of(bytes));

	if (block != heap.newest || bytes > LARGEST_BYTES || (size_t)(heap.end - (char *)inside(block)) < wanted)
		return false;
	heap.at = (char *)inside(block) + wanted;
	give(block, wanted);
	return true;
}

void *realloc(void *memory, size_t bytes)
{
	struct block *block = memory ? block_of(memory) : NULL;
	void *moved;

	if (block && (bytes <= block->bytes || grow(block, bytes)))
		return memory;
	moved = malloc(bytes);
	if (moved && block) {
		memcpy(moved, memory, block->bytes);
		free(memory);
	}
	return moved;
}

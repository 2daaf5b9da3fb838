/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime/base/arena.h"

#include <errno.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/spare.h"

/* Blocks grow with the arena: a start of a container needs a page or two, a large document few blocks. */
struct arena_block {
	struct arena_block *next;
	size_t used_bytes;
	size_t capacity_bytes;
	alignas(max_align_t) unsigned char bytes[];
};

static size_t max_bytes_of(const struct arena *arena)
{
	return arena->max_bytes ? arena->max_bytes : ARENA_DEFAULT_MAX_BYTES;
}

static void *fail(struct arena *arena)
{
	arena->failed = true;
	return NULL;
}

/* How large a block is, all in all, that has room for `bytes`. */
static size_t size_for(size_t bytes)
{
	size_t size = sizeof(struct arena_block) + bytes;

	return size <= SPARE_MAX_BYTES ? spare_size(size) : size;
}

static struct arena_block *new_block(size_t size)
{
	struct arena_block *block = size <= SPARE_MAX_BYTES ? spare_take(size) : malloc(size);

	if (block)
		*block = (struct arena_block){.capacity_bytes = size - sizeof(*block)};
	return block;
}

static void free_block(struct arena_block *block)
{
	size_t size = sizeof(*block) + block->capacity_bytes;

	if (size <= SPARE_MAX_BYTES)
		spare_give(block, size);
	else
		free(block);
}

/* Puts a block with room for `bytes` first, or second when it is filled by this one allocation. */
static struct arena_block *add_block(struct arena *arena, size_t bytes)
{
	struct arena_block *newest = arena->blocks;
	size_t wanted = size_for(bytes), grown = newest ? 2 * size_for(newest->capacity_bytes) : SPARE_MIN_BYTES;
	struct arena_block *block;

	if (grown > SPARE_MAX_BYTES)
		grown = SPARE_MAX_BYTES;
	block = new_block(wanted > grown ? wanted : grown);
	if (!block)
		return NULL;
	if (newest && block->capacity_bytes == bytes) {
		block->next = newest->next;
		newest->next = block;
	} else {
		block->next = newest;
		arena->blocks = block;
	}
	return block;
}

void *arena_alloc(struct arena *arena, size_t bytes)
{
	struct arena_block *block = arena->blocks;
	size_t room = max_bytes_of(arena) - arena->used_bytes;
	void *result;

	if (bytes == 0)
		bytes = 1; /* every result is a pointer of its own */
	if (bytes > room || bytes > PTRDIFF_MAX)
		return fail(arena);
	bytes = (bytes + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
	if (bytes > room)
		return fail(arena);
	if (!block || bytes > block->capacity_bytes - block->used_bytes)
		block = add_block(arena, bytes);
	if (!block)
		return fail(arena);
	result = block->bytes + block->used_bytes;
	block->used_bytes += bytes;
	arena->used_bytes += bytes;
	memset(result, 0, bytes);
	return result;
}

void *arena_array(struct arena *arena, size_t count, size_t bytes)
{
	size_t total;

	if (__builtin_mul_overflow(count, bytes, &total))
		return fail(arena);
	return arena_alloc(arena, total);
}

char *arena_strdup(struct arena *arena, const char *text)
{
	return text ? arena_strndup(arena, text, strlen(text)) : NULL;
}

char *arena_strndup(struct arena *arena, const char *text, size_t len)
{
	char *copy = len < SIZE_MAX ? arena_alloc(arena, len + 1) : fail(arena);

	if (copy && len > 0)
		memcpy(copy, text, len); /* the memory came zeroed: the copy is terminated */
	return copy;
}

char *arena_printf(struct arena *arena, const char *fmt, ...)
{
	va_list args;
	char *text;
	int len;

	va_start(args, fmt);
	len = vsnprintf(NULL, 0, fmt, args);
	va_end(args);
	text = len >= 0 ? arena_alloc(arena, (size_t)len + 1) : fail(arena);
	if (!text)
		return NULL;
	va_start(args, fmt);
	(void)vsnprintf(text, (size_t)len + 1, fmt, args);
	va_end(args);
	return text;
}

int arena_check(const struct arena *arena, struct err *err)
{
	if (!arena->failed)
		return 0;
	return err_say(err, ENOMEM, "out of memory: more than %zu bytes would be needed, or the system has none left",
		       max_bytes_of(arena));
}

void arena_free(struct arena *arena)
{
	struct arena_block *block = arena->blocks;

	while (block) {
		struct arena_block *next = block->next;

		free_block(block);
		block = next;
	}
	*arena = (struct arena){.max_bytes = arena->max_bytes};
}

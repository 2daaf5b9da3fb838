/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An arena: memory for plain data that lives and dies together (a parsed document, a config, a plan).
 *
 * Nothing in an arena is freed alone. Every arena has a bound; past it, and when the system has no memory, an
 * allocation returns NULL and the arena remembers it (`failed`), so that a caller may check once at the end of a group
 * of allocations.
 */
#ifndef HULL_RUNTIME_BASE_ARENA_H
#define HULL_RUNTIME_BASE_ARENA_H

#include <stdbool.h>
#include <stddef.h>

#include "runtime/base/err.h"
#include "runtime/base/scope.h"

struct arena_block;

struct arena {
	struct arena_block *blocks; /* newest first */
	size_t used_bytes;
	size_t max_bytes; /* 0: ARENA_DEFAULT_MAX_BYTES */
	bool failed;
};

#define ARENA_DEFAULT_MAX_BYTES ((size_t)64 << 20)
#define ARENA_INIT		((struct arena){0})

/*
 * Zeroed memory, aligned for any type. NULL when the bound is reached. `arena_array` checks count * size for overflow.
 */
void *arena_alloc(struct arena *arena, size_t bytes);
void *arena_array(struct arena *arena, size_t count, size_t bytes);

/* Copies. `arena_strdup(a, NULL)` is NULL and not a failure. */
char *arena_strdup(struct arena *arena, const char *text);
char *arena_strndup(struct arena *arena, const char *text, size_t len);
char *arena_printf(struct arena *arena, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* 0, or -ENOMEM with words when any allocation of this arena has failed. */
int arena_check(const struct arena *arena, struct err *err);

/* Frees all of it; the arena is empty and usable again. */
void arena_free(struct arena *arena);

#define CLEANUP_ARENA	       CLEANUP(arena_free)
#define ARENA_NEW(arena, type) ((type *)arena_alloc(arena, sizeof(type)))

#endif

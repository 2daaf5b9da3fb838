/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Scoped resources: cleanup attributes that accept 'nothing held' (-1, NULL) and keep errno.
 *
 *     CLEANUP_FD int fd = open(...);
 *     ...
 *     *ret_fd = fd_take(&fd);      hands it over: the scope no longer closes it
 */
#ifndef HULL_RUNTIME_BASE_SCOPE_H
#define HULL_RUNTIME_BASE_SCOPE_H

#include <dirent.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static inline void scope_fd(int *fd)
{
	if (*fd >= 0) {
		int saved = errno;

		(void)close(*fd);
		errno = saved;
	}
}

static inline void scope_free(void *pointer_to_pointer)
{
	int saved = errno;

	free(*(void **)pointer_to_pointer);
	errno = saved;
}

static inline void scope_dir(DIR **dir)
{
	if (*dir) {
		int saved = errno;

		(void)closedir(*dir);
		errno = saved;
	}
}

static inline void scope_file(FILE **file)
{
	if (*file) {
		int saved = errno;

		(void)fclose(*file);
		errno = saved;
	}
}

#define CLEANUP(fn)  __attribute__((cleanup(fn)))
#define CLEANUP_FD   CLEANUP(scope_fd)
#define CLEANUP_FREE CLEANUP(scope_free)
#define CLEANUP_DIR  CLEANUP(scope_dir)
#define CLEANUP_FILE CLEANUP(scope_file)

/* Gives the descriptor away: the variable holds nothing (-1) afterwards. */
static inline int fd_take(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

/* Gives a pointer away: the variable is NULL afterwards. */
#define PTR_TAKE(p)                            \
	({                                     \
		__typeof__(p) taken_ptr = (p); \
		(p) = NULL;                    \
		taken_ptr;                     \
	})

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* The struct of which `pointer` points at a member: what a callback has that was given the member only. */
#define CONTAINER_OF(pointer, type, member) ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

#endif

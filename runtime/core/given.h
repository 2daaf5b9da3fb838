/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a first process is given that does not come from its root: the program itself, and descriptors besides its
 * standard streams.
 */
#ifndef HULL_RUNTIME_CORE_GIVEN_H
#define HULL_RUNTIME_CORE_GIVEN_H

#include <stddef.h>

#include "runtime/base/err.h"
#include "runtime/base/scope.h"

/* What the first of them is for the program; the others keep their numbers, which are greater. */
#define GIVEN_FIRST_FD 3
#define GIVEN_MAX      40

struct given {
	int program_fd; /* executed by execveat(2); -1: nothing is given */
	int fds[GIVEN_MAX];
	size_t count;
};
#define GIVEN_INIT ((struct given){.program_fd = -1})

/*
 * Takes `fd` over, also on failure (-EMFILE past GIVEN_MAX). The number that the program will know it by, but for the
 * first one, which becomes GIVEN_FIRST_FD.
 */
int given_add(struct given *given, int fd, struct err *err);
void given_close(struct given *given);

#endif

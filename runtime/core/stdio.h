/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A program's standard descriptors before they are put into place. The child puts them there one after another; none of
 * them may have a number that is still to be filled. So each one is its own number already, or above all that are
 * passed on.
 */
#ifndef HULL_RUNTIME_CORE_STDIO_H
#define HULL_RUNTIME_CORE_STDIO_H

#include <stdbool.h>

#include "runtime/base/arena.h"
#include "runtime/base/err.h"
#include "runtime/base/scope.h"
#include "runtime/spec/record.h"

struct stdio {
	int fds[3];
	int held[3]; /* what was duplicated or opened for it; -1 */
};
#define STDIO_INIT ((struct stdio){.fds = {-1, -1, -1}, .held = {-1, -1, -1}})

/*
 * Fills `ret` from what was asked for: -1 becomes /dev/null, of which a program with the host's ids (no user namespace
 * of its own) gets a view that it cannot change. The wanted descriptors stay the caller's.
 */
int stdio_settle(const int wanted[static 3], unsigned preserve_fds, bool host_ids, struct stdio *ret, struct err *err);

/*
 * Writes down what they are, for a later checkpoint: files of the host's are on no mount of the container's. In the
 * arena.
 */
int stdio_describe(const int fds[static 3], struct arena *arena, struct record *ret, struct err *err);
void stdio_close(struct stdio *stdio);
#define CLEANUP_STDIO CLEANUP(stdio_close)

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Helper programs: started for one thing, they say what there is to say through a pipe, and never outlive who has
 * started them.
 */
#ifndef HULL_RUNTIME_BASE_HELPER_H
#define HULL_RUNTIME_BASE_HELPER_H

#include <stdbool.h>
#include <sys/types.h>

#include "runtime/base/err.h"

#define HELPER_FAILED 125 /* how the child ends, with _exit(2), when it cannot become the program */

/*
 * Forks a process that is about to execute a helper. `words_on` (STDOUT_FILENO or STDERR_FILENO) is the pipe in there;
 * of the other standard descriptors it has the caller's, or with `quiet` /dev/null; all others are closed by execve(2).
 * Signals are as a program expects them, and it is killed when this process ends. Returns 0 in the child; in the parent
 * its pid, with *ret_words_fd the reading end (the caller's), or -errno. From a process with one thread.
 */
pid_t helper_fork(int words_on, bool quiet, int *ret_words_fd, struct err *err);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The file in which engines find a process's pid. */
#ifndef HULL_RUNTIME_CORE_PID_FILE_H
#define HULL_RUNTIME_CORE_PID_FILE_H

#include <sys/types.h>

#include "runtime/base/err.h"

/*
 * Writes the number to `path` at once, in place of what has the name; NULL: nothing is wanted. -EEXIST with words when
 * that is no ordinary file: in place of a device, a FIFO or a socket nobody wants a number.
 */
int pid_file_write(const char *path, pid_t pid, struct err *err);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Finding the program that is to be executed, as execvp(3) would, but beforehand: so that `create` can already say that
 * it is not there.
 */
#ifndef HULL_RUNTIME_CORE_PROGRAM_H
#define HULL_RUNTIME_CORE_PROGRAM_H

#include "runtime/base/err.h"
#include "runtime/base/text.h"

#define PROGRAM_PATH_BYTES 4096

/*
 * Finds args[0] in the PATH of `env` (a name with a slash is taken as it is), with the rights and the root of the
 * caller. In the child, as the user who will run it. Errors carry exit codes: 127 "executable file not found in $PATH"
 * or "no such file or directory", 126 "permission denied".
 */
int program_find(const char *name, const struct strv *env, char ret_path[static PROGRAM_PATH_BYTES], struct err *err);

/* Words and exit code for an execve(2) that failed with `code`. */
int program_exec_failed(const char *path, int code, struct err *err);

#endif

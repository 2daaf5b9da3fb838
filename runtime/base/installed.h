/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where hull's own programs and files are: beside the running executable (installed, or in a build tree), else below
 * the prefix that this build was made for. Never by PATH, never by the environment, never below a container's root.
 */
#ifndef HULL_RUNTIME_BASE_INSTALLED_H
#define HULL_RUNTIME_BASE_INSTALLED_H

#include "runtime/base/err.h"

#define INSTALLED_PATH_BYTES 4096

/*
 * The absolute path of the running executable. One that runs from a read-only view (runtime/core/sealed.h) has no path
 * of its own: then it is argv[0], if that is the very same file. -ENOENT with words.
 */
int installed_self(char to[static INSTALLED_PATH_BYTES], struct err *err);

/* The program `name` ("hull-keeper") in libexec. -ENOENT with words that say where it belongs. */
int installed_program(const char *name, char to[static INSTALLED_PATH_BYTES], struct err *err);

/* A file or folder below share/hull ("images/busybox"). -ENOENT without words. */
int installed_share(const char *name, char to[static INSTALLED_PATH_BYTES]);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* renameat2(2). */
#ifndef HULL_MUSL_STDIO_H
#define HULL_MUSL_STDIO_H

#include_next <stdio.h>

#define RENAME_NOREPLACE 1u
#define RENAME_EXCHANGE	 2u
#define RENAME_WHITEOUT	 4u

int renameat2(int from_dirfd, const char *from, int to_dirfd, const char *to, unsigned flags);

#endif

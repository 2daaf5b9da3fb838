/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * musl counts O_PATH as one of the ways to open, and to the kernel it is a flag: it must not pass where only a way is
 * let through.
 */
#ifndef HULL_MUSL_FCNTL_H
#define HULL_MUSL_FCNTL_H

#include_next <fcntl.h>

#undef O_ACCMODE
#define O_ACCMODE 3

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* statx(2): its structure is the kernel's. */
#ifndef HULL_MUSL_SYS_STAT_H
#define HULL_MUSL_SYS_STAT_H

#include_next <sys/stat.h>

#include <linux/stat.h>

int statx(int dirfd, const char *path, int flags, unsigned mask, struct statx *ret_status);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Closing many, and executing by a descriptor. */
#ifndef HULL_MUSL_UNISTD_H
#define HULL_MUSL_UNISTD_H

#include_next <unistd.h>

int close_range(unsigned lowest, unsigned highest, int flags);
int execveat(int dirfd, const char *path, char *const argv[], char *const environment[], int flags);

#endif

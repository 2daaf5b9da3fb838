/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads and writes with flags. */
#ifndef HULL_MUSL_SYS_UIO_H
#define HULL_MUSL_SYS_UIO_H

#include_next <sys/uio.h>

#include <linux/fs.h>

ssize_t preadv2(int fd, const struct iovec *iov, int count, off_t offset, int flags);
ssize_t pwritev2(int fd, const struct iovec *iov, int count, off_t offset, int flags);

#endif

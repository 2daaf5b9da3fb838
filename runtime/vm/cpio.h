/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writing cpio archives as the kernel unpacks them at boot: "newc"
 * (Documentation/driver-api/early-userspace/buffer-format.rst), uncompressed. The same entries give the same bytes: all
 * is root's, times are 0, inodes are numbered in order.
 */
#ifndef HULL_RUNTIME_VM_CPIO_H
#define HULL_RUNTIME_VM_CPIO_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "runtime/base/err.h"

/* What an entry begins with, and the name of the one that ends an archive. */
#define CPIO_MAGIC   "070701"
#define CPIO_TRAILER "TRAILER!!!"
/* Bytes of an entry in front of its contents: header, name, NUL, up to a multiple of four. */
#define CPIO_HEADER_BYTES 110
#define CPIO_MAX_FILE	  ((uint64_t)256 << 20)

struct cpio {
	int fd; /* written from its current offset; the caller's */
	uint64_t offset;
	uint32_t entries;
};

/* Names are relative, without "." and ".."; parents come first. 0, or -errno with words that name the entry. */
int cpio_put_folder(struct cpio *cpio, const char *name, mode_t mode, struct err *err);
int cpio_put_char(struct cpio *cpio, const char *name, mode_t mode, unsigned major, unsigned minor, struct err *err);
int cpio_put_bytes(struct cpio *cpio, const char *name, mode_t mode, const void *bytes, size_t len, struct err *err);
/* A regular file's contents, from its beginning; -EFBIG above CPIO_MAX_FILE, -EIO when it becomes shorter meanwhile. */
int cpio_put_file(struct cpio *cpio, const char *name, mode_t mode, int fd, struct err *err);
/* Writes the entry that ends an archive. */
int cpio_end(struct cpio *cpio, struct err *err);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Descriptors: whole reads and writes, duplicating, passing, closing all but some. Every descriptor is CLOEXEC from
 * birth.
 */
#ifndef HULL_RUNTIME_BASE_FD_H
#define HULL_RUNTIME_BASE_FD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "runtime/base/err.h"
#include "runtime/base/scope.h"

/*
 * Reads or writes exactly `len` bytes, through EINTR and short transfers. Reading: -ENODATA when the end comes first. 0
 * or -errno.
 */
int fd_read_all(int fd, void *to, size_t len);
int fd_write_all(int fd, const void *from, size_t len);

/* Duplicates to a number of at least `lowest`, CLOEXEC. The new number or -errno. */
int fd_dup(int fd, int lowest);
/*
 * Makes `fd` be number `number` without CLOEXEC (for the program that is about to run). `fd` stays open unless equal. 0
 * or -errno.
 */
int fd_place(int fd, int number);
int fd_set_cloexec(int fd, bool on);
int fd_set_nonblock(int fd, bool on);

/* Closes, or marks CLOEXEC, every descriptor >= lowest. close_range(2), or /proc/self/fd where the kernel lacks it. */
int fd_close_from(unsigned lowest, struct err *err);
int fd_cloexec_from(unsigned lowest, struct err *err);
/*
 * Closes every descriptor >= lowest that is none of the kept ones, which may stand in any order, more than once, and be
 * -1.
 */
int fd_close_except(unsigned lowest, const int *kept, size_t kept_count, struct err *err);

/* Makes sure that 0, 1 and 2 are open (on /dev/null), so that no later descriptor takes their place. */
int fd_secure_stdio(struct err *err);

/*
 * A sealed memory file with these contents (what a script interpreter or a child reads), at offset 0. The descriptor or
 * -errno.
 */
int fd_memory(const char *name, const void *bytes, size_t len, struct err *err);
/*
 * The same in two steps: an empty one, whose descriptor (the caller's, or -errno) can be handed on already; then, once,
 * its contents and the seal, behind which it is at offset 0 again. 0 or -errno; the descriptor stays the caller's.
 */
int fd_memory_empty(const char *name, struct err *err);
int fd_memory_fill(int fd, const char *name, const void *bytes, size_t len, struct err *err);

/*
 * The number of the mount that the file is on: not of the file system, of which bind mounts show the same files. 0 or
 * -errno.
 */
int fd_mount_id(int fd, uint64_t *ret);

/* "/proc/self/fd/N" for calls that want a name. */
struct fd_name {
	char path[32];
};
struct fd_name fd_name(int fd);

#endif

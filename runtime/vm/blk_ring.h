/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An io_uring for one disk. It is restricted before it is switched on: no operation but those below, on no file but the
 * disk, and nothing can be registered any more. Whoever takes the monitor over gets no way past its filter with it.
 */
#ifndef HULL_RUNTIME_VM_BLK_RING_H
#define HULL_RUNTIME_VM_BLK_RING_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "runtime/vm/blk_job.h"

struct blk_ring;

/*
 * For at most `entries` jobs at a time on `fd`, which stays the caller's. 0, or -errno: the kernel has none that will
 * do.
 */
int blk_ring_make(int fd, unsigned entries, struct blk_ring **ret);
void blk_ring_free(struct blk_ring *ring);

/* Readable while blk_ring_landed() has something to give. */
int blk_ring_fd(const struct blk_ring *ring);

/*
 * Room for VQ_MAX_SIZE iovecs, used up by the next blk_ring_add(). Submits what waits, if it has to. NULL: that failed.
 */
struct iovec *blk_ring_room(struct blk_ring *ring);
void blk_ring_add(struct blk_ring *ring, const struct blk_job *job, uint64_t tag);

/*
 * Hands everything added to the kernel, and waits until `wait_for` jobs have ended. 0, or -errno: then what the kernel
 * did not take is still there, and blk_ring_drop() forgets it.
 */
int blk_ring_submit(struct blk_ring *ring, unsigned wait_for);
/* Takes the newest of the jobs that were added and not submitted, so that it never happens. False: there is none. */
bool blk_ring_drop(struct blk_ring *ring, uint64_t *ret_tag);

/* The next job that has ended, with the result of its system call: bytes, 0, or -errno. False: none. */
bool blk_ring_landed(struct blk_ring *ring, uint64_t *ret_tag, int32_t *ret_result);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a request asks of the disk: one system call's worth, for a ring (blk_ring.h) or done here. */
#ifndef HULL_RUNTIME_VM_BLK_JOB_H
#define HULL_RUNTIME_VM_BLK_JOB_H

#include <stdint.h>
#include <sys/uio.h>

enum blk_job_kind { BLK_JOB_READ, BLK_JOB_WRITE, BLK_JOB_SYNC, BLK_JOB_ALLOCATE };

struct blk_job {
	enum blk_job_kind kind;
	uint64_t offset; /* bytes */
	uint64_t len;	 /* of BLK_JOB_ALLOCATE */
	int mode;	 /* FALLOC_FL_* of BLK_JOB_ALLOCATE, RWF_* of reads and writes */
	unsigned iov_count;
	struct iovec *iov; /* of a ring: from blk_ring_room(), untouched until it is submitted */
};

/*
 * Does it, through short transfers, to the end or the first failure; uses the iovecs up. Bytes of a transfer, 0, or
 * -errno.
 */
int64_t blk_job_do(int fd, const struct blk_job *job);

#endif

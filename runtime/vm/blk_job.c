/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime/vm/blk_job.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static ssize_t transfer_once(int fd, const struct blk_job *job, const struct iovec *iov, unsigned count, uint64_t done)
{
	off_t offset = (off_t)(job->offset + done);

	return job->kind == BLK_JOB_READ ? preadv2(fd, iov, (int)count, offset, job->mode)
					 : pwritev2(fd, iov, (int)count, offset, job->mode);
}

static int64_t transfer(int fd, const struct blk_job *job)
{
	struct iovec *iov = job->iov;
	unsigned count = job->iov_count;
	uint64_t done = 0;

	while (count > 0) {
		ssize_t part = transfer_once(fd, job, iov, count, done);

		if (part < 0 && errno == EINTR)
			continue;
		if (part < 0)
			return -errno;
		if (part == 0)
			break;
		done += (uint64_t)part;
		for (; count > 0 && (size_t)part >= iov->iov_len; iov++, count--)
			part -= (ssize_t)iov->iov_len;
		if (part > 0) {
			iov->iov_base = (uint8_t *)iov->iov_base + part;
			iov->iov_len -= (size_t)part;
		}
	}
	return (int64_t)done;
}

int64_t blk_job_do(int fd, const struct blk_job *job)
{
	switch (job->kind) {
	case BLK_JOB_SYNC:
		return fdatasync(fd) < 0 ? -errno : 0;
	case BLK_JOB_ALLOCATE:
		return fallocate(fd, job->mode, (off_t)job->offset, (off_t)job->len) < 0 ? -errno : 0;
	default:
		return transfer(fd, job);
	}
}

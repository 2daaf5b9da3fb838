/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Open files. Data goes between the file and guest memory without a stop here. */
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/vm/fuse_parts.h"

#define FALLOCATE_MODES (FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE)
/* One request is not to keep all others waiting. */
#define COPY_MAX_BYTES ((uint64_t)64 << 20)

int fuse_do_open(struct fuse *fuse, struct fuse_request *request)
{
	const struct fuse_open_in *in = request->arg;
	const struct fuse_node *node = fuse_node(fuse, request);
	struct fuse_open_out out = {0};
	int flags = fuse_open_flags(in->flags), fd, r;

	if (!node || flags < 0)
		return node ? flags : -ESTALE;
	if (S_ISDIR(node->type))
		return -EISDIR;
	if (fuse->read_only && ((flags & O_ACCMODE) != O_RDONLY || (flags & O_TRUNC)))
		return -EROFS;
	fd = fuse_node_open(fuse, node, flags);
	if (fd < 0)
		return fd;
	r = fuse_handles_add(&fuse->handles, fd, FUSE_HANDLE_FILE, &out.fh);
	return r < 0 ? r : fuse_reply(request, &out, sizeof(out));
}

static int file_of(struct fuse *fuse, uint64_t handle_id)
{
	const struct fuse_handle *handle = fuse_handles_find(&fuse->handles, handle_id, FUSE_HANDLE_FILE);

	return handle ? handle->fd : -EBADF;
}

int fuse_do_read(struct fuse *fuse, struct fuse_request *request)
{
	const struct fuse_read_in *in = request->arg;
	struct iovec parts[FUSE_MAX_PARTS];
	int fd = file_of(fuse, in->fh);
	unsigned count;
	ssize_t n;

	if (fd < 0)
		return fd;
	count = fuse_parts(&request->room, 0, in->size < FUSE_DATA_BYTES ? in->size : FUSE_DATA_BYTES, parts);
	n = preadv(fd, parts, (int)count, (off_t)in->offset);
	if (n < 0)
		return -errno;
	request->replied = (size_t)n;
	return 0;
}

int fuse_do_write(struct fuse *fuse, struct fuse_request *request)
{
	const struct fuse_write_in *in = request->arg;
	struct iovec parts[FUSE_MAX_PARTS];
	int fd = file_of(fuse, in->fh);
	struct fuse_write_out out = {0};
	ssize_t n;

	if (fd < 0)
		return fd;
	if (in->size > request->data.len || in->size > FUSE_DATA_BYTES)
		return -EINVAL;
	n = pwritev(fd, parts, (int)fuse_parts(&request->data, 0, in->size, parts), (off_t)in->offset);
	if (n < 0)
		return -errno;
	out.size = (uint32_t)n;
	return fuse_reply(request, &out, sizeof(out));
}

int fuse_do_release(struct fuse *fuse, struct fuse_request *request)
{
	const struct fuse_release_in *in = request->arg;

	fuse_handles_remove(&fuse->handles, in->fh, FUSE_HANDLE_FILE);
	return 0;
}

/* A descriptor of the guest's is closed: file systems that report late errors do so when one of the host's is. */
int fuse_do_flush(struct fuse *fuse, struct fuse_request *request)
{
	const struct fuse_flush_in *in = request->arg;
	int fd = file_of(fuse, in->fh);

	if (fd < 0)
		return fd;
	fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	return fd < 0 || close(fd) < 0 ? -errno : 0;
}

static int sync_to_disk(int fd, uint32_t flags)
{
	int r = flags & FUSE_FSYNC_FDATASYNC ? fdatasync(fd) : fsync(fd);

	return r < 0 ? -errno : 0;
}

int fuse_do_fsync(struct fuse *fuse, struct fuse_request *request)
{
	const struct fuse_fsync_in *in = request->arg;
	int fd = file_of(fuse, in->fh);

	return fd < 0 ? fd : sync_to_disk(fd, in->fsync_flags);
}

int fuse_do_fsyncdir(struct fuse *fuse, struct fuse_request *request)
{
	const struct fuse_fsync_in *in = request->arg;
	const struct fuse_handle *handle = fuse_handles_find(&fuse->handles, in->fh, FUSE_HANDLE_DIRECTORY);

	return handle ? sync_to_disk(handle->fd, in->fsync_flags) : -EBADF;
}

int fuse_do_fallocate(struct fuse *fuse, struct fuse_request *request)
{
	const struct fuse_fallocate_in *in = request->arg;
	int fd = file_of(fuse, in->fh);

	if (fd < 0)
		return fd;
	if (in->mode & ~(uint32_t)FALLOCATE_MODES)
		return -EOPNOTSUPP;
	return fallocate(fd, (int)in->mode, (off_t)in->offset, (off_t)in->length) < 0 ? -errno : 0;
}

/* Only where the kernel needs a look at the file: the rest of lseek(2) it does itself. */
int fuse_do_lseek(struct fuse *fuse, struct fuse_request *request)
{
	const struct fuse_lseek_in *in = request->arg;
	int fd = file_of(fuse, in->fh);
	struct fuse_lseek_out out;
	off_t at;

	if (fd < 0)
		return fd;
	if (in->whence != SEEK_DATA && in->whence != SEEK_HOLE)
		return -EINVAL;
	at = lseek(fd, (off_t)in->offset, (int)in->whence);
	if (at < 0)
		return -errno;
	out.offset = (uint64_t)at;
	return fuse_reply(request, &out, sizeof(out));
}

int fuse_do_copy(struct fuse *fuse, struct fuse_request *request)
{
	const struct fuse_copy_file_range_in *in = request->arg;
	int from = file_of(fuse, in->fh_in), to = file_of(fuse, in->fh_out);
	off_t from_offset = (off_t)in->off_in, to_offset = (off_t)in->off_out;
	struct fuse_write_out out = {0};
	ssize_t n;

	if (from < 0 || to < 0)
		return from < 0 ? from : to;
	if (in->flags != 0)
		return -EINVAL;
	n = copy_file_range(from, &from_offset, to, &to_offset, in->len < COPY_MAX_BYTES ? in->len : COPY_MAX_BYTES, 0);
	if (n < 0)
		return -errno;
	out.size = (uint32_t)n;
	return fuse_reply(request, &out, sizeof(out));
}

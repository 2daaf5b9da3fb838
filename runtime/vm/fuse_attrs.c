/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owner, mode, size, times; and what the file system as a whole has left. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "runtime/base/scope.h"
#include "runtime/vm/fuse_caller.h"
#include "runtime/vm/fuse_parts.h"

static int reply_attributes(struct fuse_request *request, int fd)
{
	struct fuse_attr_out out = {.attr_valid = FUSE_TRUST_SECONDS};
	int r = fuse_attributes(fd, &out.attr);

	return r < 0 ? r : fuse_reply(request, &out, sizeof(out));
}

int fuse_do_getattr(struct fuse *fuse, struct fuse_request *request)
{
	const struct fuse_node *node = fuse_node(fuse, request);

	return node ? reply_attributes(request, node->fd) : -ESTALE;
}

static int set_owner(int node_fd, const struct fuse_setattr_in *in)
{
	uid_t uid = in->valid & FATTR_UID ? in->uid : (uid_t)-1;
	gid_t gid = in->valid & FATTR_GID ? in->gid : (gid_t)-1;

	return fchownat(node_fd, "", uid, gid, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

static int set_mode(struct fuse *fuse, int node_fd, mode_t mode)
{
	int r;

	fuse_caller_keep_set_id((mode & S_ISGID) != 0);
	r = fchmodat(fuse->proc_fd, fuse_proc_name(node_fd).text, mode & 07777, 0) < 0 ? -errno : 0;
	fuse_caller_keep_set_id(false);
	return r;
}

/* By the open file that the guest names, or one that is opened for it. */
static int set_size(struct fuse *fuse, const struct fuse_node *node, const struct fuse_setattr_in *in)
{
	const struct fuse_handle *handle =
		in->valid & FATTR_FH ? fuse_handles_find(&fuse->handles, in->fh, FUSE_HANDLE_FILE) : NULL;
	CLEANUP_FD int opened = -1;

	if (in->valid & FATTR_FH) {
		if (!handle)
			return -EBADF;
		return ftruncate(handle->fd, (off_t)in->size) < 0 ? -errno : 0;
	}
	opened = fuse_node_open(fuse, node, O_WRONLY);
	if (opened < 0)
		return opened;
	return ftruncate(opened, (off_t)in->size) < 0 ? -errno : 0;
}

static struct timespec new_time(uint32_t valid, uint32_t set, uint32_t now, uint64_t seconds, uint32_t nanoseconds)
{
	if (valid & now)
		return (struct timespec){.tv_nsec = UTIME_NOW};
	if (valid & set)
		return (struct timespec){.tv_sec = (time_t)seconds, .tv_nsec = nanoseconds % 1000000000};
	return (struct timespec){.tv_nsec = UTIME_OMIT};
}

static int set_times(int node_fd, const struct fuse_setattr_in *in)
{
	struct timespec times[2] = {
		new_time(in->valid, FATTR_ATIME, FATTR_ATIME_NOW, in->atime, in->atimensec),
		new_time(in->valid, FATTR_MTIME, FATTR_MTIME_NOW, in->mtime, in->mtimensec),
	};

	return utimensat(node_fd, "", times, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

/* The owner before the mode, since a new owner takes set-ID bits away; times last, since all others change them. */
int fuse_do_setattr(struct fuse *fuse, struct fuse_request *request)
{
	const struct fuse_setattr_in *in = request->arg;
	const struct fuse_node *node = fuse_node(fuse, request);
	int r = 0;

	if (!node)
		return -ESTALE;
	if (in->valid & (FATTR_UID | FATTR_GID))
		r = set_owner(node->fd, in);
	if (r == 0 && (in->valid & FATTR_MODE))
		r = set_mode(fuse, node->fd, in->mode);
	if (r == 0 && (in->valid & FATTR_SIZE))
		r = set_size(fuse, node, in);
	if (r == 0 && (in->valid & (FATTR_ATIME | FATTR_MTIME | FATTR_ATIME_NOW | FATTR_MTIME_NOW)))
		r = set_times(node->fd, in);
	return r < 0 ? r : reply_attributes(request, node->fd);
}

int fuse_do_statfs(struct fuse *fuse, struct fuse_request *request)
{
	const struct fuse_node *node = fuse_node(fuse, request);
	struct fuse_statfs_out out = {{0}};
	struct statfs status;

	if (!node)
		return -ESTALE;
	if (fstatfs(node->fd, &status) < 0)
		return -errno;
	out.st = (struct fuse_kstatfs){
		.blocks = status.f_blocks,
		.bfree = status.f_bfree,
		.bavail = status.f_bavail,
		.files = status.f_files,
		.ffree = status.f_ffree,
		.bsize = (uint32_t)status.f_bsize,
		.namelen = (uint32_t)status.f_namelen,
		.frsize = (uint32_t)status.f_frsize,
	};
	return fuse_reply(request, &out, sizeof(out));
}

int fuse_do_syncfs(struct fuse *fuse, struct fuse_request *request)
{
	CLEANUP_FD int fd = -1;

	(void)request;
	fd = fuse_node_open(fuse, fuse_nodes_find(&fuse->nodes, FUSE_ROOT_ID), O_RDONLY | O_DIRECTORY);
	if (fd < 0)
		return fd;
	return syncfs(fd) < 0 ? -errno : 0;
}

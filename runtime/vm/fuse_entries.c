/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a request leads to: nodes, names in directories, open files, and what the guest is told of them. All that the
 * handlers open, they open through here.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/base/scope.h"
#include "runtime/vm/fuse_parts.h"

/*
 * O_DIRECT would ask for alignment that the guest's buffers do not have; the rest has no meaning for who has the file
 * open already.
 */
#define TAKEN_FLAGS (O_ACCMODE | O_APPEND | O_TRUNC | O_SYNC | O_DSYNC | O_NOATIME)
_Static_assert((TAKEN_FLAGS & (O_CREAT | O_PATH)) == 0,
	       "a C library may count O_PATH as a way to open, and a guest must not say it");

struct fuse_node *fuse_node(struct fuse *fuse, const struct fuse_request *request)
{
	return fuse_nodes_find(&fuse->nodes, request->header.nodeid);
}

int fuse_directory(struct fuse *fuse, uint64_t node_id)
{
	const struct fuse_node *node = fuse_nodes_find(&fuse->nodes, node_id);

	if (!node)
		return -ESTALE;
	return S_ISDIR(node->type) ? node->fd : -ENOTDIR;
}

struct fuse_proc_name fuse_proc_name(int fd)
{
	struct fuse_proc_name name;

	snprintf(name.text, sizeof(name.text), "%d", fd);
	return name;
}

/* The name is one component, so nothing but O_NOFOLLOW is at stake; the kernel is told the rest as well. */
int fuse_open_child(int directory_fd, const char *name, int open_flags, mode_t mode)
{
	struct open_how how = {
		.flags = (uint64_t)(open_flags | O_NOFOLLOW | O_CLOEXEC),
		.mode = mode,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS,
	};
	long fd;

	/* O_PATH | O_NOFOLLOW opens a link itself, which RESOLVE_NO_SYMLINKS allows. */
	fd = syscall(SYS_openat2, directory_fd, name, &how, sizeof(how));
	return fd < 0 ? -errno : (int)fd;
}

int fuse_child(int directory_fd, const char *name)
{
	return fuse_open_child(directory_fd, name, O_PATH, 0);
}

static void tell_status(const struct statx *status, struct fuse_attr *ret)
{
	/* The kernel's own encoding of a device number in 32 bits. */
	uint32_t major_part = status->stx_rdev_major << 8;
	uint32_t minor_part = (status->stx_rdev_minor & 0xff) | (status->stx_rdev_minor & ~0xffU) << 12;

	*ret = (struct fuse_attr){
		.ino = status->stx_ino,
		.size = status->stx_size,
		.blocks = status->stx_blocks,
		.atime = (uint64_t)status->stx_atime.tv_sec,
		.mtime = (uint64_t)status->stx_mtime.tv_sec,
		.ctime = (uint64_t)status->stx_ctime.tv_sec,
		.atimensec = status->stx_atime.tv_nsec,
		.mtimensec = status->stx_mtime.tv_nsec,
		.ctimensec = status->stx_ctime.tv_nsec,
		.mode = status->stx_mode,
		.nlink = status->stx_nlink,
		.uid = status->stx_uid,
		.gid = status->stx_gid,
		.rdev = major_part | minor_part,
		.blksize = status->stx_blksize,
	};
}

static int status_of(int fd, struct statx *ret)
{
	return statx(fd, "", AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS | STATX_MNT_ID, ret) < 0 ? -errno
													     : 0;
}

int fuse_attributes(int fd, struct fuse_attr *ret)
{
	struct statx status;
	int r = status_of(fd, &status);

	if (r == 0)
		tell_status(&status, ret);
	return r;
}

int fuse_entry(struct fuse *fuse, int fd, struct fuse_entry_out *ret)
{
	CLEANUP_FD int owned = fd;
	struct statx status;
	int r = status_of(fd, &status);

	if (r < 0)
		return r;
	*ret = (struct fuse_entry_out){.entry_valid = FUSE_TRUST_SECONDS, .attr_valid = FUSE_TRUST_SECONDS};
	tell_status(&status, &ret->attr);
	return fuse_nodes_enter(&fuse->nodes, fd_take(&owned), &status, &ret->nodeid);
}

void fuse_entry_undo(struct fuse *fuse, const struct fuse_entry_out *entry)
{
	fuse_nodes_forget(&fuse->nodes, entry->nodeid, 1);
}

int fuse_entry_reply(struct fuse *fuse, struct fuse_request *request, int fd)
{
	struct fuse_entry_out entry;
	int r = fd < 0 ? fd : fuse_entry(fuse, fd, &entry);

	return r < 0 ? r : fuse_reply(request, &entry, sizeof(entry));
}

int fuse_open_flags(uint32_t guest_flags)
{
	int flags = (int)(guest_flags & (uint32_t)TAKEN_FLAGS);

	if ((flags & O_ACCMODE) == O_ACCMODE)
		return -EINVAL;
	return flags | O_NOCTTY | O_CLOEXEC;
}

int fuse_node_open(struct fuse *fuse, const struct fuse_node *node, int open_flags)
{
	int fd;

	if (S_ISLNK(node->type))
		return -ELOOP;
	if (!S_ISREG(node->type) && !S_ISDIR(node->type))
		return -ENXIO;
	fd = openat(fuse->proc_fd, fuse_proc_name(node->fd).text, open_flags | O_NOCTTY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Shared directories: a FUSE server (protocol 7.31 and later, as Linux's virtiofs driver speaks it) for one directory
 * of the host. This module takes requests as iovecs and writes the replies to iovecs; who carries them (vhost-user, a
 * test) is not its concern.
 *
 * The guest is hostile. What it can name is a node that the server gave it and a single name below it; the server holds
 * a descriptor for each node (O_PATH: it pins the inode, so no number is ever taken for another file) and resolves that
 * one name with openat2(2), beneath the descriptor and without following anything. It never resolves "..", never
 * follows a link, never opens what is neither a regular file nor a directory, and no number from the guest (node,
 * handle, size, offset, flag) is used before it was checked. All tables are bounded.
 *
 * Permissions are the guest kernel's business (virtiofs mounts with default_permissions), as they are the kernel's for
 * a container on a bind mount. What the guest makes belongs to the caller that its kernel names, as far as this
 * process's user namespace has that user.
 *
 * One thread. The process's umask and its file-system ids are changed while an object is made, and put back.
 */
#ifndef HULL_RUNTIME_VM_FUSE_H
#define HULL_RUNTIME_VM_FUSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "runtime/base/err.h"

struct fuse;

struct fuse_share {
	int root_fd; /* the directory; may be O_PATH. Stays the caller's, and open */
	int proc_fd; /* a procfs's "self/fd" of this very process: how a node is opened. Stays the caller's, and open */
	bool read_only; /* every request that would change something is refused with EROFS */
	/* files that the guest's kernel may remember at a time; each holds a descriptor. Past that: ENFILE */
	unsigned max_nodes;
	unsigned max_handles; /* files and directories that it may hold open at a time; each holds a descriptor */
};

/* -ENOTDIR when root_fd is no directory, -EPERM when proc_fd is no procfs. */
int fuse_open(const struct fuse_share *share, struct fuse **ret, struct err *err);
void fuse_close(struct fuse *fuse);

/*
 * Answers one request. `in`: struct fuse_in_header and what follows it; `out`: room for the reply. Returns the bytes of
 * the reply, 0 for a request that has none (FORGET) or is too broken to have one. Of more than VQ_MAX_SIZE parts the
 * rest is not there.
 */
size_t fuse_answer(struct fuse *fuse, const struct iovec *in, unsigned in_count, const struct iovec *out,
		   unsigned out_count);

/* What it holds now, for tests and figures. */
struct fuse_counts {
	unsigned nodes, handles;
};
struct fuse_counts fuse_counts(const struct fuse *fuse);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names in directories: looking up, making, renaming, removing. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/scope.h"
#include "runtime/vm/fuse_caller.h"
#include "runtime/vm/fuse_parts.h"

#define RENAME_FLAGS (RENAME_NOREPLACE | RENAME_EXCHANGE | RENAME_WHITEOUT)

int fuse_do_lookup(struct fuse *fuse, struct fuse_request *request)
{
	int parent = fuse_directory(fuse, request->header.nodeid);

	return parent < 0 ? parent : fuse_entry_reply(fuse, request, fuse_child(parent, request->names[0]));
}

int fuse_do_forget(struct fuse *fuse, struct fuse_request *request)
{
	const struct fuse_forget_in *in = request->arg;

	fuse_nodes_forget(&fuse->nodes, request->header.nodeid, in->nlookup);
	return 0;
}

int fuse_do_batch_forget(struct fuse *fuse, struct fuse_request *request)
{
	const struct fuse_batch_forget_in *in = request->arg;
	struct fuse_forget_one one;

	for (size_t i = 0; i < in->count && (i + 1) * sizeof(one) <= request->text_bytes; i++) {
		memcpy(&one, request->text + i * sizeof(one), sizeof(one));
		fuse_nodes_forget(&fuse->nodes, one.nodeid, one.nlookup);
	}
	return 0;
}

int fuse_do_readlink(struct fuse *fuse, struct fuse_request *request)
{
	const struct fuse_node *node = fuse_node(fuse, request);
	ssize_t n;

	if (!node)
		return -ESTALE;
	if (!S_ISLNK(node->type))
		return -EINVAL;
	n = readlinkat(node->fd, "", fuse->scratch, PATH_MAX);
	return n < 0 ? -errno : fuse_reply(request, fuse->scratch, (size_t)n);
}

/* How a kind of file is made: 0, or the descriptor of a file that is opened at once, or -errno. */
typedef int maker(int parent_fd, const struct fuse_request *request);

static int make_as_caller(const struct fuse_request *request, int parent_fd, uint32_t umask_bits, maker *make)
{
	struct fuse_caller caller;
	int r = fuse_caller_become(&caller, request->header.uid, request->header.gid, umask_bits);

	if (r < 0)
		return r;
	r = make(parent_fd, request);
	fuse_caller_return(&caller);
	return r;
}

/* What has no handle: made, and then looked up as any other. */
static int make_and_enter(struct fuse *fuse, struct fuse_request *request, uint32_t umask_bits, maker *make)
{
	int parent = fuse_directory(fuse, request->header.nodeid), r;

	if (parent < 0)
		return parent;
	r = make_as_caller(request, parent, umask_bits, make);
	return r < 0 ? r : fuse_entry_reply(fuse, request, fuse_child(parent, request->names[0]));
}

static int make_symlink(int parent_fd, const struct fuse_request *request)
{
	return symlinkat(request->text, parent_fd, request->names[0]) < 0 ? -errno : 0;
}

int fuse_do_symlink(struct fuse *fuse, struct fuse_request *request)
{
	if (request->text_bytes == 0 || request->text_bytes > PATH_MAX ||
	    memchr(request->text, '\0', request->text_bytes) != request->text + request->text_bytes - 1)
		return -EINVAL;
	return make_and_enter(fuse, request, 0, make_symlink);
}

static int make_node(int parent_fd, const struct fuse_request *request)
{
	const struct fuse_mknod_in *in = request->arg;

	return mknodat(parent_fd, request->names[0], in->mode & (S_IFMT | 07777), 0) < 0 ? -errno : 0;
}

/* Of devices only the one that is none: 0:0, how an overlay marks what is gone. */
int fuse_do_mknod(struct fuse *fuse, struct fuse_request *request)
{
	const struct fuse_mknod_in *in = request->arg;
	mode_t type = in->mode & S_IFMT;

	if (!S_ISREG(type) && !S_ISFIFO(type) && !S_ISSOCK(type) && !(S_ISCHR(type) && in->rdev == 0))
		return -EPERM;
	return make_and_enter(fuse, request, in->umask, make_node);
}

static int make_directory(int parent_fd, const struct fuse_request *request)
{
	const struct fuse_mkdir_in *in = request->arg;

	return mkdirat(parent_fd, request->names[0], in->mode & 07777) < 0 ? -errno : 0;
}

int fuse_do_mkdir(struct fuse *fuse, struct fuse_request *request)
{
	const struct fuse_mkdir_in *in = request->arg;

	return make_and_enter(fuse, request, in->umask, make_directory);
}

/* Always O_EXCL: so it is surely a new regular file, and the caller's. */
static int make_file(int parent_fd, const struct fuse_request *request)
{
	const struct fuse_create_in *in = request->arg;

	return fuse_open_child(parent_fd, request->names[0], fuse_open_flags(in->flags) | O_CREAT | O_EXCL,
			       in->mode & 07777);
}

/* Opens a file that was there already: what the name stands for now, if that is a regular file. */
static int open_existing(struct fuse *fuse, int parent_fd, const char *name, int open_flags)
{
	CLEANUP_FD int fd = fuse_child(parent_fd, name);
	struct stat status;

	if (fd < 0)
		return fd;
	if (fstat(fd, &status) < 0)
		return -errno;

	struct fuse_node found = {.fd = fd, .type = status.st_mode & S_IFMT};

	return S_ISREG(found.type) ? fuse_node_open(fuse, &found, open_flags) : -EEXIST;
}

/* The new node is that of the open file itself: the name may stand for another by now. */
static int enter_opened(struct fuse *fuse, struct fuse_request *request, int fd)
{
	CLEANUP_FD int owned = fd;
	int path_fd = openat(fuse->proc_fd, fuse_proc_name(fd).text, O_PATH | O_CLOEXEC);
	struct fuse_open_out opened = {0};
	struct fuse_entry_out entry;
	int r;

	if (path_fd < 0)
		return -errno;
	r = fuse_entry(fuse, path_fd, &entry);
	if (r < 0)
		return r;
	r = fuse_handles_add(&fuse->handles, fd_take(&owned), FUSE_HANDLE_FILE, &opened.fh);
	if (r < 0) {
		fuse_entry_undo(fuse, &entry);
		return r;
	}
	(void)fuse_reply(request, &entry, sizeof(entry));
	return fuse_reply(request, &opened, sizeof(opened));
}

int fuse_do_create(struct fuse *fuse, struct fuse_request *request)
{
	const struct fuse_create_in *in = request->arg;
	int parent = fuse_directory(fuse, request->header.nodeid), flags = fuse_open_flags(in->flags), fd;

	if (parent < 0 || flags < 0)
		return parent < 0 ? parent : flags;
	fd = make_as_caller(request, parent, in->umask, make_file);
	if (fd == -EEXIST && !(in->flags & O_EXCL))
		fd = open_existing(fuse, parent, request->names[0], flags);
	return fd < 0 ? fd : enter_opened(fuse, request, fd);
}

static int remove_name(struct fuse *fuse, struct fuse_request *request, int flags)
{
	int parent = fuse_directory(fuse, request->header.nodeid);

	if (parent < 0)
		return parent;
	return unlinkat(parent, request->names[0], flags) < 0 ? -errno : 0;
}

int fuse_do_unlink(struct fuse *fuse, struct fuse_request *request)
{
	return remove_name(fuse, request, 0);
}

int fuse_do_rmdir(struct fuse *fuse, struct fuse_request *request)
{
	return remove_name(fuse, request, AT_REMOVEDIR);
}

static int rename_name(struct fuse *fuse, struct fuse_request *request, uint64_t to_node, uint32_t flags)
{
	int from = fuse_directory(fuse, request->header.nodeid), to = fuse_directory(fuse, to_node);

	if (from < 0 || to < 0)
		return from < 0 ? from : to;
	if (flags & ~(uint32_t)RENAME_FLAGS)
		return -EINVAL;
	return renameat2(from, request->names[0], to, request->names[1], flags) < 0 ? -errno : 0;
}

int fuse_do_rename(struct fuse *fuse, struct fuse_request *request)
{
	const struct fuse_rename_in *in = request->arg;

	return rename_name(fuse, request, in->newdir, 0);
}

int fuse_do_rename2(struct fuse *fuse, struct fuse_request *request)
{
	const struct fuse_rename2_in *in = request->arg;

	return rename_name(fuse, request, in->newdir, in->flags);
}

int fuse_do_link(struct fuse *fuse, struct fuse_request *request)
{
	const struct fuse_link_in *in = request->arg;
	const struct fuse_node *node = fuse_nodes_find(&fuse->nodes, in->oldnodeid);
	int parent = fuse_directory(fuse, request->header.nodeid);

	if (!node || parent < 0)
		return node ? parent : -ESTALE;
	/* Followed once, from /proc to the node's very file, be that a link. */
	if (linkat(fuse->proc_fd, fuse_proc_name(node->fd).text, parent, request->names[0], AT_SYMLINK_FOLLOW) < 0)
		return -errno;
	return fuse_entry_reply(fuse, request, fuse_child(parent, request->names[0]));
}

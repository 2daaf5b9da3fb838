/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reading directories: entries as the host's kernel gives them, one buffer at a time, and on request what each of them
 * is.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/base/scope.h"
#include "runtime/vm/fuse_parts.h"

/* What getdents64(2) writes. */
struct entry {
	uint64_t inode;
	int64_t next; /* where the entry behind this one is read */
	uint16_t bytes;
	uint8_t type;
	char name[];
};

int fuse_do_opendir(struct fuse *fuse, struct fuse_request *request)
{
	const struct fuse_node *node = fuse_node(fuse, request);
	struct fuse_open_out out = {0};
	int fd, r;

	if (!node)
		return -ESTALE;
	if (!S_ISDIR(node->type))
		return -ENOTDIR;
	fd = fuse_node_open(fuse, node, O_RDONLY | O_DIRECTORY);
	if (fd < 0)
		return fd;
	r = fuse_handles_add(&fuse->handles, fd, FUSE_HANDLE_DIRECTORY, &out.fh);
	return r < 0 ? r : fuse_reply(request, &out, sizeof(out));
}

int fuse_do_releasedir(struct fuse *fuse, struct fuse_request *request)
{
	const struct fuse_release_in *in = request->arg;

	fuse_handles_remove(&fuse->handles, in->fh, FUSE_HANDLE_DIRECTORY);
	return 0;
}

static size_t padded(size_t bytes)
{
	return FUSE_DIRENT_ALIGN(bytes);
}

static int put_entry(struct fuse_request *request, const struct entry *entry, size_t name_bytes)
{
	static const char zeros[8];
	struct fuse_dirent dirent = {
		.ino = entry->inode,
		.off = (uint64_t)entry->next,
		.namelen = (uint32_t)name_bytes,
		.type = entry->type,
	};
	size_t bytes = FUSE_NAME_OFFSET + name_bytes;

	(void)fuse_reply(request, &dirent, FUSE_NAME_OFFSET);
	(void)fuse_reply(request, entry->name, name_bytes);
	return fuse_reply(request, zeros, padded(bytes) - bytes);
}

/*
 * What the entry is, as a look-up would say: counts as one. A node number of 0 says that only the name is known: of
 * ".", "..", and of what cannot be looked up now (it is gone, or the table is full).
 */
static void look_at(struct fuse *fuse, int directory_fd, const char *name, size_t name_bytes,
		    struct fuse_entry_out *ret)
{
	int fd = fuse_is_name(name, name_bytes) ? fuse_child(directory_fd, name) : -ENOENT;

	if (fd < 0 || fuse_entry(fuse, fd, ret) < 0)
		*ret = (struct fuse_entry_out){0};
}

/* Whether the entry fits into `limit` bytes of reply, and if so, it is there. */
static bool add_entry(struct fuse *fuse, struct fuse_request *request, int directory_fd, const struct entry *entry,
		      bool plus, size_t limit)
{
	size_t name_bytes = strlen(entry->name);
	size_t bytes = padded(FUSE_NAME_OFFSET + name_bytes) + (plus ? sizeof(struct fuse_entry_out) : 0);
	struct fuse_entry_out out;

	if (bytes > limit - request->replied)
		return false;
	if (plus) {
		look_at(fuse, directory_fd, entry->name, name_bytes, &out);
		(void)fuse_reply(request, &out, sizeof(out));
	}
	(void)put_entry(request, entry, name_bytes);
	return true;
}

static int read_entries(struct fuse *fuse, struct fuse_request *request, bool plus)
{
	const struct fuse_read_in *in = request->arg;
	struct fuse_handle *handle = fuse_handles_find(&fuse->handles, in->fh, FUSE_HANDLE_DIRECTORY);
	size_t limit = in->size < request->room.len ? in->size : request->room.len;
	size_t wanted = limit < FUSE_DIRECTORY_BYTES ? limit : FUSE_DIRECTORY_BYTES;
	long n;

	if (!handle)
		return -EBADF;
	if (handle->position != (int64_t)in->offset && lseek(handle->fd, (off_t)in->offset, SEEK_SET) < 0)
		return -errno;
	/* A node needs more room in the reply than here: what does not fit is read again. */
	n = syscall(SYS_getdents64, handle->fd, fuse->scratch, wanted);
	handle->position = -1;
	if (n < 0)
		return -errno;
	for (long at = 0; at < n;) {
		const struct entry *entry = (const void *)(fuse->scratch + at);

		if (!add_entry(fuse, request, handle->fd, entry, plus, limit))
			return 0;
		at += entry->bytes;
		if (at == n)
			handle->position = entry->next;
	}
	return 0;
}

int fuse_do_readdir(struct fuse *fuse, struct fuse_request *request)
{
	return read_entries(fuse, request, false);
}

int fuse_do_readdirplus(struct fuse *fuse, struct fuse_request *request)
{
	return read_entries(fuse, request, true);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime/vm/fuse.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/path.h"
#include "runtime/base/scope.h"
#include "runtime/vm/fuse_caller.h"
#include "runtime/vm/fuse_parts.h"
#include "runtime/vm/virtqueue.h"

/* What this server does of what a kernel may offer. Locks are the guest's own: nobody could be made to wait here. */
#define WANTED                                                                                                  \
	(FUSE_ASYNC_READ | FUSE_ATOMIC_O_TRUNC | FUSE_BIG_WRITES | FUSE_DONT_MASK | FUSE_AUTO_INVAL_DATA |      \
	 FUSE_DO_READDIRPLUS | FUSE_READDIRPLUS_AUTO | FUSE_ASYNC_DIO | FUSE_PARALLEL_DIROPS | FUSE_POSIX_ACL | \
	 FUSE_MAX_PAGES | FUSE_CACHE_SYMLINKS | FUSE_HANDLE_KILLPRIV_V2 | FUSE_SETXATTR_EXT)
#define OLDEST_MINOR 31U

_Static_assert(FUSE_MAX_PARTS >= VQ_MAX_SIZE, "a chain has more parts than are looked at");

enum {
	CHANGES = 1 << 0, /* refused on a read-only share */
	NO_REPLY = 1 << 1,
	TEXT = 1 << 2,	      /* more bytes follow the struct and the names */
	DATA = 1 << 3,	      /* bytes follow that stay in guest memory */
	BEFORE_INIT = 1 << 4, /* is answered before there was an INIT */
};

struct operation {
	fuse_handler *answer;
	uint16_t arg_bytes;
	uint8_t names;
	uint8_t flags;
	uint16_t reply_bytes; /* what is surely said on success */
};

static fuse_handler do_init, do_destroy, do_nothing;

static const struct operation operations[] = {
	[FUSE_LOOKUP] = {fuse_do_lookup, 0, 1, 0, sizeof(struct fuse_entry_out)},
	[FUSE_FORGET] = {fuse_do_forget, sizeof(struct fuse_forget_in), 0, NO_REPLY, 0},
	[FUSE_GETATTR] = {fuse_do_getattr, sizeof(struct fuse_getattr_in), 0, 0, sizeof(struct fuse_attr_out)},
	[FUSE_SETATTR] = {fuse_do_setattr, sizeof(struct fuse_setattr_in), 0, CHANGES, sizeof(struct fuse_attr_out)},
	[FUSE_READLINK] = {fuse_do_readlink, 0, 0, 0, 0},
	[FUSE_SYMLINK] = {fuse_do_symlink, 0, 1, CHANGES | TEXT, sizeof(struct fuse_entry_out)},
	[FUSE_MKNOD] = {fuse_do_mknod, sizeof(struct fuse_mknod_in), 1, CHANGES, sizeof(struct fuse_entry_out)},
	[FUSE_MKDIR] = {fuse_do_mkdir, sizeof(struct fuse_mkdir_in), 1, CHANGES, sizeof(struct fuse_entry_out)},
	[FUSE_UNLINK] = {fuse_do_unlink, 0, 1, CHANGES, 0},
	[FUSE_RMDIR] = {fuse_do_rmdir, 0, 1, CHANGES, 0},
	[FUSE_RENAME] = {fuse_do_rename, sizeof(struct fuse_rename_in), 2, CHANGES, 0},
	[FUSE_LINK] = {fuse_do_link, sizeof(struct fuse_link_in), 1, CHANGES, sizeof(struct fuse_entry_out)},
	[FUSE_OPEN] = {fuse_do_open, sizeof(struct fuse_open_in), 0, 0, sizeof(struct fuse_open_out)},
	[FUSE_READ] = {fuse_do_read, sizeof(struct fuse_read_in), 0, 0, 0},
	[FUSE_WRITE] = {fuse_do_write, sizeof(struct fuse_write_in), 0, CHANGES | DATA, sizeof(struct fuse_write_out)},
	[FUSE_STATFS] = {fuse_do_statfs, 0, 0, 0, sizeof(struct fuse_statfs_out)},
	[FUSE_RELEASE] = {fuse_do_release, sizeof(struct fuse_release_in), 0, 0, 0},
	[FUSE_FSYNC] = {fuse_do_fsync, sizeof(struct fuse_fsync_in), 0, 0, 0},
	[FUSE_SETXATTR] = {fuse_do_setxattr, FUSE_COMPAT_SETXATTR_IN_SIZE, 0, CHANGES | TEXT, 0},
	[FUSE_GETXATTR] = {fuse_do_getxattr, sizeof(struct fuse_getxattr_in), 0, TEXT, 0},
	[FUSE_LISTXATTR] = {fuse_do_listxattr, sizeof(struct fuse_getxattr_in), 0, 0, 0},
	[FUSE_REMOVEXATTR] = {fuse_do_removexattr, 0, 0, CHANGES | TEXT, 0},
	[FUSE_FLUSH] = {fuse_do_flush, sizeof(struct fuse_flush_in), 0, 0, 0},
	[FUSE_INIT] = {do_init, 4 * sizeof(uint32_t), 0, TEXT | BEFORE_INIT, sizeof(struct fuse_init_out)},
	[FUSE_OPENDIR] = {fuse_do_opendir, sizeof(struct fuse_open_in), 0, 0, sizeof(struct fuse_open_out)},
	[FUSE_READDIR] = {fuse_do_readdir, sizeof(struct fuse_read_in), 0, 0, 0},
	[FUSE_RELEASEDIR] = {fuse_do_releasedir, sizeof(struct fuse_release_in), 0, 0, 0},
	[FUSE_FSYNCDIR] = {fuse_do_fsyncdir, sizeof(struct fuse_fsync_in), 0, 0, 0},
	[FUSE_CREATE] = {fuse_do_create, sizeof(struct fuse_create_in), 1, CHANGES,
			 sizeof(struct fuse_entry_out) + sizeof(struct fuse_open_out)},
	[FUSE_INTERRUPT] = {do_nothing, sizeof(struct fuse_interrupt_in), 0, NO_REPLY, 0},
	[FUSE_DESTROY] = {do_destroy, 0, 0, 0, 0},
	[FUSE_BATCH_FORGET] = {fuse_do_batch_forget, sizeof(struct fuse_batch_forget_in), 0, TEXT | NO_REPLY, 0},
	[FUSE_FALLOCATE] = {fuse_do_fallocate, sizeof(struct fuse_fallocate_in), 0, CHANGES, 0},
	[FUSE_READDIRPLUS] = {fuse_do_readdirplus, sizeof(struct fuse_read_in), 0, 0, 0},
	[FUSE_RENAME2] = {fuse_do_rename2, sizeof(struct fuse_rename2_in), 2, CHANGES, 0},
	[FUSE_LSEEK] = {fuse_do_lseek, sizeof(struct fuse_lseek_in), 0, 0, sizeof(struct fuse_lseek_out)},
	[FUSE_COPY_FILE_RANGE] = {fuse_do_copy, sizeof(struct fuse_copy_file_range_in), 0, CHANGES,
				  sizeof(struct fuse_write_out)},
	[FUSE_SYNCFS] = {fuse_do_syncfs, sizeof(uint64_t), 0, 0, 0},
};

static void forget_all(struct fuse *fuse)
{
	fuse_handles_clear(&fuse->handles);
	fuse_nodes_clear(&fuse->nodes);
	fuse->begun = false;
}

int fuse_open(const struct fuse_share *share, struct fuse **ret, struct err *err)
{
	CLEANUP_FREE struct fuse *fuse = calloc(1, sizeof(*fuse));
	int root_fd, r;

	if (!fuse)
		return err_set(err, ENOMEM, "a shared directory");
	r = path_verify_fs(share->proc_fd, PROC_SUPER_MAGIC, "the folder of this process's descriptors", err);
	if (r < 0)
		return r;
	root_fd = openat(share->root_fd, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root_fd < 0)
		return err_set(err, errno, "open a shared directory");
	r = fuse_nodes_open(&fuse->nodes, root_fd, share->max_nodes);
	if (r < 0) {
		fuse_nodes_close(&fuse->nodes);
		return err_set(err, -r, "look at a shared directory");
	}
	fuse_handles_open(&fuse->handles, share->max_handles);
	fuse->proc_fd = share->proc_fd;
	fuse->read_only = share->read_only;
	fuse_caller_prepare();
	*ret = PTR_TAKE(fuse);
	return 0;
}

void fuse_close(struct fuse *fuse)
{
	if (!fuse)
		return;
	fuse_handles_close(&fuse->handles);
	fuse_nodes_close(&fuse->nodes);
	free(fuse);
}

struct fuse_counts fuse_counts(const struct fuse *fuse)
{
	return (struct fuse_counts){.nodes = fuse->nodes.count, .handles = fuse->handles.count};
}

/* --- bytes in guest memory ---------------------------------------------------------------------------------------- */

static struct fuse_bytes whole(const struct iovec *iov, unsigned count)
{
	struct fuse_bytes bytes = {.iov = iov, .count = count < FUSE_MAX_PARTS ? count : FUSE_MAX_PARTS};

	for (unsigned i = 0; i < bytes.count; i++)
		bytes.len += iov[i].iov_len;
	return bytes;
}

static struct fuse_bytes behind(struct fuse_bytes bytes, size_t skip)
{
	skip = skip < bytes.len ? skip : bytes.len;
	bytes.skip += skip;
	bytes.len -= skip;
	return bytes;
}

unsigned fuse_parts(const struct fuse_bytes *bytes, size_t offset, size_t len, struct iovec *to)
{
	size_t left = bytes->len > offset ? bytes->len - offset : 0;

	return vq_slice(bytes->iov, bytes->count, bytes->skip + offset, len < left ? len : left, to, FUSE_MAX_PARTS);
}

static size_t copy_from(const struct fuse_bytes *bytes, void *to, size_t len)
{
	struct iovec parts[FUSE_MAX_PARTS];
	unsigned count = fuse_parts(bytes, 0, len, parts);
	size_t done = 0;

	for (unsigned i = 0; i < count; i++) {
		memcpy((char *)to + done, parts[i].iov_base, parts[i].iov_len);
		done += parts[i].iov_len;
	}
	return done;
}

static size_t copy_to(const struct fuse_bytes *bytes, size_t offset, const void *from, size_t len)
{
	struct iovec parts[FUSE_MAX_PARTS];
	unsigned count = fuse_parts(bytes, offset, len, parts);
	size_t done = 0;

	for (unsigned i = 0; i < count; i++) {
		memcpy(parts[i].iov_base, (const char *)from + done, parts[i].iov_len);
		done += parts[i].iov_len;
	}
	return done;
}

int fuse_reply(struct fuse_request *request, const void *from, size_t len)
{
	if (len > request->room.len - request->replied)
		return -ERANGE;
	request->replied += copy_to(&request->room, request->replied, from, len);
	return 0;
}

/* --- from bytes to a request -------------------------------------------------------------------------------------- */

bool fuse_is_name(const char *name, size_t len)
{
	bool dots = (len == 1 && name[0] == '.') || (len == 2 && name[0] == '.' && name[1] == '.');

	return len > 0 && len <= NAME_MAX && !dots && !memchr(name, '/', len);
}

/* The names that the operation has, each with its NUL, from the front of the text. */
static int take_names(struct fuse_request *request, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		const char *end = memchr(request->text, '\0', request->text_bytes);
		size_t len = end ? (size_t)(end - request->text) : 0;

		if (!end)
			return -EINVAL;
		if (len > NAME_MAX)
			return -ENAMETOOLONG;
		if (!fuse_is_name(request->text, len))
			return -EINVAL;
		request->names[i] = request->text;
		request->text += len + 1;
		request->text_bytes -= len + 1;
	}
	return 0;
}

/* Copies what the handler will look at, once; the guest can change its memory meanwhile, but not what was judged. */
static int take_body(struct fuse *fuse, struct fuse_request *request, const struct operation *operation,
		     struct fuse_bytes body)
{
	struct fuse_bytes rest = behind(body, operation->arg_bytes);
	int r;

	if (body.len < operation->arg_bytes)
		return -EINVAL;
	copy_from(&body, fuse->arg, operation->arg_bytes);
	request->arg = fuse->arg;
	request->data = rest;
	if (operation->flags & DATA)
		return 0;
	if (rest.len > FUSE_TEXT_BYTES)
		return -E2BIG;
	request->text = fuse->text;
	request->text_bytes = copy_from(&rest, fuse->text, rest.len);
	r = take_names(request, operation->names);
	if (r < 0)
		return r;
	/* Behind the last name nothing is left, where nothing is expected: a NUL in a name would leave something. */
	return request->text_bytes > 0 && operation->names > 0 && !(operation->flags & TEXT) ? -EINVAL : 0;
}

static int answer(struct fuse *fuse, struct fuse_request *request, const struct operation *operation,
		  struct fuse_bytes body)
{
	int r;

	if (!operation || !operation->answer)
		return -ENOSYS;
	if (!fuse->begun && !(operation->flags & BEFORE_INIT))
		return -EIO;
	if (fuse->read_only && (operation->flags & CHANGES))
		return -EROFS;
	if (request->room.len < operation->reply_bytes)
		return -EINVAL;
	r = take_body(fuse, request, operation, body);
	return r < 0 ? r : operation->answer(fuse, request);
}

size_t fuse_answer(struct fuse *fuse, const struct iovec *in, unsigned in_count, const struct iovec *out,
		   unsigned out_count)
{
	struct fuse_bytes asked = whole(in, in_count), room = whole(out, out_count);
	struct fuse_request request = {.room = behind(room, sizeof(struct fuse_out_header))};
	const struct operation *operation = NULL;
	int r;

	if (copy_from(&asked, &request.header, sizeof(request.header)) < sizeof(request.header))
		return 0;
	if (request.header.opcode < ARRAY_SIZE(operations))
		operation = &operations[request.header.opcode];
	if (!(operation && (operation->flags & NO_REPLY)) && room.len < sizeof(struct fuse_out_header))
		return 0;
	if (request.header.len < sizeof(request.header) || request.header.len > asked.len) {
		r = -EINVAL;
	} else {
		asked.len = request.header.len;
		r = answer(fuse, &request, operation, behind(asked, sizeof(request.header)));
	}
	if (operation && (operation->flags & NO_REPLY))
		return 0;

	struct fuse_out_header header = {
		.len = (uint32_t)(sizeof(header) + (r < 0 ? 0 : request.replied)),
		.error = r < 0 ? r : 0,
		.unique = request.header.unique,
	};

	copy_to(&room, 0, &header, sizeof(header));
	return header.len;
}

/* --- the session -------------------------------------------------------------------------------------------------- */

/* A second INIT is a new kernel, or the same one that mounts again: it knows no node of the first. */
static int do_init(struct fuse *fuse, struct fuse_request *request)
{
	const struct fuse_init_in *in = request->arg;
	struct fuse_init_out out = {
		.major = FUSE_KERNEL_VERSION,
		.minor = FUSE_KERNEL_MINOR_VERSION,
		.max_readahead = in->max_readahead,
		.flags = in->flags & (uint32_t)WANTED,
		.max_background = 64,
		.congestion_threshold = 48,
		.max_write = FUSE_DATA_BYTES,
		.time_gran = 1,
		/* With two headers each way, no more than a chain has parts. */
		.max_pages = VQ_MAX_SIZE - 4,
	};

	forget_all(fuse);
	if (in->major < FUSE_KERNEL_VERSION || (in->major == FUSE_KERNEL_VERSION && in->minor < OLDEST_MINOR))
		return -EPROTO;
	/* A later major one first hears which this is, and then asks again in those terms. */
	fuse->begun = in->major == FUSE_KERNEL_VERSION;
	fuse->setxattr_ext = (out.flags & FUSE_SETXATTR_EXT) != 0;
	return fuse_reply(request, &out, sizeof(out));
}

static int do_destroy(struct fuse *fuse, struct fuse_request *request)
{
	(void)request;
	forget_all(fuse);
	return 0;
}

/* INTERRUPT: no request waits here for anything that would not come. */
static int do_nothing(struct fuse *fuse, struct fuse_request *request)
{
	(void)fuse;
	(void)request;
	return 0;
}

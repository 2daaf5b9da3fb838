/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the files of the FUSE server share: one request on its way, and the table's handlers.
 *
 * A handler finds its request checked for shape: the fixed struct and the names of its operation are there and were
 * copied out of guest memory, once; names are single names; there is room for its reply; on a read-only share it is no
 * operation that changes things. It returns 0 or -errno, and calls fuse_reply() for what it has to say.
 */
#ifndef HULL_RUNTIME_VM_FUSE_PARTS_H
#define HULL_RUNTIME_VM_FUSE_PARTS_H

#include <limits.h>
#include <linux/fuse.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "runtime/vm/fuse_nodes.h"

/* The longest request but for WRITE's data: an extended attribute with its name. */
#define FUSE_TEXT_BYTES	     ((size_t)XATTR_SIZE_MAX + 1024)
#define FUSE_DIRECTORY_BYTES ((size_t)32 << 10)
/* One reply or request carries at most so much data. */
#define FUSE_DATA_BYTES (1U << 20)

/* A request or reply has at most so many parts: what a virtqueue's chain can hold. */
#define FUSE_MAX_PARTS 256

/* Bytes in guest memory. */
struct fuse_bytes {
	const struct iovec *iov;
	unsigned count;
	size_t skip; /* into the first */
	size_t len;
};

struct fuse_request {
	struct fuse_in_header header;
	const void *arg;      /* the operation's fixed struct */
	const char *names[2]; /* single names, as many as the operation has */
	const char *text;     /* what follows them */
	size_t text_bytes;
	struct fuse_bytes data; /* WRITE: stays in guest memory */
	struct fuse_bytes room; /* for the reply's body */
	size_t replied;		/* bytes of the body */
};

struct fuse {
	struct fuse_nodes nodes;
	struct fuse_handles handles;
	int proc_fd;
	bool read_only;
	bool begun;	   /* INIT was answered */
	bool setxattr_ext; /* SETXATTR comes with the longer struct */
	uint64_t arg[16];  /* the request that is being answered: its fixed struct, and what follows */
	char text[FUSE_TEXT_BYTES + 1];
	_Alignas(uint64_t) char scratch[FUSE_TEXT_BYTES]; /* an attribute's value, a directory's entries */
};

/* Appends to the body of the reply; -ERANGE when it does not fit. */
int fuse_reply(struct fuse_request *request, const void *from, size_t len);
/*
 * The parts of `bytes` behind `offset`, at most `len` of them, for preadv() and pwritev(). Returns how many; `to` has
 * room for FUSE_MAX_PARTS.
 */
unsigned fuse_parts(const struct fuse_bytes *bytes, size_t offset, size_t len, struct iovec *to);

/* --- fuse_entries.c: what a request leads to --- */

/* The request's own node. NULL: -ESTALE is the answer. */
struct fuse_node *fuse_node(struct fuse *fuse, const struct fuse_request *request);
/*
 * The same, or any other one, that has to be a directory: its descriptor, -ESTALE or -ENOTDIR. Nobody but the node owns
 * it.
 */
int fuse_directory(struct fuse *fuse, uint64_t node_id);
/* Which of the guest's open(2) flags the server takes over. -EINVAL for a way to open that is none. */
int fuse_open_flags(uint32_t guest_flags);
/* Opens what a node is, for its contents. -ELOOP for a link, -ENXIO for what is neither file nor directory. */
int fuse_node_open(struct fuse *fuse, const struct fuse_node *node, int open_flags);
/*
 * The name of the node's file below proc_fd, for calls that take a name. Follow it: it leads to the very file, and no
 * further.
 */
struct fuse_proc_name {
	char text[16];
};
struct fuse_proc_name fuse_proc_name(int fd);

/*
 * Opens a single name in a directory, of which the name cannot lead out: a descriptor, or -errno. `mode` for O_CREAT.
 */
int fuse_open_child(int directory_fd, const char *name, int open_flags, mode_t mode);
/* The same with O_PATH: whatever it is, be it a link. */
int fuse_child(int directory_fd, const char *name);
/* Makes a node of an O_PATH descriptor, which is taken over, and fills in what the guest is told. */
int fuse_entry(struct fuse *fuse, int fd, struct fuse_entry_out *ret);
int fuse_entry_reply(struct fuse *fuse, struct fuse_request *request, int fd);
/* Takes back an entry that could not be told. */
void fuse_entry_undo(struct fuse *fuse, const struct fuse_entry_out *entry);
int fuse_attributes(int fd, struct fuse_attr *ret);

/* Whether a name is one component: neither empty, nor ".", "..", nor too long, nor with a slash. */
bool fuse_is_name(const char *name, size_t len);

/* How long the guest may trust what it was told: what the host or another machine changes shows after that. */
#define FUSE_TRUST_SECONDS 1

typedef int fuse_handler(struct fuse *fuse, struct fuse_request *request);

/* fuse_names.c */
fuse_handler fuse_do_lookup, fuse_do_forget, fuse_do_batch_forget, fuse_do_readlink, fuse_do_symlink, fuse_do_mknod,
	fuse_do_mkdir, fuse_do_unlink, fuse_do_rmdir, fuse_do_rename, fuse_do_rename2, fuse_do_link, fuse_do_create;
/* fuse_files.c */
fuse_handler fuse_do_open, fuse_do_read, fuse_do_write, fuse_do_release, fuse_do_flush, fuse_do_fsync,
	fuse_do_fallocate, fuse_do_lseek, fuse_do_copy;
/* fuse_dirs.c */
fuse_handler fuse_do_opendir, fuse_do_readdir, fuse_do_readdirplus, fuse_do_releasedir, fuse_do_fsyncdir;
/* fuse_attrs.c */
fuse_handler fuse_do_getattr, fuse_do_setattr, fuse_do_statfs, fuse_do_syncfs;
/* fuse_xattrs.c */
fuse_handler fuse_do_setxattr, fuse_do_getxattr, fuse_do_listxattr, fuse_do_removexattr;

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A shared directory and the requests that a guest's kernel would make, or one that is not what it seems: for unit
 * tests and fuzzers. Beside the shared folder lies one that is not shared, with a file "secret".
 */
#ifndef HULL_TESTS_UNIT_VM_FUSE_DRIVER_H
#define HULL_TESTS_UNIT_VM_FUSE_DRIVER_H

#include <linux/fuse.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/vm/fuse.h"

#define FUSE_DRIVER_BYTES 8192

struct fuse_driver {
	char folder[64]; /* with "share" and "outside" */
	int root_fd, proc_fd, outside_fd;
	struct fuse *fuse;
	uint32_t uid, gid; /* the caller of what follows */
	uint64_t unique;
	struct fuse_out_header header; /* of the last reply */
	uint8_t reply[FUSE_DRIVER_BYTES];
};

/* Makes the folders and the server, and says INIT. Aborts where the machine does not let it. */
void fuse_driver_open(struct fuse_driver *driver, bool read_only, unsigned max_nodes, unsigned max_handles);
/* Removes all of it. False when something was changed outside of the share. */
bool fuse_driver_close(struct fuse_driver *driver);

/* INIT as a kernel of this minor version that can do everything. The reply's error. */
int fuse_driver_init(struct fuse_driver *driver, uint32_t minor);

/*
 * One request: a struct, then bytes (with the NULs that it is to have). Returns the reply's error, 0, or 1 where there
 * was no reply.
 */
int fuse_driver_ask(struct fuse_driver *driver, uint32_t opcode, uint64_t node, const void *arg, size_t arg_bytes,
		    const void *text, size_t text_bytes);

/* The usual ones. Node numbers go to *ret_node, handles to *ret_handle; these may be NULL. */
int fuse_driver_lookup(struct fuse_driver *driver, uint64_t parent, const char *name, uint64_t *ret_node);
int fuse_driver_mkdir(struct fuse_driver *driver, uint64_t parent, const char *name, uint64_t *ret_node);
int fuse_driver_symlink(struct fuse_driver *driver, uint64_t parent, const char *name, const char *target,
			uint64_t *ret_node);
int fuse_driver_create(struct fuse_driver *driver, uint64_t parent, const char *name, uint32_t flags, uint32_t mode,
		       uint64_t *ret_node, uint64_t *ret_handle);
int fuse_driver_open_file(struct fuse_driver *driver, uint64_t node, uint32_t flags, uint64_t *ret_handle);
int fuse_driver_write(struct fuse_driver *driver, uint64_t handle, uint64_t offset, const char *words);
int fuse_driver_rename(struct fuse_driver *driver, uint64_t parent, const char *name, uint64_t to_parent,
		       const char *to_name);
void fuse_driver_forget(struct fuse_driver *driver, uint64_t node, uint64_t lookups);

/* The body of the last reply, as this struct. */
#define FUSE_DRIVER_REPLY(driver, type) ((const struct type *)(const void *)(driver)->reply)

#endif

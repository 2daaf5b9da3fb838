/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The mount calls, on descriptors: what is mounted and where is named by descriptors that were resolved and verified
 * before, so no name is resolved a second time between a check and its use.
 *
 * A *detached* mount is one that is in no tree yet (open_tree(2), fsmount(2)): it lives as long as its descriptor, and
 * can be changed and id-mapped before anyone sees it. All need CAP_SYS_ADMIN in the user namespace of the caller's
 * mount namespace.
 */
#ifndef HULL_NAMESPACES_MOUNT_H
#define HULL_NAMESPACES_MOUNT_H

#include <stdbool.h>
#include <stdint.h>

#include "namespaces/mount_options.h"
#include "runtime/base/err.h"
#include "runtime/base/scope.h"

enum mount_clone_flags {
	MOUNT_CLONE_TREE = 1 << 0,     /* with everything mounted below it */
	MOUNT_CLONE_NOFOLLOW = 1 << 1, /* a symlink is taken itself */
};
/* A detached clone of what `path` (below dirfd; "" is dirfd itself) shows. The descriptor, the caller's. */
int mount_clone(int dirfd, const char *path, unsigned clone_flags, struct err *err);

/*
 * A detached mount of a new file system: `type`, `source` (what /proc/mounts shows; NULL: the type), `data` as a
 * comma-separated list or NULL, MS_* super-block flags and MOUNT_ATTR_*. Attributes never reach the super block, which
 * others may share (a read-only sysfs stays writable for its other mounts). The descriptor, the caller's.
 */
int mount_new(const char *type, const char *source, const char *data, uint64_t super_flags, uint64_t attributes,
	      struct err *err);
/*
 * The end of mount_new() for a context that the caller has filled itself (fsopen(2)): creates the super block and
 * mounts it, detached.
 */
int mount_finish_new(int fsfd, const char *type, uint64_t attributes, struct err *err);
/* What the file system said about a call on its context that failed with `code`. Returns -code. */
int mount_context_failed(int fsfd, int code, const char *type, const char *doing, struct err *err);
/* Changes options of the file system that `fd` is the root of a mount of (a remount). */
int mount_reconfigure(int fd, const char *what, const char *data, uint64_t super_flags, struct err *err);

/*
 * Attaches a detached mount onto what `targetfd` (O_PATH, any mount namespace of the caller's) is: a folder on a
 * folder, a file on a file. `mountfd` stays open and is then the mount. `where` is for words only.
 */
int mount_attach(int mountfd, int targetfd, const char *where, struct err *err);

/*
 * Changes attributes and propagation (0: leave) of the mount behind `fd`; `tree`: and of all below. What is not named
 * stays as it is, so flags that a user namespace may not clear are not touched.
 */
int mount_change(int fd, bool tree, const struct mount_change *change, uint64_t propagation, const char *what,
		 struct err *err);

/*
 * Maps the ids of a detached mount by a user namespace. -EOPNOTSUPP with a hint where kernel or file system cannot (so
 * that the caller may decide on another way); -EINVAL where it has a map already.
 */
int mount_idmap(int fd, bool tree, int userns_fd, const char *what, struct err *err);

/* The kernel's number of the mount that a descriptor is in (unique while it exists). 0 or -errno. */
int mount_id(int fd, uint64_t *ret_id, struct err *err);

/*
 * A mount beyond the time that it exists. Where the kernel has numbers that are never given twice (Linux 6.8) that is
 * the whole truth; else they may be given again, and what is mounted is looked at as well: another mount of the same
 * file or folder may then be taken for it.
 */
struct mount_identity {
	uint64_t number, device, inode;
};
int mount_identify(int fd, struct mount_identity *ret, struct err *err);

/*
 * After attaching: makes sure that `path` below rootfd leads to the mount of `mountfd` itself, and not to something
 * that was slipped over or beside it. -EAGAIN with words when it does not. Child.
 */
int mount_verify(int rootfd, const char *path, int mountfd, struct err *err);

#endif

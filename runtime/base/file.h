/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Files of hull's own (never files below a container's root: those are path.h's): bounded read, atomic replace, locks,
 * trees.
 *
 * `dirfd` and `name` as in openat(2): an absolute name ignores dirfd, AT_FDCWD is allowed.
 */
#ifndef HULL_RUNTIME_BASE_FILE_H
#define HULL_RUNTIME_BASE_FILE_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "runtime/base/arena.h"
#include "runtime/base/err.h"
#include "runtime/base/scope.h"

/*
 * Reads a whole file of at most max_bytes into the arena, NUL-terminated behind `ret_len` bytes. -EFBIG past the bound.
 * Also from pipes.
 */
int file_read(struct arena *arena, int dirfd, const char *name, size_t max_bytes, char **ret_data, size_t *ret_len,
	      struct err *err);
int file_read_fd(struct arena *arena, int fd, const char *what, size_t max_bytes, char **ret_data, size_t *ret_len,
		 struct err *err);
/*
 * Opens a file of somebody's who may have made it something else, for `flags` as of open(2) (without O_CREAT): what is
 * no regular file is looked at, and never opened, which may wait for somebody (a FIFO), or do something (a watchdog).
 * Links are followed. The descriptor, or -errno; -EINVAL: it is no regular file.
 */
int file_open_regular(const char *path, int flags, struct err *err);
/*
 * Reads a short one-line file (cgroup, sysctl, proc) into a fixed array, the last newline removed. The length or
 * -errno; -EFBIG when it does not fit whole. No words: callers know.
 */
ssize_t file_read_line(int dirfd, const char *name, char *to, size_t to_bytes);
/*
 * Whether something has this name; a link counts itself. Only -ENOENT and -ENOTDIR say no: who hears that something is
 * gone cleans up behind it, and must not because of a missing right or descriptor. (And not by faccessat(2), for which
 * the C library has a newer call, which filters refuse.)
 */
bool file_is_there(int dirfd, const char *name);
/* Writes one value in one write(2) to an existing file (cgroup, sysctl, proc). 0 or -errno. */
int file_write_value(int dirfd, const char *name, const char *value);

/*
 * Digits for a name that nobody else takes. No secret, and so never waited for: in a machine that has just started, and
 * whose processor has no random numbers, getrandom(2) blocks until the kernel has collected some, which may be never.
 */
uint64_t file_unique_digits(void);

enum file_durability {
	FILE_VOLATILE, /* dies with the boot: no fsync */
	FILE_DURABLE,  /* fsync of file and folder: survives power loss */
};
/*
 * Replaces atomically: a temporary name in the same folder (FILE_TEMP_PREFIX and random digits: a crash can leave one
 * behind), then rename. `mode` is exact, whatever the umask. The old contents stay on failure.
 */
#define FILE_TEMP_PREFIX ".hull-tmp-"
int file_replace(int dirfd, const char *name, const void *data, size_t len, mode_t mode,
		 enum file_durability durability, struct err *err);

/*
 * An advisory lock (flock) on a file that is created 0600 when missing; released when the descriptor is closed. Whoever
 * holds it exclusively may remove the file: those who wait then lock its successor. A symlink in its place is -ELOOP.
 */
enum file_lock { FILE_LOCK_SHARED, FILE_LOCK_EXCLUSIVE };
int file_lock(int dirfd, const char *name, enum file_lock kind, struct err *err);     /* waits; the descriptor */
int file_try_lock(int dirfd, const char *name, enum file_lock kind, struct err *err); /* -EWOULDBLOCK when held */

/* Makes a folder and its parents, with `mode` less the umask. Existing ones are fine, and keep their mode. */
int file_make_dirs(const char *path, mode_t mode, struct err *err);
int file_open_dir(int dirfd, const char *name, struct err *err); /* O_DIRECTORY|O_CLOEXEC, the descriptor */
/* Opens the folder that `name` is in; *ret_base points at its last component, into `name`. The descriptor. */
int file_open_folder_of(int dirfd, const char *name, const char **ret_base, struct err *err);

/*
 * Removes a tree without ever leaving it: it descends by descriptor, follows no link and crosses no mount. A missing
 * tree is success. A mount point in it (or it itself) is -EBUSY. Contents may be hostile (a container's writable
 * layer): their depth is not bounded, descriptors and stack are. Stops at the first failure; what was removed stays
 * removed, and calling it again goes on.
 */
int file_remove_tree(int dirfd, const char *name, struct err *err);

/* Puts into a new folder, empty and locked, what is in it when it appears. */
typedef int file_fill_fn(int folder_fd, const void *user, struct err *err);
/*
 * Claims a name for a new folder (0700): it appears at once, locked (flock) and filled (`fill`; NULL: empty), so that
 * nobody ever sees it half made, not even when the caller is killed. The folder's descriptor, which holds the lock;
 * -EEXIST without words when the name is taken; what `fill` failed with.
 */
int file_claim_folder(int dirfd, const char *name, file_fill_fn *fill, const void *user, struct err *err);
/*
 * Makes a folder (0700) that nobody looks for, to be filled and then renamed to what it shall be called: as long as its
 * descriptor, which holds its lock, is open nobody sweeps it. `words` are for errors and a part of its name.
 */
int file_hide_folder(int dirfd, const char *words, char ret_name[static NAME_MAX + 1], struct err *err);
/*
 * Removes a claimed folder: out of sight in one step, so that a crash leaves no half of it under its name. Missing is
 * success.
 */
int file_drop_folder(int dirfd, const char *name, struct err *err);
/*
 * The same, but the folder stays, empty and without a name of its own, and is the one that the next file_claim_folder()
 * takes: making folders and removing them costs a file system more than anything that is done in these. `fd` is the
 * folder, locked. Only for folders in which nobody makes anything without the lock: else it could be somebody else's by
 * then.
 */
int file_retire_folder(int dirfd, const char *name, int fd, struct err *err);
/* Removes what crashes in these have left below dirfd. */
void file_sweep_claims(int dirfd);

/*
 * Gives a tree, its top included, to uid:gid. It descends by descriptor, follows no link and crosses no mount; contents
 * may be hostile. Where a file has that owner already it is left alone. -ELOOP past FILE_OWN_MAX_DEPTH folders. What
 * was done before a failure stays done.
 */
#define FILE_OWN_MAX_DEPTH 200
int file_own_tree(const char *path, uid_t uid, gid_t gid, struct err *err);

#endif

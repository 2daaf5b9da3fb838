/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Confined paths: the only code that joins a path below a container's root, an image or a volume.
 *
 * Whatever lies below a root is hostile: any name in it can be a symlink, and can change between two looks. So a path
 * is resolved by the kernel below a descriptor (openat2(2) with RESOLVE_IN_ROOT), what comes back is a descriptor, and
 * a device or proc file is verified by what it is before it is trusted. Without openat2 a walk by single components
 * does the same.
 */
#ifndef HULL_RUNTIME_BASE_PATH_H
#define HULL_RUNTIME_BASE_PATH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "runtime/base/arena.h"
#include "runtime/base/err.h"
#include "runtime/base/path_flags.h"
#include "runtime/base/scope.h"

/*
 * Opens `path` as if `rootfd` were "/": absolute symlinks and ".." stay inside, magic links (/proc/N/fd) are refused
 * (-ELOOP). `open_flags` as for open(2) without O_CREAT (O_PATH is common). The descriptor, or -errno with words naming
 * `path`.
 */
int path_open(int rootfd, const char *path, int open_flags, unsigned path_flags, struct err *err);

/*
 * Creates a regular file with O_CREAT|O_EXCL below a parent resolved the same way, `mode` less the umask. The
 * descriptor.
 */
int path_create(int rootfd, const char *path, int open_flags, mode_t mode, struct err *err);

/*
 * Makes a folder with all its missing parents below the root, and opens it O_PATH. `mode` is less the umask. Existing
 * symlinks inside are followed inside the root, and what a dangling one names is made too; a component that vanishes or
 * changes meanwhile is -EAGAIN after a few tries, never an escape.
 */
int path_make_dirs(int rootfd, const char *path, mode_t mode, struct err *err);
/*
 * The same for a mount target that is a file: parents (0755), then an empty file where nothing is. Anything there that
 * is no folder will do; a folder is -EISDIR. O_PATH descriptor.
 */
int path_make_file(int rootfd, const char *path, mode_t mode, struct err *err);
/*
 * The parent folder of `path` (made 0755 where missing when `make`), O_PATH, and the last component, of which nothing
 * is looked at. For mknodat, symlinkat, unlinkat. -EINVAL when the last component is none ("/", ".", "..").
 */
int path_parent(int rootfd, const char *path, bool make, char ret_name[static 256], struct err *err);

/*
 * Reads a regular file below the root, bounded (passwd, group). As file_read(); -ENOENT has no words. Wants /proc
 * mounted.
 */
int path_read(struct arena *arena, int rootfd, const char *path, size_t max_bytes, char **ret_data, size_t *ret_len,
	      struct err *err);

/* What a descriptor really is (O_PATH ones too). 0, or -EPERM with words that say what was found instead. */
int path_verify_fs(int fd, uint64_t fs_magic, const char *what,
		   struct err *err); /* statfs f_type, e.g. PROC_SUPER_MAGIC */
int path_verify_char(int fd, unsigned major, unsigned minor, const char *what, struct err *err); /* st_rdev */

/*
 * Opens a file of /proc for writing or reading, sure that it is procfs and no bind mount over it: `procfd` is a
 * verified descriptor of a proc mount, `name` is relative; "self" and "thread-self" are followed, a link at the end is
 * not. The descriptor; -EXDEV when something is mounted over it.
 */
int path_open_proc(int procfd, const char *name, int open_flags, struct err *err);

/* A lexical check for names that come from outside: relative, no empty part, no "." and no "..". */
bool path_is_plain(const char *path);
/*
 * Lexically cleans an absolute path ("/a/../b//c" is "/b/c"). Into the arena; NULL without memory. Never for deciding
 * about confinement.
 */
char *path_clean(struct arena *arena, const char *path);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Mounts by descriptors. */
#ifndef HULL_MUSL_SYS_MOUNT_H
#define HULL_MUSL_SYS_MOUNT_H

#include_next <sys/mount.h>

#include <linux/mount.h>
#include <stddef.h>

int fsopen(const char *type, unsigned flags);
int fspick(int dirfd, const char *path, unsigned flags);
int fsconfig(int fsfd, unsigned command, const char *key, const void *value, int aux);
int fsmount(int fsfd, unsigned flags, unsigned attributes);
int open_tree(int dirfd, const char *path, unsigned flags);
int move_mount(int from_dirfd, const char *from, int to_dirfd, const char *to, unsigned flags);
int mount_setattr(int dirfd, const char *path, unsigned flags, struct mount_attr *attributes, size_t bytes);

#endif

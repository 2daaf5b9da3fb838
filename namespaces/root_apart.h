/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A root for a process whose mount namespace is not the one that the root was made in: somebody else's, which it joins,
 * or the one that it has been in all the time.
 *
 * Others live in that namespace. A root that were mounted there would be in their tree, and would have to be taken back
 * at the end; one that were pivoted to would become theirs. So it is made, complete, in a namespace of its own, which
 * ends with whoever made it, and only a detached copy of the finished tree goes along, as a descriptor. A process makes
 * it its root, and closes the descriptor: the kernel then takes the tree for unmounted, but leaves it in one piece.
 * From there on
 *  - it is in nobody's tree: no namespace lists it, nothing can be mounted in it nor taken from it, by no capability;
 *  - it has no parent: `..` ends at its top, also for who leaves the root directory by another chroot(2);
 *  - it lives as long as a process has its root in it (or anything open), and leaves nothing to take back.
 *
 * What is mounted read-only or hidden in it stays so for good. What it does not hold back: who may join the mount
 * namespace that the process is in (CAP_SYS_ADMIN in the user namespace that owns it, CAP_SYS_CHROOT in one's own)
 * comes to that namespace's root by setns(2) on /proc/self/ns/mnt. That is what it means to be in it, and where that is
 * the host's the plan refuses it.
 */
#ifndef HULL_NAMESPACES_ROOT_APART_H
#define HULL_NAMESPACES_ROOT_APART_H

#include "runtime/base/err.h"

/*
 * A detached copy of the root `root_fd` with all that is mounted below it, for root_apart_enter(). In the mount
 * namespace of the root, once nothing is to be mounted any more, with CAP_SYS_ADMIN. How its mounts spread to others
 * (shared, slave) is not kept, and one that may not be bound is left out. The descriptor, the caller's, or -errno.
 */
int root_apart_take(int root_fd, struct err *err);

/*
 * Joins the mount namespace `namespace_fd` (-1: stays in its own) and makes `tree` its root and working directory.
 * Takes `tree` over, also on failure. Returns a descriptor (O_PATH) of the new root, the caller's, or -errno. One
 * thread; with CAP_SYS_CHROOT, and CAP_SYS_ADMIN to join. Until it returns, the process's root is that of the
 * namespace: it should not be dumpable.
 */
int root_apart_enter(int tree, int namespace_fd, struct err *err);

#endif

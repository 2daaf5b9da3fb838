/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "namespaces/root_apart.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include "namespaces/mount.h"
#include "runtime/base/scope.h"

int root_apart_take(int root_fd, struct err *err)
{
	int tree = mount_clone(root_fd, "", MOUNT_CLONE_TREE, err);

	return tree < 0 ? err_wrap(err, "take the root out of its mount namespace") : tree;
}

int root_apart_enter(int tree, int namespace_fd, struct err *err)
{
	CLEANUP_FD int held = tree;
	int root;

	/* Which makes the namespace's root that of this process: the tree is reached by its descriptor alone. */
	if (namespace_fd >= 0 && setns(namespace_fd, CLONE_NEWNS) < 0)
		return err_set(err, errno, "join the mount namespace");
	if (fchdir(held) < 0 || chroot(".") < 0 || chdir("/") < 0)
		return err_set(err, errno, "enter the root");
	root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return root < 0 ? err_set(err, errno, "open the new '/'") : root;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Beginning the wait of the first migration early.
 *
 * Every write to cgroup.procs takes the kernel's cgroup_threadgroup_rwsem for writing. While nobody has done so for a
 * while, that semaphore is in the mode that makes forks cheap, and leaving the mode waits for an RCU grace period: 7 to
 * 15 ms. After that it stays in the other mode for about as long, and a write takes microseconds. So a helper moves
 * itself to where it is already, the grace period passes while the caller makes its sockets, layers and child, and the
 * real move comes into the open window.
 *
 * The helper (aside.h) has descriptors of its own, and closes what it inherited, so that it holds no one's pipe or lock
 * open. A child of the caller can wait for it as well.
 */
#include "cgroups/cg.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/syscall.h>

#include "cgroups/layout.h"
#include "runtime/base/aside.h"

static struct aside helper = ASIDE_INIT;

struct migration {
	char procs_file[PATH_MAX];
};

static void migrate(void *context)
{
	const struct migration *migration = context;
	long fd;

	/* Kernels before 5.9 go without: closing one by one takes longer than it helps. */
	if (aside_call(SYS_close_range, 0, UINT_MAX, 0, 0) < 0)
		return;
	fd = aside_call(SYS_openat, AT_FDCWD, (long)migration->procs_file, O_WRONLY | O_CLOEXEC, 0);
	if (fd >= 0)
		(void)aside_call(SYS_write, fd, (long)"0", 1, 0); /* 0: whoever writes */
}

/* The cgroup that this process is in already, in any tree that it can reach. */
static bool name_own_procs(const struct cg_layout *layout, char to[static PATH_MAX])
{
	for (size_t i = 0; i < layout->tree_count; i++) {
		const struct cg_tree *tree = &layout->trees[i];

		if (tree->own && snprintf(to, PATH_MAX, "%s%s/cgroup.procs", tree->mount_point, tree->own) < PATH_MAX)
			return true;
	}
	return false;
}

int cg_warm_start(void)
{
	const struct cg_layout *layout;
	struct err ignored = ERR_INIT;
	struct migration migration;

	if (helper.pidfd >= 0)
		return 0;
	if (cg_layout_get(&layout, &ignored) < 0)
		return -ignored.code;
	if (layout->kind != CG_LAYOUT_V1 && layout->kind != CG_LAYOUT_HYBRID)
		return -ENOTSUP;
	if (!name_own_procs(layout, migration.procs_file))
		return -ENOTSUP;
	return aside_start(&helper, migrate, &migration, sizeof(migration), false);
}

void cg_warm_join(void)
{
	aside_close(&helper);
}

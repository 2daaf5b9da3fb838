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
 * Where there is nothing to wait for, it reads what is mounted, which the caller needs next and need not wait for
 * either.
 *
 * The helper (aside.h) has descriptors of its own, and closes what it inherited, so that it holds no one's pipe or lock
 * open. A child of the caller can wait for it as well.
 */
#include "cgroups/cg.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cgroups/layout.h"
#include "runtime/base/aside.h"
#include "runtime/base/file.h"

static struct aside helper = ASIDE_INIT;

struct migration {
	char procs_file[PATH_MAX];
	char mountinfo[sizeof("/proc/self/mountinfo")];
	struct cg_mounts_text *mounts; /* NULL: nobody needs them */
};

/* All of it, or nothing. */
static void read_mounts(const struct migration *migration)
{
	struct cg_mounts_text *mounts = migration->mounts;
	int nothing_yet = 0;
	size_t len = 0;
	long fd = aside_call(SYS_openat, AT_FDCWD, (long)migration->mountinfo, O_RDONLY | O_CLOEXEC, 0), n = 1;

	while (fd >= 0 && len < sizeof(mounts->text) && n > 0) {
		n = aside_call(SYS_read, fd, (long)(mounts->text + len), (long)(sizeof(mounts->text) - len), 0);
		len += n > 0 ? (size_t)n : 0;
	}
	/* The text is zeros behind what was read. Unless the caller has begun to read it meanwhile. */
	if (fd >= 0 && n == 0)
		(void)__atomic_compare_exchange_n(&mounts->len, &nothing_yet, (int)len, false, __ATOMIC_RELEASE,
						  __ATOMIC_RELAXED);
}

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
	/* Behind the write, which is what has to begin early. Where that had to wait, the caller has read them. */
	if (migration->mounts && __atomic_load_n(&migration->mounts->len, __ATOMIC_RELAXED) == 0)
		read_mounts(migration);
}

/*
 * Where /proc/self/cgroup says that this process is, in the first v1 tree that is mounted where it is as a rule. To
 * read all mounts takes ten times as long, and the wait is to begin before anything else. Were it another's cgroup by
 * some odd mount, it is the helper alone that would end in there.
 */
static bool guess_own_procs(char to[static PATH_MAX])
{
	char lines[PATH_MAX], *next = lines;
	bool is_found = false;

	if (file_read_line(AT_FDCWD, "/proc/self/cgroup", lines, sizeof(lines)) < 0)
		return false;
	/* "4:memory:/path"; v2 is "0::/path", and "name=systemd" is no controller */
	while (!is_found && next) {
		const char *line = strsep(&next, "\n"), *names = strchr(line, ':');
		const char *path = names ? strchr(names + 1, ':') : NULL;
		int len = path ? (int)(path - names - 1) : 0;

		is_found = len > 0 && !memchr(names + 1, '=', (size_t)len) &&
			   snprintf(to, PATH_MAX, "/sys/fs/cgroup/%.*s%s/cgroup.procs", len, names + 1, path + 1) <
				   PATH_MAX &&
			   access(to, W_OK) == 0;
	}
	return is_found;
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

static int find_own_procs(char to[static PATH_MAX])
{
	const struct cg_layout *layout;
	struct err ignored = ERR_INIT;

	if (cg_layout_get(&layout, &ignored) < 0)
		return -ignored.code;
	if (layout->kind != CG_LAYOUT_V1 && layout->kind != CG_LAYOUT_HYBRID)
		return -ENOTSUP;
	return name_own_procs(layout, to) ? 0 : -ENOTSUP;
}

int cg_warm_start(void)
{
	struct migration migration = {.mountinfo = "/proc/self/mountinfo"};
	int result;

	if (helper.pidfd >= 0)
		return 0;
	result = guess_own_procs(migration.procs_file) ? 0 : find_own_procs(migration.procs_file);
	migration.mounts = cg_layout_expect_mounts();
	return result < 0 ? result : aside_start(&helper, migrate, &migration, sizeof(migration), 0);
}

void cg_warm_join(void)
{
	aside_close(&helper);
}

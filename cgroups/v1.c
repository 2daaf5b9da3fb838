/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Trees of the first design: a controller (or few) each.
 *
 * Two of them have ways of their own: a cpuset takes no process before it has processors and memory nodes, which it
 * does not inherit; and the freezer works by asking again until it is done, for a process that forks while it is being
 * frozen escapes the first time.
 */
#include "cgroups/v1.h"

#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>

#include "cgroups/deadline.h"
#include "runtime/base/file.h"
#include "runtime/base/text.h"

/* -ENODATA: the parent has none either. */
static int inherit_cpuset(int fd)
{
	static const char *const files[][2] = {{"../cpuset.cpus", "cpuset.cpus"}, {"../cpuset.mems", "cpuset.mems"}};

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		char value[4096];
		ssize_t len = file_read_line(fd, files[i][0], value, sizeof(value));
		int r = len > 0 ? file_write_value(fd, files[i][1], value) : len < 0 ? (int)len : -ENODATA;

		if (r < 0)
			return r;
	}
	return 0;
}

static bool cpuset_is_empty(int fd)
{
	char value[4096];

	return file_read_line(fd, "cpuset.cpus", value, sizeof(value)) == 0 ||
	       file_read_line(fd, "cpuset.mems", value, sizeof(value)) == 0;
}

static int make_parent(const struct cg_tree *tree, const char *path, struct err *err)
{
	CLEANUP_FD int fd = -1;
	bool is_new = mkdir(path, 0755) == 0;
	int r;

	if (!is_new && errno != EEXIST)
		return err_set(err, errno, "make cgroup '%s'", path);
	if (!(tree->controllers & CG_BIT(CG_CPUSET)))
		return 0;
	fd = cg_folder_open(path);
	if (fd < 0)
		return err_set(err, -fd, "open cgroup '%s'", path);
	r = cpuset_is_empty(fd) ? inherit_cpuset(fd) : 0;
	if (r < 0)
		return err_set(err, -r, "give cgroup '%s' its parent's cpuset", path);
	/*
	 * What is made below this one has its cpuset from birth: no write there, each of which walks over all cpusets
	 * of the host.
	 */
	if (is_new)
		(void)file_write_value(fd, "cgroup.clone_children", "1");
	return 0;
}

static int make_parents(const struct cg_folder *folder, struct err *err)
{
	char path[PATH_MAX];
	char *slash;

	if (text_copy(path, sizeof(path), folder->path) < 0)
		return err_set(err, ENAMETOOLONG, "make cgroup '%s'", folder->path);
	slash = path + strlen(folder->tree->mount_point);
	while ((slash = strchr(slash + 1, '/'))) {
		int r;

		*slash = '\0';
		r = make_parent(folder->tree, path, err);
		*slash = '/';
		if (r < 0)
			return r;
	}
	return 0;
}

/*
 * What the parents have is looked at only when the quick way does not work: they are there but for the very first time.
 */
static int fill_cpuset(const struct cg_folder *folder, int fd, struct err *err)
{
	int r = cpuset_is_empty(fd) ? inherit_cpuset(fd) : 0;

	if (r == -ENODATA) {
		r = make_parents(folder, err);
		if (r < 0)
			return r;
		r = inherit_cpuset(fd);
	}
	return r < 0 ? err_set(err, -r, "give cgroup '%s' its parent's cpuset", folder->path) : 0;
}

static int make_and_open(const struct cg_folder *folder, struct err *err)
{
	int r = cg_mkdir_fresh(folder, err), fd;

	if (r == -ENOENT) {
		if (make_parents(folder, err) < 0)
			return -err->code;
		r = cg_mkdir_fresh(folder, err);
		if (r == -ENOENT)
			return err_set(err, ENOENT, "make cgroup '%s'", folder->path);
	}
	if (r < 0)
		return r;
	fd = cg_folder_open(folder->path);
	if (fd >= 0)
		return fd;
	(void)rmdir(folder->path);
	return err_set(err, -fd, "open cgroup '%s'", folder->path);
}

int cg_v1_make(const struct cg_folder *folder, struct err *err)
{
	int fd = folder->fd >= 0 ? folder->fd : make_and_open(folder, err);
	int r = fd >= 0 && folder->tree->controllers & CG_BIT(CG_CPUSET) ? fill_cpuset(folder, fd, err) : fd;

	if (r >= 0)
		return fd;
	if (fd >= 0 && folder->fd < 0) {
		(void)close(fd);
		(void)rmdir(folder->path);
	}
	return r;
}

int cg_v1_frozen(int fd, bool *ret)
{
	char state[32];
	ssize_t len = file_read_line(fd, "freezer.state", state, sizeof(state));

	if (len < 0)
		return (int)len;
	*ret = strcmp(state, "FROZEN") == 0;
	return 0;
}

/* Between two looks at a freezer that is still FREEZING: it has no events. */
#define FREEZER_LOOK_MS 1

int cg_v1_freeze(int fd, bool frozen, uint64_t deadline_ns)
{
	for (;;) {
		char state[32];
		ssize_t len;
		int r = file_write_value(fd, "freezer.state", frozen ? "FROZEN" : "THAWED");

		if (r < 0)
			return r;
		len = file_read_line(fd, "freezer.state", state, sizeof(state));
		if (len < 0)
			return (int)len;
		if ((strcmp(state, "FROZEN") == 0) == frozen && strcmp(state, "FREEZING") != 0)
			return 0;
		if (cg_ms_left(deadline_ns) == 0)
			return -ETIMEDOUT;
		(void)poll(NULL, 0, FREEZER_LOOK_MS);
	}
}

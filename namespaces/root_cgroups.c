/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The mount of a container's cgroups: one file system, or a small tmpfs with a folder for each hierarchy. */
#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "namespaces/mount.h"
#include "namespaces/root_mounts_parts.h"
#include "runtime/base/path.h"

static const struct mount_change readonly = {.set = MOUNT_ATTR_RDONLY};

static int cgroup_mount(const struct cgroup_view *view, int *source, uint64_t attributes, const char *data,
			struct err *err)
{
	bool is_readonly = attributes & MOUNT_ATTR_RDONLY;
	CLEANUP_FD int fd = fd_take(source);
	int r = 0;

	if (!view->bind)
		return mount_new(view->type, view->type, view->data ? view->data : data, 0, attributes, err);
	if (fd < 0)
		return rootfs_open_cgroup(view, is_readonly, err);
	if (is_readonly)
		r = mount_change(fd, false, &readonly, 0, view->bind, err);
	return r < 0 ? r : fd_take(&fd);
}

static int cgroup_place(int tmpfs, const struct cgroup_view *view, struct err *err)
{
	if (view->link && symlinkat(view->link, tmpfs, view->folder) < 0)
		return err_set(err, errno, "link '%s' of the cgroups", view->folder);
	if (!view->link && mkdirat(tmpfs, view->folder, 0755) < 0)
		return err_set(err, errno, "folder '%s' of the cgroups", view->folder);
	return 0;
}

static int cgroup_entry(int tmpfs, const struct cgroup_view *view, int *source, uint64_t attributes, struct err *err)
{
	CLEANUP_FD int target = -1;
	CLEANUP_FD int fd = -1;

	if (view->link)
		return 0;
	target = path_open(tmpfs, view->folder, O_PATH | O_DIRECTORY | O_CLOEXEC, PATH_NO_LINK_LAST, err);
	if (target < 0)
		return target;
	fd = cgroup_mount(view, source, attributes, NULL, err);
	return fd < 0 ? err_wrap(err, "cgroups '%s'", view->folder) : mount_attach(fd, target, view->folder, err);
}

/*
 * A bind shows the folder that it is of, whoever mounts it; what is mounted afresh begins at the root of the mounter's
 * cgroup namespace.
 */
static enum root_gate_for needed_for_cgroups(const struct root_request *request)
{
	for (size_t i = 0; i < request->cgroup_count; i++)
		if (!request->cgroups[i].bind && !request->cgroups[i].link)
			return ROOT_GATE_JOINED;
	return ROOT_GATE_FOLDERS;
}

/*
 * A tmpfs with a folder for each hierarchy; it is sealed at once, since only these belong in it. All that needs no
 * cgroup is done before the gate, where others have to be waited for.
 */
static int cgroup_folders(struct assembly *it, const struct mount_request *mount, int target, struct err *err)
{
	uint64_t attributes = root_mount_attributes(&mount->options);
	CLEANUP_FD int tmpfs =
		mount_new("tmpfs", "cgroup", "mode=755,size=64k", 0, attributes & ~(uint64_t)MOUNT_ATTR_RDONLY, err);
	int r;

	if (tmpfs < 0)
		return tmpfs;
	r = root_mount_attach(it, tmpfs, target, mount->destination, err);
	for (size_t i = 0; r == 0 && i < it->request->cgroup_count; i++)
		r = cgroup_place(tmpfs, &it->request->cgroups[i], err);
	if (r == 0)
		r = root_mount_pass(it, needed_for_cgroups(it->request), err);
	for (size_t i = 0; r == 0 && i < it->request->cgroup_count; i++)
		r = cgroup_entry(tmpfs, &it->request->cgroups[i], &it->sources->cgroups[i], attributes, err);
	return r < 0 ? r : mount_change(tmpfs, false, &readonly, 0, mount->destination, err);
}

int root_mount_cgroups(struct assembly *it, const struct mount_request *mount, struct err *err)
{
	const struct cgroup_view *views = it->request->cgroups;
	const char *path = mount->destination;
	CLEANUP_FD int target = root_mount_target(it->handle->root_fd, path, err);
	CLEANUP_FD int fd = -1;
	int r;

	if (target < 0)
		return target;
	/*
	 * Without any (the container has no cgroup of its own, or the host has none) it stays empty: others' cgroups
	 * are not for it to see.
	 */
	if (it->request->cgroup_count == 0 || views[0].folder[0])
		return cgroup_folders(it, mount, target, err);
	r = root_mount_pass(it, needed_for_cgroups(it->request), err);
	if (r < 0)
		return r;
	fd = cgroup_mount(&views[0], &it->sources->cgroups[0], root_mount_attributes(&mount->options),
			  mount->options.data, err);
	return fd < 0 ? err_wrap(err, "mount on '%s'", path) : root_mount_attach(it, fd, target, path, err);
}

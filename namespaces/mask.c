/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "namespaces/mask.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "namespaces/mount.h"
#include "runtime/base/path.h"

#define EMPTY_ATTRIBUTES (MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)

static int verify_null(int fd, struct err *err)
{
	return path_verify_char(fd, 1, 3, "the null device for masked paths", err);
}

int mask_open(struct mask_cover *ret, struct err *err)
{
	/*
	 * What is written to a device is not kept from it by a read-only mount; a change of the host's node itself is
	 * (chmod of a masked path).
	 */
	static const struct mount_change readonly = {.set = MOUNT_ATTR_RDONLY};
	CLEANUP_FD int fd = mount_clone(AT_FDCWD, "/dev/null", 0, err);
	int r;

	if (fd < 0)
		return fd;
	r = verify_null(fd, err);
	if (r == 0)
		r = mount_change(fd, false, &readonly, 0, "/dev/null", err);
	if (r == 0)
		ret->null_fd = fd_take(&fd);
	return r;
}

/* The first use attaches the mount itself: kernels before 6.15 clone only what is attached. */
static int cover_with(int cover_fd, bool *used, int target, const char *path, struct err *err)
{
	CLEANUP_FD int clone = -1;
	int r;

	if (*used) {
		clone = mount_clone(cover_fd, "", 0, err);
		if (clone < 0)
			return clone;
	}
	r = mount_attach(*used ? clone : cover_fd, target, path, err);
	if (r == 0)
		*used = true;
	return r;
}

static int hide_folder(struct mask_cover *cover, int target, const char *path, struct err *err)
{
	if (cover->empty_fd < 0) {
		cover->empty_fd = mount_new("tmpfs", NULL, "mode=755,size=0,nr_inodes=2", 0, EMPTY_ATTRIBUTES, err);
		if (cover->empty_fd < 0)
			return cover->empty_fd;
	}
	return cover_with(cover->empty_fd, &cover->empty_used, target, path, err);
}

static int hide_file(struct mask_cover *cover, int target, const char *path, struct err *err)
{
	int r = verify_null(cover->null_fd, err);

	return r < 0 ? r : cover_with(cover->null_fd, &cover->null_used, target, path, err);
}

/* 0: there is nothing. A path through something that is no folder leads to nothing as well. */
static int open_target(int rootfd, const char *path, struct err *err)
{
	int fd = path_open(rootfd, path, O_PATH | O_CLOEXEC, 0, err);

	if (fd == -ENOENT || fd == -ENOTDIR) {
		err_clear(err);
		return -ENOENT;
	}
	return fd;
}

int mask_hide(struct mask_cover *cover, int rootfd, const char *path, struct err *err)
{
	CLEANUP_FD int target = open_target(rootfd, path, err);
	struct stat info;
	int r;

	if (target < 0)
		return target == -ENOENT ? 0 : err_wrap(err, "masking");
	if (fstat(target, &info) < 0)
		return err_set(err, errno, "masking '%s'", path);
	r = S_ISDIR(info.st_mode) ? hide_folder(cover, target, path, err) : hide_file(cover, target, path, err);
	return r < 0 ? err_wrap(err, "masking '%s'", path) : 0;
}

int mask_readonly(int rootfd, const char *path, struct err *err)
{
	static const struct mount_change readonly = {.set = MOUNT_ATTR_RDONLY};
	CLEANUP_FD int target = open_target(rootfd, path, err);
	CLEANUP_FD int clone = -1;
	int r;

	if (target < 0)
		return target == -ENOENT ? 0 : err_wrap(err, "making read-only");
	clone = mount_clone(target, "", MOUNT_CLONE_TREE, err);
	if (clone < 0)
		return err_wrap(err, "making '%s' read-only", path);
	r = mount_change(clone, true, &readonly, 0, path, err);
	if (r == 0)
		r = mount_attach(clone, target, path, err);
	return r < 0 ? err_wrap(err, "making '%s' read-only", path) : 0;
}

void mask_close(struct mask_cover *cover)
{
	scope_fd(&cover->null_fd);
	scope_fd(&cover->empty_fd);
	*cover = MASK_COVER_INIT;
}

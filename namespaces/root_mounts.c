/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "namespaces/root_mounts.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "namespaces/copy_tree.h"
#include "namespaces/mount.h"
#include "namespaces/root_mounts_parts.h"
#include "runtime/base/path.h"
#include "runtime/base/text.h"

/* ------------------------------------------------------------------------------------------------ targets */

/* Names a missing target's likely reason: a root that nobody may write to. */
static int target_failed(const char *path, struct err *err)
{
	if (err && err->code == EROFS)
		err_hint(err, "the root is read-only and does not have this path");
	return err_wrap(err, "mount on '%s'", path);
}

int root_mount_target(int rootfd, const char *path, struct err *err)
{
	int fd = path_make_dirs(rootfd, path, 0755, err);

	return fd < 0 ? target_failed(path, err) : fd;
}

static int target_file(int rootfd, const char *path, struct err *err)
{
	int fd = path_open(rootfd, path, O_PATH | O_CLOEXEC, 0, err);

	if (fd == -ENOENT) {
		err_clear(err);
		fd = path_make_file(rootfd, path, 0644, err);
	}
	return fd < 0 ? target_failed(path, err) : fd;
}

/*
 * /proc and /sys themselves: not by way of a symlink, which a file of the image could point at a folder that others can
 * change.
 */
static int target_kernel_folder(int rootfd, const char *path, struct err *err)
{
	int fd = path_open(rootfd, path, O_PATH | O_DIRECTORY | O_CLOEXEC, PATH_NO_LINKS, err);

	if (fd == -ENOENT) {
		err_clear(err);
		return root_mount_target(rootfd, path, err);
	}
	return fd < 0 ? target_failed(path, err) : fd;
}

static int is_folder(int fd, const char *what, struct err *err)
{
	struct stat info;

	if (fstat(fd, &info) < 0)
		return err_set(err, errno, "'%s'", what);
	return S_ISDIR(info.st_mode);
}

/* ------------------------------------------------------------------------------------- what may cover /proc */

/* Files that lxcfs and its like show in their own way; nothing that hull or a program trusts for its safety. */
static const char *const proc_files_bindable[] = {
	"/proc/cpuinfo", "/proc/diskstats", "/proc/loadavg",
	"/proc/meminfo", "/proc/net/dev",   "/proc/slabinfo",
	"/proc/stat",	 "/proc/swaps",	    "/proc/sys/kernel/ns_last_pid",
	"/proc/uptime",
};

/*
 * A mount over a part of /proc could make a write of a label or a sysctl go elsewhere, so only those harmless files may
 * be covered. Whether a target lies in /proc is asked of the target, not of its name.
 */
static int check_covers_proc(int target, const char *path, struct err *err)
{
	struct statfs fs;

	if (fstatfs(target, &fs) < 0)
		return err_set(err, errno, "mount on '%s'", path);
	if (fs.f_type != PROC_SUPER_MAGIC)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(proc_files_bindable); i++)
		if (strcmp(path, proc_files_bindable[i]) == 0)
			return 0;
	return err_say(err, EPERM, "mount on '%s': it would cover a part of /proc", path);
}

static bool is_proc_itself(const char *destination)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	const char *clean = path_clean(&arena, destination);

	return clean && strcmp(clean, "/proc") == 0;
}

/* What comes to /proc must be procfs, whatever the request calls it; and hull keeps the descriptor. */
static int take_proc(struct assembly *it, int *fd, struct err *err)
{
	int r = path_verify_fs(*fd, PROC_SUPER_MAGIC, "/proc of the container", err);

	if (r < 0)
		return r;
	scope_fd(&it->handle->proc_fd);
	it->handle->proc_fd = fd_take(fd);
	return 0;
}

/* ------------------------------------------------------------------------------------------------- mounts */

int root_mount_attach(struct assembly *it, int fd, int target, const char *path, struct err *err)
{
	int r = check_covers_proc(target, path, err);

	if (r == 0)
		r = mount_attach(fd, target, path, err);
	return r < 0 ? r : mount_verify(it->handle->root_fd, path, fd, err);
}

/* File systems that take an SELinux context. */
static bool takes_label(const char *type)
{
	static const char *const types[] = {"tmpfs", "devpts", "ramfs"};

	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (strcmp(type, types[i]) == 0)
			return true;
	return false;
}

/* A tmpfs gets nodes and mount points after it has been mounted: read-only comes last. */
static bool is_sealed_later(const struct mount_request *mount)
{
	return strcmp(mount->type, "tmpfs") == 0 && root_mount_attributes(&mount->options) & MOUNT_ATTR_RDONLY;
}

static int new_file_system(const struct mount_request *mount, const char *label, struct err *err)
{
	const struct mount_options *options = &mount->options;
	uint64_t attributes =
		root_mount_attributes(options) & (is_sealed_later(mount) ? ~(uint64_t)MOUNT_ATTR_RDONLY : ~0ull);
	CLEANUP_TEXT struct text data = {.max_bytes = 8192};

	if (!label || !takes_label(mount->type))
		return mount_new(mount->type, mount->source, options->data, options->super_flags, attributes, err);
	text_addf(&data, "%s%scontext=\"%s\"", options->data ? options->data : "", options->data ? "," : "", label);
	if (text_check(&data, err) < 0)
		return -ENOMEM;
	return mount_new(mount->type, mount->source, text_get(&data), options->super_flags, attributes, err);
}

static int copy_up_into(struct assembly *it, int fd, const char *path, struct err *err)
{
	static const struct copy_how how = {.what = "copying the folder that is covered", .links_dirfd = -1};
	CLEANUP_FD int from = path_open(it->handle->root_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0, err);

	/* What fsmount(2) gives is a place only (O_PATH): the copy changes owner and mode of the folder itself. */
	CLEANUP_FD int to = path_open(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0, err);

	return from < 0 || to < 0 ? (from < 0 ? from : to) : copy_tree(from, to, &how, NULL, err);
}

/* 1 when nothing is in the folder; 0 when something is. */
static int is_empty(int fd, const char *what, struct err *err)
{
	int opened = path_open(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0, err);
	CLEANUP_DIR DIR *folder = opened < 0 ? NULL : fdopendir(opened);
	struct dirent *entry;

	if (opened < 0)
		return opened;
	if (!folder) {
		(void)close(opened);
		return err_set(err, ENOMEM, "list '%s'", what);
	}
	while ((entry = readdir(folder)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			return 0;
	return 1;
}

/*
 * A volume that has never been used begins with what the image has there: programs expect their folders, with their
 * owners.
 */
static int fill_new_volume(struct assembly *it, const struct mount_request *mount, int fd, struct err *err)
{
	int r = is_empty(fd, mount->source, err);

	return r <= 0 ? r : copy_up_into(it, fd, mount->destination, err);
}

static bool is_kernel_type(const char *type)
{
	return strcmp(type, "proc") == 0 || strcmp(type, "sysfs") == 0;
}

static int mount_fresh(struct assembly *it, const struct mount_request *mount, int *prepared, struct err *err)
{
	static const struct mount_change none;
	const char *path = mount->destination;
	uint64_t propagation = mount->options.propagation;
	int rootfd = it->handle->root_fd;
	CLEANUP_FD int target = is_kernel_type(mount->type) ? target_kernel_folder(rootfd, path, err)
							    : root_mount_target(rootfd, path, err);
	CLEANUP_FD int fd = fd_take(prepared);
	int r;

	if (target < 0)
		return target;
	if (fd < 0)
		fd = new_file_system(mount, it->request->mount_label, err);
	if (fd < 0)
		return err_wrap(err, "mount on '%s'", path);
	r = mount->options.copy_up ? copy_up_into(it, fd, path, err) : 0;
	if (r == 0)
		r = root_mount_attach(it, fd, target, path, err);
	if (r == 0 && propagation)
		r = mount_change(fd, propagation & MS_REC, &none, propagation, path, err);
	if (r == 0 && is_proc_itself(path))
		return take_proc(it, &fd, err);
	if (r == 0 && is_sealed_later(mount))
		r = root_handle_seal_later(it->handle, &fd, err);
	return r;
}

static int mount_bind(struct assembly *it, const struct mount_request *mount, int *source, struct err *err)
{
	const char *path = mount->destination;
	int rootfd = it->handle->root_fd;
	bool is_proc = is_proc_itself(path);
	CLEANUP_FD int fd = fd_take(source);
	CLEANUP_FD int target = -1;
	bool folder;
	int r = is_folder(fd, mount->source, err);

	if (r < 0)
		return r;
	folder = r;
	if (is_proc)
		target = target_kernel_folder(rootfd, path, err);
	else
		target = folder ? root_mount_target(rootfd, path, err) : target_file(rootfd, path, err);
	if (target < 0)
		return target;
	r = folder && mount->options.copy_up ? fill_new_volume(it, mount, fd, err) : 0;
	if (r == 0)
		r = root_mount_attach(it, fd, target, path, err);
	return r == 0 && is_proc ? take_proc(it, &fd, err) : r;
}

static int mount_remount(struct assembly *it, const struct mount_request *mount, struct err *err)
{
	const struct mount_options *options = &mount->options;
	const char *path = mount->destination;
	CLEANUP_FD int fd = path_open(it->handle->root_fd, path, O_PATH | O_CLOEXEC, 0, err);
	int r = 0;

	if (fd < 0)
		return fd;
	if (options->data || options->super_flags)
		r = mount_reconfigure(fd, path, options->data, options->super_flags, err);
	if (r == 0)
		r = mount_change(fd, true, &options->tree, 0, path, err);
	return r < 0 ? r
		     : mount_change(fd, options->propagation & MS_REC, &options->one, options->propagation, path, err);
}

/* -------------------------------------------------------------------------------------------- in their order */

static bool is_cgroup_type(const char *type)
{
	return strcmp(type, "cgroup") == 0 || strcmp(type, "cgroup2") == 0;
}

static bool is_fresh(const struct mount_request *mount)
{
	return !mount->options.bind && !mount->options.remount && !text_is_empty(mount->type) &&
	       !is_cgroup_type(mount->type);
}

/* What somebody can make who knows no options. */
static bool is_plain_sysfs(const struct mount_request *mount)
{
	return is_fresh(mount) && strcmp(mount->type, "sysfs") == 0 && text_is_empty(mount->options.data) &&
	       !mount->options.super_flags && (!mount->source || strcmp(mount->source, "sysfs") == 0);
}

static int mount_one(struct assembly *it, size_t index, struct err *err)
{
	const struct mount_request *mount = &it->request->mounts[index];
	int *source = &it->sources->mounts[index];
	/* What fills a file system is for a process that is in its own cgroups, which are to count it. */
	int r = mount->options.copy_up ? root_mount_pass(it, ROOT_GATE_JOINED, err) : 0;

	if (r == 0 && *source < 0 && is_plain_sysfs(mount))
		r = root_mount_pass(it, ROOT_GATE_SYSFS, err);
	if (r < 0)
		return r;
	if (mount->destination[0] != '/')
		return err_say(err, EINVAL, "mount on '%s': not an absolute path", mount->destination);
	if (mount->options.remount)
		return mount_remount(it, mount, err);
	if (mount->options.bind)
		return mount_bind(it, mount, source, err);
	if (text_is_empty(mount->type))
		return err_say(err, EINVAL, "mount on '%s': it has no type", mount->destination);
	return is_fresh(mount) ? mount_fresh(it, mount, source, err) : root_mount_cgroups(it, mount, err);
}

/* File systems that are the same in whatever network namespace they are made. */
static bool knows_no_network(const char *type)
{
	static const char *const types[] = {"proc", "tmpfs", "devpts", "mqueue"};

	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (strcmp(type, types[i]) == 0)
			return true;
	return false;
}

int root_mount_prepare(const struct root_request *request, struct root_sources *sources, bool lacks_network,
		       struct err *err)
{
	for (size_t i = 0; i < request->mount_count; i++) {
		const struct mount_request *mount = &request->mounts[i];

		if (!is_fresh(mount) || (lacks_network && !knows_no_network(mount->type)))
			continue;
		sources->mounts[i] = new_file_system(mount, request->mount_label, err);
		if (sources->mounts[i] < 0)
			return err_wrap(err, "mount on '%s'", mount->destination);
	}
	return 0;
}

int root_mount_take_sysfs(const struct root_request *request, struct root_sources *sources, int sysfs_fd,
			  struct err *err)
{
	CLEANUP_FD int fd = sysfs_fd;

	for (size_t i = 0; i < request->mount_count; i++) {
		const struct mount_request *mount = &request->mounts[i];
		const struct mount_change change = {.set = root_mount_attributes(&mount->options)};
		int r;

		if (sources->mounts[i] >= 0 || !is_plain_sysfs(mount))
			continue;
		r = mount_change(fd, false, &change, 0, mount->destination, err);
		if (r < 0)
			return err_wrap(err, "mount on '%s'", mount->destination);
		sources->mounts[i] = fd_take(&fd);
		return 0;
	}
	return 0;
}

/* Somebody with a hand in a shared volume could have put something over /proc after it was mounted. */
static int check_proc_last(const struct root_handle *handle, struct err *err)
{
	return handle->proc_fd < 0 ? 0 : mount_verify(handle->root_fd, "/proc", handle->proc_fd, err);
}

int root_mount_all(const struct root_request *request, struct root_sources *sources, const struct root_gate *gate,
		   struct root_handle *handle, struct err *err)
{
	struct assembly it = {request, sources, gate, handle};
	int r = 0;

	for (size_t i = 0; r == 0 && i < request->mount_count; i++)
		r = mount_one(&it, i, err);
	return r < 0 ? r : check_proc_last(handle, err);
}

/* ------------------------------------------------------------------------------------------------ removing */

/*
 * umount2(2) wants a name. Of a folder that is "." of the folder itself; of a file its name in a folder that is held:
 * and a name that is a mount point cannot be given to anything else.
 */
static int unmount(int rootfd, int fd, const char *path, struct err *err)
{
	int folder = is_folder(fd, path, err);
	CLEANUP_FD int parent = -1;
	char name[256];

	if (folder < 0)
		return folder;
	if (folder) {
		if (fchdir(fd) < 0 || umount2(".", MNT_DETACH) < 0)
			return err_set(err, errno, "unmount '%s'", path);
		return 0;
	}
	parent = path_parent(rootfd, path, false, name, err);
	if (parent < 0)
		return parent;
	if (fchdir(parent) < 0 || umount2(name, MNT_DETACH | UMOUNT_NOFOLLOW) < 0)
		return err_set(err, errno, "unmount '%s'", path);
	return 0;
}

int root_mount_remove(int rootfd, const char *path, const struct mount_identity *mount, struct err *err)
{
	struct err ignored = ERR_INIT;
	CLEANUP_FD int fd = path_open(rootfd, path, O_PATH | O_CLOEXEC, 0, &ignored);
	struct mount_identity found;
	int r;

	if (fd < 0)
		return 0;
	r = mount_identify(fd, &found, err);
	if (r < 0 || found.number != mount->number || found.device != mount->device || found.inode != mount->inode)
		return r < 0 ? r : 0;
	r = unmount(rootfd, fd, path, err);
	return r < 0 ? r : 1;
}

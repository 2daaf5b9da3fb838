/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "namespaces/devices.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "namespaces/mount.h"
#include "runtime/base/path.h"

static const struct device_request default_devices[] = {
	{.path = "/dev/null", .type = 'c', .major = 1, .minor = 3, .mode = 0666},
	{.path = "/dev/zero", .type = 'c', .major = 1, .minor = 5, .mode = 0666},
	{.path = "/dev/full", .type = 'c', .major = 1, .minor = 7, .mode = 0666},
	{.path = "/dev/random", .type = 'c', .major = 1, .minor = 8, .mode = 0666},
	{.path = "/dev/urandom", .type = 'c', .major = 1, .minor = 9, .mode = 0666},
	{.path = "/dev/tty", .type = 'c', .major = 5, .minor = 0, .mode = 0666},
};

static const struct {
	const char *path, *target;
} links[] = {
	{"/dev/fd", "/proc/self/fd"},	    {"/dev/stdin", "/proc/self/fd/0"}, {"/dev/stdout", "/proc/self/fd/1"},
	{"/dev/stderr", "/proc/self/fd/2"}, {"/dev/core", "/proc/kcore"},      {"/dev/ptmx", "pts/ptmx"},
};

const struct device_request *devices_default(size_t *ret_count)
{
	*ret_count = ARRAY_SIZE(default_devices);
	return default_devices;
}

static mode_t node_type(const struct device_request *device)
{
	switch (device->type) {
	case 'b':
		return S_IFBLK;
	case 'p':
		return S_IFIFO;
	default:
		return S_IFCHR;
	}
}

static dev_t node_number(const struct device_request *device)
{
	return device->type == 'p' ? 0 : makedev(device->major, device->minor);
}

/* Whether a descriptor is of the node that is asked for. A node is what its numbers say, not what it is called. */
static int verify_node(int fd, const struct device_request *device, const char *path, struct err *err)
{
	struct stat info;

	if (fstat(fd, &info) < 0)
		return err_set(err, errno, "'%s'", path);
	if ((info.st_mode & S_IFMT) != node_type(device) || info.st_rdev != node_number(device))
		return err_say(err, ENODEV, "'%s' is not the device %c %u:%u", path, device->type, device->major,
			       device->minor);
	return 0;
}

int device_open_host(const struct device_request *device, struct err *err)
{
	const char *path = device->host_path ? device->host_path : device->path;
	CLEANUP_FD int fd = mount_clone(AT_FDCWD, path, 0, err);
	int r;

	if (fd < 0)
		return fd;
	r = verify_node(fd, device, path, err);
	return r < 0 ? r : fd_take(&fd);
}

/* --------------------------------------------------------------------------------------------- in the child */

/* A bind needs a file to be mounted on; one that is there is covered, unless it is a symlink, which would lead elsewhere. */
static int open_bind_target(int parent, const char *name, const char *path, struct err *err)
{
	int fd = openat(parent, name, O_RDONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);

	if (fd >= 0)
		return fd;
	if (errno != EEXIST && errno != EROFS)
		return err_set(err, errno, "device '%s'", path);
	fd = path_open(parent, name, O_PATH | O_CLOEXEC, PATH_NO_LINK_LAST, err);
	return fd < 0 ? err_wrap(err, "device '%s'", path) : fd;
}

static int bind_node(int rootfd, const struct device_request *device, int host_fd, struct err *err)
{
	char name[256];
	CLEANUP_FD int parent = path_parent(rootfd, device->path, true, name, err);
	CLEANUP_FD int target = -1;
	int r;

	if (parent < 0)
		return parent;
	target = open_bind_target(parent, name, device->path, err);
	if (target < 0)
		return target;
	r = mount_attach(host_fd, target, device->path, err);
	if (r == 0)
		r = verify_node(host_fd, device, device->path, err);
	return r < 0 ? r : mount_verify(parent, name, host_fd, err);
}

/* What is there already stays when it is the same in all; so a root that may not be written to can bring its nodes along. */
static bool is_wanted_node(int parent, const char *name, const struct device_request *device)
{
	struct stat info;

	return fstatat(parent, name, &info, AT_SYMLINK_NOFOLLOW) == 0 &&
	       info.st_mode == (node_type(device) | (device->mode & 07777)) && info.st_rdev == node_number(device) &&
	       info.st_uid == device->uid && info.st_gid == device->gid;
}

static int make_fresh(int parent, const char *name, const struct device_request *device)
{
	mode_t old_mask = umask(0);
	int r = mknodat(parent, name, node_type(device) | (device->mode & 07777), node_number(device));

	umask(old_mask);
	return r;
}

static int make_node(int rootfd, const struct device_request *device, struct err *err)
{
	char name[256];
	CLEANUP_FD int parent = path_parent(rootfd, device->path, true, name, err);
	CLEANUP_FD int made = -1;

	if (parent < 0)
		return parent;
	if (make_fresh(parent, name, device) < 0) {
		if (is_wanted_node(parent, name, device))
			return 0;
		/* Something of the image's has its name, a symlink perhaps: it is replaced, never followed. */
		if (errno != EEXIST || unlinkat(parent, name, 0) < 0 || make_fresh(parent, name, device) < 0)
			return err_set(err, errno, "device '%s'", device->path);
	}
	if ((device->uid || device->gid) && fchownat(parent, name, device->uid, device->gid, AT_SYMLINK_NOFOLLOW) < 0)
		return err_set(err, errno, "device '%s': giving it to %u:%u", device->path, device->uid, device->gid);
	made = path_open(parent, name, O_PATH | O_CLOEXEC, PATH_NO_LINK_LAST, err);
	return made < 0 ? made : verify_node(made, device, device->path, err);
}

int device_place(int rootfd, const struct device_request *device, int host_fd, struct err *err)
{
	return host_fd >= 0 ? bind_node(rootfd, device, host_fd, err) : make_node(rootfd, device, err);
}

int devices_link(int rootfd, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(links); i++) {
		char name[256];
		CLEANUP_FD int parent = -1;

		if (strcmp(links[i].path, "/dev/core") == 0 && access("/proc/kcore", F_OK) < 0)
			continue;
		parent = path_parent(rootfd, links[i].path, true, name, err);
		if (parent < 0)
			return parent;
		if (symlinkat(links[i].target, parent, name) < 0 && errno != EEXIST && errno != EROFS)
			return err_set(err, errno, "link '%s'", links[i].path);
	}
	return 0;
}

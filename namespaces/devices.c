/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "namespaces/devices.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
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

/* In /dev. `host_has`: only where the host has this file. */
static const struct {
	const char *name, *target, *host_has;
} links[] = {
	{"fd", "/proc/self/fd", NULL},		{"stdin", "/proc/self/fd/0", NULL},
	{"stdout", "/proc/self/fd/1", NULL},	{"stderr", "/proc/self/fd/2", NULL},
	{"core", "/proc/kcore", "/proc/kcore"}, {"ptmx", "pts/ptmx", NULL},
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
	/*
	 * What is written to a device is not kept from it; what would change the host's node (chmod by a root that has
	 * the host's ids) is.
	 */
	static const struct mount_change readonly = {.set = MOUNT_ATTR_RDONLY};
	const char *path = device->host_path ? device->host_path : device->path;
	CLEANUP_FD int fd = mount_clone(AT_FDCWD, path, 0, err);
	int r;

	if (fd < 0)
		return fd;
	r = verify_node(fd, device, path, err);
	if (r == 0)
		r = mount_change(fd, false, &readonly, 0, path, err);
	return r < 0 ? r : fd_take(&fd);
}

/* --------------------------------------------------------------------------------------------- in the child */

/*
 * A bind needs a file to be mounted on. One that was just made is where its name says; one that is there is covered,
 * unless it is a symlink, which would lead elsewhere, and is then looked at again.
 */
static int bind_node(int folder, const char *name, const struct device_request *device, int host_fd, struct err *err)
{
	CLEANUP_FD int target = openat(folder, name, O_RDONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
	int r;

	if (target >= 0)
		return mount_attach(host_fd, target, device->path, err);
	if (errno != EEXIST && errno != EROFS)
		return err_set(err, errno, "device '%s'", device->path);
	target = path_open(folder, name, O_PATH | O_CLOEXEC, PATH_NO_LINK_LAST, err);
	if (target < 0)
		return err_wrap(err, "device '%s'", device->path);
	r = mount_attach(host_fd, target, device->path, err);
	return r < 0 ? r : mount_verify(folder, name, host_fd, err);
}

/* Whether the device is there already, of the image's or even of the host's own /dev: it stays as it is. */
static bool is_wanted_node(int folder, const char *name, const struct device_request *device)
{
	struct stat info;

	return fstatat(folder, name, &info, AT_SYMLINK_NOFOLLOW) == 0 && (info.st_mode & S_IFMT) == node_type(device) &&
	       info.st_rdev == node_number(device);
}

/*
 * A link or a file that has a device's name is replaced, never followed. A node that is another device is not touched:
 * it may be the host's.
 */
static int remove_impostor(int folder, const char *name)
{
	struct stat info;

	if (fstatat(folder, name, &info, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (!S_ISLNK(info.st_mode) && !S_ISREG(info.st_mode))
		return -EEXIST;
	return unlinkat(folder, name, 0) < 0 ? -errno : 0;
}

static int mknod_exactly(int folder, const char *name, const struct device_request *device)
{
	mode_t old_mask = umask(0);
	int r = mknodat(folder, name, node_type(device) | (device->mode & 07777), node_number(device));
	int code = errno;

	umask(old_mask);
	return r < 0 ? -code : 0;
}

static int make_node(int folder, const char *name, const struct device_request *device, struct err *err)
{
	int r = mknod_exactly(folder, name, device);

	if (r < 0 && is_wanted_node(folder, name, device))
		return 0;
	if (r == -EEXIST) {
		r = remove_impostor(folder, name);
		if (r == 0)
			r = mknod_exactly(folder, name, device);
	}
	if (r < 0)
		return err_set(err, -r, "device '%s'", device->path);
	if ((device->uid || device->gid) && fchownat(folder, name, device->uid, device->gid, AT_SYMLINK_NOFOLLOW) < 0)
		return err_set(err, errno, "device '%s': giving it to %u:%u", device->path, device->uid, device->gid);
	return 0;
}

static int place_in(int folder, const char *name, const struct device_request *device, int host_fd, struct err *err)
{
	return host_fd >= 0 ? bind_node(folder, name, device, host_fd, err) : make_node(folder, name, device, err);
}

int device_place(int rootfd, const struct device_request *device, int host_fd, struct err *err)
{
	char name[256];
	CLEANUP_FD int folder = path_parent(rootfd, device->path, true, name, err);

	return folder < 0 ? folder : place_in(folder, name, device, host_fd, err);
}

static int make_links(int dev, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(links); i++) {
		if (links[i].host_has && access(links[i].host_has, F_OK) < 0)
			continue;
		if (symlinkat(links[i].target, dev, links[i].name) < 0 && errno != EEXIST && errno != EROFS)
			return err_set(err, errno, "link '/dev/%s'", links[i].name);
	}
	return 0;
}

int devices_place_default(int rootfd, const int *host_fds, struct err *err)
{
	CLEANUP_FD int dev = path_make_dirs(rootfd, "/dev", 0755, err);
	int r = dev < 0 ? dev : 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(default_devices); i++) {
		const struct device_request *device = &default_devices[i];

		r = place_in(dev, device->path + strlen("/dev/"), device, host_fds ? host_fds[i] : -1, err);
	}
	return r < 0 ? r : make_links(dev, err);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The child's half of a root: attaching it, leaving the host's tree, sealing what must not be changed.
 */
#include "namespaces/rootfs.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>

#include "namespaces/mount.h"
#include "namespaces/root_mounts.h"
#include "runtime/base/path.h"

static const struct mount_change readonly = {.set = MOUNT_ATTR_RDONLY};

/*
 * Where /dev is a folder of the host's, it has its nodes, and nothing may be made in it: that would be made on the
 * host.
 */
static bool has_dev_of_host(const struct root_request *request)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;

	for (size_t i = 0; i < request->mount_count; i++) {
		const struct mount_request *mount = &request->mounts[i];
		const char *clean = mount->options.bind ? path_clean(&arena, mount->destination) : NULL;

		if (clean && strcmp(clean, "/dev") == 0)
			return true;
	}
	return false;
}

static int place_devices(const struct root_request *request, const int *host_fds, int root_fd, struct err *err)
{
	size_t default_count = 0;
	int r = 0;

	if (has_dev_of_host(request))
		return 0;

	if (request->default_devices) {
		(void)devices_default(&default_count);
		r = devices_place_default(root_fd, host_fds, err);
	}
	for (size_t i = 0; r == 0 && i < request->device_count; i++)
		r = device_place(root_fd, &request->devices[i], host_fds ? host_fds[default_count + i] : -1, err);
	return r;
}

static bool is_below_sys(const struct mount_request *mount)
{
	return !mount->options.bind && !mount->options.remount && mount->type &&
	       (strcmp(mount->type, "sysfs") == 0 || strncmp(mount->type, "cgroup", 6) == 0) &&
	       (strcmp(mount->destination, "/sys") == 0 || strncmp(mount->destination, "/sys/", 5) == 0);
}

/*
 * Whether nothing but /sys and its cgroups is mounted from the gate on. Then nothing comes to /dev any more once it is
 * reached, and devices can be placed in the time that it would be waited for.
 */
static bool only_sys_follows(const struct root_request *request, enum root_gate_for gate)
{
	size_t count = request->mount_count, first = count > 0 ? count - 1 : 0;

	for (size_t i = 0; i < count; i++)
		if (request->mounts[i].options.copy_up)
			return false;
	for (size_t i = 0; gate == ROOT_GATE_SYSFS && i < first; i++)
		if (request->mounts[i].type && strcmp(request->mounts[i].type, "sysfs") == 0)
			first = i;
	for (size_t i = first; i < count; i++)
		if (!is_below_sys(&request->mounts[i]))
			return false;
	return count > 0;
}

/* The devices, and the gate that they come before, where they can. */
struct devices_first {
	const struct root_request *request;
	const int *host_fds;
	int root_fd;
	bool placed;
	const struct root_gate *gate;
};

static int place_and_pass(void *user, enum root_gate_for what, struct err *err)
{
	struct devices_first *first = user;
	int r = 0;

	if (!first->placed && only_sys_follows(first->request, what)) {
		r = place_devices(first->request, first->host_fds, first->root_fd, err);
		first->placed = true;
	}
	return r < 0 ? r : first->gate->pass(first->gate->user, what, err);
}

/*
 * The root goes over "/": names still lead to the host's tree below it, the root itself is reached by descriptor only.
 * In a mount namespace that a new user namespace owns the kernel has made every mount a slave already.
 */
static int attach_root(const struct root_request *request, int root_fd, struct err *err)
{
	static const struct mount_change none;
	CLEANUP_FD int host_root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int r = 0;

	if (host_root < 0)
		return err_set(err, errno, "open '/'");
	if (!request->user_namespace)
		r = mount_change(host_root, true, &none, MS_SLAVE, "/", err);
	return r < 0 ? r : mount_attach(root_fd, host_root, "/", err);
}

int rootfs_prepare(const struct root_request *request, struct root_sources *sources, bool lacks_network,
		   struct err *err)
{
	return root_mount_prepare(request, sources, lacks_network, err);
}

int rootfs_take_sysfs(const struct root_request *request, struct root_sources *sources, int sysfs_fd, struct err *err)
{
	return root_mount_take_sysfs(request, sources, sysfs_fd, err);
}

int rootfs_assemble(const struct root_request *request, struct root_sources *sources, const struct root_gate *gate,
		    int root_fd, struct root_handle *ret, struct err *err)
{
	CLEANUP_ROOT_HANDLE struct root_handle handle = ROOT_HANDLE_INIT;
	struct devices_first first = {request, sources->devices, root_fd, false, gate};
	const struct root_gate wider = {.pass = place_and_pass, .user = &first};
	int r;

	handle.root_fd = root_fd;
	r = attach_root(request, root_fd, err);
	if (r == 0)
		r = root_mount_all(request, sources, gate ? &wider : NULL, &handle, err);
	if (r == 0 && !first.placed)
		r = place_devices(request, sources->devices, root_fd, err);
	if (r < 0)
		return r;
	handle.cover = sources->cover;
	sources->cover = MASK_COVER_INIT;
	*ret = handle;
	handle = ROOT_HANDLE_INIT;
	return 0;
}

/* --------------------------------------------------------------------------------------------- leaving, sealing */

/* Both the root directory and the working directory must now be in the container's mount. */
static int check_inside(const struct root_handle *handle, struct err *err)
{
	uint64_t wanted, found;
	CLEANUP_FD int fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int r;

	if (fd < 0)
		return err_set(err, errno, "open the new '/'");
	r = mount_id(handle->root_fd, &wanted, err);
	if (r == 0)
		r = mount_id(fd, &found, err);
	if (r == 0 && found != wanted)
		return err_say(err, EIO, "the process did not come into its root");
	return r;
}

static int pivot_failed(int code, struct err *err)
{
	int r = err_set(err, code, "pivot_root");

	return code == EINVAL ? err_hint(err, "a host that runs from its initial ramfs cannot do this") : r;
}

int rootfs_pivot(struct root_handle *handle, struct err *err)
{
	if (fchdir(handle->root_fd) < 0)
		return err_set(err, errno, "entering the root");
	/*
	 * With "." twice no folder is needed for the old root: it comes to lie over the new one, and is what "."
	 * unmounts.
	 */
	if (syscall(SYS_pivot_root, ".", ".") < 0)
		return pivot_failed(errno, err);
	if (umount2(".", MNT_DETACH) < 0)
		return err_set(err, errno, "unmounting the host's root");
	if (chdir("/") < 0)
		return err_set(err, errno, "entering the root");
	return check_inside(handle, err);
}

int rootfs_cover(struct root_handle *handle, struct err *err)
{
	if (fchdir(handle->root_fd) < 0 || chroot(".") < 0 || chdir("/") < 0)
		return err_set(err, errno, "entering the root");
	return check_inside(handle, err);
}

int rootfs_finish(const struct root_request *request, struct root_handle *handle, struct err *err)
{
	static const struct mount_change none;
	int r = 0;

	for (size_t i = 0; r == 0 && i < handle->sealed_count; i++)
		r = mount_change(handle->sealed[i], false, &readonly, 0, "a read-only tmpfs", err);
	for (size_t i = 0; r == 0 && i < request->readonly_count; i++)
		r = mask_readonly(handle->root_fd, request->readonly_paths[i], err);
	for (size_t i = 0; r == 0 && i < request->masked_count; i++)
		r = mask_hide(&handle->cover, handle->root_fd, request->masked_paths[i], err);
	if (r == 0 && request->readonly)
		r = mount_change(handle->root_fd, false, &readonly, 0, "/", err);
	if (r == 0 && request->propagation)
		r = mount_change(handle->root_fd, request->propagation & MS_REC, &none, request->propagation, "/", err);
	return r;
}

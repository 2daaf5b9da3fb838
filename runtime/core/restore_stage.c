// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What criu finds mounted: the root with its mount points, what is bound into it, and the images where its helpers may
 * not see the folder itself.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "namespaces/mount.h"
#include "runtime/base/fd.h"
#include "runtime/base/file.h"
#include "runtime/base/path.h"
#include "runtime/core/restore_parts.h"

/* --- The images --------------------------------------------------------------------------------------------------- */

/*
 * CRIU's processes in the container's user namespace read the images too, before and after they have become its root.
 * But images hold all of the container's memory, and their folder is the host's root's alone. So criu gets a view of it
 * that all may search, and that nobody but criu sees. What such a view cannot do: lead to other images by a relative
 * link, and be written to.
 */
int restore_check_images(struct instance *instance, struct err *err)
{
	struct restoration *restoration = instance->restoration;
	struct stat what;

	if (fstat(restoration->folders.images, &what) == 0 && (what.st_mode & S_IXOTH))
		return 0;
	restoration->view_images = true;
	if (restoration->work->options.auto_dedup || file_is_there(restoration->folders.images, "parent"))
		return err_say(err, EACCES,
			       "the container's root has to search '%s' for images that have a parent, or with "
			       "--auto-dedup: let others do that (chmod o+x)",
			       restoration->work->images);
	return 0;
}

/* The images' folder as the lower layer of one that is searched by all. The new one's descriptor. */
static int stage_images(int stage, int images, struct err *err)
{
	static const char *const folders[] = {"images", "upper", "work"};
	struct fd_name lower = fd_name(images);
	char options[256];

	for (size_t i = 0; i < ARRAY_SIZE(folders); i++)
		if (mkdirat(stage, folders[i], 0755) < 0)
			return err_set(err, errno, "make '%s'", folders[i]);
	(void)snprintf(options, sizeof(options), "lowerdir=%s,upperdir=" STAGE "/upper,workdir=" STAGE "/work",
		       lower.path);
	if (mount("overlay", STAGE "/images", "overlay", MS_NOSUID | MS_NODEV | MS_NOEXEC, options) < 0)
		return err_set(err, errno, "make a view of the images");
	return file_open_dir(stage, "images", err);
}

/* --- Mount points ------------------------------------------------------------------------------------------------- */

static bool is_inside(const char *path, const char *folder)
{
	size_t len = strlen(folder);

	return strncmp(path, folder, len) == 0 && path[len] == '/';
}

/* What lies in another mount comes back with that one. */
static bool is_in_another_mount(const struct plan *plan, size_t index)
{
	for (size_t i = 0; i < index; i++)
		if (is_inside(plan->root.mounts[index].destination, plan->root.mounts[i].destination))
			return true;
	return false;
}

static int make_mount_point(const struct instance *instance, size_t index, struct err *err)
{
	const struct mount_request *mount = &instance->plan->root.mounts[index];
	struct stat source = {.st_mode = S_IFDIR};
	int fd;

	if (mount->options.bind && fstat(instance->sources.mounts[index], &source) < 0)
		return err_set(err, errno, "look at '%s'", mount->source);
	fd = S_ISDIR(source.st_mode) ? path_make_dirs(instance->root_fd, mount->destination, 0755, err)
				     : path_make_file(instance->root_fd, mount->destination, 0755, err);
	scope_fd(&fd);
	return fd < 0 ? fd : 0;
}

/* A root that has never run lacks the folders that the first start has made in the other one. */
int restore_mount_points(struct instance *instance, struct err *err)
{
	static const struct mount_change readonly = {.set = MOUNT_ATTR_RDONLY};
	const struct plan *plan = instance->plan;
	int result = 0;

	for (size_t i = 0; i < plan->root.mount_count && result >= 0; i++)
		if (!is_in_another_mount(plan, i))
			result = make_mount_point(instance, i, err);
	/* CRIU takes the root's own options as it finds them. */
	if (result >= 0 && plan->root.readonly)
		result = mount_change(instance->root_fd, false, &readonly, 0, "the root", err);
	return result < 0 ? err_wrap(err, "root file system") : 0;
}

/* --- The stage ---------------------------------------------------------------------------------------------------- */

/* Attaches a detached mount at a name of the stage, which is made for it. */
static int stage_one(int stage, const char *name, int mount, struct err *err)
{
	CLEANUP_FD int target = -1;
	struct stat what;

	if (fstat(mount, &what) < 0)
		return err_set(err, errno, "look at what is to be mounted");
	if (S_ISDIR(what.st_mode) ? mkdirat(stage, name, 0755) < 0 : mknodat(stage, name, S_IFREG | 0644, 0) < 0)
		return err_set(err, errno, "make '%s'", name);
	target = openat(stage, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (target < 0)
		return err_set(err, errno, "open '%s'", name);
	return mount_attach(mount, target, name, err);
}

static int stage_devices(int stage, const struct root_sources *sources, struct err *err)
{
	int result = 0;

	for (size_t i = 0; i < sources->device_count && result >= 0; i++) {
		char name[32];

		(void)snprintf(name, sizeof(name), "%c%zu", STAGE_DEVICE, i);
		if (sources->devices[i] >= 0)
			result = stage_one(stage, name, sources->devices[i], err);
	}
	return result;
}

/*
 * Each mount of a bind by itself: one that has others in it cannot be taken from there by who is root in a user
 * namespace only. A tree can be taken apart only where it is attached.
 */
static int stage_view(int stage, const char *tree, const struct criu_view *view, struct err *err)
{
	char path[PATH_MAX];
	CLEANUP_FD int mount = -1;

	if (snprintf(path, sizeof(path), "%s%s", tree, view->rest) >= (int)sizeof(path))
		return err_set(err, ENAMETOOLONG, "'%s'", view->rest);
	mount = mount_clone(stage, path, MOUNT_CLONE_NOFOLLOW, err);
	return mount < 0 ? mount : stage_one(stage, view->name, mount, err);
}

static int stage_bind(int stage, const struct root_sources *sources, size_t index, const criu_views *views,
		      struct err *err)
{
	char tree[32];
	int result;

	(void)snprintf(tree, sizeof(tree), "tree%zu", index);
	result = stage_one(stage, tree, sources->mounts[index], err);
	for (size_t i = 0; i < views->count && result >= 0; i++)
		if (views->items[i].mount == index)
			result = stage_view(stage, tree, &views->items[i], err);
	return result;
}

static int stage_binds(int stage, const struct instance *instance, struct err *err)
{
	const struct plan *plan = instance->plan;
	int result = 0;

	for (size_t i = 0; i < plan->root.mount_count && result >= 0; i++)
		if (plan->root.mounts[i].options.bind)
			result = stage_bind(stage, &instance->sources, i, &instance->restoration->views, err);
	return result;
}

/*
 * In criu's process, whose mounts nobody else sees: the root, and what the plan binds. CRIU wants a root that is a
 * mount, in a folder that is none.
 */
int restore_stage(void *context, int *images, struct err *err)
{
	const struct instance *instance = context;
	const struct root_sources *sources = &instance->sources;
	CLEANUP_FD int stage = -1;
	int result;

	if (mount("hull", STAGE, "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777") < 0 || chmod(STAGE, 01777) < 0)
		return err_set(err, errno, "mount on '" STAGE "'");
	stage = file_open_dir(AT_FDCWD, STAGE, err);
	if (stage < 0)
		return stage;
	result = stage_one(stage, STAGE_ROOT, instance->root_fd, err);
	if (result >= 0 && sources->cover.null_fd >= 0)
		result = stage_one(stage, STAGE_NULL, sources->cover.null_fd, err);
	if (result >= 0)
		result = stage_binds(stage, instance, err);
	if (result >= 0)
		result = stage_devices(stage, sources, err);
	if (result >= 0 && instance->restoration->view_images)
		result = *images = stage_images(stage, *images, err);
	return result < 0 ? result : 0;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "namespaces/root_overlay.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "namespaces/mount.h"
#include "runtime/base/fd.h"
#include "runtime/base/host.h"
#include "runtime/base/process.h"
#include "runtime/base/text.h"

/*
 * Layers come from images, which are not trusted: attributes of overlay's own that a layer may carry must not send a
 * lookup to another place of a lower layer, or take a file's contents from one. So redirects and metadata-only copies
 * are neither made nor followed.
 */
static const char *const safe_options[][2] = {{"redirect_dir", "nofollow"}, {"metacopy", "off"}};

/* --------------------------------------------------------------------------- Linux 6.13: from the descriptors */

static int set_string(int fsfd, const char *key, const char *value, struct err *err)
{
	if (fsconfig(fsfd, FSCONFIG_SET_STRING, key, value, 0) < 0)
		return mount_context_failed(fsfd, errno, "overlay", key, err);
	return 0;
}

static int set_fd(int fsfd, const char *key, int fd, struct err *err)
{
	if (fsconfig(fsfd, FSCONFIG_SET_FD, key, NULL, fd) < 0)
		return mount_context_failed(fsfd, errno, "overlay", key, err);
	return 0;
}

static int make_from_fds(const struct root_overlay *overlay, struct err *err)
{
	CLEANUP_FD int fsfd = fsopen("overlay", FSOPEN_CLOEXEC);
	int r;

	if (fsfd < 0)
		return err_set(err, errno, "file system 'overlay'");
	r = set_string(fsfd, "source", "hull", err);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(safe_options); i++)
		r = set_string(fsfd, safe_options[i][0], safe_options[i][1], err);
	for (size_t i = 0; r == 0 && i < overlay->lower_count; i++)
		r = set_fd(fsfd, "lowerdir+", overlay->lowers[i], err);
	if (r == 0 && overlay->upper >= 0)
		r = set_fd(fsfd, "upperdir", overlay->upper, err);
	if (r == 0 && overlay->upper >= 0)
		r = set_fd(fsfd, "workdir", overlay->work, err);
	if (r == 0 && overlay->mount_label)
		r = set_string(fsfd, "context", overlay->mount_label, err);
	if (r == 0 && overlay->is_volatile && fsconfig(fsfd, FSCONFIG_SET_FLAG, "volatile", NULL, 0) < 0)
		r = mount_context_failed(fsfd, errno, "overlay", "volatile", err);
	return r < 0 ? r : mount_finish_new(fsfd, "overlay", 0, err);
}

/* ------------------------------------------------------------------- before: by names, in a helper's namespace */

/*
 * Older kernels take only layers that are attached in the mount namespace of whoever makes the overlay, and only by
 * name. The helper has that: a mount namespace of its own with a tmpfs, on which the layers get the short names 0, 1,
 * 2... (all options together are one page). It shares the table of descriptors, so the overlay's descriptor stays with
 * the parent when helper and namespace are gone.
 */
struct helper_result {
	int fd;
	struct err err;
};

/*
 * A tmpfs over "/": names from the root still lead to the host's tree below it, and the tmpfs is the working directory.
 * Needs no folder of the host's, and nobody else ever sees it.
 */
static int enter_private_tmpfs(struct err *err)
{
	static const struct mount_change none;
	CLEANUP_FD int rootfd = open("/", O_PATH | O_CLOEXEC);
	CLEANUP_FD int tmpfs = -1;
	int r;

	if (rootfd < 0)
		return err_set(err, errno, "open '/'");
	r = mount_change(rootfd, true, &none, MS_PRIVATE, "/", err);
	if (r < 0)
		return r;
	tmpfs = mount_new("tmpfs", "hull", "mode=700", 0, 0, err);
	if (tmpfs < 0)
		return tmpfs;
	r = mount_attach(tmpfs, rootfd, "/", err);
	if (r < 0)
		return r;
	return fchdir(tmpfs) < 0 ? err_set(err, errno, "fchdir") : 0;
}

static int attach_lower(int lower, size_t index, struct text *names, struct err *err)
{
	CLEANUP_FD int target = -1;
	char name[24];

	snprintf(name, sizeof(name), "%zu", index);
	text_addf(names, "%s%s", index ? ":" : "", name);
	if (mkdir(name, 0700) < 0)
		return err_set(err, errno, "a folder for a layer");
	target = open(name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (target < 0)
		return err_set(err, errno, "a folder for a layer");
	return mount_attach(lower, target, "a folder for a layer", err);
}

static int mount_by_names(const struct root_overlay *overlay, int upper, int work, struct err *err)
{
	CLEANUP_TEXT struct text data = {.max_bytes = 4095};
	int r;

	text_add(&data, "lowerdir=");
	for (size_t i = 0; i < overlay->lower_count; i++) {
		r = attach_lower(overlay->lowers[i], i, &data, err);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < ARRAY_SIZE(safe_options); i++)
		text_addf(&data, ",%s=%s", safe_options[i][0], safe_options[i][1]);
	if (upper >= 0)
		text_addf(&data, ",upperdir=%s,workdir=%s", fd_name(upper).path, fd_name(work).path);
	if (overlay->mount_label)
		text_addf(&data, ",context=\"%s\"", overlay->mount_label);
	if (overlay->is_volatile)
		text_add(&data, ",volatile");
	if (text_check(&data, NULL) < 0)
		return err_say(err, E2BIG, "%zu layers are more than this kernel takes", overlay->lower_count);
	if (mkdir("merged", 0700) < 0)
		return err_set(err, errno, "a folder for the overlay");
	if (mount("hull", "merged", "overlay", 0, text_get(&data)) < 0)
		return err_set(err, errno, "file system 'overlay'");
	return mount_clone(AT_FDCWD, "merged", 0, err);
}

/* The descriptors of upper and work are opened again, since a name must lead into the helper's own mount namespace. */
static int helper_make(const struct root_overlay *overlay, struct err *err)
{
	CLEANUP_FD int upper = -1;
	CLEANUP_FD int work = -1;
	int r = enter_private_tmpfs(err);

	if (r < 0)
		return r;
	if (overlay->upper >= 0) {
		upper = open(overlay->upper_path, O_PATH | O_DIRECTORY | O_CLOEXEC);
		work = open(overlay->work_path, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (upper < 0 || work < 0)
			return err_set(err, errno, "open '%s'", upper < 0 ? overlay->upper_path : overlay->work_path);
	}
	return mount_by_names(overlay, upper, work, err);
}

static int make_in_helper(const struct root_overlay *overlay, struct err *err)
{
	CLEANUP_FD int result_read = -1;
	CLEANUP_FD int result_write = -1;
	struct helper_result result;
	int fds[2], r, status;
	pid_t helper;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_set(err, errno, "pipe");
	result_read = fds[0], result_write = fds[1];
	helper = proc_clone(&(struct proc_clone){.flags = CLONE_FILES | CLONE_NEWNS, .cgroup_fd = -1});
	if (helper < 0)
		return err_set(err, -helper, "a helper for the overlay");
	if (helper == 0) {
		result = (struct helper_result){.fd = -1};
		result.fd = helper_make(overlay, &result.err);
		/* The table is the parent's as well: nothing may be closed here that the parent still holds. */
		_exit(fd_write_all(result_write, &result, sizeof(result)) < 0);
	}
	/*
	 * The write end is open in the shared table while the helper writes; its death is seen by waiting, not by the
	 * end of the pipe.
	 */
	r = proc_wait(helper, &status);
	if (r < 0 || proc_exit_code(status) != 0)
		return err_say(err, EIO, "the helper for the overlay died");
	r = fd_read_all(result_read, &result, sizeof(result));
	if (r < 0)
		return err_set(err, -r, "the helper for the overlay");
	if (result.fd < 0 && err)
		*err = result.err;
	return result.fd;
}

int root_overlay_make(const struct root_overlay *overlay, struct err *err)
{
	int fd = host_has(HOST_OVERLAY_FD_LAYERS) ? make_from_fds(overlay, err) : make_in_helper(overlay, err);

	return fd < 0 ? err_wrap(err, "overlay of %zu layers", overlay->lower_count) : fd;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "namespaces/root_copy.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "namespaces/copy_tree.h"
#include "namespaces/mount.h"
#include "runtime/base/file.h"

#define FOLDER	    "layers"
#define LINKS	    "links" /* while a copy is made */
#define UNFINISHED  "unfinished"
#define INDEX_BYTES 24

static int make_folder(int dirfd, const char *name, struct err *err)
{
	if (mkdirat(dirfd, name, 0700) < 0 && errno != EEXIST)
		return err_set(err, errno, "make the folder '%s'", name);
	return file_open_dir(dirfd, name, err);
}

/* What an earlier start that was killed has left. */
static int remove_unfinished(int folder, struct err *err)
{
	int r = file_remove_tree(folder, UNFINISHED, err);

	return r < 0 ? r : file_remove_tree(folder, LINKS, err);
}

static int fill(const struct root_copies *copies, int layer_fd, int folder, uint64_t *ret_bytes, struct err *err)
{
	CLEANUP_FD int from = openat(layer_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CLEANUP_FD int to = make_folder(folder, UNFINISHED, err);
	CLEANUP_FD int links = to < 0 ? -1 : make_folder(folder, LINKS, err);
	struct copy_how how = {.what = "copying the image", .map = copies->map, .is_layer = true, .links_dirfd = links};
	int r;

	if (from < 0)
		return err_set(err, errno, "open the layer");
	if (to < 0 || links < 0)
		return to < 0 ? to : links;
	r = copy_tree(from, to, &how, ret_bytes, err);
	/* Whole on disk before it has the name of one that is whole. */
	if (r == 0 && !copies->is_volatile && syncfs(to) < 0)
		return err_set(err, errno, "write the copy to disk");
	return r;
}

static int make_copy(const struct root_copies *copies, int layer_fd, int folder, const char *name, uint64_t *ret_bytes,
		     struct err *err)
{
	struct err ignored = ERR_INIT;
	int r = remove_unfinished(folder, err);

	if (r == 0)
		r = fill(copies, layer_fd, folder, ret_bytes, err);
	if (r == 0 && renameat(folder, UNFINISHED, folder, name) < 0)
		r = err_set(err, errno, "rename the copy");
	(void)remove_unfinished(folder, &ignored);
	return r;
}

int root_copy_layer(const struct root_copies *copies, int layer_fd, size_t index, uint64_t *ret_bytes, struct err *err)
{
	CLEANUP_FD int instance = file_open_dir(AT_FDCWD, copies->instance_dir, err);
	CLEANUP_FD int folder = instance < 0 ? -1 : make_folder(instance, FOLDER, err);
	char name[INDEX_BYTES];
	struct stat found;
	int r;

	if (instance < 0 || folder < 0)
		return instance < 0 ? instance : folder;
	(void)snprintf(name, sizeof(name), "%zu", index);
	*ret_bytes = 0;
	if (fstatat(folder, name, &found, AT_SYMLINK_NOFOLLOW) < 0) {
		r = make_copy(copies, layer_fd, folder, name, ret_bytes, err);
		if (r < 0)
			return r;
	}
	return mount_clone(folder, name, 0, err);
}

/* The file itself, not what is in its folders: those are the container's, and its data. */
bool root_copy_is_own(const struct root_copies *copies, const char *path)
{
	size_t len = strlen(copies->instance_dir);

	return strncmp(path, copies->instance_dir, len) == 0 && path[len] == '/' && !strchr(path + len + 1, '/');
}

int root_copy_give(const struct root_copies *copies, int fd, const char *path, struct err *err)
{
	uint32_t uid = 0, gid = 0;
	struct stat info;

	if (fstat(fd, &info) < 0)
		return err_set(err, errno, "'%s'", path);
	if (!S_ISREG(info.st_mode) || idmap_to_host_uid(copies->map, 0, &uid) < 0 ||
	    idmap_to_host_gid(copies->map, 0, &gid) < 0)
		return err_say(err, EOPNOTSUPP, "the ids of '%s' cannot be mapped here", path);
	if (fchownat(fd, "", uid, gid, AT_EMPTY_PATH) < 0)
		return err_set(err, errno, "give '%s' to the container's root", path);
	return 0;
}

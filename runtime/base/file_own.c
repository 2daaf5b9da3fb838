// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "runtime/base/file.h"

struct owning {
	uid_t uid;
	gid_t gid;
	dev_t device; /* nothing on another one is touched */
	struct err *err;
};

static int own(const struct owning *to, int dirfd, const char *name, const struct stat *found)
{
	if (found->st_uid == to->uid && found->st_gid == to->gid)
		return 0;
	if (fchownat(dirfd, name, to->uid, to->gid, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH) < 0)
		return err_set(to->err, errno, "change the owner of '%s'", name);
	return 0;
}

/* Takes `fd` over. */
static int own_folder(const struct owning *to, int fd, unsigned depth);

static int own_entry(const struct owning *to, int dirfd, const char *name, unsigned depth)
{
	struct stat found;
	int fd, result;

	if (fstatat(dirfd, name, &found, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : err_set(to->err, errno, "look at '%s'", name);
	if (found.st_dev != to->device)
		return 0;
	result = own(to, dirfd, name, &found);
	if (result < 0 || !S_ISDIR(found.st_mode))
		return result;
	fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0) /* it has become something else meanwhile: that is nobody's folder to descend into */
		return errno == ENOENT || errno == ENOTDIR || errno == ELOOP
			       ? 0
			       : err_set(to->err, errno, "open '%s'", name);
	return own_folder(to, fd, depth + 1);
}

static int own_folder(const struct owning *to, int fd, unsigned depth)
{
	CLEANUP_DIR DIR *folder = fdopendir(fd);
	struct dirent *entry;
	int result = 0;

	if (!folder) {
		scope_fd(&fd);
		return err_set(to->err, errno, "list a folder");
	}
	if (depth > FILE_OWN_MAX_DEPTH)
		return err_say(to->err, ELOOP, "folders are nested more than %d deep", FILE_OWN_MAX_DEPTH);
	while (result >= 0 && (entry = readdir(folder)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			result = own_entry(to, fd, entry->d_name, depth);
	return result;
}

int file_own_tree(const char *path, uid_t uid, gid_t gid, struct err *err)
{
	CLEANUP_FD int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	struct owning to = {.uid = uid, .gid = gid, .err = err};
	struct stat found;
	int result;

	if (fd < 0 || fstat(fd, &found) < 0)
		return err_set(err, errno, "open '%s'", path);
	to.device = found.st_dev;
	result = own(&to, fd, "", &found);
	if (result >= 0 && S_ISDIR(found.st_mode))
		result = own_folder(&to, fd_take(&fd), 0);
	return result < 0 ? err_wrap(err, "'%s'", path) : 0;
}

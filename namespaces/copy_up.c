/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "namespaces/copy_up.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

#include "namespaces/mount.h"
#include "runtime/base/path.h"

#define MAX_DEPTH   64
#define MAX_ENTRIES 1000000

struct copy {
	uint64_t mount; /* of the folder that is copied; what is mounted below it is left out */
	size_t entries;
};

static int copy_folder(struct copy *copy, int from, int to, int depth, struct err *err);

static int copy_owner(int fd, const struct stat *info, const char *name, struct err *err)
{
	struct timespec times[2] = {info->st_atim, info->st_mtim};

	/* The owner first: changing it takes setuid and setgid bits away. */
	if (fchown(fd, info->st_uid, info->st_gid) < 0 || fchmod(fd, info->st_mode & 07777) < 0 ||
	    futimens(fd, times) < 0)
		return err_set(err, errno, "copying the owner of '%s'", name);
	return 0;
}

static int copy_file(int from_dir, int to_dir, const char *name, struct err *err)
{
	CLEANUP_FD int from = path_open(from_dir, name, O_RDONLY | O_NONBLOCK | O_CLOEXEC, PATH_NO_LINK_LAST, err);
	CLEANUP_FD int to = -1;
	struct stat info;
	ssize_t n;

	if (from < 0)
		return from;
	if (fstat(from, &info) < 0)
		return err_set(err, errno, "'%s'", name);
	if (!S_ISREG(info.st_mode))
		return err_say(err, EAGAIN, "'%s' changed while it was being copied", name);
	to = path_create(to_dir, name, O_WRONLY | O_CLOEXEC, 0600, err);
	if (to < 0)
		return to;
	while ((n = sendfile(to, from, NULL, 1 << 20)) != 0)
		if (n < 0 && errno != EINTR)
			return err_set(err, errno, "copying '%s'", name);
	return copy_owner(to, &info, name, err);
}

static int copy_link(int from_dir, int to_dir, const char *name, struct err *err)
{
	char target[PATH_MAX];
	struct stat info;
	ssize_t len = readlinkat(from_dir, name, target, sizeof(target) - 1);

	if (len < 0 || fstatat(from_dir, name, &info, AT_SYMLINK_NOFOLLOW) < 0)
		return err_set(err, errno, "readlink '%s'", name);
	target[len] = '\0';
	if (symlinkat(target, to_dir, name) < 0 ||
	    fchownat(to_dir, name, info.st_uid, info.st_gid, AT_SYMLINK_NOFOLLOW) < 0)
		return err_set(err, errno, "copying the link '%s'", name);
	return 0;
}

static int copy_subfolder(struct copy *copy, int from_dir, int to_dir, const char *name, int depth, struct err *err)
{
	CLEANUP_FD int from = path_open(from_dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC, PATH_NO_LINK_LAST, err);
	CLEANUP_FD int to = -1;
	struct stat info;
	int r;

	if (from < 0)
		return from;
	if (fstat(from, &info) < 0)
		return err_set(err, errno, "'%s'", name);
	if (mkdirat(to_dir, name, 0700) < 0)
		return err_set(err, errno, "mkdir '%s'", name);
	to = path_open(to_dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC, PATH_NO_LINK_LAST, err);
	if (to < 0)
		return to;
	r = copy_folder(copy, from, to, depth + 1, err);
	return r < 0 ? r : copy_owner(to, &info, name, err);
}

static int copy_entry(struct copy *copy, int from, int to, const char *name, int depth, struct err *err)
{
	struct statx info;

	if (++copy->entries > MAX_ENTRIES)
		return err_say(err, E2BIG, "tmpcopyup: more than %d files", MAX_ENTRIES);
	if (statx(from, name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, STATX_TYPE | STATX_MNT_ID, &info) < 0)
		return err_set(err, errno, "'%s'", name);
	if (info.stx_mnt_id != copy->mount)
		return 0;
	if (S_ISDIR(info.stx_mode))
		return copy_subfolder(copy, from, to, name, depth, err);
	if (S_ISREG(info.stx_mode))
		return copy_file(from, to, name, err);
	return S_ISLNK(info.stx_mode) ? copy_link(from, to, name, err) : 0;
}

static int copy_folder(struct copy *copy, int from, int to, int depth, struct err *err)
{
	CLEANUP_DIR DIR *dir = NULL;
	struct dirent *entry;
	int fd, r;

	if (depth > MAX_DEPTH)
		return err_say(err, E2BIG, "tmpcopyup: folders deeper than %d", MAX_DEPTH);
	fd = fcntl(from, F_DUPFD_CLOEXEC, 3);
	dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir)
		return err_set(err, errno, "tmpcopyup");
	/* readdir(3) says by errno alone whether the folder ends, or could not be read further: half a copy is none. */
	for (errno = 0; (entry = readdir(dir)); errno = 0) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		r = copy_entry(copy, from, to, entry->d_name, depth, err);
		if (r < 0)
			return r;
	}
	return errno ? err_set(err, errno, "tmpcopyup") : 0;
}

int copy_up(int from_dirfd, int to_dirfd, struct err *err)
{
	struct copy copy = {0};
	struct stat info;
	int r;

	if (fstat(from_dirfd, &info) < 0)
		return err_set(err, errno, "tmpcopyup");
	r = mount_id(from_dirfd, &copy.mount, err);
	if (r == 0)
		r = copy_folder(&copy, from_dirfd, to_dirfd, 0, err);
	return r < 0 ? r : copy_owner(to_dirfd, &info, "/", err);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "namespaces/copy_tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "namespaces/copy_owner.h"
#include "namespaces/mount.h"
#include "runtime/base/path.h"

#define MAX_DEPTH   200 /* three descriptors each: far below the 1024 that a process has at least */
#define MAX_ENTRIES 1000000
#define CHUNK_BYTES (1 << 20)

struct copy {
	const struct copy_how *how;
	uint64_t mount; /* of the folder that is copied; what is mounted below it is left out */
	size_t entries;
	uint64_t bytes;
};

/* ---------------------------------------------------------------------------------------------------------- files */

/* Copies [start, end), as far as there is something. */
static int copy_range(int from, int to, off_t start, off_t end, const char *name, struct err *err)
{
	if (lseek(to, start, SEEK_SET) < 0)
		return err_set(err, errno, "copying '%s'", name);
	while (start < end) {
		ssize_t n = sendfile(to, from, &start, end - start < CHUNK_BYTES ? (size_t)(end - start) : CHUNK_BYTES);

		if (n == 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return err_set(err, errno, "copying '%s'", name);
	}
	return 0;
}

/* From one stretch of data to the next; where a file system knows of no holes, there is one stretch. */
static int copy_contents(int from, int to, off_t size, const char *name, struct err *err)
{
	off_t data = 0, hole;

	while (data < size && (data = lseek(from, data, SEEK_DATA)) >= 0) {
		int r;

		hole = lseek(from, data, SEEK_HOLE);
		if (hole < 0)
			return err_set(err, errno, "copying '%s'", name);
		r = copy_range(from, to, data, hole, name, err);
		if (r < 0)
			return r;
		data = hole;
	}
	if (data < 0 && errno != ENXIO) /* ENXIO: the rest is a hole */
		return err_set(err, errno, "copying '%s'", name);
	return ftruncate(to, size) < 0 ? err_set(err, errno, "copying '%s'", name) : 0;
}

static int dress(const struct copy *copy, int from, int to, const struct stat *info, const char *name, struct err *err)
{
	int r = copy_owner(to, info, copy->how->map, name, err);

	return r < 0 || !copy->how->is_layer ? r : copy_xattrs(from, to, copy->how->map, name, err);
}

/* The name under which a file of several names is kept. */
struct link_key {
	char name[40];
};

static struct link_key link_key(const struct stat *info)
{
	struct link_key key;

	(void)snprintf(key.name, sizeof(key.name), "%llx-%llx", (unsigned long long)info->st_dev,
		       (unsigned long long)info->st_ino);
	return key;
}

/* 1 when the file has been copied under another name, which it now has here too. */
static int link_to_copy(const struct copy *copy, const struct stat *info, int to_dir, const char *name, struct err *err)
{
	if (info->st_nlink < 2 || copy->how->links_dirfd < 0)
		return 0;
	if (linkat(copy->how->links_dirfd, link_key(info).name, to_dir, name, 0) == 0)
		return 1;
	return errno == ENOENT ? 0 : err_set(err, errno, "linking '%s'", name);
}

static int keep_link(const struct copy *copy, const struct stat *info, int to_dir, const char *name, struct err *err)
{
	if (info->st_nlink < 2 || copy->how->links_dirfd < 0)
		return 0;
	if (linkat(to_dir, name, copy->how->links_dirfd, link_key(info).name, 0) < 0)
		return err_set(err, errno, "linking '%s'", name);
	return 0;
}

static int copy_file(struct copy *copy, int from_dir, int to_dir, const char *name, struct err *err)
{
	CLEANUP_FD int from = path_open(from_dir, name, O_RDONLY | O_NONBLOCK | O_CLOEXEC, PATH_NO_LINK_LAST, err);
	CLEANUP_FD int to = -1;
	struct stat info;
	int r;

	if (from < 0)
		return from;
	if (fstat(from, &info) < 0)
		return err_set(err, errno, "'%s'", name);
	if (!S_ISREG(info.st_mode))
		return err_say(err, EAGAIN, "'%s' changed while it was being copied", name);
	r = link_to_copy(copy, &info, to_dir, name, err);
	if (r != 0)
		return r < 0 ? r : 0;
	r = to = path_create(to_dir, name, O_WRONLY | O_CLOEXEC, 0600, err);
	if (r >= 0)
		r = copy_contents(from, to, info.st_size, name, err);
	if (r >= 0)
		r = dress(copy, from, to, &info, name, err);
	if (r >= 0)
		r = keep_link(copy, &info, to_dir, name, err);
	if (r >= 0)
		copy->bytes += (uint64_t)info.st_blocks * 512;
	return r;
}

/* ------------------------------------------------------------------------------------------------- what is no file */

static int copy_symlink(struct copy *copy, int from_dir, int to_dir, const char *name, struct err *err)
{
	char target[PATH_MAX];
	struct stat info;
	ssize_t len = readlinkat(from_dir, name, target, sizeof(target) - 1);

	if (len < 0 || fstatat(from_dir, name, &info, AT_SYMLINK_NOFOLLOW) < 0)
		return err_set(err, errno, "readlink '%s'", name);
	target[len] = '\0';
	if (symlinkat(target, to_dir, name) < 0)
		return err_set(err, errno, "copying the link '%s'", name);
	return copy_owner_at(to_dir, &info, copy->how->map, name, err);
}

/*
 * A device with the number 0:0 is overlay's word for 'the layers below have it, and it is gone': only the kernel knows
 * a device by it.
 */
static bool is_copied_node(const struct stat *info)
{
	return S_ISFIFO(info->st_mode) || S_ISSOCK(info->st_mode) ||
	       (S_ISCHR(info->st_mode) && info->st_rdev == makedev(0, 0));
}

static int copy_node(struct copy *copy, int from_dir, int to_dir, const char *name, struct err *err)
{
	struct stat info;

	if (!copy->how->is_layer)
		return 0;
	if (fstatat(from_dir, name, &info, AT_SYMLINK_NOFOLLOW) < 0)
		return err_set(err, errno, "'%s'", name);
	if (!is_copied_node(&info))
		return 0;
	if (mknodat(to_dir, name, (info.st_mode & S_IFMT) | 0600, info.st_rdev) < 0)
		return err_set(err, errno, "copying '%s'", name);
	return copy_owner_at(to_dir, &info, copy->how->map, name, err);
}

/* -------------------------------------------------------------------------------------------------------- folders */

static int copy_folder(struct copy *copy, int from, int to, int depth, struct err *err);

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
	/* Last: what is made in a folder changes its time, and inherits its default access list. */
	return r < 0 ? r : dress(copy, from, to, &info, name, err);
}

static int copy_entry(struct copy *copy, int from, int to, const char *name, int depth, struct err *err)
{
	struct statx info;

	if (++copy->entries > MAX_ENTRIES)
		return err_say(err, E2BIG, "more than %d files", MAX_ENTRIES);
	if (statx(from, name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, STATX_TYPE | STATX_MNT_ID, &info) < 0)
		return err_set(err, errno, "'%s'", name);
	if (info.stx_mask & STATX_MNT_ID && info.stx_mnt_id != copy->mount)
		return 0;
	if (S_ISDIR(info.stx_mode))
		return copy_subfolder(copy, from, to, name, depth, err);
	if (S_ISREG(info.stx_mode))
		return copy_file(copy, from, to, name, err);
	return S_ISLNK(info.stx_mode) ? copy_symlink(copy, from, to, name, err) : copy_node(copy, from, to, name, err);
}

static int copy_folder(struct copy *copy, int from, int to, int depth, struct err *err)
{
	CLEANUP_DIR DIR *dir = NULL;
	struct dirent *entry;
	int fd, r;

	if (depth > MAX_DEPTH)
		return err_say(err, E2BIG, "folders deeper than %d", MAX_DEPTH);
	fd = fcntl(from, F_DUPFD_CLOEXEC, 3);
	dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir)
		return err_set(err, errno, "listing a folder");
	/* readdir(3) says by errno alone whether the folder ends, or could not be read further: half a copy is none. */
	for (errno = 0; (entry = readdir(dir)); errno = 0) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		r = copy_entry(copy, from, to, entry->d_name, depth, err);
		if (r < 0)
			return r;
	}
	return errno ? err_set(err, errno, "listing a folder") : 0;
}

int copy_tree(int from_dirfd, int to_dirfd, const struct copy_how *how, uint64_t *ret_bytes, struct err *err)
{
	struct copy copy = {.how = how};
	struct stat info;
	int r;

	if (fstat(from_dirfd, &info) < 0)
		return err_set(err, errno, "%s", how->what);
	r = mount_id(from_dirfd, &copy.mount, err);
	if (r == 0)
		r = copy_folder(&copy, from_dirfd, to_dirfd, 0, err);
	if (r == 0)
		r = dress(&copy, from_dirfd, to_dirfd, &info, "/", err);
	if (r < 0)
		return err_wrap(err, "%s", how->what);
	if (ret_bytes)
		*ret_bytes = copy.bytes;
	return 0;
}

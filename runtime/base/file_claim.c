// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>

#include "runtime/base/file.h"

/* Folders that are being made or removed. What claims folders uses no names that begin so. */
#define NEW_PREFIX ".new-"
#define OLD_PREFIX ".old-"
/* An empty folder that waits to be claimed. Only who holds its lock renames it. */
#define SPARE_NAME ".spare"

/*
 * Random, not the pid: processes in different PID namespaces may share the folder, and one that was killed may have
 * left its name behind. Cut off where it is too long.
 */
static void hide(char to[static NAME_MAX + 1], const char *prefix, const char *name)
{
	(void)snprintf(to, NAME_MAX + 1, "%s%08x-%s", prefix, (uint32_t)file_unique_digits(), name);
}

int file_hide_folder(int dirfd, const char *words, char ret_name[static NAME_MAX + 1], struct err *err)
{
	CLEANUP_FD int fd = -1;
	int code;

	hide(ret_name, NEW_PREFIX, words);
	if (mkdirat(dirfd, ret_name, 0700) < 0)
		return err_set(err, errno, "make a folder for '%s'", words);
	fd = openat(dirfd, ret_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
		return fd_take(&fd);
	code = errno;
	(void)unlinkat(dirfd, ret_name, AT_REMOVEDIR);
	return err_set(err, code, "make a folder for '%s'", words);
}

/* Whether the name leads to what is open: who was faster may have given it another. */
static bool is_named(int fd, int dirfd, const char *name)
{
	struct stat held, named;

	return fstat(fd, &held) == 0 && fstatat(dirfd, name, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
	       held.st_dev == named.st_dev && held.st_ino == named.st_ino;
}

/*
 * False when something stays. A DIR would be all that a start of a container takes from the heap: what is here, fits.
 */
static bool empty_folder(int fd)
{
	_Alignas(struct dirent) char names[1024];
	const struct dirent *entry;
	long len;

	if (lseek(fd, 0, SEEK_SET) < 0)
		return false;
	while ((len = syscall(SYS_getdents64, fd, names, sizeof(names))) > 0)
		for (long at = 0; at < len; at += entry->d_reclen) {
			entry = (const struct dirent *)(names + at);
			if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
			    unlinkat(fd, entry->d_name, 0) < 0 && errno != ENOENT)
				return false;
		}
	return len == 0;
}

/*
 * Locked and empty: whoever filled it before may have been killed before it got its name. -ENOENT: there is none, or
 * another has just taken it.
 */
static int take_spare(int dirfd)
{
	CLEANUP_FD int fd = openat(dirfd, SPARE_NAME, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0 || !is_named(fd, dirfd, SPARE_NAME) || !empty_folder(fd))
		return -ENOENT;
	return fd_take(&fd);
}

/* Locked and filled before it gets its name: whoever sees the name sees the lock, and what shall be there. */
int file_claim_folder(int dirfd, const char *name, file_fill_fn *fill, const void *user, struct err *err)
{
	char hidden[NAME_MAX + 1] = SPARE_NAME;
	struct err ignored = ERR_INIT;
	struct stat taken;
	CLEANUP_FD int fd = -1;
	int result;

	/* Nothing is made in vain; should it be taken meanwhile, renaming tells. */
	if (fstatat(dirfd, name, &taken, AT_SYMLINK_NOFOLLOW) == 0)
		return -EEXIST;
	fd = take_spare(dirfd);
	if (fd < 0)
		fd = file_hide_folder(dirfd, name, hidden, err);
	if (fd < 0)
		return fd;
	result = fill ? fill(fd, user, err) : 0;
	if (result >= 0 && renameat2(dirfd, hidden, dirfd, name, RENAME_NOREPLACE) == 0)
		return fd_take(&fd);
	if (result >= 0)
		result = errno == EEXIST ? -EEXIST : err_set(err, errno, "make a folder for '%s'", name);
	(void)file_remove_tree(dirfd, hidden, &ignored);
	return result;
}

int file_retire_folder(int dirfd, const char *name, int fd, struct err *err)
{
	char hidden[NAME_MAX + 1];

	hide(hidden, OLD_PREFIX, name);
	if (renameat(dirfd, name, dirfd, hidden) < 0)
		return errno == ENOENT ? 0 : err_set(err, errno, "remove '%s'", name);
	if (empty_folder(fd) && renameat2(dirfd, hidden, dirfd, SPARE_NAME, RENAME_NOREPLACE) == 0)
		return 0;
	return file_remove_tree(dirfd, hidden, err);
}

int file_drop_folder(int dirfd, const char *name, struct err *err)
{
	char hidden[NAME_MAX + 1];

	hide(hidden, OLD_PREFIX, name);
	if (renameat(dirfd, name, dirfd, hidden) < 0)
		return errno == ENOENT ? 0 : err_set(err, errno, "remove '%s'", name);
	return file_remove_tree(dirfd, hidden, err);
}

/* One that nobody has locked is nobody's. Somebody may be between making it and locking it: a moment's age tells. */
static void sweep(int dirfd, const char *name)
{
	CLEANUP_FD int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	struct err ignored = ERR_INIT;
	struct stat found;
	struct timespec now;

	if (fd < 0 || fstat(fd, &found) < 0 || clock_gettime(CLOCK_REALTIME, &now) < 0 ||
	    now.tv_sec - found.st_ctim.tv_sec < 2)
		return;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		(void)file_remove_tree(dirfd, name, &ignored);
}

void file_sweep_claims(int dirfd)
{
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CLEANUP_DIR DIR *folder = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (!folder) {
		scope_fd(&fd);
		return;
	}
	while ((entry = readdir(folder)))
		if (strncmp(entry->d_name, NEW_PREFIX, strlen(NEW_PREFIX)) == 0 ||
		    strncmp(entry->d_name, OLD_PREFIX, strlen(OLD_PREFIX)) == 0)
			sweep(dirfd, entry->d_name);
}

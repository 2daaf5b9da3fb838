// SPDX-License-Identifier: GPL-2.0-or-later
/* Changing the store of kernels: putting one in, choosing, removing. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "runtime/base/file.h"
#include "runtime/vm/kernels.h"

#ifndef RENAME_EXCHANGE
#define RENAME_EXCHANGE (1 << 1)
#endif

/* --- putting one in --- */

int kernel_staging_open(struct kernel_staging *staging, const char *store, struct err *err)
{
	CLEANUP_KERNEL_STAGING struct kernel_staging made = KERNEL_STAGING_NONE;
	int len, r;

	made.store = store;
	made.store_fd = kernel_store_open(store, true, err);
	if (made.store_fd < 0)
		return made.store_fd;
	file_sweep_claims(made.store_fd);
	made.fd = file_hide_folder(made.store_fd, "kernel", made.name, err);
	if (made.fd < 0)
		return made.fd;
	len = snprintf(made.path, sizeof(made.path), "%s/%s", store, made.name);
	r = len < (int)sizeof(made.path) ? 0 : err_set(err, ENAMETOOLONG, "the store of kernels '%s'", store);
	if (r >= 0 && mkdirat(made.fd, "modules", 0700) < 0)
		r = err_set(err, errno, "make the folder of a kernel's modules");
	if (r < 0)
		return r;
	*staging = made;
	made = KERNEL_STAGING_NONE;
	return 0;
}

/*
 * By its name, and the earlier one, if there is one, by the staging folder's: that is removed when the staging is
 * closed.
 */
static int put_in_place(struct kernel_staging *staging, const char *name, bool replace, struct err *err)
{
	if (renameat2(staging->store_fd, staging->name, staging->store_fd, name, RENAME_NOREPLACE) == 0) {
		*staging->name = '\0';
		return 0;
	}
	if (errno == EEXIST && !replace)
		return err_say(err, EEXIST, "kernel '%s' is there already: give '--replace', or another '--name'",
			       name);
	if (errno != EEXIST ||
	    renameat2(staging->store_fd, staging->name, staging->store_fd, name, RENAME_EXCHANGE) < 0)
		return err_set(err, errno, "put the kernel '%s' in place", name);
	return 0;
}

/* The files of a folder, then the folder. Not the whole file system: others may have much to write. */
static int sync_folder(int dirfd, const char *name, struct err *err)
{
	int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	CLEANUP_DIR DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	if (!dir) {
		scope_fd(&fd);
		return err_set(err, errno, "read a kernel's folder");
	}
	while ((entry = readdir(dir))) {
		CLEANUP_FD int file = entry->d_type == DT_REG ? openat(fd, entry->d_name, O_RDONLY | O_CLOEXEC) : -1;

		if (entry->d_type == DT_REG && (file < 0 || fsync(file) < 0))
			return err_set(err, errno, "write a kernel's '%s' to disk", entry->d_name);
	}
	return fsync(fd) < 0 ? err_set(err, errno, "write a kernel's folder to disk") : 0;
}

/* After a power cut a kernel that is there is whole. */
static int make_durable(const struct kernel_staging *staging, struct err *err)
{
	int r = sync_folder(staging->fd, "modules", err);

	return r < 0 ? r : sync_folder(staging->fd, ".", err);
}

int kernel_staging_commit(struct kernel_staging *staging, const struct kernel *kernel, bool replace, struct err *err)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	CLEANUP_FD int lock = -1;
	int r = kernel_check_name(kernel->name, err);

	if (r >= 0)
		r = kernel_record_write(staging->fd, kernel, err);
	if (r >= 0)
		r = make_durable(staging, err);
	if (r < 0)
		return r;
	lock = kernel_store_lock(staging->store_fd, err);
	if (lock < 0)
		return lock;
	r = put_in_place(staging, kernel->name, replace, err);
	if (r >= 0 && !kernel_default_name(&arena, staging->store_fd))
		r = kernel_set_default(staging->store_fd, kernel->name, err);
	if (r >= 0 && fsync(staging->store_fd) < 0)
		r = err_set(err, errno, "write the store of kernels");
	return r;
}

void kernel_staging_close(struct kernel_staging *staging)
{
	if (*staging->name && staging->store_fd >= 0)
		(void)file_remove_tree(staging->store_fd, staging->name, NULL);
	scope_fd(&staging->fd);
	scope_fd(&staging->store_fd);
	*staging = KERNEL_STAGING_NONE;
}

/* --- choosing and removing --- */

/* Opens and locks a store that has this kernel. *ret_store_fd, *ret_lock: the caller's. */
static int open_with(const char *store, const char *name, int *ret_store_fd, int *ret_lock, struct err *err)
{
	int r = kernel_check_name(name, err);

	if (r < 0)
		return r;
	*ret_store_fd = kernel_store_open(store, false, err);
	if (*ret_store_fd < 0 && *ret_store_fd != -ENOENT)
		return *ret_store_fd;
	if (*ret_store_fd >= 0) {
		*ret_lock = kernel_store_lock(*ret_store_fd, err);
		if (*ret_lock < 0)
			return *ret_lock;
	}
	if (*ret_store_fd < 0 || !file_is_there(*ret_store_fd, name))
		return err_say(err, ENOENT, "no kernel '%s': see 'hull kernel ls'", name);
	return 0;
}

int kernel_choose(const char *store, const char *name, struct err *err)
{
	CLEANUP_FD int store_fd = -1;
	CLEANUP_FD int lock = -1;
	int r = open_with(store, name, &store_fd, &lock, err);

	return r < 0 ? r : kernel_set_default(store_fd, name, err);
}

int kernel_remove(const char *store, const char *name, struct err *err)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	CLEANUP_FD int store_fd = -1;
	CLEANUP_FD int lock = -1;
	const char *chosen;
	int r = open_with(store, name, &store_fd, &lock, err);

	if (r < 0)
		return r;
	chosen = kernel_default_name(&arena, store_fd);
	if (chosen && strcmp(chosen, name) == 0 && unlinkat(store_fd, KERNEL_DEFAULT, 0) < 0)
		return err_set(err, errno, "remove the choice of a default kernel");
	return file_drop_folder(store_fd, name, err);
}

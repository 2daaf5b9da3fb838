// SPDX-License-Identifier: GPL-2.0-or-later
#include "images/staging.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "images/catalog.h"
#include "images/catalog_record.h"
#include "runtime/base/file.h"

static int sweep_folder(const char *store, const char *folder, struct err *err)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	struct strv names = {0};
	const char *path = arena_printf(&arena, "%s/%s", store, folder);
	CLEANUP_FD int fd = path ? file_open_dir(AT_FDCWD, path, err) : arena_check(&arena, err);
	int r = fd < 0 ? fd : catalog_folder(&arena, store, folder, &names, err);

	for (size_t i = 0; r >= 0 && i < names.count; i++)
		r = file_remove_tree(fd, names.items[i], err);
	return r;
}

int staging_sweep(const char *store, struct err *err)
{
	int r = sweep_folder(store, "tmp", err);

	return r < 0 ? r : sweep_folder(store, "trash", err);
}

/* Only when nobody works in the store; otherwise somebody later does it. */
static int sweep_if_idle(const char *store, struct err *err)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	const char *path = arena_printf(&arena, "%s/lock", store);
	CLEANUP_FD int lock = path ? file_try_lock(AT_FDCWD, path, FILE_LOCK_EXCLUSIVE, NULL) : -ENOMEM;

	return lock < 0 ? 0 : staging_sweep(store, err);
}

static int make_folder(struct staging *staging, struct err *err)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	const char *path = arena_printf(&arena, "%s/tmp", staging->store);

	staging->tmpfd = path ? file_open_dir(AT_FDCWD, path, err) : arena_check(&arena, err);
	if (staging->tmpfd < 0)
		return staging->tmpfd;
	/* A folder of this pid is left over from an earlier process: that one is gone. */
	(void)snprintf(staging->name, sizeof(staging->name), "import.%d", (int)getpid());
	if (file_remove_tree(staging->tmpfd, staging->name, err) < 0)
		return -EBUSY;
	if (mkdirat(staging->tmpfd, staging->name, 0700) < 0)
		return err_set(err, errno, "make the folder '%s/%s'", path, staging->name);
	staging->fd = file_open_dir(staging->tmpfd, staging->name, err);
	return staging->fd < 0 ? staging->fd : 0;
}

int staging_open(struct staging *staging, const char *store, struct err *err)
{
	CLEANUP_STAGING struct staging made = STAGING_NONE;
	int r = catalog_prepare(store, err);

	made.store = store;
	if (r >= 0)
		r = sweep_if_idle(store, err);
	if (r >= 0) {
		made.lock = catalog_lock_shared(store, err);
		r = made.lock;
	}
	if (r >= 0)
		r = make_folder(&made, err);
	if (r < 0)
		return r;
	*staging = made;
	made = STAGING_NONE;
	return 0;
}

int staging_folder(struct staging *staging, const char *prefix, char ret_name[static 32], struct err *err)
{
	(void)snprintf(ret_name, 32, "%s.%u", prefix, staging->count++);
	if (mkdirat(staging->fd, ret_name, 0755) < 0)
		return err_set(err, errno, "make the folder '%s'", ret_name);
	return file_open_dir(staging->fd, ret_name, err);
}

int staging_file(const struct staging *staging, struct err *err)
{
	int fd = openat(staging->fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	return fd < 0 ? err_set(err, errno, "make a temporary file in '%s'", staging->store) : fd;
}

void staging_close(struct staging *staging)
{
	if (*staging->name && staging->tmpfd >= 0)
		(void)file_remove_tree(staging->tmpfd, staging->name, NULL);
	scope_fd(&staging->fd);
	scope_fd(&staging->tmpfd);
	/* Last: without the lock the folder would be anybody's to sweep. */
	scope_fd(&staging->lock);
	*staging = STAGING_NONE;
}

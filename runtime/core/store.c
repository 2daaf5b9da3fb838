// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/core/store.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/file.h"

int store_open(const char *path, bool sticky, struct store *ret, struct err *err)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT) {
		int result = file_make_dirs(path, sticky ? 01700 : 0700, err);

		if (result < 0)
			return err_wrap(err, "state directory '%s'", path);
		fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	if (fd < 0)
		return err_set(err, errno, "open the state directory '%s'", path);
	*ret = (struct store){.fd = fd, .path = path};
	return 0;
}

void store_close(struct store *store)
{
	scope_fd(&store->fd);
	store->fd = -1;
}

int store_check_id(const char *id, struct err *err)
{
	size_t len = id ? strlen(id) : 0;

	if (len == 0)
		return err_say(err, EINVAL, "an id must not be empty");
	if (len > STORE_ID_MAX_BYTES)
		return err_say(err, EINVAL, "id of %zu bytes: at most %d are allowed", len, STORE_ID_MAX_BYTES);
	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)id[i]) && !strchr(i ? "_+.-" : "_+-", id[i]))
			return err_say(err, EINVAL,
				       "id '%s': only letters, digits and '_', '+', '-', '.' are allowed (no '.' "
				       "first)",
				       id);
	return 0;
}

static int open_folder(const struct store *store, const char *name)
{
	return openat(store->fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
}

int store_claim(const struct store *store, const char *id, struct err *err)
{
	return store_claim_filled(store, id, NULL, NULL, err);
}

int store_claim_filled(const struct store *store, const char *id, file_fill_fn *fill, const void *user, struct err *err)
{
	int result = store_check_id(id, err);

	if (result >= 0)
		result = file_claim_folder(store->fd, id, fill, user, err);
	if (result == -EEXIST)
		return err_say(err, EEXIST, "container '%s' already exists", id);
	return result < 0 ? err_wrap(err, "state directory '%s'", store->path) : result;
}

int store_find(const struct store *store, const char *id, struct err *err)
{
	int result = store_check_id(id, err);
	int fd;

	if (result < 0)
		return result;
	fd = open_folder(store, id);
	if (fd < 0 && errno == ENOENT)
		return err_say(err, ENOENT, "container '%s' does not exist", id);
	if (fd < 0)
		return err_set(err, errno, "open '%s' in the state directory '%s'", id, store->path);
	return fd;
}

static int find_and_lock(const struct store *store, const char *id, int operation, struct err *err)
{
	for (;;) {
		CLEANUP_FD int fd = store_find(store, id, err);
		struct stat held, named;

		if (fd < 0)
			return fd;
		while (flock(fd, operation) < 0) {
			if (errno == EWOULDBLOCK)
				return -EWOULDBLOCK;
			if (errno != EINTR)
				return err_set(err, errno, "lock container '%s'", id);
		}
		/* It may have been removed, and even made anew, while we waited. */
		if (fstat(fd, &held) == 0 && fstatat(store->fd, id, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
		    held.st_ino == named.st_ino && held.st_dev == named.st_dev)
			return fd_take(&fd);
	}
}

int store_find_locked(const struct store *store, const char *id, struct err *err)
{
	return find_and_lock(store, id, LOCK_EX, err);
}

int store_find_unlocked(const struct store *store, const char *id, struct err *err)
{
	return find_and_lock(store, id, LOCK_EX | LOCK_NB, err);
}

void store_unlock(int folder_fd)
{
	(void)flock(folder_fd, LOCK_UN);
}

int store_remove(const struct store *store, const char *id, struct err *err)
{
	int result = file_drop_folder(store->fd, id, err);

	return result < 0 ? err_wrap(err, "state directory '%s'", store->path) : 0;
}

int store_retire(const struct store *store, const char *id, int folder_fd, struct err *err)
{
	int result = file_retire_folder(store->fd, id, folder_fd, err);

	return result < 0 ? err_wrap(err, "state directory '%s'", store->path) : 0;
}

/* What replacing the record may have left in a folder that never got one. */
static void drop_temporaries(int folder_fd)
{
	int fd = open_folder(&(struct store){.fd = folder_fd}, ".");
	CLEANUP_DIR DIR *folder = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (!folder) {
		scope_fd(&fd);
		return;
	}
	while ((entry = readdir(folder)))
		if (strncmp(entry->d_name, FILE_TEMP_PREFIX, strlen(FILE_TEMP_PREFIX)) == 0)
			(void)unlinkat(folder_fd, entry->d_name, 0);
}

int store_remove_claim(const struct store *store, const char *id, int folder_fd, struct err *err)
{
	drop_temporaries(folder_fd);
	if (unlinkat(store->fd, id, AT_REMOVEDIR) == 0 || errno == ENOENT)
		return 0;
	if (errno == ENOTEMPTY || errno == EEXIST)
		return err_say(err, ENOTEMPTY,
			       "'%s/%s' has no record, but other files: it is no container's. If it is in the way, "
			       "remove it",
			       store->path, id);
	return err_set(err, errno, "remove '%s/%s'", store->path, id);
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/*
 * What is being made or removed begins with a dot, which no id does. Not every file system tells the type along with
 * the name.
 */
static bool is_instance(const struct store *store, const struct dirent *entry)
{
	struct stat found;

	struct err ignored = ERR_INIT;

	if (store_check_id(entry->d_name, &ignored) < 0)
		return false;
	if (entry->d_type != DT_UNKNOWN)
		return entry->d_type == DT_DIR;
	return fstatat(store->fd, entry->d_name, &found, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(found.st_mode);
}

int store_list(const struct store *store, struct arena *arena, struct strv *ret, struct err *err)
{
	int fd = open_folder(store, ".");
	CLEANUP_DIR DIR *folder = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (!folder) {
		scope_fd(&fd);
		return err_set(err, errno, "list the state directory '%s'", store->path);
	}
	while ((entry = readdir(folder)))
		if (is_instance(store, entry) && strv_add(arena, ret, entry->d_name) < 0)
			return arena_check(arena, err);
	if (ret->count > 1)
		qsort(ret->items, ret->count, sizeof(*ret->items), compare_names);
	return 0;
}

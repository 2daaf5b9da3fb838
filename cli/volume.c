// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/volume.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define ANONYMOUS_DIGITS 64
#define NAME_MAX_BYTES	 128
#define LOCK_FILE	 ".lock" /* no name of a volume */

int volume_check_name(const char *name, struct err *err)
{
	size_t len = strlen(name);

	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)name[i]) && (i == 0 || !strchr("_.-", name[i])))
			len = 0;
	if (len == 0 || len > NAME_MAX_BYTES)
		return err_say(err, EINVAL, "'%s' is no name of a volume (letters, digits, '_', '.', '-')", name);
	return 0;
}

int volume_make(struct arena *arena, const struct hull *hull, const char *name, const char **ret_path, struct err *err)
{
	const char *folder = arena_printf(arena, "%s/%s", hull->volumes, name);
	int result = volume_check_name(name, err);

	*ret_path = arena_printf(arena, "%s/data", folder);
	if (result >= 0)
		result = arena_check(arena, err);
	if (result >= 0)
		result = file_make_dirs(folder, 0700, err);
	/* What the container sees as the volume's root: its own root's, and open as a new folder is. */
	if (result >= 0 && mkdir(*ret_path, 0755) < 0 && errno != EEXIST)
		result = err_set(err, errno, "make volume '%s'", name);
	return result;
}

const char *volume_make_up_name(struct arena *arena)
{
	unsigned char bytes[ANONYMOUS_DIGITS / 2];
	char *name = arena_alloc(arena, ANONYMOUS_DIGITS + 1);

	if (!name || getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
		return NULL;
	for (size_t i = 0; i < sizeof(bytes); i++)
		(void)snprintf(name + 2 * i, 3, "%02x", bytes[i]);
	return name;
}

bool volume_is_anonymous(const char *name)
{
	return strlen(name) == ANONYMOUS_DIGITS && strspn(name, "0123456789abcdef") == ANONYMOUS_DIGITS;
}

static int open_volumes(const struct hull *hull)
{
	return open(hull->volumes, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

int volume_list(struct arena *arena, const struct hull *hull, struct strv *ret, struct err *err)
{
	CLEANUP_FD int fd = open_volumes(hull);
	CLEANUP_DIR DIR *folder = fd < 0 ? NULL : fdopendir(fd);
	struct err ignored = ERR_INIT;
	const struct dirent *entry;

	if (!folder)
		return errno == ENOENT ? 0 : err_set(err, errno, "list '%s'", hull->volumes);
	fd = -1; /* the stream's now */
	while ((entry = readdir(folder)))
		if (volume_check_name(entry->d_name, &ignored) >= 0 && strv_add(arena, ret, entry->d_name) < 0)
			return arena_check(arena, err);
	if (ret->count > 0)
		qsort(ret->items, ret->count, sizeof(*ret->items), compare_names);
	return 0;
}

int volume_lock(const struct hull *hull, enum file_lock kind, struct err *err)
{
	CLEANUP_FD int folder = -1;
	int result = file_make_dirs(hull->volumes, 0700, err);

	if (result >= 0)
		result = folder = file_open_dir(AT_FDCWD, hull->volumes, err);
	return result < 0 ? result : file_lock(folder, LOCK_FILE, kind, err);
}

int volume_remove(const struct hull *hull, const char *name, struct err *err)
{
	CLEANUP_FD int folder = open_volumes(hull);
	int code = errno, result = volume_check_name(name, err);

	if (result < 0)
		return result;
	if (folder < 0 && code != ENOENT)
		return err_set(err, code, "open '%s'", hull->volumes);
	if (folder < 0 || !file_is_there(folder, name))
		return err_say(err, ENOENT, "no volume '%s': see 'hull volume ls'", name);
	return file_remove_tree(folder, name, err);
}

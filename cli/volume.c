// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/volume.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "runtime/base/file.h"

#define ANONYMOUS_DIGITS 64
#define NAME_MAX_BYTES	 128

static int check_name(const char *name, struct err *err)
{
	size_t len = strlen(name);

	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)name[i]) && (i == 0 || !strchr("_.-", name[i])))
			len = 0;
	if (len == 0 || len > NAME_MAX_BYTES)
		return err_say(err, EINVAL,
			       "'%s' is no name of a volume (letters, digits, '_', '.', '-'); a folder of the host is "
			       "an absolute path, or "
			       "begins with './'",
			       name);
	return 0;
}

int volume_make(struct arena *arena, const struct hull *hull, const char *name, const char **ret_path, struct err *err)
{
	const char *folder = arena_printf(arena, "%s/%s", hull->volumes, name);
	int result = check_name(name, err);

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

int volume_remove(const struct hull *hull, const char *name, struct err *err)
{
	CLEANUP_FD int folder = open(hull->volumes, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int result = check_name(name, err);

	if (result < 0 || (folder < 0 && errno == ENOENT))
		return result;
	if (folder < 0)
		return err_set(err, errno, "open '%s'", hull->volumes);
	return file_remove_tree(folder, name, err);
}

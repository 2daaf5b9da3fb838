/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Removing a tree whose contents nobody vouches for. It is a loop over a stack of bounded depth, since a container can
 * nest folders deeper than any process may hold descriptors or stack frames. Where the stack is full, a folder is
 * renamed to the top of the tree and waits there for its turn: nothing is ever reached through "..", which a rename
 * elsewhere could redirect.
 */
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "runtime/base/fd.h"
#include "runtime/base/file.h"
#include "runtime/base/text.h"

#define STACK_DEPTH 32
/* How often a folder may be found not empty after all that was seen in it is gone. */
#define MAX_PASSES 16

struct level {
	DIR *list;
	char name[NAME_MAX + 1]; /* in the level below */
	unsigned passes;
};

struct removal {
	const char *what; /* the tree, for words */
	struct level levels[STACK_DEPTH];
	unsigned depth; /* levels in use */
	uint64_t mount_id;
	uint64_t moved; /* folders moved to the top so far; also makes their names */
};

/* --- the stack --- */

static int top_fd(const struct removal *removal)
{
	return dirfd(removal->levels[0].list);
}

static void pop(struct removal *removal)
{
	(void)closedir(removal->levels[--removal->depth].list);
}

static void removal_end(struct removal *removal)
{
	while (removal->depth > 0)
		pop(removal);
}

/*
 * As file_open_dir() without following, also where the owner took their own rights away: they are given back, to the
 * very folder.
 */
static int open_for_removal(int parent, const char *name)
{
	CLEANUP_FD int path = -1;
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd >= 0 || errno != EACCES)
		return fd < 0 ? -errno : fd;
	path = openat(parent, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	/*
	 * Through /proc, since neither fchmod(2) on O_PATH nor a chmod by name that follows no link exists everywhere.
	 */
	if (path < 0 || chmod(fd_name(path).path, 0700) < 0)
		return -EACCES;
	fd = openat(path, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* Removing entries wants write and search rights, which only the owner without privilege has to ask for. */
static void give_rights(int fd)
{
	struct stat st;

	if (fstat(fd, &st) == 0 && (st.st_mode & 0700) != 0700)
		(void)fchmod(fd, (st.st_mode & 07777) | 0700);
}

static int refuse_mount(const struct removal *removal, const char *name, struct err *err)
{
	return err_say(err, EBUSY, "remove '%s': '%s' is a mount point: unmount it first", removal->what, name);
}

static int push(struct removal *removal, int parent, const char *name, struct err *err)
{
	struct level *level = &removal->levels[removal->depth];
	CLEANUP_FD int fd = open_for_removal(parent, name);
	uint64_t mount_id;
	int r;

	if (fd < 0)
		return err_set(err, -fd, "remove '%s': open folder '%s'", removal->what, name);
	r = fd_mount_id(fd, &mount_id);
	if (r < 0)
		return err_set(err, -r, "remove '%s': find the mount of '%s'", removal->what, name);
	if (mount_id != removal->mount_id)
		return err_say(err, EBUSY, "remove '%s': '%s' is a mount point: unmount it first", removal->what, name);
	give_rights(fd);
	level->list = fdopendir(fd);
	if (!level->list)
		return err_set(err, errno, "remove '%s': read folder '%s'", removal->what, name);
	(void)fd_take(&fd);
	(void)text_copy(level->name, sizeof(level->name), name);
	level->passes = 0;
	removal->depth++;
	return 0;
}

/* --- entries --- */

/* Moves a folder to the top of the tree, under a name that is free there. */
static int move_to_top(struct removal *removal, int parent, const char *name, struct err *err)
{
	char to[48];

	do {
		(void)snprintf(to, sizeof(to), FILE_TEMP_PREFIX "%" PRIu64, removal->moved++);
		if (renameat(parent, name, top_fd(removal), to) == 0)
			return 0;
		/* Each name is tried once, so this ends: a taken one is an entry that is going to be removed. */
	} while (errno == EEXIST || errno == ENOTEMPTY || errno == ENOTDIR);
	return errno == ENOENT ? 0 : err_set(err, errno, "remove '%s': move folder '%s'", removal->what, name);
}

static int remove_entry(struct removal *removal, const struct dirent *entry, struct err *err)
{
	int parent = dirfd(removal->levels[removal->depth - 1].list);
	const char *name = entry->d_name;
	int r;

	if (entry->d_type != DT_DIR) {
		if (unlinkat(parent, name, 0) == 0 || errno == ENOENT)
			return 0;
		if (errno != EISDIR)
			return err_set(err, errno, "remove '%s': remove '%s'", removal->what, name);
	}
	if (unlinkat(parent, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
		return 0;
	if (errno == EBUSY)
		return refuse_mount(removal, name, err);
	if (errno != ENOTEMPTY && errno != EEXIST && errno != EACCES)
		return err_set(err, errno, "remove '%s': remove folder '%s'", removal->what, name);
	if (removal->depth == STACK_DEPTH)
		return move_to_top(removal, parent, name, err);
	r = push(removal, parent, name, err);
	return r == -ENOENT ? 0 : r;
}

/* The folder's list is at its end: removes it and pops. When more has come meanwhile, reads it again. */
static int finish_level(struct removal *removal, int parent_of_top, struct err *err)
{
	struct level *level = &removal->levels[removal->depth - 1];
	bool is_top = removal->depth == 1;
	int parent = is_top ? parent_of_top : dirfd(level[-1].list);

	if (unlinkat(parent, level->name, AT_REMOVEDIR) == 0 || errno == ENOENT) {
		pop(removal);
		return 0;
	}
	if ((errno != ENOTEMPTY && errno != EEXIST) || level->passes++ == MAX_PASSES)
		return err_set(err, errno, "remove '%s': remove folder '%s'", removal->what, level->name);
	rewinddir(level->list);
	return 0;
}

static int remove_all(struct removal *removal, int parent_of_top, struct err *err)
{
	uint64_t moved_before = 0;

	while (removal->depth > 0) {
		struct level *level = &removal->levels[removal->depth - 1];
		struct dirent *entry;
		int r;

		errno = 0;
		entry = readdir(level->list);
		if (entry && (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0))
			continue;
		if (!entry && errno)
			return err_set(err, errno, "remove '%s': read folder '%s'", removal->what, level->name);
		/* What was moved to the top is why it has to be read again: that is progress. */
		if (!entry && removal->depth == 1 && removal->moved != moved_before) {
			moved_before = removal->moved;
			level->passes = 0;
		}
		r = entry ? remove_entry(removal, entry, err) : finish_level(removal, parent_of_top, err);
		if (r < 0)
			return r;
	}
	return 0;
}

int file_remove_tree(int dirfd, const char *name, struct err *err)
{
	CLEANUP(removal_end) struct removal removal = {.what = name};
	const char *base;
	CLEANUP_FD int folder = -1;
	int r;

	folder = file_open_folder_of(dirfd, name, &base, NULL);
	if (folder == -ENOENT)
		return 0;
	if (folder < 0)
		return err_set(err, -folder, "remove '%s': open the folder that it is in", name);
	if (!*base || strcmp(base, ".") == 0 || strcmp(base, "..") == 0 || strlen(base) > NAME_MAX)
		return err_say(err, EINVAL, "remove '%s': this does not name an entry of a folder", name);
	if (unlinkat(folder, base, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR)
		return err_set(err, errno, "remove '%s'", name);
	r = fd_mount_id(folder, &removal.mount_id);
	if (r < 0)
		return err_set(err, -r, "remove '%s': find its mount", name);
	r = push(&removal, folder, base, err);
	if (r == -ENOENT) {
		err_clear(err);
		return 0;
	}
	return r < 0 ? r : remove_all(&removal, folder, err);
}

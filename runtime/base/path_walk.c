/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The invariant: every descriptor on the stack was opened by its single name in the one below it, without following a
 * link, and the lowest one in the root. A link is read and its words are walked like the user's own. ".." takes a
 * descriptor off the stack and is never given to the kernel. So whatever is swapped, and whenever, the walk stays below
 * the root.
 */
#include "runtime/base/path_walk.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/base/path_flags.h"
#include "runtime/base/scope.h"

/* How often a walk may find a component changed between two looks. */
#define TRIES		32
#define DIRS_MODE	0755
#define PROC_ROOT_INODE 1

struct walk {
	int rootfd;
	int open_flags;
	unsigned path_flags;
	enum path_make make;
	mode_t mode;
	uint64_t mount_id; /* of the root, with PATH_NO_MOUNTS */
	unsigned links;
	unsigned depth;
	int stack[PATH_MAX_DEPTH];
	char rest[PATH_MAX]; /* what is still to be walked */
};

static int current(const struct walk *walk)
{
	return walk->depth ? walk->stack[walk->depth - 1] : walk->rootfd;
}

static void pop(struct walk *walk)
{
	scope_fd(&walk->stack[--walk->depth]);
}

static void pop_all(struct walk *walk)
{
	while (walk->depth > 0)
		pop(walk);
}

/* --- the words --- */

/* Puts the words of a link, or the whole path, in front of what is left to walk. */
static int prepend(struct walk *walk, const char *words, size_t len)
{
	size_t rest_len = strlen(walk->rest);
	bool slash = rest_len > 0;

	if (len + slash + rest_len >= sizeof(walk->rest))
		return -ENAMETOOLONG;
	memmove(walk->rest + len + slash, walk->rest, rest_len + 1);
	memcpy(walk->rest, words, len);
	if (slash)
		walk->rest[len] = '/';
	return 0;
}

/* Takes the first component off the rest. Returns its length, 0 at the end. */
static int take_component(struct walk *walk, char name[static NAME_MAX + 1])
{
	const char *start = walk->rest + strspn(walk->rest, "/");
	size_t len = strcspn(start, "/");

	if (len > NAME_MAX)
		return -ENAMETOOLONG;
	memcpy(name, start, len);
	name[len] = '\0';
	start += len;
	start += strspn(start, "/");
	memmove(walk->rest, start, strlen(start) + 1);
	return (int)len;
}

/* --- links --- */

/*
 * The links of /proc that lead to an object rather than a name (root, cwd, exe, fd/N, ns/x) say words that only look
 * like a path. The honest ones (self, mounts, net) are in procfs' own root.
 */
static bool is_magic(const struct walk *walk, int link)
{
	struct statfs fs;
	struct stat folder;

	if (fstatfs(link, &fs) < 0 || fs.f_type != PROC_SUPER_MAGIC)
		return false;
	return fstat(current(walk), &folder) < 0 || folder.st_ino != PROC_ROOT_INODE;
}

static int follow(struct walk *walk, int link)
{
	char words[PATH_MAX];
	ssize_t len;

	if (walk->path_flags & PATH_NO_LINKS || ++walk->links > PATH_MAX_LINKS || is_magic(walk, link))
		return -ELOOP;
	len = readlinkat(link, "", words, sizeof(words));
	if (len < 0)
		return -errno;
	if (len == 0)
		return -ENOENT;
	if ((size_t)len == sizeof(words))
		return -ENAMETOOLONG;
	if (words[0] == '/')
		pop_all(walk);
	return prepend(walk, words, (size_t)len);
}

/* --- components --- */

/* Makes what is missing. That somebody else was faster is fine: it is looked at again in any case. */
static int make_component(const struct walk *walk, const char *name, bool is_last)
{
	if (is_last && walk->make == PATH_MAKE_FILE) {
		CLEANUP_FD int fd =
			openat(current(walk), name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, walk->mode);

		if (fd >= 0 || errno == EEXIST)
			return 0;
	} else {
		mode_t mode = walk->make == PATH_MAKE_FILE ? DIRS_MODE : walk->mode;

		if (mkdirat(current(walk), name, mode) == 0 || errno == EEXIST)
			return 0;
	}
	/* The folder itself was removed: a new walk finds another one, or none. */
	return errno == ENOENT ? -EAGAIN : -errno;
}

static int open_component(const struct walk *walk, const char *name, bool is_last)
{
	int fd = openat(current(walk), name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	int r;

	if (fd >= 0 || errno != ENOENT || walk->make == PATH_MAKE_NOTHING)
		return fd < 0 ? -errno : fd;
	r = make_component(walk, name, is_last);
	if (r < 0)
		return r;
	fd = openat(current(walk), name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -EAGAIN : -errno;
	return fd;
}

static int check_mount(const struct walk *walk, int fd)
{
	uint64_t mount_id;
	int r;

	if (!(walk->path_flags & PATH_NO_MOUNTS))
		return 0;
	r = fd_mount_id(fd, &mount_id);
	if (r < 0)
		return r;
	return mount_id == walk->mount_id ? 0 : -EXDEV;
}

/* The last component is found, and `found` is it, O_PATH: opens it as it was asked for. */
static int finish(const struct walk *walk, int *found, const struct stat *st, const char *name)
{
	CLEANUP_FD int fd = -1;
	int r;

	if (walk->open_flags & O_DIRECTORY && !S_ISDIR(st->st_mode))
		return -ENOTDIR;
	if (walk->make == PATH_MAKE_FILE && S_ISDIR(st->st_mode))
		return -EISDIR;
	if (walk->open_flags & O_PATH)
		return fd_take(found);
	fd = openat(current(walk), name, walk->open_flags | O_NOFOLLOW | O_CLOEXEC);
	/* A link, or nothing, where just now was neither. */
	if (fd < 0)
		return errno == ELOOP || errno == ENOENT ? -EAGAIN : -errno;
	r = check_mount(walk, fd);
	return r < 0 ? r : fd_take(&fd);
}

static bool wants_link(const struct walk *walk)
{
	int link_itself = O_PATH | O_NOFOLLOW;

	return (walk->open_flags & link_itself) == link_itself && !(walk->path_flags & PATH_NO_LINK_LAST) &&
	       !(walk->path_flags & PATH_NO_LINKS);
}

/* Goes one component on. Returns the final descriptor, -errno, or -EINPROGRESS while there is more to walk. */
static int step(struct walk *walk, const char *name)
{
	bool is_last = !walk->rest[0];
	CLEANUP_FD int fd = open_component(walk, name, is_last);
	struct stat st;
	int r;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	r = check_mount(walk, fd);
	if (r < 0)
		return r;
	if (S_ISLNK(st.st_mode) && !(is_last && wants_link(walk))) {
		if (is_last && (walk->path_flags & PATH_NO_LINK_LAST || walk->open_flags & O_NOFOLLOW))
			return -ELOOP;
		r = follow(walk, fd);
		return r < 0 ? r : -EINPROGRESS;
	}
	if (is_last)
		return finish(walk, &fd, &st, name);
	if (!S_ISDIR(st.st_mode))
		return -ENOTDIR;
	if (walk->depth == PATH_MAX_DEPTH)
		return -ENAMETOOLONG;
	walk->stack[walk->depth++] = fd_take(&fd);
	return -EINPROGRESS;
}

/* The path ends in a folder that is already on the stack: "/", "a/..", "a/.". */
static int open_current(const struct walk *walk)
{
	int fd;

	if (walk->make == PATH_MAKE_FILE)
		return -EISDIR;
	fd = openat(current(walk), ".", walk->open_flags | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int walk_all(struct walk *walk)
{
	char name[NAME_MAX + 1];
	int r;

	while ((r = take_component(walk, name)) > 0) {
		if (strcmp(name, ".") == 0)
			continue;
		if (strcmp(name, "..") == 0) {
			if (walk->depth > 0)
				pop(walk);
			continue;
		}
		r = step(walk, name);
		if (r != -EINPROGRESS)
			return r;
	}
	return r < 0 ? r : open_current(walk);
}

int path_walk(int rootfd, const char *path, int open_flags, unsigned path_flags, enum path_make make, mode_t mode)
{
	uint64_t mount_id = 0;
	int r = -EAGAIN;

	if (!*path)
		return -ENOENT;
	if (path_flags & PATH_NO_MOUNTS) {
		int found = fd_mount_id(rootfd, &mount_id);

		if (found < 0)
			return found;
	}
	for (unsigned tries = 0; r == -EAGAIN && tries < TRIES; tries++) {
		CLEANUP(pop_all)
		struct walk walk = {
			.rootfd = rootfd,
			.open_flags = open_flags,
			.path_flags = path_flags,
			.make = make,
			.mode = mode,
			.mount_id = mount_id,
		};

		r = prepend(&walk, path, strlen(path));
		if (r == 0)
			r = walk_all(&walk);
	}
	return r;
}

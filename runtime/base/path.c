/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime/base/path.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#include "runtime/base/fd.h"
#include "runtime/base/file.h"
#include "runtime/base/host.h"
#include "runtime/base/path_walk.h"
#include "runtime/base/text.h"

/* The kernel gives up (EAGAIN) on ".." while anything anywhere is renamed or mounted: on a busy host that is often. */
#define OPENAT2_TRIES 128
#define PARENT_MODE   0755

/* --- resolving --- */

static int by_openat2(int rootfd, const char *path, int open_flags, unsigned path_flags)
{
	struct open_how how = {
		.flags = (unsigned)open_flags | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS |
			   (path_flags & PATH_NO_LINKS ? RESOLVE_NO_SYMLINKS : 0) |
			   (path_flags & PATH_NO_MOUNTS ? RESOLVE_NO_XDEV : 0),
	};
	long fd = -1;

	for (unsigned tries = 0; tries < OPENAT2_TRIES; tries++) {
		fd = syscall(SYS_openat2, rootfd, path, &how, sizeof(how));
		if (fd >= 0 || (errno != EAGAIN && errno != EINTR))
			break;
	}
	return fd < 0 ? -errno : (int)fd;
}

static bool is_link(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISLNK(st.st_mode);
}

/*
 * openat2(2), and what it leaves to its caller: with O_PATH a link at the end is opened rather than refused, and with
 * O_DIRECTORY it is refused as if it were a file.
 */
static int resolve_by_kernel(int rootfd, const char *path, int open_flags, unsigned path_flags)
{
	bool refuse_link = path_flags & (PATH_NO_LINK_LAST | PATH_NO_LINKS);
	CLEANUP_FD int fd = -1;
	int r;

	if (!refuse_link)
		return by_openat2(rootfd, path, open_flags, path_flags);
	r = fd = by_openat2(rootfd, path, open_flags | O_NOFOLLOW, path_flags);
	if (r == -ENOTDIR && open_flags & O_DIRECTORY) {
		fd = by_openat2(rootfd, path, O_PATH | O_NOFOLLOW, path_flags);
		return fd >= 0 && is_link(fd) ? -ELOOP : r;
	}
	if (fd >= 0 && open_flags & O_PATH && is_link(fd))
		return -ELOOP;
	return r < 0 ? r : fd_take(&fd);
}

/*
 * Opens without words. A slash at the end wants a folder, and must not make a link there one that is not the last
 * component.
 */
static int resolve(int rootfd, const char *path, int open_flags, unsigned path_flags)
{
	char trimmed[PATH_MAX];
	size_t len = strlen(path);

	if (open_flags & (O_CREAT | (O_TMPFILE & ~O_DIRECTORY)))
		return -EINVAL;
	if (len > 1 && path[len - 1] == '/') {
		if (text_copy(trimmed, sizeof(trimmed), path) < 0)
			return -ENAMETOOLONG;
		while (len > 1 && trimmed[len - 1] == '/')
			trimmed[--len] = '\0';
		path = trimmed;
		open_flags |= O_DIRECTORY;
	}
	/* openat2(2) is strict about what O_PATH ignores in open(2). */
	if (open_flags & O_PATH)
		open_flags &= O_PATH | O_DIRECTORY | O_NOFOLLOW;
	if (!host_has(HOST_OPENAT2))
		return path_walk(rootfd, path, open_flags, path_flags, PATH_MAKE_NOTHING, 0);
	return resolve_by_kernel(rootfd, path, open_flags, path_flags);
}

int path_open(int rootfd, const char *path, int open_flags, unsigned path_flags, struct err *err)
{
	int fd = resolve(rootfd, path, open_flags, path_flags);

	return fd < 0 ? err_set(err, -fd, "open '%s' below the root", path) : fd;
}

/* --- making --- */

/* As mkdir -p below the root; without words. What is there already costs one call. */
static int make_dirs(int rootfd, const char *path, mode_t mode)
{
	int fd = resolve(rootfd, path, O_PATH | O_DIRECTORY, 0);

	if (fd != -ENOENT && fd != -EAGAIN)
		return fd;
	return path_walk(rootfd, path, O_PATH | O_DIRECTORY, 0, PATH_MAKE_DIRS, mode);
}

int path_make_dirs(int rootfd, const char *path, mode_t mode, struct err *err)
{
	int fd = make_dirs(rootfd, path, mode);

	return fd < 0 ? err_set(err, -fd, "make folder '%s' below the root", path) : fd;
}

int path_make_file(int rootfd, const char *path, mode_t mode, struct err *err)
{
	size_t len = strlen(path);
	int fd = len > 0 && path[len - 1] == '/' ? -EISDIR : path_walk(rootfd, path, O_PATH, 0, PATH_MAKE_FILE, mode);

	return fd < 0 ? err_set(err, -fd, "make file '%s' below the root", path) : fd;
}

/* Cuts "a/b/c/" into the folder "a/b" ("." or "/" where there is none) and the name "c". */
static int split(const char *path, char folder[static PATH_MAX], char name[static NAME_MAX + 1])
{
	size_t end = strlen(path);
	size_t start;

	if (end >= PATH_MAX)
		return -ENAMETOOLONG;
	while (end > 0 && path[end - 1] == '/')
		end--;
	start = end;
	while (start > 0 && path[start - 1] != '/')
		start--;
	if (end - start > NAME_MAX)
		return -ENAMETOOLONG;
	memcpy(name, path + start, end - start);
	name[end - start] = '\0';
	memcpy(folder, path, start);
	folder[start] = '\0';
	if (start == 0)
		(void)strcpy(folder, ".");
	return !name[0] || strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ? -EINVAL : 0;
}

int path_parent(int rootfd, const char *path, bool make, char ret_name[static 256], struct err *err)
{
	char folder[PATH_MAX];
	int fd = split(path, folder, ret_name);

	if (fd == -EINVAL)
		return err_say(err, EINVAL, "'%s' does not name an entry of a folder", path);
	if (fd == 0)
		fd = make ? make_dirs(rootfd, folder, PARENT_MODE) : resolve(rootfd, folder, O_PATH | O_DIRECTORY, 0);
	return fd < 0 ? err_set(err, -fd, "open the folder of '%s' below the root", path) : fd;
}

int path_create(int rootfd, const char *path, int open_flags, mode_t mode, struct err *err)
{
	char name[NAME_MAX + 1];
	CLEANUP_FD int folder = path_parent(rootfd, path, false, name, err);
	int fd;

	if (folder < 0)
		return folder;
	fd = openat(folder, name, open_flags | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
	return fd < 0 ? err_set(err, errno, "create '%s' below the root", path) : fd;
}

/* --- reading --- */

int path_read(struct arena *arena, int rootfd, const char *path, size_t max_bytes, char **ret_data, size_t *ret_len,
	      struct err *err)
{
	CLEANUP_FD int found = resolve(rootfd, path, O_PATH, 0);
	CLEANUP_FD int fd = -1;
	struct stat st;

	if (found == -ENOENT)
		return -ENOENT;
	if (found < 0)
		return err_set(err, -found, "read '%s' below the root", path);
	/* Before it is opened for good: opening a FIFO waits, and opening a device can do anything. */
	if (fstat(found, &st) < 0)
		return err_set(err, errno, "read '%s' below the root", path);
	if (!S_ISREG(st.st_mode))
		return err_say(err, EINVAL, "read '%s' below the root: it is no regular file", path);
	fd = open(fd_name(found).path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return err_set(err, errno, "read '%s' below the root (by %s)", path, fd_name(found).path);
	return file_read_fd(arena, fd, path, max_bytes, ret_data, ret_len, err);
}

/* --- what a descriptor really is --- */

static const char *fs_words(uint64_t magic)
{
	static const struct {
		uint64_t magic;
		const char *name;
	} names[] = {
		{PROC_SUPER_MAGIC, "proc"},
		{SYSFS_MAGIC, "sysfs"},
		{TMPFS_MAGIC, "tmpfs"},
		{DEVPTS_SUPER_MAGIC, "devpts"},
		{0x19800202, "mqueue"},
		{CGROUP_SUPER_MAGIC, "cgroup"},
		{CGROUP2_SUPER_MAGIC, "cgroup2"},
		{OVERLAYFS_SUPER_MAGIC, "overlay"},
		{NSFS_MAGIC, "nsfs"},
		{EXT4_SUPER_MAGIC, "ext4"},
		{BTRFS_SUPER_MAGIC, "btrfs"},
		{0x58465342, "xfs"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (names[i].magic == magic)
			return names[i].name;
	return "of another kind";
}

int path_verify_fs(int fd, uint64_t fs_magic, const char *what, struct err *err)
{
	struct statfs fs;

	if (fstatfs(fd, &fs) < 0)
		return err_set(err, errno, "look at the file system of '%s'", what);
	/* f_type is signed in places, the constants are 32 bits. */
	if ((uint32_t)fs.f_type != (uint32_t)fs_magic)
		return err_say(err, EPERM, "'%s' is refused: its file system should be %s (%#x), and is %s (%#x)", what,
			       fs_words((uint32_t)fs_magic), (unsigned)fs_magic, fs_words((uint32_t)fs.f_type),
			       (unsigned)fs.f_type);
	return 0;
}

static const char *kind_words(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFLNK:
		return "a symbolic link";
	case S_IFDIR:
		return "a folder";
	case S_IFREG:
		return "a regular file";
	case S_IFBLK:
		return "a block device";
	case S_IFIFO:
		return "a FIFO";
	case S_IFSOCK:
		return "a socket";
	default:
		return "something else";
	}
}

int path_verify_char(int fd, unsigned major_number, unsigned minor_number, const char *what, struct err *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_set(err, errno, "look at '%s'", what);
	if (!S_ISCHR(st.st_mode))
		return err_say(err, EPERM, "'%s' is refused: it should be the character device %u:%u, and is %s", what,
			       major_number, minor_number, kind_words(st.st_mode));
	if (major(st.st_rdev) != major_number || minor(st.st_rdev) != minor_number)
		return err_say(err, EPERM, "'%s' is refused: it should be the character device %u:%u, and is %u:%u",
			       what, major_number, minor_number, major(st.st_rdev), minor(st.st_rdev));
	return 0;
}

int path_open_proc(int procfd, const char *name, int open_flags, struct err *err)
{
	CLEANUP_FD int fd = -1;
	int r = path_verify_fs(procfd, PROC_SUPER_MAGIC, "/proc", err);

	if (r < 0)
		return r;
	fd = resolve(procfd, name, open_flags, PATH_NO_MOUNTS | PATH_NO_LINK_LAST);
	if (fd == -EXDEV)
		return err_set(err, EXDEV, "open '%s' of /proc: something is mounted over it", name);
	if (fd < 0)
		return err_set(err, -fd, "open '%s' of /proc", name);
	r = path_verify_fs(fd, PROC_SUPER_MAGIC, name, err);
	return r < 0 ? r : fd_take(&fd);
}

/* --- words only --- */

bool path_is_plain(const char *path)
{
	if (!*path)
		return false;
	for (;;) {
		size_t len = strcspn(path, "/");

		if (len == 0 || (len == 1 && path[0] == '.') || (len == 2 && memcmp(path, "..", 2) == 0))
			return false;
		if (!path[len])
			return true;
		path += len + 1;
	}
}

char *path_clean(struct arena *arena, const char *path)
{
	/* A slash in front of each component, and the end; the result is never longer than what it is made from. */
	char *clean = arena_alloc(arena, strlen(path) + 2);
	size_t used = 0;

	if (!clean)
		return NULL;
	while (*path) {
		size_t len = strcspn(path, "/");

		if (len == 2 && memcmp(path, "..", 2) == 0) {
			while (used > 0 && clean[--used] != '/')
				;
		} else if (len > 0 && !(len == 1 && path[0] == '.')) {
			clean[used++] = '/';
			memcpy(clean + used, path, len);
			used += len;
		}
		path += len;
		path += strspn(path, "/");
	}
	if (used == 0)
		clean[used++] = '/';
	clean[used] = '\0';
	return clean;
}

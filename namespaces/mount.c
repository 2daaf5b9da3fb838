/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "namespaces/mount.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "runtime/base/fd.h"
#include "runtime/base/path.h"
#include "runtime/base/text.h"

/*
 * New file systems come by fsopen(2) and not by mount(2) onto /proc/self/fd/N, which is one call instead of five and 3
 * µs cheaper of about 20: it needs no /proc to trust, keeps "ro" of one mount out of a super block that others share,
 * and gives a descriptor of the mount itself, against which the place where it came to be is verified.
 */

#define FS_DATA_BYTES 4096 /* as much as mount(2) takes */

int mount_clone(int dirfd, const char *path, unsigned clone_flags, struct err *err)
{
	unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC;
	int fd;

	if (clone_flags & MOUNT_CLONE_TREE)
		flags |= AT_RECURSIVE;
	if (clone_flags & MOUNT_CLONE_NOFOLLOW)
		flags |= AT_SYMLINK_NOFOLLOW;
	if (!*path)
		flags |= AT_EMPTY_PATH;
	fd = open_tree(dirfd, path, flags);
	if (fd < 0)
		return *path ? err_set(err, errno, "cloning the mount of '%s'", path)
			     : err_set(err, errno, "cloning a mount");
	return fd;
}

/* What the file system itself has to say about a refusal: "e overlay: ..." lines that are read from the context. */
int mount_context_failed(int fsfd, int code, const char *type, const char *doing, struct err *err)
{
	char words[256];
	ssize_t n = read(fsfd, words, sizeof(words) - 1);

	if (n <= 2 || words[1] != ' ')
		return err_set(err, code, "file system '%s': %s", type, doing);
	words[n] = '\0';
	words[strcspn(words, "\n")] = '\0';
	return err_set(err, code, "file system '%s': %s: %s", type, doing, words + 2);
}

/*
 * One option of the data list: "size=64m" or "newinstance". Quotes around a value (SELinux contexts have commas) are
 * for the list only.
 */
static int fs_option(int fsfd, const char *type, char *option, struct err *err)
{
	char *value = strchr(option, '=');
	int r;

	if (value) {
		size_t len;

		*value++ = '\0';
		len = strlen(value);
		if (len >= 2 && value[0] == '"' && value[len - 1] == '"') {
			value[len - 1] = '\0';
			value++;
		}
	}
	r = fsconfig(fsfd, value ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG, option, value, 0);
	if (r < 0) {
		int code = errno;
		char doing[96];

		snprintf(doing, sizeof(doing), "option '%.64s'", option);
		return mount_context_failed(fsfd, code, type, doing, err);
	}
	return 0;
}

static char *next_option(char **rest)
{
	char *start = *rest;
	bool quoted = false;
	char *at;

	if (!start)
		return NULL;
	for (at = start; *at && (quoted || *at != ','); at++)
		if (*at == '"')
			quoted = !quoted;
	*rest = *at ? at + 1 : NULL;
	*at = '\0';
	return start;
}

static int fs_options(int fsfd, const char *type, const char *data, struct err *err)
{
	char copy[FS_DATA_BYTES];
	char *rest = copy, *option;
	int r;

	if (text_copy(copy, sizeof(copy), data) < 0)
		return err_say(err, E2BIG, "file system '%s': its options are longer than %d bytes", type,
			       FS_DATA_BYTES - 1);
	while ((option = next_option(&rest))) {
		r = *option ? fs_option(fsfd, type, option, err) : 0;
		if (r < 0)
			return r;
	}
	return 0;
}

/* Super-block flags have names of their own in the newer calls. */
static const struct {
	uint64_t flag;
	const char *name;
} super_names[] = {
	{MS_SYNCHRONOUS, "sync"}, {MS_DIRSYNC, "dirsync"},    {MS_LAZYTIME, "lazytime"},
	{MS_MANDLOCK, "mand"},	  {MS_I_VERSION, "iversion"},
};

static int fs_super_flags(int fsfd, const char *type, uint64_t flags, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(super_names); i++)
		if (flags & super_names[i].flag && fsconfig(fsfd, FSCONFIG_SET_FLAG, super_names[i].name, NULL, 0) < 0)
			return mount_context_failed(fsfd, errno, type, super_names[i].name, err);
	return 0;
}

int mount_finish_new(int fsfd, const char *type, uint64_t attributes, struct err *err)
{
	int fd;

	if (fsconfig(fsfd, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return mount_context_failed(fsfd, errno, type, "mounting it", err);
	fd = fsmount(fsfd, FSMOUNT_CLOEXEC, (unsigned)attributes);
	if (fd < 0)
		return mount_context_failed(fsfd, errno, type, "mounting it", err);
	return fd;
}

int mount_new(const char *type, const char *source, const char *data, uint64_t super_flags, uint64_t attributes,
	      struct err *err)
{
	CLEANUP_FD int fsfd = fsopen(type, FSOPEN_CLOEXEC);
	int r;

	if (fsfd < 0)
		return err_set(err, errno, "file system '%s'", type);
	if (fsconfig(fsfd, FSCONFIG_SET_STRING, "source", source ? source : type, 0) < 0)
		return mount_context_failed(fsfd, errno, type, "source", err);
	r = fs_super_flags(fsfd, type, super_flags, err);
	if (r == 0 && data)
		r = fs_options(fsfd, type, data, err);
	if (r < 0)
		return r;
	return mount_finish_new(fsfd, type, attributes, err);
}

int mount_reconfigure(int fd, const char *what, const char *data, uint64_t super_flags, struct err *err)
{
	CLEANUP_FD int fsfd = fspick(fd, "", FSPICK_EMPTY_PATH | FSPICK_CLOEXEC);
	int r;

	if (fsfd < 0)
		return err_set(err, errno, "remounting '%s'", what);
	r = fs_super_flags(fsfd, what, super_flags, err);
	if (r == 0 && data)
		r = fs_options(fsfd, what, data, err);
	if (r < 0)
		return r;
	if (fsconfig(fsfd, FSCONFIG_CMD_RECONFIGURE, NULL, NULL, 0) < 0)
		return mount_context_failed(fsfd, errno, what, "remounting", err);
	return 0;
}

int mount_attach(int mountfd, int targetfd, const char *where, struct err *err)
{
	if (move_mount(mountfd, "", targetfd, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return err_set(err, errno, "mounting on '%s'", where);
	return 0;
}

int mount_change(int fd, bool tree, const struct mount_change *change, uint64_t propagation, const char *what,
		 struct err *err)
{
	struct mount_attr attr = {
		.attr_set = change->set,
		.attr_clr = change->clear,
		.propagation = propagation & ~(uint64_t)MS_REC,
	};

	/* The kernel takes an atime mode only together with clearing the whole field. */
	if (change->set & MOUNT_ATTR__ATIME)
		attr.attr_clr |= MOUNT_ATTR__ATIME;
	if (mount_setattr(fd, "", AT_EMPTY_PATH | (tree ? AT_RECURSIVE : 0), &attr, sizeof(attr)) < 0)
		return err_set(err, errno, "changing the mount of '%s'", what);
	return 0;
}

int mount_idmap(int fd, bool tree, int userns_fd, const char *what, struct err *err)
{
	struct mount_attr attr = {.attr_set = MOUNT_ATTR_IDMAP, .userns_fd = (uint64_t)userns_fd};
	int code;

	if (mount_setattr(fd, "", AT_EMPTY_PATH | (tree ? AT_RECURSIVE : 0), &attr, sizeof(attr)) == 0)
		return 0;
	code = errno;
	/*
	 * EINVAL is the kernel's word for a file system without id-mapped mounts (and for a mount that is mapped
	 * already), ENOSYS for a kernel before 5.12, EPERM for a file system that belongs to a user namespace.
	 */
	if (code != EINVAL && code != ENOSYS && code != EPERM)
		return err_set(err, code, "mapping the ids of '%s'", what);
	err_say(err, EOPNOTSUPP, "the ids of '%s' cannot be mapped here (%s)", what, strerror(code));
	return err_hint(err, "its file system or this kernel has no id-mapped mounts");
}

int mount_id(int fd, uint64_t *ret_id, struct err *err)
{
	int r = fd_mount_id(fd, ret_id);

	return r < 0 ? err_set(err, -r, "look up a mount") : 0;
}

#ifndef STATX_MNT_ID_UNIQUE
#define STATX_MNT_ID_UNIQUE 0x00004000U
#endif

int mount_identify(int fd, struct mount_identity *ret, struct err *err)
{
	struct statx found;

	if (statx(fd, "", AT_EMPTY_PATH, STATX_INO | STATX_MNT_ID | STATX_MNT_ID_UNIQUE, &found) < 0)
		return err_set(err, errno, "ask for the number of a mount");
	*ret = (struct mount_identity){
		.number = found.stx_mnt_id,
		.device = makedev(found.stx_dev_major, found.stx_dev_minor),
		.inode = found.stx_ino,
	};
	return 0;
}

/* What tells a file from all others that are there: the same file below two mounts is not the same. */
struct place {
	uint64_t mount;
	ino_t inode;
};

static int place_of(int fd, struct place *ret, const char *path, struct err *err)
{
	struct statx all;
	struct stat some;

	if (statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID | STATX_INO, &all) == 0 && all.stx_mask & STATX_MNT_ID) {
		*ret = (struct place){all.stx_mnt_id, all.stx_ino};
		return 0;
	}
	/*
	 * The C library makes up a statx(2) that is missing, without the mount: two unknown mounts must not count as
	 * one.
	 */
	if (fstat(fd, &some) < 0)
		return err_set(err, errno, "look at '%s'", path);
	ret->inode = some.st_ino;
	return mount_id(fd, &ret->mount, err);
}

static int is_same_place(int fd, const struct place *wanted, const char *path, struct err *err)
{
	struct place found;
	int r = place_of(fd, &found, path, err);

	return r < 0 ? r : found.mount == wanted->mount && found.inode == wanted->inode;
}

int mount_verify(int rootfd, const char *path, int mountfd, struct err *err)
{
	/* The last name may be a symlink on the way, or, with "src-nofollow", what was mounted. */
	static const int ways[] = {0, O_NOFOLLOW};
	struct place wanted;
	int r = place_of(mountfd, &wanted, path, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		CLEANUP_FD int fd = path_open(rootfd, path, O_PATH | O_CLOEXEC | ways[i], 0, NULL);

		r = fd < 0 ? 0 : is_same_place(fd, &wanted, path, err);
		if (r != 0)
			return r < 0 ? r : 0;
	}
	return err_say(err, EAGAIN,
		       "'%s' does not lead to what was mounted there: it was changed meanwhile, or is covered", path);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The writable layer of a guest: a sparse ext4 image. mke2fs makes one of any size in some 10 ms: no template is kept.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "images/disk.h"
#include "images/disk_tool.h"
#include "runtime/base/fd.h"
#include "runtime/base/file.h"

#define MAX_BYTES ((uint64_t)64 << 40)

/* In a folder of its own beside what it will be. */
#define MAKING ".making"

/* Mode last: chown(2) takes the setuid and setgid bits away. */
static int make_folder(int dirfd, const char *name, uid_t uid, gid_t gid, mode_t mode, struct err *err)
{
	CLEANUP_FD int fd = -1;

	if (mkdirat(dirfd, name, 0700) < 0)
		return err_set(err, errno, "make the folder '%s'", name);
	fd = file_open_dir(dirfd, name, err);
	if (fd < 0)
		return fd;
	if (fchown(fd, uid, gid) < 0 || fchmod(fd, mode) < 0)
		return err_set(err, errno, "give the folder '%s' to %u:%u", name, uid, gid);
	return 0;
}

/* What Linux 4.x knows of ext4, whatever this host's mke2fs would choose. */
static const char FEATURES[] =
	"none,has_journal,ext_attr,dir_index,filetype,extent,64bit,flex_bg,sparse_super,large_file,huge_file,dir_nlink,"
	"extra_isize,metadata_csum";

/*
 * A file that was never written to reads as zeros: so nothing of the tables and the journal has to be written, neither
 * here nor by the guest later. The journal is small, but there: a machine may end at any moment.
 */
static int format(const char *folder, const struct disk_writable *how, struct err *err)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	const char *journal = how->size_bytes < ((uint64_t)256 << 20) ? "size=4" : "size=16";
	const char *args[] = {
		"-q",
		"-F",
		"-m",
		"0",
		"-b",
		"4096",
		"-I",
		"256",
		"-i",
		"32768",
		"-O",
		FEATURES,
		"-J",
		journal,
		"-E",
		"lazy_itable_init=1,assume_storage_prezeroed=1,nodiscard,packed_meta_blocks=1",
		"-d",
		arena_printf(&arena, "%s/files", folder),
		arena_printf(&arena, "%s/image", folder),
		arena_printf(&arena, "%lluk", (unsigned long long)(how->size_bytes >> 10)),
		NULL,
	};
	const struct disk_tool tool = {.name = "mke2fs", .package = "e2fsprogs", .args = args, .kept_fd = -1};

	return arena_check(&arena, err) < 0 ? -ENOMEM : disk_tool_run(&tool, err);
}

static int make(int dirfd, const char *name, const char *path, const struct disk_writable *how, struct err *err)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	const char *folder = arena_printf(&arena, "%s" MAKING, path), *hidden = arena_printf(&arena, "%s" MAKING, name);
	CLEANUP_FD int fd = -1;
	int r = arena_check(&arena, err);

	if (r >= 0) /* what an earlier one that was killed has left */
		r = file_remove_tree(dirfd, hidden, err);
	if (r >= 0)
		r = make_folder(dirfd, hidden, geteuid(), getegid(), 0700, err);
	if (r < 0)
		return r;
	fd = file_open_dir(dirfd, hidden, err);
	r = fd < 0 ? fd : make_folder(fd, "files", 0, 0, 0755, err);
	if (r >= 0)
		r = make_folder(fd, "files/upper", how->uid, how->gid, how->mode, err);
	if (r >= 0)
		r = make_folder(fd, "files/work", 0, 0, 0700, err);
	if (r >= 0)
		r = format(folder, how, err);
	if (r >= 0 && fchmodat(fd, "image", 0600, 0) < 0)
		r = err_set(err, errno, "set the mode of '%s'", path);
	if (r >= 0 && renameat(fd, "image", dirfd, name) < 0)
		r = err_set(err, errno, "put '%s' in place", path);
	(void)file_remove_tree(dirfd, hidden, NULL);
	return r;
}

int disk_writable(const char *path, const struct disk_writable *how, struct err *err)
{
	const char *name;
	CLEANUP_FD int dirfd = -1;
	int r;

	if (how->size_bytes < DISK_MIN_BYTES || how->size_bytes > MAX_BYTES)
		return err_say(err, EINVAL, "a writable disk of %llu bytes: want 16m to 64t",
			       (unsigned long long)how->size_bytes);
	dirfd = file_open_folder_of(AT_FDCWD, path, &name, err);
	if (dirfd < 0)
		return dirfd;
	if (file_is_there(dirfd, name))
		return 0;
	r = make(dirfd, name, path, how, err);
	return r < 0 ? err_wrap(err, "writable disk") : 0;
}

int disk_writable_like(const char *top_layer, uint64_t size_bytes, struct disk_writable *ret, struct err *err)
{
	struct stat st;

	if (stat(top_layer, &st) < 0)
		return err_set(err, errno, "layer '%s'", top_layer);
	*ret = (struct disk_writable){size_bytes, st.st_uid, st.st_gid, st.st_mode & 07777};
	return 0;
}

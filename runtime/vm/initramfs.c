// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/vm/initramfs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "runtime/base/fd.h"
#include "runtime/base/file.h"
#include "runtime/base/path.h"
#include "runtime/vm/cpio.h"

/* A change of what is packed, or how, makes another version: what older ones have packed is packed anew. */
#define FORMAT_VERSION 2

#define STAMP_NAME  "packed"
#define STAMP_BYTES 128
/* Behind the header and the name of the first entry. */
#define STAMP_OFFSET ((CPIO_HEADER_BYTES + (off_t)sizeof(STAMP_NAME) + 3) / 4 * 4)

/* Which file the agent is. A file that is written anew has another time of change, whatever its other times say. */
static void make_stamp(const struct stat *agent, char to[static STAMP_BYTES])
{
	memset(to, ' ', STAMP_BYTES);
	int len = snprintf(to, STAMP_BYTES, "initramfs %d agent %llx:%llx %lld %lld.%09ld", FORMAT_VERSION,
			   (unsigned long long)agent->st_dev, (unsigned long long)agent->st_ino,
			   (long long)agent->st_size, (long long)agent->st_ctim.tv_sec, agent->st_ctim.tv_nsec);

	to[len < STAMP_BYTES ? len : STAMP_BYTES - 1] = ' ';
	to[STAMP_BYTES - 1] = '\n';
}

/* What is there, if it holds this agent; -ESTALE when it does not. */
static int open_fresh(int dirfd, const char *name, const struct stat *agent, struct err *err)
{
	CLEANUP_FD int fd = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	char wanted[STAMP_BYTES], found[STAMP_BYTES];

	if (fd < 0)
		return errno == ENOENT ? -ESTALE : err_set(err, errno, "open the initramfs");
	make_stamp(agent, wanted);
	if (pread(fd, found, sizeof(found), STAMP_OFFSET) != (ssize_t)sizeof(found) ||
	    memcmp(found, wanted, sizeof(found)) != 0)
		return -ESTALE;
	return fd_take(&fd);
}

/* --- packing --- */

struct folder {
	const char *name;
	mode_t mode;
};

static int put_folders(struct cpio *cpio, struct err *err)
{
	static const struct folder folders[] = {
		{"dev", 0755}, {"proc", 0755}, {"sys", 0755}, {"run", 0755}, {"modules", 0755},
	};
	int r = 0;

	for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(folders); i++)
		r = cpio_put_folder(cpio, folders[i].name, folders[i].mode, err);
	return r < 0 ? r : cpio_put_char(cpio, "dev/console", 0600, 5, 1, err);
}

static int put_module(struct cpio *cpio, int dirfd, const char *line, struct err *err)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	const char *path = arena_printf(&arena, "modules/%.*s", (int)strcspn(line, " "), line);
	CLEANUP_FD int fd = -1;

	if (!path)
		return arena_check(&arena, err);
	if (!path_is_plain(path))
		return err_say(err, EINVAL, "'%s' is no module's file", path);
	fd = openat(dirfd, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return err_set(err, errno, "open the kernel's '%s'", path);
	return cpio_put_file(cpio, path, 0644, fd, err);
}

static int put_modules(struct cpio *cpio, int dirfd, const struct strv *modules, struct err *err)
{
	CLEANUP_TEXT struct text list = TEXT_INIT;
	int r = 0;

	for (size_t i = 0; r >= 0 && i < modules->count; i++) {
		text_addf(&list, "%s\n", modules->items[i]);
		r = put_module(cpio, dirfd, modules->items[i], err);
	}
	if (r >= 0)
		r = text_check(&list, err);
	return r < 0 ? r : cpio_put_bytes(cpio, "modules/list", 0644, text_get(&list), list.len, err);
}

/* The program for --init lies beside the agent, on the host and here. Without it a guest says so when it is asked for it. */
static int put_init(struct cpio *cpio, const char *agent, struct err *err)
{
	const char *base = NULL;
	CLEANUP_FD int folder = file_open_folder_of(AT_FDCWD, agent, &base, err);
	CLEANUP_FD int fd = folder < 0 ? -1 : openat(folder, "hull-init", O_RDONLY | O_CLOEXEC);
	int r;

	if (folder < 0)
		return folder;
	if (fd < 0)
		return errno == ENOENT ? 0 : err_set(err, errno, "open hull-init");
	r = cpio_put_folder(cpio, "libexec", 0755, err);
	return r < 0 ? r : cpio_put_file(cpio, "libexec/hull-init", 0755, fd, err);
}

static int put_all(int to, int dirfd, const char *agent_path, int agent, const struct stat *agent_stat,
		   const struct strv *modules, struct err *err)
{
	struct cpio cpio = {.fd = to};
	char stamp[STAMP_BYTES];
	int r;

	make_stamp(agent_stat, stamp);
	r = cpio_put_bytes(&cpio, STAMP_NAME, 0444, stamp, sizeof(stamp), err);
	if (r >= 0)
		r = put_folders(&cpio, err);
	if (r >= 0)
		r = cpio_put_file(&cpio, "init", 0755, agent, err);
	if (r >= 0)
		r = put_init(&cpio, agent_path, err);
	if (r >= 0)
		r = put_modules(&cpio, dirfd, modules, err);
	if (r >= 0)
		r = cpio_end(&cpio, err);
	/* Its stamp would vouch for contents that a power cut has kept from the disk. */
	if (r >= 0 && fdatasync(to) < 0)
		r = err_set(err, errno, "write the initramfs");
	return r;
}

/* The lock is held: the temporary name is nobody else's. */
static int pack(int dirfd, const char *name, const char *agent_path, int agent, const struct stat *agent_stat,
		const struct strv *modules, struct err *err)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	const char *made = arena_printf(&arena, "%s.new", name);
	CLEANUP_FD int to = -1;
	int r;

	if (!made)
		return arena_check(&arena, err);
	(void)unlinkat(dirfd, made, 0);
	/* QEMU, which is no root of the host's, opens it by name; nobody else comes into the folder. */
	to = openat(dirfd, made, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (to < 0 || fchmod(to, 0644) < 0)
		return err_set(err, errno, "make the initramfs");
	r = put_all(to, dirfd, agent_path, agent, agent_stat, modules, err);
	if (r >= 0 && renameat(dirfd, made, dirfd, name) < 0)
		r = err_set(err, errno, "put the initramfs in place");
	if (r < 0) {
		(void)unlinkat(dirfd, made, 0);
		return r;
	}
	/* Not the one that can be written to: this one is on its way to a guest's monitor. */
	r = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	return r < 0 ? err_set(err, errno, "open the initramfs") : r;
}

int initramfs_open(int dirfd, const char *name, const char *agent, const struct strv *modules, struct err *err)
{
	CLEANUP_FD int agent_fd = open(agent, O_RDONLY | O_CLOEXEC);
	CLEANUP_FD int lock = -1;
	struct stat st;
	int r;

	if (agent_fd < 0 || fstat(agent_fd, &st) < 0)
		return err_set(err, errno, "open hull's agent '%s'", agent);
	r = open_fresh(dirfd, name, &st, err);
	if (r != -ESTALE)
		return r;
	/* Not the folder itself: while a kernel is being made its maker holds that. */
	lock = openat(dirfd, "modules", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (lock < 0)
		return err_set(err, errno, "open a kernel's modules");
	while (flock(lock, LOCK_EX) < 0)
		if (errno != EINTR)
			return err_set(err, errno, "lock a kernel's modules");
	/* Somebody may have packed it while this one waited. */
	r = open_fresh(dirfd, name, &st, err);
	return r == -ESTALE ? pack(dirfd, name, agent, agent_fd, &st, modules, err) : r;
}

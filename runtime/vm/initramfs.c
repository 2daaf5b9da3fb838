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
#define FORMAT_VERSION 3

#define STAMP_NAME  "packed"
#define STAMP_BYTES 256
/* Behind the header and the name of the first entry. */
#define STAMP_OFFSET ((CPIO_HEADER_BYTES + (off_t)sizeof(STAMP_NAME) + 3) / 4 * 4)

/* --- hull's programs in it --- */

struct programs {
	int agent_fd, init_fd; /* init: -1 where it is not installed */
	struct stat agent, init;
};

static void close_programs(struct programs *programs)
{
	scope_fd(&programs->agent_fd);
	scope_fd(&programs->init_fd);
}

/*
 * The program for --init lies beside the agent, on the host and in the guest. Without it a guest says so when it is
 * asked for it.
 */
static int open_programs(const char *agent, struct programs *ret, struct err *err)
{
	const char *base = NULL;
	CLEANUP_FD int folder = file_open_folder_of(AT_FDCWD, agent, &base, err);

	if (folder < 0)
		return folder;
	ret->agent_fd = openat(folder, base, O_RDONLY | O_CLOEXEC);
	if (ret->agent_fd < 0 || fstat(ret->agent_fd, &ret->agent) < 0)
		return err_set(err, errno, "open hull's agent '%s'", agent);
	ret->init_fd = openat(folder, "hull-init", O_RDONLY | O_CLOEXEC);
	if (ret->init_fd < 0 ? errno != ENOENT : fstat(ret->init_fd, &ret->init) < 0)
		return err_set(err, errno, "open hull-init");
	return 0;
}

/* Which file it is. One that is written anew has another time of change, whatever its other times say. */
static void add_identity(char to[static STAMP_BYTES], const char *name, const struct stat *st)
{
	size_t len = strlen(to);

	(void)snprintf(to + len, STAMP_BYTES - len, " %s %llx:%llx %lld %lld.%09ld", name,
		       (unsigned long long)st->st_dev, (unsigned long long)st->st_ino, (long long)st->st_size,
		       (long long)st->st_ctim.tv_sec, st->st_ctim.tv_nsec);
}

static void make_stamp(const struct programs *programs, char to[static STAMP_BYTES])
{
	size_t len;

	(void)snprintf(to, STAMP_BYTES, "initramfs %d", FORMAT_VERSION);
	add_identity(to, "agent", &programs->agent);
	if (programs->init_fd >= 0)
		add_identity(to, "init", &programs->init);
	len = strlen(to);
	memset(to + len, ' ', STAMP_BYTES - len);
	to[STAMP_BYTES - 1] = '\n';
}

/* What is there, if it holds these programs; -ESTALE when it does not. */
static int open_fresh(int dirfd, const char *name, const struct programs *programs, struct err *err)
{
	CLEANUP_FD int fd = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	char wanted[STAMP_BYTES], found[STAMP_BYTES];

	if (fd < 0)
		return errno == ENOENT ? -ESTALE : err_set(err, errno, "open the initramfs");
	make_stamp(programs, wanted);
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

static int put_programs(struct cpio *cpio, const struct programs *programs, struct err *err)
{
	int r = cpio_put_file(cpio, "init", 0755, programs->agent_fd, err);

	if (r < 0 || programs->init_fd < 0)
		return r;
	r = cpio_put_folder(cpio, "libexec", 0755, err);
	return r < 0 ? r : cpio_put_file(cpio, "libexec/hull-init", 0755, programs->init_fd, err);
}

static int put_all(int to, int dirfd, const struct programs *programs, const struct strv *modules, struct err *err)
{
	struct cpio cpio = {.fd = to};
	char stamp[STAMP_BYTES];
	int r;

	make_stamp(programs, stamp);
	r = cpio_put_bytes(&cpio, STAMP_NAME, 0444, stamp, sizeof(stamp), err);
	if (r >= 0)
		r = put_folders(&cpio, err);
	if (r >= 0)
		r = put_programs(&cpio, programs, err);
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
static int pack(int dirfd, const char *name, const struct programs *programs, const struct strv *modules,
		struct err *err)
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
	r = put_all(to, dirfd, programs, modules, err);
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
	CLEANUP(close_programs) struct programs programs = {.agent_fd = -1, .init_fd = -1};
	CLEANUP_FD int lock = -1;
	int r = open_programs(agent, &programs, err);

	if (r >= 0)
		r = open_fresh(dirfd, name, &programs, err);
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
	r = open_fresh(dirfd, name, &programs, err);
	return r == -ESTALE ? pack(dirfd, name, &programs, modules, err) : r;
}

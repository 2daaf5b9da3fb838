/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/vm/fuse_driver.h"

#include <fcntl.h>
#include <ftw.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/scope.h"

#define SECRET "not shared"

static void must(bool condition, const char *words)
{
	if (condition)
		return;
	perror(words);
	abort();
}

/*
 * What these tests ask for is to reach out of a directory, as root: where the server has a mistake, it must not be the
 * host's files that pay for it. So nothing can be written but below `parent`. Who may not make that so may not harm the
 * host either.
 */
static void keep_host(const char *parent)
{
	static bool done;
	struct mount_attr fixed = {.attr_set = MOUNT_ATTR_RDONLY}, open_again = {.attr_clr = MOUNT_ATTR_RDONLY};

	if (done || geteuid() != 0 || unshare(CLONE_NEWNS) < 0)
		return;
	must(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0, "private mounts");
	must(mount(parent, parent, NULL, MS_BIND, NULL) == 0, parent);
	must(mount_setattr(AT_FDCWD, "/", AT_RECURSIVE, &fixed, sizeof(fixed)) == 0, "read-only mounts");
	must(mount_setattr(AT_FDCWD, parent, 0, &open_again, sizeof(open_again)) == 0, parent);
	done = true;
}

void fuse_driver_open(struct fuse_driver *driver, bool read_only, unsigned max_nodes, unsigned max_handles)
{
	struct fuse_share share = {.read_only = read_only, .max_nodes = max_nodes, .max_handles = max_handles};
	const char *parent = getenv("TMPDIR");
	struct err err = ERR_INIT;
	int folder;

	memset(driver, 0, sizeof(*driver));
	parent = parent ? parent : "/tmp";
	keep_host(parent);
	snprintf(driver->folder, sizeof(driver->folder), "%s/hull-fuse.XXXXXX", parent);
	must(mkdtemp(driver->folder) != NULL, driver->folder);
	folder = open(driver->folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	must(mkdirat(folder, "share", 0755) == 0 && mkdirat(folder, "outside", 0755) == 0, driver->folder);
	driver->root_fd = openat(folder, "share", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	driver->outside_fd = openat(folder, "outside", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	close(folder);

	CLEANUP_FD int secret = openat(driver->outside_fd, "secret", O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

	must(write(secret, SECRET, strlen(SECRET)) == (ssize_t)strlen(SECRET), "secret");
	share.root_fd = driver->root_fd;
	driver->proc_fd = share.proc_fd = open("/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC);
	must(fuse_open(&share, &driver->fuse, &err) == 0, err.msg);
	must(fuse_driver_init(driver, FUSE_KERNEL_MINOR_VERSION) == 0, "INIT");
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *at)
{
	(void)status;
	(void)type;
	(void)at;
	return remove(path);
}

/* "secret" as it was, and nothing beside it. */
static bool outside_is_whole(const struct fuse_driver *driver)
{
	char found[64] = "", path[96];
	CLEANUP_FD int fd = openat(driver->outside_fd, "secret", O_RDONLY | O_CLOEXEC);
	struct stat file = {0}, folder = {0}, above = {0};

	snprintf(path, sizeof(path), "%s/.", driver->folder);
	return read(fd, found, sizeof(found) - 1) == (ssize_t)strlen(SECRET) && strcmp(found, SECRET) == 0 &&
	       fstat(fd, &file) == 0 && (file.st_mode & 07777) == 0600 && file.st_nlink == 1 &&
	       fstat(driver->outside_fd, &folder) == 0 && folder.st_nlink == 2 &&
	       renameat(driver->outside_fd, "secret", driver->outside_fd, "secret.") == 0 &&
	       unlinkat(driver->outside_fd, "secret.", 0) == 0 && stat(path, &above) == 0 && above.st_nlink == 4;
}

bool fuse_driver_close(struct fuse_driver *driver)
{
	char outside[96];
	bool whole = outside_is_whole(driver);

	fuse_close(driver->fuse);
	snprintf(outside, sizeof(outside), "%s/outside", driver->folder);
	/* Whatever else has come into it keeps it from being removed. */
	whole = rmdir(outside) == 0 && whole;
	must(nftw(driver->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS) == 0, driver->folder);
	close(driver->root_fd);
	close(driver->proc_fd);
	close(driver->outside_fd);
	return whole;
}

int fuse_driver_ask(struct fuse_driver *driver, uint32_t opcode, uint64_t node, const void *arg, size_t arg_bytes,
		    const void *text, size_t text_bytes)
{
	struct fuse_in_header in = {
		.len = (uint32_t)(sizeof(in) + arg_bytes + text_bytes),
		.opcode = opcode,
		.unique = ++driver->unique,
		.nodeid = node,
		.uid = driver->uid,
		.gid = driver->gid,
	};
	union {
		const void *given;
		void *plain;
	} struct_part = {.given = arg}, text_part = {.given = text};
	struct iovec asked[3] = {{&in, sizeof(in)}, {struct_part.plain, arg_bytes}, {text_part.plain, text_bytes}};
	struct iovec room[2] = {{&driver->header, sizeof(driver->header)}, {driver->reply, sizeof(driver->reply)}};

	memset(driver->reply, 0, sizeof(driver->reply));
	size_t n = fuse_answer(driver->fuse, asked, 3, room, 2);

	if (n == 0)
		return 1;
	must(n >= sizeof(driver->header) && n == driver->header.len && driver->header.unique == in.unique &&
		     driver->header.error <= 0 && (driver->header.error == 0 || n == sizeof(driver->header)),
	     "a reply");
	return driver->header.error;
}

int fuse_driver_init(struct fuse_driver *driver, uint32_t minor)
{
	struct fuse_init_in in = {.major = FUSE_KERNEL_VERSION,
				  .minor = minor,
				  .max_readahead = 1 << 17,
				  .flags = INT32_MAX};

	return fuse_driver_ask(driver, FUSE_INIT, 0, &in, sizeof(in), NULL, 0);
}

static int take_node(struct fuse_driver *driver, int result, uint64_t *ret_node)
{
	if (result == 0 && ret_node)
		*ret_node = FUSE_DRIVER_REPLY(driver, fuse_entry_out)->nodeid;
	return result;
}

int fuse_driver_lookup(struct fuse_driver *driver, uint64_t parent, const char *name, uint64_t *ret_node)
{
	return take_node(driver, fuse_driver_ask(driver, FUSE_LOOKUP, parent, NULL, 0, name, strlen(name) + 1),
			 ret_node);
}

int fuse_driver_mkdir(struct fuse_driver *driver, uint64_t parent, const char *name, uint64_t *ret_node)
{
	struct fuse_mkdir_in in = {.mode = 0777, .umask = 022};

	return take_node(driver, fuse_driver_ask(driver, FUSE_MKDIR, parent, &in, sizeof(in), name, strlen(name) + 1),
			 ret_node);
}

int fuse_driver_symlink(struct fuse_driver *driver, uint64_t parent, const char *name, const char *target,
			uint64_t *ret_node)
{
	char text[1024];
	int n = snprintf(text, sizeof(text), "%s%c%s", name, '\0', target);

	return take_node(driver, fuse_driver_ask(driver, FUSE_SYMLINK, parent, NULL, 0, text, (size_t)n + 1), ret_node);
}

int fuse_driver_create(struct fuse_driver *driver, uint64_t parent, const char *name, uint32_t flags, uint32_t mode,
		       uint64_t *ret_node, uint64_t *ret_handle)
{
	struct fuse_create_in in = {.flags = flags | O_CREAT, .mode = mode | S_IFREG, .umask = 022};
	struct fuse_open_out opened;
	int r = fuse_driver_ask(driver, FUSE_CREATE, parent, &in, sizeof(in), name, strlen(name) + 1);

	memcpy(&opened, driver->reply + sizeof(struct fuse_entry_out), sizeof(opened));
	if (r == 0 && ret_handle)
		*ret_handle = opened.fh;
	return take_node(driver, r, ret_node);
}

int fuse_driver_open_file(struct fuse_driver *driver, uint64_t node, uint32_t flags, uint64_t *ret_handle)
{
	struct fuse_open_in in = {.flags = flags};
	int r = fuse_driver_ask(driver, FUSE_OPEN, node, &in, sizeof(in), NULL, 0);

	if (r == 0 && ret_handle)
		*ret_handle = FUSE_DRIVER_REPLY(driver, fuse_open_out)->fh;
	return r;
}

int fuse_driver_write(struct fuse_driver *driver, uint64_t handle, uint64_t offset, const char *words)
{
	struct fuse_write_in in = {.fh = handle, .offset = offset, .size = (uint32_t)strlen(words)};

	return fuse_driver_ask(driver, FUSE_WRITE, 0, &in, sizeof(in), words, strlen(words));
}

int fuse_driver_rename(struct fuse_driver *driver, uint64_t parent, const char *name, uint64_t to_parent,
		       const char *to_name)
{
	struct fuse_rename2_in in = {.newdir = to_parent};
	char text[1024];
	int n = snprintf(text, sizeof(text), "%s%c%s", name, '\0', to_name);

	return fuse_driver_ask(driver, FUSE_RENAME2, parent, &in, sizeof(in), text, (size_t)n + 1);
}

void fuse_driver_forget(struct fuse_driver *driver, uint64_t node, uint64_t lookups)
{
	struct fuse_forget_in in = {.nlookup = lookups};

	(void)fuse_driver_ask(driver, FUSE_FORGET, node, &in, sizeof(in), NULL, 0);
}

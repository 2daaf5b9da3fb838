/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "runtime/base/scope.h"
#include "runtime/vm/fuse_parts.h"
#include "tests/unit/tap.h"
#include "tests/unit/vm/fuse_driver.h"

static struct fuse_driver driver;

static void begin(void)
{
	fuse_driver_open(&driver, false, 1000, 100);
}

static void finish(void)
{
	CHECK(fuse_driver_close(&driver));
}

static struct stat status_of(const char *name)
{
	struct stat status = {0};

	CHECK_INT(fstatat(driver.root_fd, name, &status, AT_SYMLINK_NOFOLLOW), 0);
	return status;
}

static void test_session(void)
{
	struct fuse_init_in later = {.major = FUSE_KERNEL_VERSION + 1, .minor = 0};
	uint64_t node;

	begin();
	CHECK_INT(fuse_driver_mkdir(&driver, FUSE_ROOT_ID, "a", &node), 0);
	CHECK_INT(fuse_driver_ask(&driver, FUSE_DESTROY, 0, NULL, 0, NULL, 0), 0);
	/* Before INIT nothing is answered, and what was known before is not. */
	CHECK_INT(fuse_driver_lookup(&driver, FUSE_ROOT_ID, "a", NULL), -EIO);
	CHECK_INT(fuse_driver_init(&driver, 30), -EPROTO);
	CHECK_INT(fuse_driver_lookup(&driver, FUSE_ROOT_ID, "a", NULL), -EIO);
	CHECK_INT(fuse_driver_ask(&driver, FUSE_INIT, 0, &later, sizeof(later), NULL, 0), 0);
	CHECK_INT(FUSE_DRIVER_REPLY(&driver, fuse_init_out)->major, FUSE_KERNEL_VERSION);
	CHECK_INT(fuse_driver_lookup(&driver, FUSE_ROOT_ID, "a", NULL), -EIO);
	CHECK_INT(fuse_driver_init(&driver, 31), 0);
	CHECK(!(FUSE_DRIVER_REPLY(&driver, fuse_init_out)->flags & (FUSE_EXPORT_SUPPORT | FUSE_POSIX_LOCKS)));
	CHECK_INT(fuse_driver_lookup(&driver, node, "b", NULL), -ESTALE);
	CHECK_INT(fuse_driver_lookup(&driver, FUSE_ROOT_ID, "a", &node), 0);
	CHECK_INT(fuse_driver_ask(&driver, FUSE_IOCTL, node, NULL, 0, NULL, 0), -ENOSYS);
	CHECK_INT(fuse_driver_ask(&driver, 4096, node, NULL, 0, NULL, 0), -ENOSYS);
	finish();
}

static void test_hostile_names(void)
{
	char absolute[96];
	const struct {
		const char *name;
		size_t bytes; /* with its NUL, if it has one */
		int error;
	} cases[] = {
		/* What a mistake could reach is what this test has made itself: never a name of the host's. */
		{absolute, sizeof(absolute), -EINVAL},
		{"..", 3, -EINVAL},
		{".", 2, -EINVAL},
		{"", 1, -EINVAL},
		{"../outside/secret", 18, -EINVAL},
		{"a/..", 5, -EINVAL},
		{"a/", 3, -EINVAL},
		{"a", 1, -EINVAL},
		{"a\0b", 4, -EINVAL},
		{"..\0", 4, -EINVAL},
		{"", 0, -EINVAL},
		{"...", 4, -ENOENT},
	};
	char longest[300];
	uint64_t a;

	begin();
	memset(absolute, 0, sizeof(absolute));
	snprintf(absolute, sizeof(absolute), "%s/outside/secret", driver.folder);
	CHECK_INT(fuse_driver_mkdir(&driver, FUSE_ROOT_ID, "a", &a), 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		/* With one NUL, at its end. */
		size_t bytes = cases[i].name == absolute ? strlen(absolute) + 1 : cases[i].bytes;
		struct fuse_mkdir_in mkdir_in = {.mode = 0700};
		struct fuse_create_in create_in = {.flags = O_CREAT | O_RDWR, .mode = 0600};
		struct fuse_link_in link_in = {.oldnodeid = a};
		int other = cases[i].error == -ENOENT ? 0 : cases[i].error;

		CHECK_INT(fuse_driver_ask(&driver, FUSE_LOOKUP, a, NULL, 0, cases[i].name, bytes), cases[i].error);
		CHECK_INT(fuse_driver_ask(&driver, FUSE_UNLINK, a, NULL, 0, cases[i].name, bytes), cases[i].error);
		CHECK_INT(fuse_driver_ask(&driver, FUSE_RMDIR, a, NULL, 0, cases[i].name, bytes), cases[i].error);
		CHECK_INT(fuse_driver_ask(&driver, FUSE_MKDIR, a, &mkdir_in, sizeof(mkdir_in), cases[i].name, bytes),
			  other);
		CHECK_INT(fuse_driver_ask(&driver, FUSE_CREATE, FUSE_ROOT_ID, &create_in, sizeof(create_in),
					  cases[i].name, bytes),
			  other);
		CHECK(fuse_driver_ask(&driver, FUSE_LINK, a, &link_in, sizeof(link_in), cases[i].name, bytes) < 0);
	}
	CHECK_INT(fuse_driver_rename(&driver, FUSE_ROOT_ID, "a", FUSE_ROOT_ID, "../outside/a"), -EINVAL);
	CHECK_INT(fuse_driver_rename(&driver, FUSE_ROOT_ID, "../outside/secret", FUSE_ROOT_ID, "b"), -EINVAL);
	CHECK_INT(fuse_driver_symlink(&driver, FUSE_ROOT_ID, "../outside/link", "x", NULL), -EINVAL);
	memset(longest, 'n', sizeof(longest));
	longest[256] = '\0';
	CHECK_INT(fuse_driver_lookup(&driver, FUSE_ROOT_ID, longest, NULL), -ENAMETOOLONG);
	longest[255] = '\0';
	CHECK_INT(fuse_driver_lookup(&driver, FUSE_ROOT_ID, longest, NULL), -ENOENT);
	finish();
}

/* The server follows none, wherever it leads, and whatever is asked of it. */
static void test_links_are_not_followed(void)
{
	struct fuse_setattr_in mode = {.valid = FATTR_MODE, .mode = 0666}, size = {.valid = FATTR_SIZE};
	struct fuse_setxattr_in attribute = {.size = 1};
	struct fuse_getattr_in none = {0};
	struct fuse_open_in open_in = {0};
	uint64_t link, folder_link;

	begin();
	CHECK_INT(fuse_driver_symlink(&driver, FUSE_ROOT_ID, "link", "../outside/secret", &link), 0);
	CHECK_INT(fuse_driver_symlink(&driver, FUSE_ROOT_ID, "folder", "../outside", &folder_link), 0);
	CHECK_INT(fuse_driver_lookup(&driver, FUSE_ROOT_ID, "link", &link), 0);
	CHECK(S_ISLNK(FUSE_DRIVER_REPLY(&driver, fuse_entry_out)->attr.mode));
	CHECK_INT(fuse_driver_ask(&driver, FUSE_READLINK, link, NULL, 0, NULL, 0), 0);
	CHECK_STR((char *)driver.reply, "../outside/secret");
	CHECK_INT(fuse_driver_ask(&driver, FUSE_GETATTR, link, &none, sizeof(none), NULL, 0), 0);
	CHECK(S_ISLNK(FUSE_DRIVER_REPLY(&driver, fuse_attr_out)->attr.mode));
	CHECK_INT(fuse_driver_open_file(&driver, link, O_RDWR, NULL), -ELOOP);
	CHECK_INT(fuse_driver_open_file(&driver, folder_link, O_RDONLY, NULL), -ELOOP);
	CHECK_INT(fuse_driver_ask(&driver, FUSE_OPENDIR, folder_link, &open_in, sizeof(open_in), NULL, 0), -ENOTDIR);
	CHECK_INT(fuse_driver_lookup(&driver, folder_link, "secret", NULL), -ENOTDIR);
	CHECK_INT(fuse_driver_mkdir(&driver, folder_link, "new", NULL), -ENOTDIR);
	CHECK(fuse_driver_create(&driver, FUSE_ROOT_ID, "link", O_RDWR, 0600, NULL, NULL) < 0);
	CHECK_INT(fuse_driver_ask(&driver, FUSE_SETATTR, link, &size, sizeof(size), NULL, 0), -ELOOP);
	(void)fuse_driver_ask(&driver, FUSE_SETATTR, link, &mode, sizeof(mode), NULL, 0);
	CHECK(fuse_driver_ask(&driver, FUSE_SETXATTR, link, &attribute, sizeof(attribute), "user.x\0y", 8) < 0);
	finish();
}

/* A folder that becomes a link to elsewhere between two requests. */
static void test_names_that_change(void)
{
	uint64_t folder, inner;

	begin();
	CHECK_INT(fuse_driver_mkdir(&driver, FUSE_ROOT_ID, "folder", &folder), 0);
	CHECK_INT(renameat(driver.root_fd, "folder", driver.root_fd, "moved"), 0);
	CHECK_INT(symlinkat("../outside", driver.root_fd, "folder"), 0);
	/* The node is the folder that it was; the name is a link now. */
	CHECK_INT(fuse_driver_mkdir(&driver, folder, "inner", &inner), 0);
	(void)status_of("moved/inner");
	CHECK_INT(fuse_driver_lookup(&driver, FUSE_ROOT_ID, "folder", &folder), 0);
	CHECK_INT(fuse_driver_lookup(&driver, folder, "secret", NULL), -ENOTDIR);
	CHECK_INT(unlinkat(driver.root_fd, "moved/inner", AT_REMOVEDIR), 0);
	CHECK_INT(fuse_driver_mkdir(&driver, inner, "x", NULL), -ENOENT);
	finish();
}

static void test_stale_nodes(void)
{
	struct fuse_getattr_in none = {0};
	struct fuse_link_in link_in;
	uint64_t node, again, fresh;

	begin();
	CHECK_INT(fuse_driver_mkdir(&driver, FUSE_ROOT_ID, "a", &node), 0);
	CHECK_INT(fuse_driver_lookup(&driver, FUSE_ROOT_ID, "a", &again), 0);
	CHECK(again == node);
	CHECK_INT(fuse_counts(driver.fuse).nodes, 2);
	fuse_driver_forget(&driver, node, 1);
	CHECK_INT(fuse_driver_ask(&driver, FUSE_GETATTR, node, &none, sizeof(none), NULL, 0), 0);
	fuse_driver_forget(&driver, node, 1);
	CHECK_INT(fuse_driver_ask(&driver, FUSE_GETATTR, node, &none, sizeof(none), NULL, 0), -ESTALE);
	/* Its slot is somebody else's now; its number is not. */
	CHECK_INT(fuse_driver_mkdir(&driver, FUSE_ROOT_ID, "b", &fresh), 0);
	CHECK(fresh != node && (uint32_t)fresh == (uint32_t)node);
	CHECK_INT(fuse_driver_ask(&driver, FUSE_GETATTR, node, &none, sizeof(none), NULL, 0), -ESTALE);
	CHECK_INT(fuse_driver_lookup(&driver, node, "x", NULL), -ESTALE);
	CHECK_INT(fuse_driver_rename(&driver, FUSE_ROOT_ID, "b", node, "c"), -ESTALE);
	link_in.oldnodeid = node;
	CHECK_INT(fuse_driver_ask(&driver, FUSE_LINK, FUSE_ROOT_ID, &link_in, sizeof(link_in), "c", 2), -ESTALE);
	/* More than was given out, of what is not there, of the root: nothing happens. */
	fuse_driver_forget(&driver, fresh, UINT64_MAX);
	fuse_driver_forget(&driver, fresh, 1);
	fuse_driver_forget(&driver, UINT64_MAX, 1);
	fuse_driver_forget(&driver, 0, 1);
	fuse_driver_forget(&driver, FUSE_ROOT_ID, UINT64_MAX);
	CHECK_INT(fuse_counts(driver.fuse).nodes, 1);
	CHECK_INT(fuse_driver_lookup(&driver, FUSE_ROOT_ID, "b", NULL), 0);
	finish();
}

static void test_batch_forget(void)
{
	struct {
		struct fuse_batch_forget_in in;
		struct fuse_forget_one ones[3];
	} batch = {.in = {.count = 1000}};
	uint64_t a, b;

	begin();
	CHECK_INT(fuse_driver_mkdir(&driver, FUSE_ROOT_ID, "a", &a), 0);
	CHECK_INT(fuse_driver_mkdir(&driver, FUSE_ROOT_ID, "b", &b), 0);
	batch.ones[0] = (struct fuse_forget_one){a, 1};
	batch.ones[1] = (struct fuse_forget_one){77, 1};
	batch.ones[2] = (struct fuse_forget_one){b, 1};
	/* It says that there are more than there are. */
	CHECK_INT(fuse_driver_ask(&driver, FUSE_BATCH_FORGET, 0, &batch.in, sizeof(batch.in), batch.ones,
				  sizeof(batch.ones)),
		  1);
	CHECK_INT(fuse_counts(driver.fuse).nodes, 1);
	/* What the request before it had at that place is not this one's. */
	CHECK_INT(fuse_driver_lookup(&driver, FUSE_ROOT_ID, "b", &b), 0);
	CHECK_INT(fuse_driver_lookup(&driver, FUSE_ROOT_ID, "b", &b), 0);
	batch.ones[0] = (struct fuse_forget_one){77, 1};
	batch.ones[1] = (struct fuse_forget_one){b, 1};
	for (unsigned ones = 2; ones > 0; ones--)
		CHECK_INT(fuse_driver_ask(&driver, FUSE_BATCH_FORGET, 0, &batch.in, sizeof(batch.in), batch.ones,
					  ones * sizeof(batch.ones[0])),
			  1);
	CHECK_INT(fuse_counts(driver.fuse).nodes, 2);
	finish();
}

static void test_bounds(void)
{
	char name[16];
	unsigned full = 0;
	uint64_t node, handle;

	fuse_driver_open(&driver, false, 10, 3);
	for (int i = 0; i < 20; i++) {
		int r;

		snprintf(name, sizeof(name), "%d", i);
		r = fuse_driver_mkdir(&driver, FUSE_ROOT_ID, name, &node);
		CHECK(r == 0 || r == -ENFILE);
		full += r == -ENFILE;
	}
	CHECK_INT(full, 11);
	CHECK_INT(fuse_counts(driver.fuse).nodes, 10);
	fuse_driver_forget(&driver, node, 1);
	for (int i = 0; i < 5; i++)
		CHECK_INT(fuse_driver_create(&driver, FUSE_ROOT_ID, "file", O_RDWR, 0600, &node, &handle),
			  i < 3 ? 0 : -ENFILE);
	CHECK_INT(fuse_counts(driver.fuse).handles, 3);
	finish();
}

static void test_handles(void)
{
	struct fuse_read_in read_in = {.size = 100};
	struct fuse_release_in release_in = {0};
	struct fuse_open_in open_in = {0};
	uint64_t file, old, handle, folder;

	begin();
	CHECK_INT(fuse_driver_create(&driver, FUSE_ROOT_ID, "file", O_RDWR, 0600, &file, &old), 0);
	CHECK_INT(fuse_driver_write(&driver, old, 3, "words"), 0);
	CHECK_INT(FUSE_DRIVER_REPLY(&driver, fuse_write_out)->size, 5);
	read_in.fh = old;
	read_in.offset = 2;
	CHECK_INT(fuse_driver_ask(&driver, FUSE_READ, file, &read_in, sizeof(read_in), NULL, 0), 0);
	CHECK_INT(driver.header.len, sizeof(driver.header) + 6);
	CHECK(memcmp(driver.reply, "\0words", 6) == 0);
	CHECK_INT(fuse_driver_ask(&driver, FUSE_OPENDIR, FUSE_ROOT_ID, &open_in, sizeof(open_in), NULL, 0), 0);
	folder = FUSE_DRIVER_REPLY(&driver, fuse_open_out)->fh;
	read_in.fh = folder;
	CHECK_INT(fuse_driver_ask(&driver, FUSE_READ, file, &read_in, sizeof(read_in), NULL, 0), -EBADF);
	read_in.fh = old;
	CHECK_INT(fuse_driver_ask(&driver, FUSE_READDIR, file, &read_in, sizeof(read_in), NULL, 0), -EBADF);
	release_in.fh = old;
	CHECK_INT(fuse_driver_ask(&driver, FUSE_RELEASEDIR, file, &release_in, sizeof(release_in), NULL, 0), 0);
	CHECK_INT(fuse_driver_write(&driver, old, 0, "x"), 0);
	CHECK_INT(fuse_driver_ask(&driver, FUSE_RELEASE, file, &release_in, sizeof(release_in), NULL, 0), 0);
	CHECK_INT(fuse_driver_ask(&driver, FUSE_RELEASE, file, &release_in, sizeof(release_in), NULL, 0), 0);
	CHECK_INT(fuse_driver_write(&driver, old, 0, "x"), -EBADF);
	CHECK_INT(fuse_driver_open_file(&driver, file, O_RDONLY, &handle), 0);
	CHECK(handle != old && (uint32_t)handle == (uint32_t)old);
	CHECK_INT(fuse_driver_write(&driver, old, 0, "x"), -EBADF);
	CHECK_INT(fuse_driver_write(&driver, handle, 0, "x"), -EBADF);
	CHECK_INT(fuse_driver_write(&driver, UINT64_MAX, 0, "x"), -EBADF);
	finish();
}

static void test_only_files_are_opened(void)
{
	struct fuse_mknod_in in = {.mode = S_IFIFO | 0600};
	uint64_t pipe_node, device;

	begin();
	CHECK_INT(fuse_driver_ask(&driver, FUSE_MKNOD, FUSE_ROOT_ID, &in, sizeof(in), "pipe", 5), 0);
	pipe_node = FUSE_DRIVER_REPLY(&driver, fuse_entry_out)->nodeid;
	CHECK_INT(fuse_driver_open_file(&driver, pipe_node, O_RDONLY, NULL), -ENXIO);
	CHECK_INT(fuse_driver_create(&driver, FUSE_ROOT_ID, "pipe", O_RDONLY, 0600, NULL, NULL), -EEXIST);
	in.mode = S_IFCHR | 0600;
	in.rdev = 0x103;
	CHECK_INT(fuse_driver_ask(&driver, FUSE_MKNOD, FUSE_ROOT_ID, &in, sizeof(in), "null", 5), -EPERM);
	in.mode = S_IFBLK | 0600;
	CHECK_INT(fuse_driver_ask(&driver, FUSE_MKNOD, FUSE_ROOT_ID, &in, sizeof(in), "disk", 5), -EPERM);
	/* One that is there: the guest has a driver of its own behind that number, or none. */
	if (mknodat(driver.root_fd, "device", S_IFCHR | 0666, makedev(1, 3)) == 0) {
		CHECK_INT(fuse_driver_lookup(&driver, FUSE_ROOT_ID, "device", &device), 0);
		CHECK_INT(FUSE_DRIVER_REPLY(&driver, fuse_entry_out)->attr.rdev, 0x103);
		CHECK_INT(fuse_driver_open_file(&driver, device, O_RDWR, NULL), -ENXIO);
		CHECK_INT(fuse_driver_create(&driver, FUSE_ROOT_ID, "device", O_RDWR, 0600, NULL, NULL), -EEXIST);
	}
	finish();
}

static void test_read_only(void)
{
	struct fuse_setattr_in set = {.valid = FATTR_MODE, .mode = 0777};
	struct fuse_setxattr_in attribute = {.size = 1};
	struct fuse_fallocate_in space = {.length = 4096};
	struct fuse_copy_file_range_in copy = {.len = 1};
	uint64_t file, handle;

	fuse_driver_open(&driver, true, 100, 100);
	close(openat(driver.root_fd, "file", O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
	CHECK_INT(fuse_driver_lookup(&driver, FUSE_ROOT_ID, "file", &file), 0);
	CHECK_INT(fuse_driver_open_file(&driver, file, O_RDWR, NULL), -EROFS);
	CHECK_INT(fuse_driver_open_file(&driver, file, O_WRONLY, NULL), -EROFS);
	CHECK_INT(fuse_driver_open_file(&driver, file, O_RDONLY | O_TRUNC, NULL), -EROFS);
	CHECK_INT(fuse_driver_open_file(&driver, file, O_RDONLY, &handle), 0);
	CHECK_INT(fuse_driver_write(&driver, handle, 0, "x"), -EROFS);
	CHECK_INT(fuse_driver_mkdir(&driver, FUSE_ROOT_ID, "a", NULL), -EROFS);
	CHECK_INT(fuse_driver_symlink(&driver, FUSE_ROOT_ID, "a", "b", NULL), -EROFS);
	CHECK_INT(fuse_driver_create(&driver, FUSE_ROOT_ID, "file", O_RDONLY, 0600, NULL, NULL), -EROFS);
	CHECK_INT(fuse_driver_rename(&driver, FUSE_ROOT_ID, "file", FUSE_ROOT_ID, "b"), -EROFS);
	CHECK_INT(fuse_driver_ask(&driver, FUSE_UNLINK, FUSE_ROOT_ID, NULL, 0, "file", 5), -EROFS);
	CHECK_INT(fuse_driver_ask(&driver, FUSE_SETATTR, file, &set, sizeof(set), NULL, 0), -EROFS);
	CHECK_INT(fuse_driver_ask(&driver, FUSE_SETXATTR, file, &attribute, sizeof(attribute), "user.x\0y", 8), -EROFS);
	CHECK_INT(fuse_driver_ask(&driver, FUSE_REMOVEXATTR, file, NULL, 0, "user.x", 7), -EROFS);
	space.fh = copy.fh_in = copy.fh_out = handle;
	CHECK_INT(fuse_driver_ask(&driver, FUSE_FALLOCATE, file, &space, sizeof(space), NULL, 0), -EROFS);
	CHECK_INT(fuse_driver_ask(&driver, FUSE_COPY_FILE_RANGE, file, &copy, sizeof(copy), NULL, 0), -EROFS);
	CHECK_INT(status_of("file").st_mode & 0777, 0644);
	finish();
}

static void test_callers(void)
{
	uint64_t file, handle;

	if (geteuid() != 0)
		SKIP("wants root");
	begin();
	driver.uid = 1000;
	driver.gid = 1001;
	CHECK_INT(fuse_driver_mkdir(&driver, FUSE_ROOT_ID, "folder", NULL), 0);
	CHECK_INT(fuse_driver_create(&driver, FUSE_ROOT_ID, "file", O_RDWR, 0666, &file, &handle), 0);
	CHECK_INT(fuse_driver_symlink(&driver, FUSE_ROOT_ID, "link", "x", NULL), 0);
	CHECK_INT(status_of("folder").st_uid, 1000);
	CHECK_INT(status_of("folder").st_gid, 1001);
	CHECK_INT(status_of("folder").st_mode, S_IFDIR | 0755);
	CHECK_INT(status_of("file").st_uid, 1000);
	CHECK_INT(status_of("file").st_mode, S_IFREG | 0644);
	CHECK_INT(status_of("link").st_gid, 1001);
	/* No such user, here or anywhere. */
	driver.uid = UINT32_MAX;
	CHECK_INT(fuse_driver_mkdir(&driver, FUSE_ROOT_ID, "other", NULL), -EOVERFLOW);
	driver.uid = 0;
	CHECK_INT(fuse_driver_mkdir(&driver, FUSE_ROOT_ID, "roots", NULL), 0);
	CHECK_INT(status_of("roots").st_uid, 0);
	CHECK_INT(status_of("roots").st_gid, 1001);
	/* Whoever writes to it: set-ID bits go. */
	CHECK_INT(fchmodat(driver.root_fd, "file", 06777, 0), 0);
	CHECK_INT(fuse_driver_write(&driver, handle, 0, "x"), 0);
	CHECK_INT(status_of("file").st_mode & 07777, 0777);
	finish();
}

static void test_attributes_of_the_host(void)
{
	struct fuse_setxattr_in set = {.size = 1};
	struct fuse_getxattr_in get = {.size = 1000};
	uint64_t file;

	begin();
	CHECK_INT(fuse_driver_create(&driver, FUSE_ROOT_ID, "file", O_RDWR, 0666, &file, NULL), 0);
	CHECK_INT(fuse_driver_ask(&driver, FUSE_SETXATTR, file, &set, sizeof(set), "trusted.x\0y", 11), -EPERM);
	CHECK_INT(fuse_driver_ask(&driver, FUSE_SETXATTR, file, &set, sizeof(set), "security.selinux\0y", 18), -EPERM);
	CHECK_INT(fuse_driver_ask(&driver, FUSE_REMOVEXATTR, file, NULL, 0, "trusted.x", 10), -EPERM);
	/* A value that is longer than what came, or shorter, or has no name. */
	set.size = 100;
	CHECK_INT(fuse_driver_ask(&driver, FUSE_SETXATTR, file, &set, sizeof(set), "user.x\0y", 8), -EINVAL);
	set.size = 0;
	CHECK_INT(fuse_driver_ask(&driver, FUSE_SETXATTR, file, &set, sizeof(set), "user.x\0y", 8), -EINVAL);
	CHECK_INT(fuse_driver_ask(&driver, FUSE_SETXATTR, file, &set, sizeof(set), "user.x", 6), -EINVAL);
	set.size = 1;
	CHECK_INT(fuse_driver_ask(&driver, FUSE_SETXATTR, file, &set, sizeof(set), "user.x\0y", 8), 0);
	CHECK_INT(fuse_driver_ask(&driver, FUSE_GETXATTR, file, &get, sizeof(get), "user.x", 7), 0);
	CHECK_STR((char *)driver.reply, "y");
	CHECK_INT(fuse_driver_ask(&driver, FUSE_LISTXATTR, file, &get, sizeof(get), NULL, 0), 0);
	CHECK_STR((char *)driver.reply, "user.x");
	CHECK_INT(driver.header.len, sizeof(driver.header) + 7);
	finish();
}

/* Requests that are shorter than they should be, or say so; replies that do not fit. */
static void test_broken_requests(void)
{
	struct fuse_in_header in = {.len = sizeof(in), .opcode = FUSE_GETATTR, .nodeid = FUSE_ROOT_ID};
	struct fuse_write_in write_in = {.size = 100};
	struct fuse_out_header out;
	uint8_t room[64];
	uint64_t file, handle;

	begin();
	for (uint32_t opcode = 0; opcode < 64; opcode++) {
		int r = fuse_driver_ask(&driver, opcode, FUSE_ROOT_ID, NULL, 0, NULL, 0);

		CHECK(r != 0 || opcode == FUSE_STATFS || opcode == FUSE_DESTROY);
		if (opcode == FUSE_DESTROY)
			CHECK_INT(fuse_driver_init(&driver, 31), 0);
	}
	CHECK_INT(fuse_answer(driver.fuse, &(struct iovec){&in, sizeof(in) - 1}, 1, &(struct iovec){&out, sizeof(out)},
			      1),
		  0);
	CHECK_INT(fuse_answer(driver.fuse, &(struct iovec){&in, sizeof(in)}, 1, &(struct iovec){&out, 15}, 1), 0);
	/* Longer, it says, than it is: by one byte of a name that is there. */
	struct {
		struct fuse_in_header in;
		char name[2];
	} unlink_request = {.in = {.len = sizeof(in) + 3, .opcode = FUSE_UNLINK, .nodeid = FUSE_ROOT_ID}, .name = "x"};

	CHECK_INT(fuse_answer(driver.fuse, &(struct iovec){&unlink_request, sizeof(in) + 2}, 1,
			      &(struct iovec){&out, sizeof(out)}, 1),
		  sizeof(out));
	CHECK_INT(out.error, -EINVAL);
	for (int i = 0; i < 3; i++) {
		in.len = (uint32_t[]){0, sizeof(in) + 1, UINT32_MAX}[i];
		CHECK_INT(fuse_answer(driver.fuse, &(struct iovec){&in, sizeof(in)}, 1,
				      &(struct iovec){&out, sizeof(out)}, 1),
			  sizeof(out));
		CHECK_INT(out.error, -EINVAL);
	}
	/* There is no room for an entry: nothing is made that could not be told. */
	struct {
		struct fuse_in_header in;
		struct fuse_mkdir_in mkdir_in;
		char name[8];
	} request = {.in = {.len = sizeof(request), .opcode = FUSE_MKDIR, .nodeid = FUSE_ROOT_ID}, .name = "folder"};

	request.in.len = offsetof(typeof(request), name) + 7;
	CHECK_INT(fuse_answer(driver.fuse, &(struct iovec){&request, request.in.len}, 1,
			      &(struct iovec){room, sizeof(room)}, 1),
		  sizeof(out));
	CHECK_INT(fuse_driver_lookup(&driver, FUSE_ROOT_ID, "folder", NULL), -ENOENT);
	CHECK_INT(fuse_counts(driver.fuse).nodes, 1);
	CHECK_INT(fuse_driver_create(&driver, FUSE_ROOT_ID, "file", O_RDWR, 0666, &file, &handle), 0);
	write_in.fh = handle;
	CHECK_INT(fuse_driver_ask(&driver, FUSE_WRITE, file, &write_in, sizeof(write_in), "short", 5), -EINVAL);
	finish();
}

/*
 * Text that is as long as it may be, and longer; text that ends too early or not at all; a reply's text that does not
 * fit.
 */
static void test_texts(void)
{
	static char text[FUSE_TEXT_BYTES + 1];
	struct fuse_in_header in = {.len = sizeof(in), .opcode = FUSE_READLINK};
	uint8_t room[sizeof(struct fuse_out_header) + 6];
	struct fuse_out_header out;

	begin();
	memset(text, 'x', sizeof(text));
	CHECK_INT(fuse_driver_ask(&driver, FUSE_LOOKUP, FUSE_ROOT_ID, NULL, 0, text, sizeof(text) - 1), -EINVAL);
	CHECK_INT(fuse_driver_ask(&driver, FUSE_LOOKUP, FUSE_ROOT_ID, NULL, 0, text, sizeof(text)), -E2BIG);
	CHECK_INT(fuse_driver_ask(&driver, FUSE_SYMLINK, FUSE_ROOT_ID, NULL, 0, "link\0to\0there", 14), -EINVAL);
	CHECK_INT(fuse_driver_ask(&driver, FUSE_SYMLINK, FUSE_ROOT_ID, NULL, 0, "link\0to", 7), -EINVAL);
	CHECK_INT(fuse_driver_ask(&driver, FUSE_SYMLINK, FUSE_ROOT_ID, NULL, 0, "link", 5), -EINVAL);
	CHECK_INT(fuse_driver_lookup(&driver, FUSE_ROOT_ID, "link", NULL), -ENOENT);
	CHECK_INT(fuse_driver_symlink(&driver, FUSE_ROOT_ID, "link", "target", &in.nodeid), 0);
	for (size_t more = 5; more <= 6; more++) {
		(void)fuse_answer(driver.fuse, &(struct iovec){&in, sizeof(in)}, 1,
				  &(struct iovec){room, sizeof(out) + more}, 1);
		memcpy(&out, room, sizeof(out));
		CHECK_INT(out.error, more == 6 ? 0 : -ERANGE);
	}
	CHECK(memcmp(room + sizeof(out), "target", 6) == 0);
	finish();
}

static void test_directories(void)
{
	struct fuse_open_in open_in = {0};
	struct fuse_read_in in = {.size = 300};
	unsigned found = 0;
	uint64_t node;
	char name[16];

	begin();
	for (unsigned i = 0; i < 50; i++) {
		snprintf(name, sizeof(name), "entry%02u", i % 100U);
		CHECK_INT(fuse_driver_mkdir(&driver, FUSE_ROOT_ID, name, &node), 0);
		fuse_driver_forget(&driver, node, 1);
	}
	CHECK_INT(fuse_driver_ask(&driver, FUSE_OPENDIR, FUSE_ROOT_ID, &open_in, sizeof(open_in), NULL, 0), 0);
	in.fh = FUSE_DRIVER_REPLY(&driver, fuse_open_out)->fh;
	/* One after the other, by offsets; each counts as a look-up. */
	for (;;) {
		const struct fuse_direntplus *entry = FUSE_DRIVER_REPLY(&driver, fuse_direntplus);

		CHECK_INT(fuse_driver_ask(&driver, FUSE_READDIRPLUS, FUSE_ROOT_ID, &in, sizeof(in), NULL, 0), 0);
		CHECK(driver.header.len <= sizeof(driver.header) + in.size);
		if (driver.header.error != 0 || driver.header.len == sizeof(driver.header))
			break;
		in.offset = entry->dirent.off;
		if (entry->dirent.namelen == 7)
			found++;
		CHECK_INT(entry->entry_out.nodeid != 0, entry->dirent.namelen == 7);
		/* The next one of this reply, where it had room, is read again. */
		if (driver.header.len > sizeof(driver.header) + FUSE_DIRENTPLUS_SIZE(entry))
			fuse_driver_forget(&driver, entry->entry_out.nodeid, 0);
	}
	CHECK_INT(found, 50);
	CHECK_INT(fuse_counts(driver.fuse).nodes, 51);
	in.offset = UINT64_MAX;
	(void)fuse_driver_ask(&driver, FUSE_READDIR, FUSE_ROOT_ID, &in, sizeof(in), NULL, 0);
	in.fh = 12345;
	CHECK_INT(fuse_driver_ask(&driver, FUSE_READDIR, FUSE_ROOT_ID, &in, sizeof(in), NULL, 0), -EBADF);
	finish();
}

int main(void)
{
	return TAP_RUN(TAP_CASE(test_session), TAP_CASE(test_hostile_names), TAP_CASE(test_links_are_not_followed),
		       TAP_CASE(test_names_that_change), TAP_CASE(test_stale_nodes), TAP_CASE(test_batch_forget),
		       TAP_CASE(test_bounds), TAP_CASE(test_handles), TAP_CASE(test_only_files_are_opened),
		       TAP_CASE(test_read_only), TAP_CASE(test_callers), TAP_CASE(test_attributes_of_the_host),
		       TAP_CASE(test_broken_requests), TAP_CASE(test_texts), TAP_CASE(test_directories));
}

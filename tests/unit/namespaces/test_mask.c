// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What covers a masked path: the null device and nothing that somebody has put in its place (CVE-2025-31133), by a
 * mount that nobody can change anything through. Each in a mount namespace of its own. Needs root.
 */
#include "namespaces/mask.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "namespaces/mount.h"
#include "tests/unit/tap.h"

#define ROOT "/mnt"

/* A root with two files, and a third that somebody would like to see in the place of the null device. */
static bool make_root(void)
{
	static const char *const files[] = {ROOT "/secret", ROOT "/other", ROOT "/false-null"};

	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_PRIVATE | MS_REC, NULL) < 0 ||
	    mount("none", ROOT, "tmpfs", 0, NULL) < 0)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		if (mknod(files[i], S_IFREG | 0666, 0) < 0)
			return false;
	return true;
}

/* Runs in a process whose CHECKs count. */
static void in_child(void (*run)(int rootfd))
{
	int status = 0;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		tap_failures = 0;
		if (make_root())
			run(open(ROOT, O_PATH | O_DIRECTORY | O_CLOEXEC));
		else
			tap_fail(__FILE__, __LINE__, "no root could be made");
		fflush(stdout);
		_exit(tap_failures > 90 ? 90 : tap_failures);
	}
	CHECK(waitpid(pid, &status, 0) == pid);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static bool is_null(const char *path)
{
	struct stat info;

	return stat(path, &info) == 0 && S_ISCHR(info.st_mode) && info.st_rdev == makedev(1, 3);
}

static bool is_plain_file(const char *path)
{
	struct stat info;

	return stat(path, &info) == 0 && S_ISREG(info.st_mode);
}

/* --- What it is --------------------------------------------------------------------------------------------------- */

/* Where the runtime would find it there is something else. */
static void no_null_is_taken(int rootfd)
{
	static const struct {
		const char *source, *words;
	} rows[] = {
		{ROOT "/false-null", "it should be the character device 1:3, and is a regular file"},
		{"/dev/zero", "it should be the character device 1:3, and is 1:5"},
	};

	(void)rootfd;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct mask_cover cover = MASK_COVER_INIT;
		struct err err = ERR_INIT;

		CHECK(mount(rows[i].source, "/dev/null", NULL, MS_BIND, NULL) == 0);
		CHECK_INT(mask_open(&cover, &err), -EPERM);
		CHECK_HAS(err.msg, rows[i].words);
		CHECK_INT(cover.null_fd, -1);
		CHECK(umount("/dev/null") == 0);
	}
}

/* Whatever has become of the descriptor meanwhile: nothing else is bound. */
static void no_other_cover_is_used(int rootfd)
{
	static const char *const sources[] = {ROOT "/false-null", "/dev/zero"};

	for (size_t i = 0; i < ARRAY_SIZE(sources); i++) {
		struct mask_cover cover = MASK_COVER_INIT;
		struct err err = ERR_INIT;

		cover.null_fd = mount_clone(AT_FDCWD, sources[i], 0, &err);
		CHECK(cover.null_fd >= 0);
		CHECK_INT(mask_hide(&cover, rootfd, "/secret", &err), -EPERM);
		CHECK_HAS(err.msg, "masking '/secret'");
		CHECK(is_plain_file(ROOT "/secret"));
		mask_close(&cover);
	}
}

static void test_only_the_null_device_is_taken(void)
{
	in_child(no_null_is_taken);
}

static void test_only_the_null_device_covers(void)
{
	in_child(no_other_cover_is_used);
}

/* --- What can be done with it ------------------------------------------------------------------------------------- */

/* By root: to a mount that is not read-only it would do the host's own node. */
static void cannot_be_changed(const char *path)
{
	struct statvfs fs;
	int fd = open(path, O_RDWR | O_CLOEXEC);

	CHECK(is_null(path));
	CHECK(statvfs(path, &fs) == 0 && fs.f_flag & ST_RDONLY);
	CHECK(chmod(path, 0666) < 0 && errno == EROFS);
	CHECK(chown(path, 0, 0) < 0 && errno == EROFS);
	/* What a program writes goes nowhere, and that is no failure. */
	CHECK(write(fd, "x", 1) == 1);
	close(fd);
}

/* The first mask is the mount itself, the second a clone of it. */
static void files_are_covered(int rootfd)
{
	struct mask_cover cover = MASK_COVER_INIT;
	struct err err = ERR_INIT;

	CHECK_INT(mask_open(&cover, &err), 0);
	CHECK_INT(mask_hide(&cover, rootfd, "/secret", &err), 0);
	CHECK_INT(mask_hide(&cover, rootfd, "/other", &err), 0);
	CHECK_INT(mask_hide(&cover, rootfd, "/nowhere", &err), 0);
	cannot_be_changed(ROOT "/secret");
	cannot_be_changed(ROOT "/other");
	mask_close(&cover);
}

static void test_nothing_is_changed_through_the_cover(void)
{
	in_child(files_are_covered);
}

int main(void)
{
	return TAP_RUN(TAP_CASE(test_only_the_null_device_is_taken), TAP_CASE(test_only_the_null_device_covers),
		       TAP_CASE(test_nothing_is_changed_through_the_cover));
}

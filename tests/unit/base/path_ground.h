/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The ground that paths are resolved on: a root, and a host's folder beside it, for cases that run both with openat2(2)
 * and with the walk that stands in for it.
 */
#ifndef HULL_TESTS_UNIT_BASE_PATH_GROUND_H
#define HULL_TESTS_UNIT_BASE_PATH_GROUND_H

#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "runtime/base/fd.h"
#include "runtime/base/file.h"
#include "runtime/base/host.h"
#include "runtime/base/path.h"
#include "tests/unit/tap.h"

static char base[] = "/tmp/test-path-XXXXXX";
/* base/host is what nothing may reach, base/root is the root; both made anew for each case. */
static int hostfd = -1, rootfd = -1;
static struct err err;

/* A step of an attack: whether it works depends on the moment. */
static inline void attempt(int result)
{
	(void)result;
}

static inline void put(int dirfd, const char *name, const char *words)
{
	CLEANUP_FD int fd = openat(dirfd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	if (fd_write_all(fd, words, strlen(words)) < 0)
		tap_fail(__FILE__, __LINE__, name);
}

static inline bool exists(int dirfd, const char *name)
{
	struct stat st;

	return fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static inline void ground_make(void)
{
	int basefd = open(base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	CHECK_INT(mkdirat(basefd, "host", 0755), 0);
	CHECK_INT(mkdirat(basefd, "root", 0755), 0);
	hostfd = openat(basefd, "host", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	rootfd = openat(basefd, "root", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	close(basefd);
	put(hostfd, "secret", "secret");
	CHECK_INT(mkdirat(rootfd, "a", 0755), 0);
	CHECK_INT(mkdirat(rootfd, "a/b", 0755), 0);
	put(rootfd, "a/b/file", "inside");
	put(rootfd, "secret", "inside");
}

static inline void ground_clear(void)
{
	char path[64];

	close(fd_take(&hostfd));
	close(fd_take(&rootfd));
	snprintf(path, sizeof(path), "%s/root", base);
	CHECK_INT(file_remove_tree(AT_FDCWD, path, NULL), 0);
	snprintf(path, sizeof(path), "%s/host", base);
	CHECK_INT(file_remove_tree(AT_FDCWD, path, NULL), 0);
}

static inline unsigned host_entries(void)
{
	CLEANUP_DIR DIR *list = fdopendir(openat(hostfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	unsigned count = 0;

	while (list && readdir(list))
		count++;
	return count - 2;
}

static inline int wait_for(pid_t pid)
{
	int status = -1;

	(void)waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Whether a descriptor is the entry `name` below the root, that leads there without any link. Closes it. */
static inline bool leads_to(int fd, const char *name)
{
	struct stat found, wanted;
	bool same = fd >= 0 && fstat(fd, &found) == 0 && fstatat(rootfd, name, &wanted, AT_SYMLINK_NOFOLLOW) == 0 &&
		    found.st_dev == wanted.st_dev && found.st_ino == wanted.st_ino;

	if (fd >= 0)
		close(fd);
	return same;
}

static inline int open_path(const char *path, unsigned flags)
{
	int fd = path_open(rootfd, path, O_PATH, flags, &err);

	if (fd >= 0 && !(fcntl(fd, F_GETFD) & FD_CLOEXEC))
		tap_fail(__FILE__, __LINE__, "not CLOEXEC");
	return fd;
}

static inline int close_it(int fd)
{
	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

static inline void run_with(const char *facts, void (*body)(void))
{
	int before = tap_failures;

	/* On a kernel without the call only the walk is left to be tried. */
	CHECK_INT(host_override(NULL), 0);
	if (!host_has(HOST_OPENAT2) && strcmp(facts, "openat2=1") == 0)
		return;
	CHECK_INT(host_override(facts), 0);
	ground_make();
	body();
	ground_clear();
	if (tap_failures != before)
		printf("# this was with %s\n", facts);
}

#define BOTH_WAYS(body)                      \
	static void test_##body(void)        \
	{                                    \
		run_with("openat2=1", body); \
		run_with("openat2=0", body); \
	}

/* What a main returns: of tests in a folder of their own. */
static inline int on_ground(int (*tests)(void))
{
	int result;

	(void)umask(022);
	if (!mkdtemp(base))
		return 2;
	result = tests();
	return file_remove_tree(AT_FDCWD, base, NULL) < 0 ? 2 : result;
}

#endif

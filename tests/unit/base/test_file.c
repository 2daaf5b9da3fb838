/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime/base/file.h"

#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "runtime/base/fd.h"
#include "tests/unit/tap.h"

static char base[] = "/tmp/test-file-XXXXXX";
static int basefd = -1;

/* A step of an attack: whether it works depends on the moment. */
static void attempt(int result)
{
	(void)result;
}

static void put(const char *name, const char *words)
{
	CLEANUP_FD int fd = openat(basefd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	if (fd_write_all(fd, words, strlen(words)) < 0)
		tap_fail(__FILE__, __LINE__, name);
}

static bool exists(const char *name)
{
	struct stat st;

	return fstatat(basefd, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static mode_t mode_of(const char *name)
{
	struct stat st = {0};

	(void)fstatat(basefd, name, &st, AT_SYMLINK_NOFOLLOW);
	return st.st_mode & 07777;
}

static unsigned entries(const char *name)
{
	CLEANUP_DIR DIR *list = fdopendir(openat(basefd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	unsigned count = 0;

	while (list && readdir(list))
		count++;
	return count - 2;
}

static int wait_for(pid_t pid)
{
	int status = -1;

	(void)waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void test_reading_is_bounded(void)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	struct err err = ERR_INIT;
	char *data = NULL;
	size_t len = 0;

	put("ten", "0123456789");
	CHECK_INT(file_read(&arena, basefd, "ten", 10, &data, &len, &err), 0);
	CHECK_INT(len, 10);
	CHECK_STR(data, "0123456789");
	CHECK_INT(file_read(&arena, basefd, "ten", 9, &data, &len, &err), -EFBIG);
	CHECK_HAS(err.msg, "'ten': it has more than 9 bytes");
	put("none", "");
	CHECK_INT(file_read(&arena, basefd, "none", 0, &data, &len, &err), 0);
	CHECK_STR(data, "");
	CHECK_INT(file_read(&arena, basefd, "missing", 10, &data, &len, &err), -ENOENT);
	CHECK_INT(file_read(&arena, basefd, ".", 10, &data, &len, &err), -EISDIR);
	CHECK_INT(file_read(&arena, basefd, "ten", SIZE_MAX, &data, &len, &err), -EINVAL);
	/* A size of 0 that says nothing. */
	CHECK_INT(file_read(&arena, AT_FDCWD, "/proc/self/status", 1 << 20, &data, &len, &err), 0);
	CHECK(len > 100);
	CHECK_INT(file_read(&arena, AT_FDCWD, "/proc/self/status", 100, &data, NULL, &err), -EFBIG);
	CHECK_INT(file_read(&arena, AT_FDCWD, "/dev/zero", 100000, &data, NULL, &err), -EFBIG);
}

static void test_reading_a_pipe(void)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	static char out[50000];
	char *data = NULL;
	size_t len = 0;

	memset(out, 'x', sizeof(out));
	for (size_t max = sizeof(out) - 1; max <= sizeof(out); max++) {
		int fds[2];

		CHECK_INT(pipe2(fds, O_CLOEXEC), 0);
		CHECK_INT(fd_write_all(fds[1], out, sizeof(out)), 0);
		close(fds[1]);
		CHECK_INT(file_read_fd(&arena, fds[0], "pipe", max, &data, &len, NULL),
			  max == sizeof(out) ? 0 : -EFBIG);
		close(fds[0]);
	}
	CHECK(len == sizeof(out) && memcmp(data, out, len) == 0);
}

/* Around the page that is read at once, and its double; the bound is the size, and one less. */
static void test_sizes_around_a_page(void)
{
	static char out[3 * 4096];

	for (size_t i = 0; i < sizeof(out); i++)
		out[i] = (char)('a' + i % 23);
	for (size_t at = 0; at < 9; at++) {
		CLEANUP_ARENA struct arena arena = ARENA_INIT;
		size_t bytes = 4096 * (at / 3 + 1) - 1 + at % 3, len = 0;
		int fds[2];
		char *data = NULL;

		if (bytes > sizeof(out))
			break;
		for (size_t max = bytes; max + 1 >= bytes; max--) {
			CHECK_INT(pipe2(fds, O_CLOEXEC), 0);
			CHECK_INT(fd_write_all(fds[1], out, bytes), 0);
			close(fds[1]);
			CHECK_INT(file_read_fd(&arena, fds[0], "pipe", max, &data, &len, NULL),
				  max < bytes ? -EFBIG : 0);
			close(fds[0]);
		}
		CHECK(data && len == bytes && memcmp(data, out, len) == 0 && data[len] == '\0');
	}
}

/* What cannot be looked at must not count as gone. */
static void test_what_is_there(void)
{
	put("there", "");
	CHECK(file_is_there(basefd, "there"));
	CHECK(!file_is_there(basefd, "not-there"));
	CHECK(!file_is_there(basefd, "there/below"));
	CHECK(symlinkat("nowhere", basefd, "dangling") == 0);
	CHECK(file_is_there(basefd, "dangling"));
	CHECK(file_is_there(-1, "there"));
	CHECK(unlinkat(basefd, "dangling", 0) == 0);
}

static void test_single_values(void)
{
	char line[8];

	put("value", "12345\n");
	CHECK_INT(file_read_line(basefd, "value", line, sizeof(line)), 5);
	CHECK_STR(line, "12345");
	CHECK_INT(file_write_value(basefd, "value", "9"), 0);
	CHECK_INT(file_read_line(basefd, "value", line, sizeof(line)), 5);
	CHECK_STR(line, "92345");
	put("value", "1234567");
	CHECK_INT(file_read_line(basefd, "value", line, sizeof(line)), 7);
	put("value", "12345678");
	CHECK_INT(file_read_line(basefd, "value", line, sizeof(line)), -EFBIG);
	put("value", "");
	CHECK_INT(file_read_line(basefd, "value", line, sizeof(line)), 0);
	CHECK_STR(line, "");
	CHECK_INT(file_read_line(basefd, "missing", line, sizeof(line)), -ENOENT);
	/* A value is never the reason that a file comes to be. */
	CHECK_INT(file_write_value(basefd, "missing", "1"), -ENOENT);
	CHECK(!exists("missing"));
	CHECK_INT(file_write_value(AT_FDCWD, "/dev/full", "1"), -ENOSPC);
}

static void test_replacing(void)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	char path[PATH_MAX];
	char *data = NULL;

	CHECK_INT(mkdirat(basefd, "r", 0755), 0);
	CHECK_INT(file_replace(basefd, "r/f", "one", 3, 0600, FILE_VOLATILE, NULL), 0);
	CHECK_INT(mode_of("r/f"), 0600);
	/* The mode is exact, whatever the umask. */
	CHECK_INT(file_replace(basefd, "r/f", "two", 3, 0666, FILE_DURABLE, NULL), 0);
	CHECK_INT(mode_of("r/f"), 0666);
	CHECK_INT(file_read(&arena, basefd, "r/f", 100, &data, NULL, NULL), 0);
	CHECK_STR(data, "two");
	snprintf(path, sizeof(path), "%s/r/g", base);
	CHECK_INT(file_replace(-1, path, "x", 1, 0644, FILE_VOLATILE, NULL), 0);
	CHECK(exists("r/g"));
	CHECK_INT(file_replace(basefd, "missing/f", "x", 1, 0644, FILE_VOLATILE, NULL), -ENOENT);
	/* What can't be replaced is left, and so is nothing else. */
	CHECK_INT(mkdirat(basefd, "r/d", 0755), 0);
	CHECK_INT(file_replace(basefd, "r/d", "x", 1, 0644, FILE_VOLATILE, NULL), -EISDIR);
	CHECK_INT(entries("r"), 3);
	/* A link is replaced, not followed. */
	CHECK_INT(symlinkat("/etc/hostname", basefd, "r/link"), 0);
	CHECK_INT(file_replace(basefd, "r/link", "x", 1, 0644, FILE_VOLATILE, NULL), 0);
	CHECK(file_read(&arena, basefd, "r/link", 100, &data, NULL, NULL) == 0 && strcmp(data, "x") == 0);
}

static void test_a_failed_replacement_leaves_the_old(void)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	struct rlimit small = {.rlim_cur = 1000, .rlim_max = RLIM_INFINITY}, before;
	static char large[5000];
	char *data = NULL;

	CHECK_INT(file_replace(basefd, "r/f", "old", 3, 0600, FILE_VOLATILE, NULL), 0);
	getrlimit(RLIMIT_FSIZE, &before);
	small.rlim_max = before.rlim_max;
	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &small);
	CHECK_INT(file_replace(basefd, "r/f", large, sizeof(large), 0600, FILE_VOLATILE, NULL), -EFBIG);
	setrlimit(RLIMIT_FSIZE, &before);
	CHECK(file_read(&arena, basefd, "r/f", 100, &data, NULL, NULL) == 0 && strcmp(data, "old") == 0);
	CHECK_INT(entries("r"), 4);
}

/* Readers beside a writer see one of the two contents, whole. */
static void test_readers_see_whole_files(void)
{
	static char a[8192], b[8192];
	pid_t writer;

	memset(a, 'a', sizeof(a));
	memset(b, 'b', sizeof(b));
	file_replace(basefd, "whole", a, sizeof(a), 0600, FILE_VOLATILE, NULL);
	writer = fork();
	if (writer == 0) {
		for (int i = 0; i < 2000; i++)
			if (file_replace(basefd, "whole", i % 2 ? a : b, sizeof(a), 0600, FILE_VOLATILE, NULL) < 0)
				_exit(1);
		_exit(0);
	}
	for (int i = 0; i < 2000; i++) {
		CLEANUP_ARENA struct arena arena = ARENA_INIT;
		char *data;
		size_t len;

		CHECK_INT(file_read(&arena, basefd, "whole", sizeof(a), &data, &len, NULL), 0);
		CHECK(len == sizeof(a) && (memcmp(data, a, len) == 0 || memcmp(data, b, len) == 0));
	}
	CHECK_INT(wait_for(writer), 0);
}

static void test_locks(void)
{
	struct err err = ERR_INIT;
	CLEANUP_FD int fd = file_lock(basefd, "lock", FILE_LOCK_EXCLUSIVE, &err);
	CLEANUP_FD int other = -1;

	CHECK(fd >= 0);
	CHECK_INT(mode_of("lock"), 0600);
	CHECK_INT(file_try_lock(basefd, "lock", FILE_LOCK_EXCLUSIVE, &err), -EWOULDBLOCK);
	CHECK_HAS(err.msg, "'lock' is locked by another process");
	CHECK_INT(file_try_lock(basefd, "lock", FILE_LOCK_SHARED, &err), -EWOULDBLOCK);
	close(fd_take(&fd));
	fd = file_try_lock(basefd, "lock", FILE_LOCK_SHARED, &err);
	other = file_try_lock(basefd, "lock", FILE_LOCK_SHARED, &err);
	CHECK(fd >= 0 && other >= 0);
	CHECK_INT(file_try_lock(basefd, "lock", FILE_LOCK_EXCLUSIVE, &err), -EWOULDBLOCK);
	CHECK_INT(symlinkat("lock", basefd, "lock-link"), 0);
	CHECK_INT(file_lock(basefd, "lock-link", FILE_LOCK_SHARED, &err), -ELOOP);
	CHECK_INT(file_lock(basefd, "missing/lock", FILE_LOCK_SHARED, &err), -ENOENT);
}

/*
 * Holders that remove the file: whoever waited must not believe to hold a lock that no newcomer sees. Each of some
 * processes adds one to a number, not atomically, under the lock.
 */
static int count_under_lock(int rounds)
{
	for (int i = 0; i < rounds; i++) {
		CLEANUP_FD int lock = file_lock(basefd, "removed-lock", FILE_LOCK_EXCLUSIVE, NULL);
		char words[24];
		int count;

		if (lock < 0 || file_read_line(basefd, "count", words, sizeof(words)) < 0)
			return 1;
		count = atoi(words) + 1;
		snprintf(words, sizeof(words), "%08d", count);
		if (file_write_value(basefd, "count", words) < 0 || unlinkat(basefd, "removed-lock", 0) < 0)
			return 1;
	}
	return 0;
}

static void test_a_lock_file_may_be_removed(void)
{
	pid_t pids[4];
	char words[24];

	put("count", "00000000");
	for (int i = 0; i < 4; i++) {
		pids[i] = fork();
		if (pids[i] == 0)
			_exit(count_under_lock(500));
	}
	for (int i = 0; i < 4; i++)
		CHECK_INT(wait_for(pids[i]), 0);
	CHECK_INT(file_read_line(basefd, "count", words, sizeof(words)), 8);
	CHECK_STR(words, "00002000");
}

static void test_making_folders(void)
{
	char path[PATH_MAX];
	struct err err = ERR_INIT;

	snprintf(path, sizeof(path), "%s/m/n//o/", base);
	CHECK_INT(file_make_dirs(path, 0700, &err), 0);
	CHECK(exists("m/n/o") && mode_of("m") == 0700 && mode_of("m/n/o") == 0700);
	CHECK_INT(file_make_dirs(path, 0755, &err), 0);
	CHECK_INT(mode_of("m/n/o"), 0700);
	put("m/file", "");
	snprintf(path, sizeof(path), "%s/m/file", base);
	CHECK_INT(file_make_dirs(path, 0755, &err), -ENOTDIR);
	snprintf(path, sizeof(path), "%s/m/file/x", base);
	CHECK_INT(file_make_dirs(path, 0755, &err), -ENOTDIR);
	CHECK_INT(file_make_dirs("", 0755, &err), -ENOENT);
	CHECK_INT(file_make_dirs("/", 0755, &err), 0);
	/* Where nothing may be made, what is there is still fine. */
	CHECK_INT(file_make_dirs("/proc/self", 0755, &err), 0);
	CHECK(file_make_dirs("/proc/self/nothing", 0755, &err) < 0);
}

static void test_folders_of_names(void)
{
	const char *last;
	CLEANUP_FD int fd = file_open_folder_of(basefd, "m/n/o", &last, NULL);
	struct stat found, wanted;

	CHECK_STR(last, "o");
	CHECK(fstat(fd, &found) == 0 && fstatat(basefd, "m/n", &wanted, 0) == 0 && found.st_ino == wanted.st_ino);
	close(fd);
	fd = file_open_folder_of(AT_FDCWD, "/etc", &last, NULL);
	CHECK_STR(last, "etc");
	CHECK(fstat(fd, &found) == 0 && stat("/", &wanted) == 0 && found.st_ino == wanted.st_ino);
}

/* --- removing trees --- */

static void test_removing_a_tree(void)
{
	put("outside", "kept");
	CHECK_INT(mkdirat(basefd, "outside-dir", 0755), 0);
	put("outside-dir/file", "kept");
	CHECK_INT(mkdirat(basefd, "t", 0755), 0);
	CHECK_INT(mkdirat(basefd, "t/a", 0755), 0);
	CHECK_INT(mkdirat(basefd, "t/a/empty", 0755), 0);
	put("t/a/file", "x");
	CHECK_INT(symlinkat("../outside", basefd, "t/link"), 0);
	CHECK_INT(symlinkat("../outside-dir", basefd, "t/dir-link"), 0);
	CHECK_INT(symlinkat("../../outside-dir", basefd, "t/a/dir-link"), 0);
	CHECK_INT(mkfifoat(basefd, "t/fifo", 0644), 0);
	CHECK_INT(file_remove_tree(basefd, "t", NULL), 0);
	CHECK(!exists("t"));
	CHECK(exists("outside") && exists("outside-dir/file"));
	CHECK_INT(file_remove_tree(basefd, "t", NULL), 0);
	CHECK_INT(file_remove_tree(basefd, "t/missing", NULL), 0);
	/* The thing itself is a link, or a file. */
	CHECK_INT(symlinkat("outside-dir", basefd, "link"), 0);
	CHECK_INT(file_remove_tree(basefd, "link", NULL), 0);
	CHECK(!exists("link") && exists("outside-dir/file"));
	CHECK_INT(file_remove_tree(basefd, "outside", NULL), 0);
	CHECK(!exists("outside"));
	CHECK_INT(file_remove_tree(basefd, ".", NULL), -EINVAL);
	CHECK_INT(file_remove_tree(basefd, "m/..", NULL), -EINVAL);
	CHECK_INT(file_remove_tree(basefd, "m/", NULL), -EINVAL);
	CHECK(exists("m"));
}

/* Folders in folders, each with a file and a sibling, made from the inside as a container would. */
static int dig(const char *name, unsigned depth)
{
	CLEANUP_FD int fd = -1;

	if (mkdirat(basefd, name, 0755) < 0)
		return -1;
	fd = openat(basefd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (unsigned i = 0; i < depth; i++) {
		int next;

		if (mkdirat(fd, "d", 0755) < 0)
			return -1;
		if (i % 50 == 0 && (mkdirat(fd, "sibling", 0755) < 0 || symlinkat("/", fd, "link") < 0))
			return -1;
		next = openat(fd, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (next < 0)
			return -1;
		close(fd);
		fd = next;
	}
	return 0;
}

static void test_removing_a_deep_tree(void)
{
	struct rlimit before, few, stack, small;

	CHECK_INT(dig("deep", 8000), 0);
	/* Names that the removal would give are taken, by a full folder, an empty one and a file. */
	CHECK_INT(mkdirat(basefd, "deep/" FILE_TEMP_PREFIX "0", 0755), 0);
	put("deep/" FILE_TEMP_PREFIX "0/x", "");
	CHECK_INT(mkdirat(basefd, "deep/" FILE_TEMP_PREFIX "1", 0755), 0);
	put("deep/" FILE_TEMP_PREFIX "2", "");
	getrlimit(RLIMIT_NOFILE, &before);
	getrlimit(RLIMIT_STACK, &stack);
	few = (struct rlimit){.rlim_cur = 64, .rlim_max = before.rlim_max};
	small = (struct rlimit){.rlim_cur = 256 << 10, .rlim_max = stack.rlim_max};
	setrlimit(RLIMIT_NOFILE, &few);
	setrlimit(RLIMIT_STACK, &small);
	CHECK_INT(file_remove_tree(basefd, "deep", NULL), 0);
	setrlimit(RLIMIT_STACK, &stack);
	setrlimit(RLIMIT_NOFILE, &before);
	CHECK(!exists("deep"));
}

static void test_removing_a_wide_tree(void)
{
	char name[64];

	CHECK_INT(mkdirat(basefd, "wide", 0755), 0);
	for (int i = 0; i < 3000; i++) {
		snprintf(name, sizeof(name), "wide/%d", i);
		CHECK_INT(mkdirat(basefd, name, 0755), 0);
		strcat(name, "/f");
		put(name, "");
	}
	CHECK_INT(file_remove_tree(basefd, "wide", NULL), 0);
	CHECK(!exists("wide"));
}

static int remove_unprivileged(void)
{
	if (setgid(65534) < 0 || setuid(65534) < 0)
		return 100;
	/* Rights taken from the owner: nothing to list, nothing to search, nothing to change. */
	if (mkdirat(basefd, "open/u", 0755) < 0 || mkdirat(basefd, "open/u/a", 0755) < 0 ||
	    mkdirat(basefd, "open/u/a/b", 0755) < 0 || mkdirat(basefd, "open/u/c", 0755) < 0)
		return 101;
	put("open/u/a/b/f", "");
	put("open/u/c/f", "");
	CHECK_INT(fchmodat(basefd, "open/u/a/b", 0, 0), 0);
	CHECK_INT(fchmodat(basefd, "open/u/a", 0500, 0), 0);
	CHECK_INT(fchmodat(basefd, "open/u/c", 0300, 0), 0);
	CHECK_INT(fchmodat(basefd, "open/u", 0100, 0), 0);
	return file_remove_tree(basefd, "open/u", NULL) != 0 || exists("open/u");
}

static void test_removing_what_the_owner_locked(void)
{
	pid_t pid;

	if (geteuid() != 0)
		SKIP("changing to another user wants root");
	CHECK_INT(fchmod(basefd, 0755), 0);
	CHECK_INT(mkdirat(basefd, "open", 0777), 0);
	CHECK_INT(fchmodat(basefd, "open", 0777, 0), 0);
	pid = fork();
	if (pid == 0)
		_exit(remove_unprivileged());
	CHECK_INT(wait_for(pid), 0);
}

static int remove_with_mounts(void)
{
	struct err err = ERR_INIT;
	char from[PATH_MAX], to[PATH_MAX];
	int failed = 0;

	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return 100;
	/* The old descriptor is still on the old namespace's mount, and would not see the new one. */
	basefd = open(base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CHECK_INT(mkdirat(basefd, "volume", 0755), 0);
	put("volume/data", "kept");
	CHECK_INT(mkdirat(basefd, "c", 0755), 0);
	CHECK_INT(mkdirat(basefd, "c/mnt", 0755), 0);
	snprintf(from, sizeof(from), "%s/volume", base);
	snprintf(to, sizeof(to), "%s/c/mnt", base);
	/* A bind mount of the same file system: the device number is the same on both sides. */
	if (mount(from, to, NULL, MS_BIND, NULL) < 0)
		return 101;
	failed += file_remove_tree(basefd, "c", &err) != -EBUSY;
	failed += !strstr(err.msg, "'mnt' is a mount point");
	failed += file_remove_tree(basefd, "c/mnt", &err) != -EBUSY;
	failed += !exists("volume/data") || !exists("c/mnt/data");
	umount2(to, MNT_DETACH);
	failed += file_remove_tree(basefd, "c", &err) != 0 || !exists("volume/data");
	return failed;
}

static void test_removing_crosses_no_mount(void)
{
	pid_t pid;

	if (geteuid() != 0)
		SKIP("mounting wants root");
	pid = fork();
	if (pid == 0)
		_exit(remove_with_mounts());
	CHECK_INT(wait_for(pid), 0);
}

/* Another process swaps a folder of the tree for a link that leads out, all the while. */
static void test_removing_under_a_swap(void)
{
	pid_t swapper;

	CHECK_INT(mkdirat(basefd, "safe", 0755), 0);
	put("safe/data", "kept");
	swapper = fork();
	if (swapper == 0) {
		for (;;) {
			attempt(mkdirat(basefd, "s/x", 0755));
			attempt(mknodat(basefd, "s/x/f", S_IFREG | 0644, 0));
			attempt(renameat2(basefd, "s/x", basefd, "s/y", RENAME_EXCHANGE));
			attempt(renameat2(basefd, "s/x", basefd, "s/y", RENAME_EXCHANGE));
			attempt(symlinkat("../safe", basefd, "s/y"));
		}
	}
	for (int i = 0; i < 1500; i++) {
		attempt(mkdirat(basefd, "s", 0755));
		(void)file_remove_tree(basefd, "s", NULL);
	}
	kill(swapper, SIGKILL);
	(void)wait_for(swapper);
	CHECK_INT(file_remove_tree(basefd, "s", NULL), 0);
	CHECK(exists("safe/data"));
}

int main(void)
{
	int r;

	umask(022);
	if (!mkdtemp(base) || (basefd = open(base, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
		return 2;
	r = TAP_RUN(TAP_CASE(test_reading_is_bounded), TAP_CASE(test_reading_a_pipe),
		    TAP_CASE(test_sizes_around_a_page), TAP_CASE(test_single_values), TAP_CASE(test_what_is_there),
		    TAP_CASE(test_replacing), TAP_CASE(test_a_failed_replacement_leaves_the_old),
		    TAP_CASE(test_readers_see_whole_files), TAP_CASE(test_locks),
		    TAP_CASE(test_a_lock_file_may_be_removed), TAP_CASE(test_making_folders),
		    TAP_CASE(test_folders_of_names), TAP_CASE(test_removing_a_tree),
		    TAP_CASE(test_removing_a_deep_tree), TAP_CASE(test_removing_a_wide_tree),
		    TAP_CASE(test_removing_what_the_owner_locked), TAP_CASE(test_removing_crosses_no_mount),
		    TAP_CASE(test_removing_under_a_swap));
	if (file_remove_tree(AT_FDCWD, base, NULL) < 0)
		r = 2;
	close(basefd);
	return r;
}

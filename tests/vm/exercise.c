/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What programs do to a file system, as TAP: in the test machine on a directory that its host shares, and as control on
 * any other. Wants root. usage: exercise DIRECTORY [READ_ONLY_DIRECTORY]
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/base/scope.h"
#include "tests/unit/tap.h"

#define PAGE 4096

static const char *read_only_directory;

/* Each test has a folder of its own as its current one. */
static void begin(const char *name)
{
	CHECK_INT(mkdir(name, 0777), 0);
	CHECK_INT(chmod(name, 0777), 0);
	CHECK_INT(chdir(name), 0);
}

static void end(void)
{
	CHECK_INT(chdir(".."), 0);
}

static int make_file(const char *name, const char *words)
{
	int fd = open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

	CHECK(fd >= 0);
	CHECK_INT(write(fd, words, strlen(words)), (ssize_t)strlen(words));
	return fd;
}

static void check_contents(const char *name, const char *words)
{
	char found[256] = "";
	CLEANUP_FD int fd = open(name, O_RDONLY | O_CLOEXEC);

	CHECK(fd >= 0 && read(fd, found, sizeof(found) - 1) >= 0);
	CHECK_STR(found, words);
}

static int error_of(int result)
{
	return result < 0 ? errno : 0;
}

static mode_t mode_of(const char *name)
{
	struct stat status = {0};

	CHECK_INT(lstat(name, &status), 0);
	return status.st_mode;
}

/* Runs `act` as this user, who has these two groups; each of its failures counts here. */
static void as_user(uid_t uid, gid_t gid, gid_t other_group, void (*act)(void))
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		tap_failures = 0;
		if (setgroups(1, &other_group) < 0 || setresgid(gid, gid, gid) < 0 || setresuid(uid, uid, uid) < 0)
			_exit(125);
		act();
		fflush(stdout);
		_exit(tap_failures ? 1 : 0);
	}
	CHECK(pid > 0 && waitpid(pid, &status, 0) == pid);
	CHECK_INT(status, 0);
}

static void test_names(void)
{
	char longest[256];
	struct stat status;

	begin("names");
	memset(longest, 'n', 255);
	longest[255] = '\0';
	close(make_file(longest, "long"));
	CHECK_INT(mkdir("folder", 0755), 0);
	CHECK_INT(rename(longest, "folder/b\xc3\xa4r\n \"x\""), 0);
	check_contents("folder/b\xc3\xa4r\n \"x\"", "long");
	CHECK_INT(error_of(rmdir("folder")), ENOTEMPTY);
	CHECK_INT(error_of(unlink("folder")), EISDIR);
	CHECK_INT(error_of(stat(longest, &status)), ENOENT);
	CHECK_INT(unlink("folder/b\xc3\xa4r\n \"x\""), 0);
	CHECK_INT(rmdir("folder"), 0);
	longest[254] = 'x';
	CHECK_INT(mkdir("..foo", 0700), 0);
	CHECK_INT(stat("..foo/../..foo/.", &status), 0);
	CHECK_INT(error_of(mkdir("..foo", 0700)), EEXIST);
	end();
}

static void test_rename_ways(void)
{
	begin("renames");
	close(make_file("a", "a"));
	close(make_file("b", "b"));
	CHECK_INT(error_of(renameat2(AT_FDCWD, "a", AT_FDCWD, "b", RENAME_NOREPLACE)), EEXIST);
	CHECK_INT(renameat2(AT_FDCWD, "a", AT_FDCWD, "b", RENAME_EXCHANGE), 0);
	check_contents("a", "b");
	check_contents("b", "a");
	CHECK_INT(rename("a", "b"), 0);
	check_contents("b", "b");
	CHECK_INT(error_of(open("a", O_RDONLY | O_CLOEXEC)), ENOENT);
	end();
}

static void test_links(void)
{
	struct stat one, two;
	char target[64] = "";

	begin("links");
	close(make_file("file", "words"));
	CHECK_INT(link("file", "hard"), 0);
	CHECK_INT(stat("file", &one), 0);
	CHECK_INT(stat("hard", &two), 0);
	CHECK_INT(one.st_ino, two.st_ino);
	CHECK_INT(two.st_nlink, 2);
	CHECK_INT(symlink("file", "soft"), 0);
	check_contents("soft", "words");
	CHECK_INT(readlink("soft", target, sizeof(target) - 1), 4);
	CHECK_STR(target, "file");
	/* A link's meaning is the machine's own, not its host's. */
	CHECK_INT(symlink("/proc/self/comm", "away"), 0);
	check_contents("away", "exercise\n");
	CHECK_INT(symlink("loop", "loop"), 0);
	CHECK_INT(error_of(open("loop", O_RDONLY | O_CLOEXEC)), ELOOP);
	CHECK_INT(linkat(AT_FDCWD, "soft", AT_FDCWD, "soft2", 0), 0);
	CHECK(S_ISLNK(mode_of("soft2")));
	CHECK_INT(unlink("file"), 0);
	check_contents("hard", "words");
	end();
}

static void test_attributes(void)
{
	char value[32] = "", names[256];
	ssize_t n;

	begin("attributes");
	close(make_file("file", ""));
	CHECK_INT(setxattr("file", "user.one", "first", 5, 0), 0);
	CHECK_INT(setxattr("file", "user.two", "", 0, 0), 0);
	CHECK_INT(error_of(setxattr("file", "user.one", "x", 1, XATTR_CREATE)), EEXIST);
	CHECK_INT(error_of(setxattr("file", "user.none", "x", 1, XATTR_REPLACE)), ENODATA);
	CHECK_INT(getxattr("file", "user.one", NULL, 0), 5);
	CHECK_INT(getxattr("file", "user.one", value, sizeof(value)), 5);
	CHECK_STR(value, "first");
	CHECK_INT(error_of((int)getxattr("file", "user.one", value, 2)), ERANGE);
	n = listxattr("file", names, sizeof(names));
	CHECK(n >= 18 && memmem(names, (size_t)n, "user.one", 9) && memmem(names, (size_t)n, "user.two", 9));
	CHECK_INT(removexattr("file", "user.one"), 0);
	CHECK_INT(error_of((int)getxattr("file", "user.one", value, sizeof(value))), ENODATA);
	end();
}

static void test_sizes_and_holes(void)
{
	char byte = 'x';
	struct stat status;

	begin("sizes");
	CLEANUP_FD int fd = make_file("file", "0123456789");
	CHECK_INT(truncate("file", 4), 0);
	check_contents("file", "0123");
	CHECK_INT(ftruncate(fd, 3 * PAGE), 0);
	CHECK_INT(pread(fd, &byte, 1, 2 * PAGE), 1);
	CHECK_INT(byte, 0);
	CHECK_INT(pwrite(fd, "end", 3, (off_t)10 << 20), 3);
	CHECK_INT(fstat(fd, &status), 0);
	CHECK_INT(status.st_size, ((off_t)10 << 20) + 3);
	CHECK_INT(fallocate(fd, 0, 0, (off_t)11 << 20), 0);
	CHECK_INT(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, PAGE), 0);
	CHECK_INT(pread(fd, &byte, 1, 0), 1);
	CHECK_INT(byte, 0);
	CHECK_INT(fsync(fd) + fdatasync(fd), 0);
	CHECK_INT(ftruncate(fd, 0), 0);
	CHECK_INT(pwrite(fd, "x", 1, (off_t)1 << 20), 1);
	CHECK_INT(fsync(fd), 0);
	CHECK_INT(lseek(fd, 0, SEEK_DATA), (off_t)1 << 20);
	CHECK_INT(lseek(fd, 0, SEEK_HOLE), 0);
	close(open("file", O_WRONLY | O_TRUNC | O_CLOEXEC));
	CHECK_INT(fstat(fd, &status), 0);
	CHECK_INT(status.st_size, 0);
	end();
}

static void test_appending_and_copying(void)
{
	off_t from = 0, to = 2;

	begin("copies");
	CLEANUP_FD int one = make_file("one", "one "), two = open("one", O_WRONLY | O_APPEND | O_CLOEXEC),
		       copy = make_file("copy", "..");
	CHECK_INT(write(two, "more", 4), 4);
	check_contents("one", "one more");
	CHECK_INT(copy_file_range(one, &from, copy, &to, 100, 0), 8);
	check_contents("copy", "..one more");
	CHECK_INT(flock(one, LOCK_EX | LOCK_NB), 0);
	CHECK_INT(error_of(flock(two, LOCK_EX | LOCK_NB)), EWOULDBLOCK);
	end();
}

static void test_memory_maps(void)
{
	enum { BYTES = 64 * PAGE };
	struct stat status;

	begin("maps");
	CLEANUP_FD int fd = make_file("file", "");
	CHECK_INT(ftruncate(fd, BYTES), 0);

	char *map = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	CHECK(map != MAP_FAILED);
	if (map == MAP_FAILED)
		return end();
	for (int i = 0; i < BYTES; i += PAGE)
		snprintf(map + i, PAGE, "page %d", i / PAGE);
	CHECK_INT(msync(map, BYTES, MS_SYNC), 0);
	CHECK_INT(munmap(map, BYTES), 0);

	char words[16] = "";
	CLEANUP_FD int direct = open("file", O_RDONLY | O_CLOEXEC);

	CHECK_INT(pread(direct, words, 7, 63 * PAGE), 7);
	CHECK_STR(words, "page 63");
	CHECK_INT(pwrite(fd, "changed", 7, 5 * PAGE), 7);
	map = mmap(NULL, BYTES, PROT_READ, MAP_PRIVATE, direct, 0);
	CHECK(map != MAP_FAILED && memcmp(map + 5 * PAGE, "changed", 7) == 0);
	CHECK_INT(munmap(map, BYTES), 0);
	CHECK_INT(fstat(fd, &status), 0);
	CHECK_INT(status.st_size, BYTES);
	end();
}

static void test_unlinked_files(void)
{
	char words[8] = "";

	begin("unlinked");
	CLEANUP_FD int fd = make_file("file", "still");
	CHECK_INT(unlink("file"), 0);
	CHECK_INT(pread(fd, words, 5, 0), 5);
	CHECK_STR(words, "still");
	CHECK_INT(pwrite(fd, "there", 5, 0), 5);
	CHECK_INT(fchmod(fd, 0600), 0);
	close(make_file("file", "new"));
	check_contents("file", "new");
	CHECK_INT(pread(fd, words, 5, 0), 5);
	CHECK_STR(words, "there");
	end();
}

static void test_many_entries(void)
{
	enum { COUNT = 1500 };
	static bool seen[COUNT];
	unsigned others = 0;
	char name[32];

	begin("many");
	for (int i = 0; i < COUNT; i++) {
		snprintf(name, sizeof(name), "entry-%d", i);
		close(open(name, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	}

	CLEANUP_DIR DIR *dir = opendir(".");
	struct stat status;

	CHECK(dir != NULL);
	for (int round = 0; round < 2; round++) {
		memset(seen, 0, sizeof(seen));
		others = 0;
		rewinddir(dir);
		for (struct dirent *entry; (entry = readdir(dir));) {
			int number = -1;

			if (sscanf(entry->d_name, "entry-%d", &number) != 1 || number < 0 || number >= COUNT)
				others++;
			else if (seen[number])
				tap_fail(__FILE__, __LINE__, "an entry twice");
			else
				seen[number] = fstatat(dirfd(dir), entry->d_name, &status, 0) == 0 &&
					       status.st_ino == entry->d_ino;
		}
		for (int i = 0; i < COUNT; i++)
			if (!seen[i])
				tap_fail(__FILE__, __LINE__, "an entry is missing");
		CHECK_INT(others, 2);
	}
	for (int i = 0; i < COUNT; i++) {
		snprintf(name, sizeof(name), "entry-%d", i);
		CHECK_INT(unlink(name), 0);
	}
	end();
	CHECK_INT(rmdir("many"), 0);
}

static void check_owned(const char *name, mode_t mode)
{
	struct stat status = {0};

	CHECK_INT(lstat(name, &status), 0);
	CHECK_INT(status.st_uid, getuid());
	CHECK_INT(status.st_gid, getgid());
	CHECK_INT(status.st_mode, mode);
}

/* What a user makes is his, with the mode that his umask leaves. */
static void make_everything(void)
{
	char name[32];

	snprintf(name, sizeof(name), "of-%u", getuid());
	umask(027);
	CHECK_INT(mkdir(name, 0777), 0);
	check_owned(name, S_IFDIR | 0750);
	CHECK_INT(chdir(name), 0);
	close(open("file", O_CREAT | O_RDWR | O_CLOEXEC, 0666));
	check_owned("file", S_IFREG | 0640);
	close(open("read-only", O_CREAT | O_RDWR | O_CLOEXEC, 0400));
	check_owned("read-only", S_IFREG | 0400);
	CHECK_INT(symlink("file", "link"), 0);
	check_owned("link", S_IFLNK | 0777);
	CHECK_INT(mkfifo("pipe", 0666), 0);
	check_owned("pipe", S_IFIFO | 0640);
	CHECK_INT(mknod("plain", S_IFREG | 0606, 0), 0);
	check_owned("plain", S_IFREG | 0600);
	CHECK_INT(chdir(".."), 0);
}

static void meddle(void)
{
	CHECK_INT(error_of(open("of-1000/file", O_RDWR | O_CLOEXEC)), EACCES);
	CHECK_INT(error_of(open("mine", O_RDONLY | O_CLOEXEC)), EACCES);
	CHECK_INT(error_of(open("mine-too", O_CREAT | O_RDWR | O_CLOEXEC, 0600)), EACCES);
	CHECK_INT(error_of(chmod("mine", 0666)), EPERM);
	CHECK_INT(error_of(chown("mine", getuid(), getgid())), EPERM);
	/* By the other group. */
	close(make_file("for-group/file", "x"));
	check_owned("for-group/file", S_IFREG | 0644);
}

static void test_owners(void)
{
	begin("owners");
	make_everything();
	as_user(1000, 1000, 1000, make_everything);
	as_user(65533, 1234, 5, make_everything);
	umask(022);
	close(make_file("mine", "secret"));
	CHECK_INT(chmod("mine", 0600) + chmod(".", 0755), 0);
	CHECK_INT(mkdir("for-group", 0755) + chown("for-group", 0, 77) + chmod("for-group", 0770), 0);
	as_user(1001, 1001, 77, meddle);
	CHECK_INT(chown("mine", 1001, 5), 0);
	CHECK_INT(error_of(lchown("of-1000/link", 7, 8)), 0);
	end();
}

static void write_a_bit(void)
{
	CLEANUP_FD int fd = open("set-id", O_WRONLY | O_CLOEXEC), shared = -1;
	struct stat status = {0};

	CHECK_INT(write(fd, "x", 1), 1);
	shared = open("folder/file", O_CREAT | O_WRONLY | O_CLOEXEC, 02775);
	CHECK_INT(fstat(shared, &status), 0);
	/* The folder's group, to which this user does not belong, is no way to its rights. */
	CHECK_INT(status.st_gid, 500);
	CHECK_INT(status.st_mode & 07777, 0755);
}

static void test_set_id_bits(void)
{
	begin("set-id");
	close(make_file("set-id", "program"));
	CHECK_INT(chmod("set-id", 06777), 0);
	CHECK_INT(mode_of("set-id") & 07777, 06777);
	CHECK_INT(mkdir("folder", 0777) + chown("folder", 0, 500) + chmod("folder", 02777), 0);
	as_user(1000, 1000, 1000, write_a_bit);
	CHECK_INT(mode_of("set-id") & 07777, 0777);
	CHECK_INT(chmod("set-id", 06777) + chown("set-id", 1000, 1000), 0);
	CHECK_INT(mode_of("set-id") & 07777, 0777);
	CHECK_INT(mkdir("folder/inner", 0755), 0);
	CHECK_INT(mode_of("folder/inner") & 07777, 02755);
	end();
}

static void test_times(void)
{
	struct timespec times[2] = {{.tv_sec = 1000, .tv_nsec = 1}, {.tv_sec = 2000000000, .tv_nsec = 999999999}};
	struct stat status = {0};

	begin("times");
	close(make_file("file", "x"));
	CHECK_INT(symlink("file", "link"), 0);
	CHECK_INT(utimensat(AT_FDCWD, "file", times, 0), 0);
	CHECK_INT(stat("file", &status), 0);
	CHECK_INT(status.st_atim.tv_sec, 1000);
	CHECK_INT(status.st_mtim.tv_sec, 2000000000);
	CHECK_INT(status.st_mtim.tv_nsec, 999999999);
	CHECK_INT(utimensat(AT_FDCWD, "link", times, AT_SYMLINK_NOFOLLOW), 0);
	CHECK_INT(utimensat(AT_FDCWD, "file", NULL, 0), 0);
	CHECK_INT(stat("file", &status), 0);
	CHECK(status.st_mtim.tv_sec != 2000000000);
	end();
}

static void test_special_files(void)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX, .sun_path = "socket"};
	CLEANUP_FD int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), pipe_fd = -1;
	char words[4] = "";

	begin("special");
	CHECK_INT(bind(fd, (struct sockaddr *)&name, sizeof(name)), 0);
	CHECK(S_ISSOCK(mode_of("socket")));
	CHECK_INT(mkfifo("pipe", 0600), 0);
	pipe_fd = open("pipe", O_RDWR | O_CLOEXEC);
	CHECK_INT(write(pipe_fd, "fif", 3), 3);
	CHECK_INT(read(pipe_fd, words, 3), 3);
	CHECK_STR(words, "fif");
	/* On the shared directory only: the control makes it. */
	if (read_only_directory)
		CHECK_INT(error_of(mknod("disk", S_IFBLK | 0600, makedev(7, 0))), EPERM);
	end();
}

/* A block of a file whose contents tell where it belongs. */
static void fill(char *block, unsigned process, unsigned number)
{
	for (unsigned i = 0; i < PAGE; i += sizeof(uint64_t)) {
		uint64_t word = (uint64_t)process << 48 | (uint64_t)number << 16 | i;

		memcpy(block + i, &word, sizeof(word));
	}
}

/* What an office's file server sees: files are made, written, read, renamed and removed, by several at once. */
static void work(unsigned process)
{
	char name[32], other[32], block[PAGE], found[PAGE];

	for (unsigned round = 0; round < 40; round++) {
		snprintf(name, sizeof(name), "p%u-%u", process, round);
		snprintf(other, sizeof(other), "p%u-done", process);
		CLEANUP_FD int fd = open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

		for (unsigned i = 0; i < 16; i++) {
			fill(block, process, i + round);
			CHECK_INT(pwrite(fd, block, PAGE, (off_t)(15 - i) * PAGE), PAGE);
		}
		CHECK_INT(rename(name, other), 0);
		CLEANUP_FD int again = open(other, O_RDONLY | O_CLOEXEC);

		for (unsigned i = 0; i < 16; i++) {
			fill(block, process, i + round);
			CHECK_INT(pread(again, found, PAGE, (off_t)(15 - i) * PAGE), PAGE);
			CHECK(memcmp(block, found, PAGE) == 0);
		}
		CHECK_INT(unlink(other), 0);
	}
}

static void test_several_at_once(void)
{
	begin("several");
	for (unsigned i = 0; i < 4; i++) {
		if (fork() != 0)
			continue;
		tap_failures = 0;
		work(i);
		fflush(stdout);
		_exit(tap_failures ? 1 : 0);
	}
	for (unsigned i = 0; i < 4; i++) {
		int status = -1;

		CHECK(wait(&status) > 0);
		CHECK_INT(status, 0);
	}
	end();
	CHECK_INT(rmdir("several"), 0);
}

static void test_large_file(void)
{
	enum { CHUNK = 1 << 20, CHUNKS = 24 };
	CLEANUP_FREE char *chunk = malloc(CHUNK), *found = malloc(CHUNK);

	begin("large");
	CLEANUP_FD int fd = make_file("file", "");
	for (unsigned i = 0; i < CHUNKS; i++) {
		for (unsigned at = 0; at < CHUNK; at += PAGE)
			fill(chunk + at, i, at);
		CHECK_INT(write(fd, chunk, CHUNK), CHUNK);
	}
	CHECK_INT(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED), 0);
	CLEANUP_FD int again = open("file", O_RDONLY | O_CLOEXEC);
	for (unsigned i = 0; i < CHUNKS; i++) {
		for (unsigned at = 0; at < CHUNK; at += PAGE)
			fill(chunk + at, i, at);
		CHECK_INT(fd_read_all(again, found, CHUNK), 0);
		CHECK(memcmp(chunk, found, CHUNK) == 0);
	}
	CHECK_INT(unlink("file"), 0);
	end();
}

static void test_statvfs(void)
{
	struct statvfs status = {0};

	CHECK_INT(statvfs(".", &status), 0);
	CHECK(status.f_blocks > 0 && status.f_namemax == 255);
	sync();
}

static void test_read_only(void)
{
	struct stat status;

	if (!read_only_directory)
		SKIP("no read-only directory was given");

	CLEANUP_FD int here = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);

	CHECK_INT(chdir(read_only_directory), 0);
	check_contents("file", "as it was\n");
	CHECK_INT(error_of(open("file", O_WRONLY | O_CLOEXEC)), EROFS);
	CHECK_INT(error_of(open("file", O_RDONLY | O_TRUNC | O_CLOEXEC)), EROFS);
	CHECK_INT(error_of(open("new", O_WRONLY | O_CREAT | O_CLOEXEC, 0600)), EROFS);
	CHECK_INT(error_of(mkdir("new", 0700)), EROFS);
	CHECK_INT(error_of(mknod("new", S_IFIFO | 0700, 0)), EROFS);
	CHECK_INT(error_of(symlink("file", "new")), EROFS);
	CHECK_INT(error_of(link("file", "new")), EROFS);
	CHECK_INT(error_of(unlink("file")), EROFS);
	CHECK_INT(error_of(rename("file", "new")), EROFS);
	CHECK_INT(error_of(chmod("file", 0600)), EROFS);
	CHECK_INT(error_of(chown("file", 1, 1)), EROFS);
	CHECK_INT(error_of(truncate("file", 0)), EROFS);
	CHECK_INT(error_of(setxattr("file", "user.x", "x", 1, 0)), EROFS);
	CHECK_INT(error_of(removexattr("file", "user.x")), EROFS);
	CHECK_INT(error_of(utimensat(AT_FDCWD, "file", NULL, 0)), EROFS);
	CHECK_INT(stat("new", &status), -1);
	check_contents("file", "as it was\n");
	CHECK_INT(fchdir(here), 0);
}

int main(int argc, char **argv)
{
	if (argc < 2 || chdir(argv[1]) < 0) {
		fprintf(stderr, "usage: exercise DIRECTORY [READ_ONLY_DIRECTORY]\n");
		return 125;
	}
	read_only_directory = argc > 2 ? argv[2] : NULL;
	umask(022);
	return TAP_RUN(TAP_CASE(test_names), TAP_CASE(test_rename_ways), TAP_CASE(test_links),
		       TAP_CASE(test_attributes), TAP_CASE(test_sizes_and_holes), TAP_CASE(test_appending_and_copying),
		       TAP_CASE(test_memory_maps), TAP_CASE(test_unlinked_files), TAP_CASE(test_many_entries),
		       TAP_CASE(test_owners), TAP_CASE(test_set_id_bits), TAP_CASE(test_times),
		       TAP_CASE(test_special_files), TAP_CASE(test_several_at_once), TAP_CASE(test_large_file),
		       TAP_CASE(test_statvfs), TAP_CASE(test_read_only));
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime/base/fd.h"

#include <fcntl.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "runtime/base/confine.h"
#include "tests/unit/tap.h"

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

static bool is_cloexec(int fd)
{
	return fcntl(fd, F_GETFD) & FD_CLOEXEC;
}

/* Runs `body` in a child, since it changes descriptors for good. Its result is the number of checks that failed. */
static int in_child(int (*body)(void))
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(body());
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* As a kernel before 5.9 would. */
static int forbid_close_range(void)
{
	static const struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_close_range, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct confine_filter filter = {.instructions = code, .count = ARRAY_SIZE(code)};

	return confine_no_new_privs(NULL) < 0 || confine_load(&filter, 0, NULL) < 0 ||
	       syscall(SYS_close_range, 1000, 1000, 0) == 0 || errno != ENOSYS;
}

static int close_most(void)
{
	int failed = 0, fds[40];

	for (int i = 0; i < 40; i++)
		fds[i] = open("/dev/null", O_RDONLY);
	failed += dup2(0, 200) != 200;
	failed += fd_close_from(20, NULL) != 0;
	for (int i = 0; i < 40; i++)
		failed += is_open(fds[i]) != (fds[i] < 20);
	failed += is_open(200);
	failed += fd_close_from(20, NULL) != 0;
	return failed;
}

/* Kept: two of a row, one of them twice, one that is below, one that is not there. */
static int close_but_kept(void)
{
	const int kept[] = {25, -1, 22, 25, 3, 500};
	int failed = 0;

	for (int fd = 20; fd < 30; fd++)
		failed += dup2(0, fd) != fd;
	failed += fd_close_except(21, kept, ARRAY_SIZE(kept), NULL) != 0;
	for (int fd = 20; fd < 30; fd++)
		failed += is_open(fd) != (fd == 20 || fd == 22 || fd == 25);
	return failed;
}

static int mark_most(void)
{
	int failed = 0;

	failed += dup2(0, 50) != 50 || dup2(0, 60) != 60;
	failed += fd_cloexec_from(55, NULL) != 0;
	failed += is_cloexec(50) || !is_cloexec(60);
	return failed;
}

static int close_most_without_call(void)
{
	return forbid_close_range() || close_most();
}

static int close_but_kept_without_call(void)
{
	return forbid_close_range() || close_but_kept();
}

static int mark_most_without_call(void)
{
	return forbid_close_range() || mark_most();
}

static void test_closing_all_but_some(void)
{
	CHECK_INT(in_child(close_most), 0);
	CHECK_INT(in_child(close_but_kept), 0);
	CHECK_INT(in_child(mark_most), 0);
}

static void test_closing_all_but_some_without_close_range(void)
{
	CHECK_INT(in_child(close_most_without_call), 0);
	CHECK_INT(in_child(close_but_kept_without_call), 0);
	CHECK_INT(in_child(mark_most_without_call), 0);
}

static int secure_closed_stdio(void)
{
	int failed = 0;

	close(0);
	close(2);
	failed += fd_secure_stdio(NULL) != 0;
	failed += !is_open(0) || !is_open(2) || is_cloexec(0) || is_cloexec(2);
	failed += write(2, "x", 1) != 1;
	failed += read(0, &failed, 0) != 0;
	failed += open("/dev/null", O_RDONLY) <= 2;
	return failed;
}

static void test_standard_descriptors_are_open(void)
{
	CHECK_INT(in_child(secure_closed_stdio), 0);
	CHECK_INT(fd_secure_stdio(NULL), 0);
}

static void test_whole_transfers(void)
{
	char out[100], in[100];
	int fds[2];

	memset(out, 'x', sizeof(out));
	CHECK_INT(pipe2(fds, O_CLOEXEC), 0);
	CHECK_INT(fd_write_all(fds[1], out, 60), 0);
	CHECK_INT(fd_write_all(fds[1], out, 40), 0);
	CHECK_INT(fd_read_all(fds[0], in, 100), 0);
	CHECK_INT(memcmp(in, out, 100), 0);
	CHECK_INT(fd_write_all(fds[1], out, 10), 0);
	close(fds[1]);
	CHECK_INT(fd_read_all(fds[0], in, 11), -ENODATA);
	CHECK_INT(fd_read_all(fds[0], in, 0), 0);
	close(fds[0]);
	CHECK_INT(fd_read_all(fds[0], in, 1), -EBADF);
	CHECK_INT(fd_write_all(fds[0], in, 1), -EBADF);
}

static void test_numbers_and_flags(void)
{
	CLEANUP_FD int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	CLEANUP_FD int copy = fd_dup(fd, 100);

	CHECK(copy >= 100 && is_cloexec(copy));
	CHECK_INT(fd_place(fd, 150), 0);
	CHECK(is_open(150) && !is_cloexec(150) && is_open(fd));
	CHECK_INT(fd_set_cloexec(150, true), 0);
	CHECK_INT(fd_place(150, 150), 0);
	CHECK(!is_cloexec(150));
	CHECK_INT(fd_set_nonblock(150, true), 0);
	CHECK(fcntl(150, F_GETFL) & O_NONBLOCK);
	CHECK_INT(fd_set_nonblock(150, false), 0);
	CHECK(!(fcntl(150, F_GETFL) & O_NONBLOCK));
	close(150);
	CHECK_INT(fd_dup(150, 0), -EBADF);
	CHECK_INT(fd_place(150, 151), -EBADF);
	CHECK_INT(fd_place(150, 150), -EBADF);
	CHECK_INT(fd_set_nonblock(150, true), -EBADF);
}

static void test_memory_files_are_sealed(void)
{
	CLEANUP_FD int fd = fd_memory("test", "hello", 5, NULL);
	CLEANUP_FD int again = -1;
	char in[6] = "";

	CHECK(fd >= 0 && is_cloexec(fd));
	CHECK_INT(read(fd, in, sizeof(in)), 5);
	CHECK_STR(in, "hello");
	CHECK(pwrite(fd, "x", 1, 0) < 0 && errno == EPERM);
	CHECK(ftruncate(fd, 0) < 0 && errno == EPERM);
	CHECK(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE) < 0 && errno == EPERM);
	again = open(fd_name(fd).path, O_RDONLY | O_CLOEXEC);
	CHECK_INT(fd_read_all(again, in, 5), 0);
}

static int mount_numbers(void)
{
	uint64_t here, there;
	int failed = 0, a, b;

	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("tmpfs", "/mnt", "tmpfs", 0, NULL) < 0 || mkdir("/mnt/a", 0755) < 0 || mkdir("/mnt/b", 0755) < 0)
		return 100;
	a = open("/mnt/a", O_PATH);
	b = open("/mnt/b", O_PATH);
	failed += fd_mount_id(a, &here) != 0 || fd_mount_id(b, &there) != 0 || here != there;
	close(b);
	/* The same file system: st_dev would not tell. */
	failed += mount("/mnt/a", "/mnt/b", NULL, MS_BIND, NULL) < 0;
	b = open("/mnt/b", O_PATH);
	failed += fd_mount_id(b, &there) != 0 || here == there;
	return failed;
}

static void test_bind_mounts_are_told_apart(void)
{
	uint64_t id;

	CHECK_INT(fd_mount_id(999, &id), -ENOENT);
	if (geteuid() != 0)
		SKIP("mounting wants root");
	CHECK_INT(in_child(mount_numbers), 0);
}

int main(void)
{
	return TAP_RUN(TAP_CASE(test_closing_all_but_some), TAP_CASE(test_closing_all_but_some_without_close_range),
		       TAP_CASE(test_standard_descriptors_are_open), TAP_CASE(test_whole_transfers),
		       TAP_CASE(test_numbers_and_flags), TAP_CASE(test_memory_files_are_sealed),
		       TAP_CASE(test_bind_mounts_are_told_apart));
}

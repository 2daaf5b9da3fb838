/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime/base/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/tap.h"

static char folder[] = "/tmp/hull-test-socket-XXXXXX";
static int folder_fd = -1;

/* How many descriptors this process has; a leak shows as a difference. */
static int open_fds(void)
{
	int count = 0;

	for (int fd = 0; fd < 512; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

static int entries_in(int dirfd)
{
	DIR *dir = fdopendir(openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	int count = 0;

	while (dir && readdir(dir))
		count++;
	if (dir)
		closedir(dir);
	return count - 2;
}

/* --- by path --- */

static void check_listens(int dirfd, const char *name)
{
	struct err err = ERR_INIT;
	CLEANUP_FD int listener = sock_listen(dirfd, name, &err);
	CLEANUP_FD int client = -1;
	CLEANUP_FD int server = -1;
	struct stat st;
	uid_t uid = 12345;

	CHECK_STR(err.msg, "");
	CHECK(listener >= 0);
	CHECK_INT(fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW), 0);
	CHECK(S_ISSOCK(st.st_mode));
	CHECK_INT(st.st_mode & 07777, 0600);

	client = sock_connect(dirfd, name, &err);
	server = sock_accept(listener, &err);
	CHECK_STR(err.msg, "");
	CHECK_INT(fcntl(listener, F_GETFD), FD_CLOEXEC);
	CHECK_INT(fcntl(client, F_GETFD), FD_CLOEXEC);
	CHECK_INT(fcntl(server, F_GETFD), FD_CLOEXEC);
	CHECK_INT(sock_peer_uid(server, &uid), 0);
	CHECK_INT(uid, getuid());
	CHECK_INT(unlinkat(dirfd, name, 0), 0);
}

static void test_listen(void)
{
	mode_t before = umask(0);
	int fds = open_fds();

	check_listens(folder_fd, "plain");
	umask(0777);
	check_listens(folder_fd, "plain");
	umask(before);
	CHECK_INT(entries_in(folder_fd), 0);
	CHECK_INT(open_fds(), fds);
}

static void test_long_names(void)
{
	char name[256], path[PATH_MAX];

	memset(name, 'n', 255);
	name[255] = '\0';
	check_listens(folder_fd, name);
	CHECK_INT(mkdirat(folder_fd, name, 0700), 0);
	snprintf(path, sizeof(path), "%s/%s/sock", folder, name);
	check_listens(AT_FDCWD, path);
	snprintf(path, sizeof(path), "%s/sock", name);
	check_listens(folder_fd, path);
	CHECK_INT(unlinkat(folder_fd, name, AT_REMOVEDIR), 0);
}

static void test_replaces_stale_only(void)
{
	struct err err = ERR_INIT;
	int listener = sock_listen(folder_fd, "again", &err), second;

	CHECK(listener >= 0);
	CHECK_INT(sock_listen(folder_fd, "again", &err), -EADDRINUSE);
	CHECK_HAS(err.msg, "again");
	close(listener);
	CHECK_INT(sock_connect(folder_fd, "again", &err), -ECONNREFUSED);
	second = sock_listen(folder_fd, "again", &err);
	CHECK(second >= 0);
	int client = sock_connect(folder_fd, "again", NULL);
	CHECK(client >= 0);
	close(client);
	close(second);
	CHECK_INT(unlinkat(folder_fd, "again", 0), 0);
	CHECK_INT(entries_in(folder_fd), 0);
}

static void test_keeps_other_files(void)
{
	struct err err = ERR_INIT;
	int fd = openat(folder_fd, "file", O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

	close(fd);
	CHECK_INT(sock_listen(folder_fd, "file", &err), -EEXIST);
	CHECK_INT(symlinkat("nowhere", folder_fd, "link"), 0);
	CHECK_INT(sock_listen(folder_fd, "link", &err), -EEXIST);
	CHECK_INT(sock_listen(folder_fd, "missing/name", &err), -ENOENT);
	CHECK_INT(sock_listen(folder_fd, "", &err), -EINVAL);
	CHECK_INT(sock_listen(folder_fd, "folder/", &err), -EINVAL);
	CHECK_INT(sock_connect(folder_fd, "missing", &err), -ENOENT);
	CHECK_HAS(err.msg, "missing");
	CHECK_INT(sock_connect(folder_fd, "file", &err), -ECONNREFUSED);
	CHECK_INT(unlinkat(folder_fd, "file", 0), 0);
	CHECK_INT(unlinkat(folder_fd, "link", 0), 0);
	CHECK_INT(entries_in(folder_fd), 0);
}

/* --- frames --- */

static void test_frames(void)
{
	struct err err = ERR_INIT;
	int fds[2];
	char got[16];
	uint16_t type = 0;

	CHECK_INT(sock_pair(fds, &err), 0);
	CHECK_INT(sock_send_frame(fds[0], 7, "hello", 5, &err), 0);
	CHECK_INT(sock_send_frame(fds[0], 65535, NULL, 0, &err), 0);
	CHECK_INT(sock_recv_frame(fds[1], &type, got, sizeof(got), &err), 5);
	CHECK_INT(type, 7);
	CHECK(memcmp(got, "hello", 5) == 0);
	CHECK_INT(sock_recv_frame(fds[1], &type, got, sizeof(got), &err), 0);
	CHECK_INT(type, 65535);
	CHECK_INT(err.code, 0);
	close(fds[0]);
	CHECK_INT(sock_recv_frame(fds[1], &type, got, sizeof(got), &err), -ECONNRESET);
	CHECK_INT(sock_send_frame(fds[1], 1, "x", 1, &err), -EPIPE);
	close(fds[1]);
}

/* The largest frame, in the wire's own bytes, and through a socket buffer that takes only pieces of it. */
static void test_frames_in_pieces(void)
{
	static char sent[SOCK_FRAME_MAX_BYTES], got[SOCK_FRAME_MAX_BYTES];
	struct err err = ERR_INIT;
	int fds[2], small = 4096, status = 0;
	uint16_t type = 0;
	pid_t sender;

	for (size_t i = 0; i < sizeof(sent); i++)
		sent[i] = (char)(i * 31 + i / 256);
	CHECK_INT(sock_pair(fds, &err), 0);
	CHECK_INT(setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)), 0);
	sender = fork();
	if (sender == 0)
		_exit(sock_send_frame(fds[0], 3, sent, sizeof(sent), NULL) < 0);
	CHECK_INT(sock_recv_frame(fds[1], &type, got, sizeof(got), &err), sizeof(got));
	CHECK(memcmp(sent, got, sizeof(got)) == 0);
	CHECK_INT(waitpid(sender, &status, 0), sender);
	CHECK_INT(status, 0);
	CHECK_INT(sock_send_frame(fds[0], 3, sent, sizeof(sent) + 1, &err), -EMSGSIZE);

	/* Byte by byte. */
	static const unsigned char wire[] = {2, 0, 0, 0, 0x34, 0x12, 0, 0, 'o', 'k'};
	sender = fork();
	if (sender == 0) {
		for (size_t i = 0; i < sizeof(wire); i++)
			if (write(fds[0], wire + i, 1) != 1)
				_exit(1);
		_exit(0);
	}
	CHECK_INT(sock_recv_frame(fds[1], &type, got, sizeof(got), &err), 2);
	CHECK_INT(type, 0x1234);
	CHECK(memcmp(got, "ok", 2) == 0);
	CHECK_INT(waitpid(sender, &status, 0), sender);
	close(fds[0]);
	close(fds[1]);
}

static void test_hostile_frames(void)
{
	static const struct {
		unsigned char wire[12];
		size_t len;
		ssize_t wanted;
	} cases[] = {
		{{9, 0, 0, 0, 1, 0, 0, 0}, 8, -EMSGSIZE},	      /* over the room */
		{{0xff, 0xff, 0xff, 0xff, 1, 0, 0, 0}, 8, -EMSGSIZE}, /* over everything */
		{{1, 0, 0, 0, 1, 0, 1, 0, 'x'}, 9, -EPROTO},	      /* not zero where zero is due */
		{{4, 0, 0, 0, 1, 0, 0, 0, 'x'}, 9, -ECONNRESET},      /* ends within the payload */
		{{4, 0, 0}, 3, -ECONNRESET},			      /* ends within the header */
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err err = ERR_INIT;
		int fds[2];
		char got[8];
		uint16_t type;

		CHECK_INT(sock_pair(fds, &err), 0);
		CHECK_INT(write(fds[0], cases[i].wire, cases[i].len), cases[i].len);
		close(fds[0]);
		CHECK_INT(sock_recv_frame(fds[1], &type, got, sizeof(got), &err), cases[i].wanted);
		CHECK(*err.msg);
		close(fds[1]);
	}
}

/* --- descriptors --- */

static void test_pass_fds(void)
{
	struct err err = ERR_INIT;
	int before = open_fds(), fds[2], channel[2], got[4];
	unsigned count = ARRAY_SIZE(got);
	char data[8] = "", byte = 0;

	CHECK_INT(sock_pair(fds, &err), 0);
	CHECK_INT(pipe2(channel, O_CLOEXEC), 0);
	CHECK_INT(sock_send_fds(fds[0], "two", 3, channel, 2, &err), 0);
	CHECK_INT(sock_recv_fds(fds[1], data, sizeof(data), got, &count, &err), 3);
	CHECK_STR(data, "two");
	CHECK_INT(count, 2);
	CHECK_INT(fcntl(got[0], F_GETFD), FD_CLOEXEC);
	CHECK_INT(write(got[1], "z", 1), 1);
	CHECK_INT(read(channel[0], &byte, 1), 1);
	CHECK_INT(byte, 'z');
	close(got[0]);
	close(got[1]);

	count = ARRAY_SIZE(got);
	CHECK_INT(sock_send_fds(fds[0], "none", 4, NULL, 0, &err), 0);
	CHECK_INT(sock_recv_fds(fds[1], data, sizeof(data), got, &count, &err), 4);
	CHECK_INT(count, 0);
	CHECK_INT(sock_send_fds(fds[0], "", 0, channel, 1, &err), -EINVAL);
	CHECK_INT(sock_send_fds(fds[0], "x", 1, channel, 254, &err), -EINVAL);

	close(fds[0]);
	count = ARRAY_SIZE(got);
	CHECK_INT(sock_recv_fds(fds[1], data, sizeof(data), got, &count, &err), 0);
	close(fds[1]);
	close(channel[0]);
	close(channel[1]);
	CHECK_INT(open_fds(), before);
}

static void test_too_many_fds(void)
{
	struct err err = ERR_INIT;
	int before = open_fds(), fds[2], many[100], got[2];
	unsigned count = ARRAY_SIZE(got);
	char data[8];

	for (size_t i = 0; i < ARRAY_SIZE(many); i++)
		many[i] = 0;
	CHECK_INT(sock_pair(fds, &err), 0);
	CHECK_INT(sock_send_fds(fds[0], "x", 1, many, ARRAY_SIZE(many), &err), 0);
	CHECK_INT(sock_recv_fds(fds[1], data, sizeof(data), got, &count, &err), -EMSGSIZE);
	CHECK_INT(count, 0);
	CHECK_HAS(err.msg, "descriptors");
	close(fds[0]);
	close(fds[1]);
	CHECK_INT(open_fds(), before);
}

/* The kernel cuts the list where the receiver may open no more: then all of it is refused, and closed. */
static void test_no_fd_free(void)
{
	struct err err = ERR_INIT;
	struct rlimit old, limit;
	int before = open_fds(), fds[2], many[8] = {0}, got[8];
	unsigned count = ARRAY_SIZE(got);
	char data[8];

	CHECK_INT(sock_pair(fds, &err), 0);
	CHECK_INT(getrlimit(RLIMIT_NOFILE, &old), 0);
	limit = old;
	limit.rlim_cur = (rlim_t)(fds[0] > fds[1] ? fds[0] : fds[1]) + 4;
	CHECK_INT(sock_send_fds(fds[0], "x", 1, many, ARRAY_SIZE(many), &err), 0);
	CHECK_INT(setrlimit(RLIMIT_NOFILE, &limit), 0);
	CHECK_INT(sock_recv_fds(fds[1], data, sizeof(data), got, &count, &err), -EMFILE);
	CHECK_INT(setrlimit(RLIMIT_NOFILE, &old), 0);
	CHECK_INT(count, 0);
	close(fds[0]);
	close(fds[1]);
	CHECK_INT(open_fds(), before);
}

int main(void)
{
	int failed;

	alarm(60);
	if (!mkdtemp(folder))
		return 1;
	folder_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	failed = TAP_RUN(TAP_CASE(test_listen), TAP_CASE(test_long_names), TAP_CASE(test_replaces_stale_only),
			 TAP_CASE(test_keeps_other_files), TAP_CASE(test_frames), TAP_CASE(test_frames_in_pieces),
			 TAP_CASE(test_hostile_frames), TAP_CASE(test_pass_fds), TAP_CASE(test_too_many_fds),
			 TAP_CASE(test_no_fd_free));
	rmdir(folder);
	return failed;
}

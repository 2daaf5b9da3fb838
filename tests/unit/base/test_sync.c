/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime/base/sync.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/base/process.h"
#include "tests/unit/tap.h"

enum { STAGE_BORN = 1, STAGE_MAPPED, STAGE_READY };
static const char *const names[] = {[STAGE_BORN] = "born", [STAGE_MAPPED] = "mapped", [STAGE_READY] = "ready"};

static int open_fds(void)
{
	int count = 0;

	for (int fd = 0; fd < 512; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

static void pair(struct sync *parent, struct sync *child)
{
	CHECK_INT(sync_pair(parent, child, names, ARRAY_SIZE(names), NULL), 0);
	CHECK_INT(fcntl(parent->fd, F_GETFD), FD_CLOEXEC);
	CHECK_INT(fcntl(child->fd, F_GETFD), FD_CLOEXEC);
}

static struct err failure_of(int code, int exit_code, const char *words)
{
	struct err failure = {.code = code, .exit_code = exit_code};

	snprintf(failure.msg, sizeof(failure.msg), "%s", words);
	return failure;
}

static void test_between_processes(void)
{
	CLEANUP_SYNC struct sync parent = {.fd = -1};
	struct sync child;
	struct proc_clone how = {.cgroup_fd = -1};
	struct err err = ERR_INIT;
	int status = 0;
	pid_t pid;

	pair(&parent, &child);
	pid = proc_clone(&how);
	if (pid == 0) {
		sync_close(&parent);
		if (sync_send(&child, STAGE_BORN, NULL) < 0 || sync_wait(&child, STAGE_MAPPED, NULL) < 0)
			_exit(1);
		_exit(sync_send(&child, STAGE_READY, NULL) < 0 ? 2 : 0);
	}
	sync_close(&child);
	CHECK_INT(child.fd, -1);
	CHECK_INT(sync_wait(&parent, STAGE_BORN, &err), 0);
	CHECK_INT(sync_send(&parent, STAGE_MAPPED, &err), 0);
	CHECK_INT(sync_wait(&parent, STAGE_READY, &err), 0);
	CHECK_INT(sync_wait_closed(&parent, &err), 0);
	CHECK_INT(proc_wait(pid, &status), 0);
	CHECK_INT(status, 0);
	CHECK_INT(err.code, 0);
	CHECK_STR(err.msg, "");
}

/* Between processes that only share a folder. */
static void test_by_socket(void)
{
	char folder[] = "/tmp/hull-test-sync-XXXXXX";
	CLEANUP_SYNC struct sync server = {.fd = -1};
	CLEANUP_SYNC struct sync client = {.fd = -1};
	struct err err = ERR_INIT;
	CLEANUP_FD int dirfd = -1;
	CLEANUP_FD int listener = -1;

	CHECK(mkdtemp(folder) != NULL);
	dirfd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	listener = sync_listen(dirfd, "start", &err);
	CHECK(listener >= 0);
	CHECK_INT(sync_listen(dirfd, "start", NULL), -EADDRINUSE);
	CHECK_INT(sync_connect(dirfd, "start", &client, names, ARRAY_SIZE(names), &err), 0);
	CHECK_INT(sync_send(&client, STAGE_MAPPED, &err), 0);
	CHECK_INT(sync_accept(listener, &server, names, ARRAY_SIZE(names), &err), 0);
	CHECK_INT(sync_wait(&server, STAGE_MAPPED, &err), 0);
	CHECK_INT(sync_send(&server, STAGE_READY, &err), 0);
	CHECK_INT(sync_wait(&client, STAGE_READY, &err), 0);
	CHECK_STR(err.msg, "");
	sync_close(&server);
	CHECK_INT(sync_wait(&client, STAGE_READY, &err), -ECONNRESET);
	sync_close(&client);

	scope_fd(&listener);
	listener = -1;
	CHECK_INT(sync_connect(dirfd, "start", &client, names, ARRAY_SIZE(names), &err), -ECONNREFUSED);
	CHECK_INT(client.fd, -1);
	CHECK_INT(sync_accept(dirfd, &server, names, ARRAY_SIZE(names), &err), -ENOTSOCK);
	CHECK_INT(server.fd, -1);
	CHECK_INT(unlinkat(dirfd, "start", 0), 0);
	CHECK_INT(rmdir(folder), 0);
}

static void test_data_and_fds(void)
{
	struct sync parent, child;
	struct err err = ERR_INIT;
	static char big[SYNC_MAX_WORDS], got[SYNC_MAX_WORDS + 1];
	int before = open_fds(), fds[SYNC_MAX_FDS], got_fds[SYNC_MAX_FDS];
	unsigned count = SYNC_MAX_FDS;
	size_t len = sizeof(got);

	memset(big, 'b', sizeof(big));
	for (size_t i = 0; i < SYNC_MAX_FDS; i++)
		fds[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	pair(&parent, &child);
	CHECK_INT(sync_send_data(&child, STAGE_READY, big, sizeof(big), fds, SYNC_MAX_FDS, &err), 0);
	CHECK_INT(sync_wait_data(&parent, STAGE_READY, got, &len, got_fds, &count, &err), 0);
	CHECK_INT(len, sizeof(big));
	CHECK_INT(count, SYNC_MAX_FDS);
	CHECK(memcmp(big, got, sizeof(big)) == 0);
	for (size_t i = 0; i < count; i++) {
		CHECK_INT(fcntl(got_fds[i], F_GETFD), FD_CLOEXEC);
		close(got_fds[i]);
		close(fds[i]);
	}

	CHECK_INT(sync_send_data(&child, STAGE_READY, big, sizeof(big) + 1, NULL, 0, &err), -EINVAL);
	CHECK_INT(sync_send_data(&child, STAGE_READY, NULL, 0, fds, SYNC_MAX_FDS + 1, &err), -EINVAL);
	CHECK_INT(sync_send_data(&child, 0, NULL, 0, NULL, 0, &err), -EINVAL);
	sync_close(&parent);
	sync_close(&child);
	CHECK_INT(open_fds(), before);
}

/* What nobody asked for is an error, and no descriptor stays. */
static void test_unexpected_company(void)
{
	struct sync parent, child;
	struct err err = ERR_INIT;
	int before = open_fds(), fds[3] = {0, 0, 0}, got[2];
	unsigned count = 2;
	size_t len = 1;
	char byte;

	pair(&parent, &child);
	CHECK_INT(sync_send_data(&child, STAGE_BORN, "x", 1, fds, 3, NULL), 0);
	CHECK_INT(sync_wait(&parent, STAGE_BORN, &err), -EPROTO);
	CHECK_INT(sync_send_data(&child, STAGE_BORN, NULL, 0, fds, 3, NULL), 0);
	CHECK_INT(sync_wait_data(&parent, STAGE_BORN, &byte, &len, got, &count, &err), -EPROTO);
	CHECK_INT(count, 0);
	len = 1;
	CHECK_INT(sync_send_data(&child, STAGE_BORN, "xy", 2, NULL, 0, NULL), 0);
	CHECK_INT(sync_wait_data(&parent, STAGE_BORN, &byte, &len, NULL, NULL, &err), -EPROTO);
	CHECK_INT(len, 0);
	CHECK_HAS(err.msg, "born");
	CHECK_INT(sync_send_data(&child, STAGE_MAPPED, NULL, 0, fds, 3, NULL), 0);
	CHECK_INT(sync_wait(&parent, STAGE_BORN, &err), -EPROTO);
	sync_close(&parent);
	sync_close(&child);
	CHECK_INT(open_fds(), before);
}

static void test_wrong_stage(void)
{
	struct sync parent, child;
	struct err err = ERR_INIT;

	pair(&parent, &child);
	parent.peer = "first process";
	CHECK_INT(sync_send(&child, STAGE_READY, NULL), 0);
	CHECK_INT(sync_wait(&parent, STAGE_BORN, &err), -EPROTO);
	CHECK_STR(err.msg, "first process sent 'ready' where 'born' was expected");
	CHECK_INT(sync_send(&child, 200, NULL), 0);
	CHECK_INT(sync_wait(&parent, STAGE_BORN, &err), -EPROTO);
	CHECK_HAS(err.msg, "unnamed stage");
	CHECK_INT(sync_send(&child, STAGE_READY, NULL), 0);
	CHECK_INT(sync_wait_closed(&parent, &err), -EPROTO);
	sync_close(&parent);
	sync_close(&child);
}

static void test_end_is_no_success(void)
{
	struct sync parent, child;
	struct err err = ERR_INIT;

	pair(&parent, &child);
	sync_close(&child);
	CHECK_INT(sync_wait(&parent, STAGE_READY, &err), -ECONNRESET);
	CHECK_STR(err.msg, "child process ended before 'ready'");
	CHECK_INT(sync_send(&parent, STAGE_MAPPED, &err), -ECONNRESET);
	CHECK_STR(err.msg, "child process ended before it could be told 'mapped'");
	sync_close(&parent);
	sync_close(&parent);
	CHECK_INT(sync_send(&parent, STAGE_MAPPED, NULL), -EBADF);
	CHECK_INT(sync_wait(&parent, STAGE_MAPPED, NULL), -EBADF);
}

static void test_error_arrives(void)
{
	struct sync parent, child;
	struct err err = ERR_INIT,
		   failure = failure_of(ENOENT, ERR_EXIT_NOT_FOUND, "exec 'sh': No such file or directory");

	pair(&parent, &child);
	sync_send_err(&child, &failure);
	CHECK_INT(sync_wait(&parent, STAGE_READY, &err), -ENOENT);
	CHECK_INT(err.code, ENOENT);
	CHECK_INT(err.exit_code, ERR_EXIT_NOT_FOUND);
	CHECK_STR(err.msg, failure.msg);
	sync_send_err(&child, &failure);
	CHECK_INT(sync_wait_closed(&parent, NULL), -ENOENT);
	sync_close(&parent);
	sync_close(&child);
}

/*
 * The child failed, said so, and ended without reading what the parent had already told it: its error must win over the
 * reset.
 */
static void test_error_behind_a_reset(void)
{
	struct err failure = failure_of(EPERM, 0, "mount '/proc': Operation not permitted");

	for (int parent_waits = 0; parent_waits < 3; parent_waits++) {
		struct sync parent, child;
		struct err err = ERR_INIT;
		int r;

		pair(&parent, &child);
		CHECK_INT(sync_send(&parent, STAGE_MAPPED, NULL), 0);
		sync_send_err(&child, &failure);
		sync_close(&child);
		if (parent_waits == 0)
			r = sync_wait(&parent, STAGE_READY, &err);
		else if (parent_waits == 1)
			r = sync_send(&parent, STAGE_MAPPED, &err);
		else
			r = sync_wait_closed(&parent, &err);
		CHECK_INT(r, -EPERM);
		CHECK_STR(err.msg, failure.msg);
		sync_close(&parent);
	}
}

/* A good end behind unread messages is an end, and leaves no words. */
static void test_closed_behind_a_reset(void)
{
	struct sync parent, child;
	struct err err = ERR_INIT;

	pair(&parent, &child);
	CHECK_INT(sync_send(&parent, STAGE_MAPPED, NULL), 0);
	CHECK_INT(sync_send(&child, STAGE_READY, NULL), 0);
	sync_close(&child);
	CHECK_INT(sync_wait(&parent, STAGE_READY, &err), 0);
	CHECK_INT(sync_wait_closed(&parent, &err), 0);
	CHECK_INT(err.code, 0);
	CHECK_STR(err.msg, "");
	sync_close(&parent);
}

/* What the exec of a program does. */
static void test_closed_by_exec(void)
{
	struct sync parent, child;
	struct proc_clone how = {.cgroup_fd = -1};
	int status, stop[2];
	pid_t pid;

	CHECK_INT(pipe2(stop, O_CLOEXEC), 0);
	pair(&parent, &child);
	pid = proc_clone(&how);
	if (pid == 0) {
		dup2(stop[0], 0);
		execl("/bin/cat", "cat", (char *)NULL);
		_exit(1);
	}
	sync_close(&child);
	CHECK_INT(sync_wait_closed(&parent, NULL), 0);
	CHECK_INT(kill(pid, 0), 0);
	close(stop[0]);
	close(stop[1]);
	CHECK_INT(proc_wait(pid, &status), 0);
	CHECK_INT(status, 0);
	sync_close(&parent);
}

static void test_malformed(void)
{
	struct {
		uint32_t magic, stage, len;
		char words[SYNC_MAX_WORDS + 8];
	} packet = {.magic = 0x4c4c5548, .stage = STAGE_BORN, .len = 4};
	static const struct {
		uint32_t magic;
		uint32_t stage;
		uint32_t claimed;
		size_t sent;
		int wanted;
	} cases[] = {
		{0x4c4c5548, STAGE_BORN, 4, 12 + 3, -EPROTO}, /* says more than there is */
		{0x4c4c5548, STAGE_BORN, 0xffffffff, 12, -EPROTO},
		{0x4c4c5548, STAGE_BORN, 0, 11, -EPROTO}, /* less than a header */
		{0x4c4c5548, STAGE_BORN, 0, 1, -EPROTO},
		{0x4c4c5549, STAGE_BORN, 0, 12, -EPROTO},	      /* another magic */
		{0x4c4c5548, 0, 4, 12 + 4, -EPROTO},		      /* an error that is none */
		{0x4c4c5548, STAGE_BORN, 4104, 12 + 4104, -EMSGSIZE}, /* longer than a message may be */
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct sync parent, child;
		struct err err = ERR_INIT;

		pair(&parent, &child);
		packet.magic = cases[i].magic;
		packet.stage = cases[i].stage;
		packet.len = cases[i].claimed;
		CHECK_INT(send(child.fd, &packet, cases[i].sent, 0), cases[i].sent);
		CHECK_INT(sync_wait(&parent, STAGE_BORN, &err), cases[i].wanted);
		CHECK(*err.msg);
		sync_close(&parent);
		sync_close(&child);
	}
}

/* An error whose fields are nonsense still becomes a failure with a printable line. */
static void test_hostile_error(void)
{
	struct sync parent, child;
	struct err err = ERR_INIT, failure = {.code = -5, .exit_code = 4711};

	memset(failure.msg, 'm', sizeof(failure.msg));
	memcpy(failure.msg, "a\nb\033[2J", 7);
	pair(&parent, &child);
	sync_send_err(&child, &failure);
	CHECK_INT(sync_wait(&parent, STAGE_BORN, &err), -EIO);
	CHECK_INT(err.code, EIO);
	CHECK_INT(err.exit_code, ERR_EXIT_DEFAULT);
	CHECK(memchr(err.msg, '\0', sizeof(err.msg)) != NULL);
	CHECK(strpbrk(err.msg, "\n\033") == NULL);
	failure.code = 0;
	sync_send_err(&child, &failure);
	CHECK_INT(sync_wait(&parent, STAGE_BORN, NULL), -EIO);
	sync_close(&parent);
	sync_close(&child);
}

int main(void)
{
	alarm(60);
	return TAP_RUN(TAP_CASE(test_between_processes), TAP_CASE(test_by_socket), TAP_CASE(test_data_and_fds),
		       TAP_CASE(test_unexpected_company), TAP_CASE(test_wrong_stage), TAP_CASE(test_end_is_no_success),
		       TAP_CASE(test_error_arrives), TAP_CASE(test_error_behind_a_reset),
		       TAP_CASE(test_closed_behind_a_reset), TAP_CASE(test_closed_by_exec), TAP_CASE(test_malformed),
		       TAP_CASE(test_hostile_error));
}

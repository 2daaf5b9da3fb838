// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/core/sealed.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/base/process.h"
#include "tests/unit/tap.h"

static void test_a_sealed_program_cannot_be_written(void)
{
	struct err err = ERR_INIT;
	int fd = sealed_open("/bin/busybox", &err), again;

	CHECK(fd >= 0);
	again = open(fd_name(fd).path, O_RDWR | O_CLOEXEC);
	CHECK(again < 0 && (errno == EROFS || errno == EPERM || errno == ETXTBSY));
	CHECK(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	(void)close(fd);
	CHECK(sealed_open("/none/such", &err) < 0);
	CHECK_HAS(err.msg, "/none/such");
}

static void test_it_can_be_executed(void)
{
	struct err err = ERR_INIT;
	char *args[] = {(char *)(uintptr_t) "busybox", (char *)(uintptr_t) "false", NULL};
	char *env[] = {NULL};
	int status = 0;
	pid_t pid;

	(void)fflush(stdout);
	pid = fork();
	if (pid == 0) {
		int fd = sealed_open("/bin/busybox", &err);

		(void)execveat(fd, "", args, env, AT_EMPTY_PATH);
		_exit(99);
	}
	CHECK(waitpid(pid, &status, 0) == pid);
	CHECK_INT(WEXITSTATUS(status), 1);
}

/* This very program, from a file system of the given type: it seals itself, and says so. */
static int seal_from(const char *type)
{
	char command[512], self[256];
	int status = 0;
	pid_t pid;
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);

	self[len > 0 ? len : 0] = '\0';
	(void)fflush(stdout);
	pid = fork();
	if (pid == 0) {
		if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
			_exit(98);
		if (type && mount("test", "/mnt", type, 0, NULL) < 0)
			_exit(97);
		(void)snprintf(command, sizeof(command), type ? "cp %s /mnt/self" : "true %s", self);
		if (system(command) != 0)
			_exit(96);
		(void)alarm(5);
		execl(type ? "/mnt/self" : self, type ? "/mnt/self" : self, "--seal", (char *)NULL);
		_exit(95);
	}
	(void)waitpid(pid, &status, 0);
	return proc_exit_code(status);
}

static void test_self(void)
{
	CHECK_INT(seal_from(NULL), 42);
}

/* Where every file has seals, without being sealed. */
static void test_self_from_a_tmpfs(void)
{
	CHECK_INT(seal_from("tmpfs"), 42);
}

int main(int argc, char **argv)
{
	struct err err = ERR_INIT;

	if (argc > 1) {
		int self;

		if (sealed_self(argv, &err) < 0)
			return 1;
		self = open("/proc/self/exe", O_RDWR | O_CLOEXEC);
		return self < 0 && strcmp(argv[1], "--seal") == 0 ? 42 : 2;
	}
	return TAP_RUN(TAP_CASE(test_a_sealed_program_cannot_be_written), TAP_CASE(test_it_can_be_executed),
		       TAP_CASE(test_self), TAP_CASE(test_self_from_a_tmpfs));
}

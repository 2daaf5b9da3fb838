// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/core/sealed.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
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

/* --- Sealing oneself: this very program, with an argument, says by its exit code how it went ---------------------- */

enum { IN_PLACE = 42, BY_EXECUTING = 43, WRITABLE = 50, SPOILED = 51, NOT_SEALED = 52, HELD = 53 };

static int initialised = 7;
static int zeroed;
static const char *const pointed_to[] = {"a", "pointer"}; /* relocated where the program is position-independent */

/* Nobody can write to it by this way in: not now, when it is busy in any case, nor when it does not run any more. */
static bool is_read_only(int dirfd, const char *name)
{
	CLEANUP_FD int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC);
	struct statvfs view;

	return fd >= 0 && fstatvfs(fd, &view) == 0 &&
	       ((view.f_flag & ST_RDONLY) || (fcntl(fd, F_GET_SEALS) > 0 && (fcntl(fd, F_GET_SEALS) & F_SEAL_WRITE)));
}

/* The ways to this process's executable: by its name, and by what is mapped of it. */
static bool is_out_of_reach(void)
{
	CLEANUP_DIR DIR *maps = opendir("/proc/self/map_files");
	struct stat mapped, self;
	struct dirent *entry;

	if (!maps || stat("/proc/self/exe", &self) < 0 || !is_read_only(AT_FDCWD, "/proc/self/exe"))
		return false;
	while ((entry = readdir(maps)))
		if (fstatat(dirfd(maps), entry->d_name, &mapped, 0) == 0 && mapped.st_ino == self.st_ino &&
		    mapped.st_dev == self.st_dev && !is_read_only(dirfd(maps), entry->d_name))
			return false;
	return true;
}

/* A descriptor of this executable, or of the mount that it is in. */
static bool is_held(void)
{
	CLEANUP_DIR DIR *fds = opendir("/proc/self/fd");
	struct stat seen, self;
	struct dirent *entry;

	if (!fds || stat("/proc/self/exe", &self) < 0)
		return true;
	while ((entry = readdir(fds)))
		if (fstatat(dirfd(fds), entry->d_name, &seen, 0) == 0 && seen.st_ino == self.st_ino &&
		    seen.st_dev == self.st_dev)
			return true;
	return false;
}

static void forbid_prctl(int option)
{
	const struct scmp_arg_cmp is_option = {.arg = 0, .op = SCMP_CMP_EQ, .datum_a = (uint32_t)option};
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);

	if (!filter || seccomp_rule_add_array(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(prctl), 1, &is_option) ||
	    seccomp_load(filter))
		_exit(94);
	seccomp_release(filter);
}

static int seal_and_look(char **argv)
{
	struct err err = ERR_INIT;
	bool again = getenv("SEALING") != NULL;
	char *kept = strdup("kept");

	(void)setenv("SEALING", "1", 1);
	initialised = 8;
	zeroed = 9;
	if (!again && strcmp(argv[1], "--refused") == 0)
		forbid_prctl(PR_SET_MM);
	if (strcmp(argv[1], "--in-parts") == 0) {
		if (sealed_self_begin(argv, &err) < 0)
			return NOT_SEALED;
		if (!is_out_of_reach())
			return WRITABLE;
		sealed_self_finish();
		sealed_self_finish();
	} else if (sealed_self(argv, &err) < 0) {
		return NOT_SEALED;
	}
	if (!is_out_of_reach())
		return WRITABLE;
	if (is_held())
		return HELD;
	if (initialised != 8 || zeroed != 9 || strcmp(pointed_to[1], "pointer") != 0 || strcmp(kept, "kept") != 0)
		return SPOILED;
	free(kept);
	return again ? BY_EXECUTING : IN_PLACE;
}

/* From a file system of the given type, NULL: from where it is. */
static int seal_from(const char *type, const char *how)
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
		(void)alarm(60);
		execl(type ? "/mnt/self" : self, type ? "/mnt/self" : self, how, (char *)NULL);
		_exit(95);
	}
	(void)waitpid(pid, &status, 0);
	return proc_exit_code(status);
}

static void test_self(void)
{
	CHECK_INT(seal_from(NULL, "--seal"), IN_PLACE);
	CHECK_INT(seal_from(NULL, "--in-parts"), IN_PLACE);
}

/* Where every file has seals, without being sealed. */
static void test_self_from_a_tmpfs(void)
{
	CHECK_INT(seal_from("tmpfs", "--seal"), IN_PLACE);
}

static void test_self_where_the_kernel_does_not_let_it_change_in_place(void)
{
	CHECK_INT(seal_from(NULL, "--refused"), BY_EXECUTING);
	CHECK_INT(seal_from("tmpfs", "--refused"), BY_EXECUTING);
}

int main(int argc, char **argv)
{
	if (argc > 1)
		return seal_and_look(argv);
	return TAP_RUN(TAP_CASE(test_a_sealed_program_cannot_be_written), TAP_CASE(test_it_can_be_executed),
		       TAP_CASE(test_self), TAP_CASE(test_self_from_a_tmpfs),
		       TAP_CASE(test_self_where_the_kernel_does_not_let_it_change_in_place));
}

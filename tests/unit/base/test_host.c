/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime/base/host.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/base/confine.h"
#include "runtime/base/scope.h"
#include "tests/unit/tap.h"

/* What a probe says must be what the call does. */
static void test_facts_agree_with_calls(void)
{
	int fd = (int)syscall(SYS_pidfd_open, getpid(), 0);

	CHECK(host_has(HOST_PIDFD) == (fd >= 0));
	if (fd >= 0)
		close(fd);

	fd = (int)syscall(SYS_fsopen, "tmpfs", 1);
	if (fd >= 0 || errno == ENOSYS)
		CHECK(host_has(HOST_FSOPEN) == (fd >= 0));
	if (fd >= 0)
		close(fd);

	CHECK(host_has(HOST_CLOSE_RANGE) == (syscall(SYS_close_range, 100, 100, 0) == 0));
	if (host_has(HOST_OVERLAY_FD_LAYERS))
		CHECK(host_has(HOST_FSOPEN) && host_has(HOST_MOUNT_SETATTR));
	if (host_has(HOST_CLONE3))
		CHECK(host_has(HOST_PIDFD));
}

static void test_probing_keeps_errno(void)
{
	host_override(NULL);
	errno = ENOTTY;
	for (int fact = 0; fact < HOST_FACT_COUNT; fact++)
		(void)host_has((enum host_fact)fact);
	CHECK_INT(errno, ENOTTY);
}

/*
 * A kernel without these calls, or a filter that keeps them from us: seccomp plays either. Returns the first fact that
 * is still believed plus one, 0 when none is.
 */
static int believed_without(uint32_t code)
{
#define REFUSE(call) \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##call, 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | code)
	const struct sock_filter instructions[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		REFUSE(clone3),
		REFUSE(openat2),
		REFUSE(pidfd_open),
		REFUSE(close_range),
		REFUSE(fsconfig),
		REFUSE(mount_setattr),
		REFUSE(seccomp),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	static const enum host_fact gone[] = {HOST_CLONE3,	HOST_OPENAT2, HOST_PIDFD,
					      HOST_CLOSE_RANGE, HOST_FSOPEN,  HOST_MOUNT_SETATTR,
					      HOST_PIDFD_EXIT,	HOST_SECCOMP, HOST_OVERLAY_FD_LAYERS};
	const struct confine_filter filter = {instructions, ARRAY_SIZE(instructions)};

	host_override(NULL);
	if (confine_no_new_privs(NULL) < 0 || confine_load(&filter, 0, NULL) < 0)
		return 100;
	for (size_t i = 0; i < ARRAY_SIZE(gone); i++)
		if (host_has(gone[i]))
			return 1 + (int)gone[i];
	return 0;
}

static void test_missing_calls(void)
{
	static const uint32_t codes[] = {ENOSYS, EPERM};

	if (!host_has(HOST_SECCOMP))
		SKIP("needs seccomp");
	for (size_t i = 0; i < ARRAY_SIZE(codes); i++) {
		pid_t child = fork();
		int status = -1;

		if (child == 0)
			_exit(believed_without(codes[i]));
		CHECK_INT(waitpid(child, &status, 0), child);
		CHECK_INT(status, 0);
	}
}

static void test_user_namespaces(void)
{
	pid_t child = fork();
	int status = 0;

	if (child == 0)
		_exit(syscall(SYS_unshare, 0x10000000 /* CLONE_NEWUSER */) == 0 ? 0 : 1);
	CHECK_INT(waitpid(child, &status, 0), child);
	if (getuid() != 0)
		SKIP("others than root may be kept from them by policy");
	CHECK(host_has(HOST_USER_NS) == (status == 0));
}

static void test_override(void)
{
	bool openat2 = host_has(HOST_OPENAT2);

	CHECK_INT(host_override("openat2=0,clone3=0,overlay_fd_layers=1"), 0);
	CHECK(!host_has(HOST_OPENAT2));
	CHECK(!host_has(HOST_CLONE3));
	CHECK(host_has(HOST_OVERLAY_FD_LAYERS));
	CHECK_INT(host_override("openat2=1"), 0);
	CHECK(host_has(HOST_OPENAT2));
	CHECK_INT(host_override(NULL), 0);
	CHECK(host_has(HOST_OPENAT2) == openat2);
}

static void test_override_refuses(void)
{
	static const char *const wrong[] = {"openat3=0",  "openat2", "openat2=", "openat2=2",
					    "openat2=10", "=0",	     ",",	 "clone3=1,x=0"};

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		CHECK_INT(host_override(wrong[i]), -EINVAL);
	host_override(NULL);
}

static void test_every_fact_has_a_name(void)
{
	for (int fact = 0; fact < HOST_FACT_COUNT; fact++) {
		char words[64];

		snprintf(words, sizeof(words), "%s=0", host_fact_name((enum host_fact)fact));
		CHECK_INT(host_override(words), 0);
		CHECK(!host_has((enum host_fact)fact));
	}
	host_override(NULL);
}

static long number_in(const char *path)
{
	char line[64] = "";
	FILE *file = fopen(path, "re");

	if (!file)
		return -1;
	if (!fgets(line, sizeof(line), file))
		line[0] = '\0';
	fclose(file);
	return strtol(line, NULL, 10);
}

/* What `look` returns in a process where a filter refuses two calls with `code`. */
static int look_without_two(uint32_t code, int (*look)(void))
{
	const struct sock_filter instructions[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		REFUSE(fsopen),
		REFUSE(pidfd_send_signal),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct confine_filter filter = {.instructions = instructions, .count = ARRAY_SIZE(instructions)};
	int status = 0;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		tap_failures = 0;
		if (confine_no_new_privs(NULL) < 0 || confine_load(&filter, 0, NULL) < 0)
			_exit(200);
		_exit(look());
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

static int names_the_first(void)
{
	struct err err = ERR_INIT;

	CHECK_INT(host_require(&err), -EOPNOTSUPP);
	CHECK_HAS(err.msg, "the system call pidfd_send_signal (Linux 5.1)");
	CHECK_HAS(err.msg, host_kernel());
	return tap_failures;
}

static int explains_the_other(void)
{
	struct err bare = ERR_INIT, said = ERR_INIT, other = ERR_INIT;

	err_set(&bare, ENOSYS, "file system 'overlay'");
	host_explain(&bare);
	CHECK_HAS(bare.msg,
		  "file system 'overlay': Function not implemented: the system call fsopen (Linux 5.2) is not there");
	err_say(&said, EINVAL, "that is no name");
	host_explain(&said);
	CHECK_STR(said.msg, "that is no name");
	err_set(&other, ENOENT, "open 'x'");
	host_explain(&other);
	CHECK_STR(other.msg, "open 'x': No such file or directory");
	return tap_failures;
}

static void test_a_call_that_is_needed_is_named(void)
{
	struct err err = ERR_INIT;

	CHECK_INT(host_require(&err), 0);
	err_set(&err, ENOSYS, "something");
	host_explain(&err);
	CHECK_STR(err.msg, "something: Function not implemented");
	CHECK_INT(look_without_two(ENOSYS, names_the_first), 0);
	CHECK_INT(look_without_two(ENOSYS, explains_the_other), 0);
	if (geteuid() == 0)
		CHECK_INT(look_without_two(EPERM, names_the_first), 0);
}

static uint64_t hex_after(const char *path, const char *word)
{
	char line[256];
	uint64_t value = 0;
	FILE *file = fopen(path, "re");

	while (file && fgets(line, sizeof(line), file))
		if (strncmp(line, word, strlen(word)) == 0)
			value = strtoull(line + strlen(word), NULL, 16);
	if (file)
		fclose(file);
	return value;
}

static void test_figures(void)
{
	CHECK(host_cpus() >= 1);
	CHECK(host_memory_bytes() > (uint64_t)16 << 20);
	CHECK_INT(host_cap_last(), number_in("/proc/sys/kernel/cap_last_cap"));
	CHECK_INT(host_caps_permitted(), hex_after("/proc/self/status", "CapPrm:"));
	CHECK(strchr(host_kernel(), '.') != NULL);
}

int main(void)
{
	return TAP_RUN(TAP_CASE(test_facts_agree_with_calls), TAP_CASE(test_probing_keeps_errno),
		       TAP_CASE(test_missing_calls), TAP_CASE(test_a_call_that_is_needed_is_named),
		       TAP_CASE(test_user_namespaces), TAP_CASE(test_override), TAP_CASE(test_override_refuses),
		       TAP_CASE(test_every_fact_has_a_name), TAP_CASE(test_figures));
}

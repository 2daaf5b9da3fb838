// SPDX-License-Identifier: GPL-2.0-or-later
#include "namespaces/sysctl.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/base/file.h"
#include "runtime/base/scope.h"
#include "tests/unit/tap.h"

#define ALL (CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS)

static void test_check_allows(void)
{
	static const struct {
		const char *name;
		uint64_t needs;
	} names[] = {
		{"net.ipv4.ip_forward", CLONE_NEWNET},
		{"net/ipv4/conf/eth0.100/forwarding", CLONE_NEWNET},
		{"net.ipv4.conf.eth0/100.forwarding", CLONE_NEWNET},
		{"kernel.shmmax", CLONE_NEWIPC},
		{"kernel.shm_rmid_forced", CLONE_NEWIPC},
		{"kernel.msgmax", CLONE_NEWIPC},
		{"kernel.sem", CLONE_NEWIPC},
		{"fs.mqueue.msg_max", CLONE_NEWIPC},
		{"kernel/sem", CLONE_NEWIPC},
		{"kernel.domainname", CLONE_NEWUTS},
		{"kernel.hostname", CLONE_NEWUTS},
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		CHECK_INT(sysctl_check(names[i].name, names[i].needs, NULL), 0);
		CHECK_INT(sysctl_check(names[i].name, ALL & ~names[i].needs, NULL), -EPERM);
	}
}

static void test_check_refuses(void)
{
	static const char *const hosts[] =
		{"kernel.core_pattern",	       "kernel.semx", "kernel.panic", "vm.swappiness", "fs.file-max",
		 "kernel/core_pattern",	       "kernel.shm",  "netx.ipv4",    "fs.mqueuex.y",  "kernel.hostname.x",
		 "fs.inotify.max_user_watches"};
	static const char *const wrong[] = {"",
					    "net",
					    ".",
					    "net..ipv4",
					    "net.",
					    ".net",
					    "net/../kernel/core_pattern",
					    "/etc",
					    "net.//.kernel.core_pattern",
					    "net/../../etc/passwd"};
	struct err err = ERR_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(hosts); i++)
		CHECK_INT(sysctl_check(hosts[i], ALL, NULL), -EPERM);
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		CHECK_INT(sysctl_check(wrong[i], ALL | SYSCTL_OWN_KERNEL, NULL), -EINVAL);
	/* A kernel of one's own has no host's, but namespaces all the same. */
	for (size_t i = 0; i < ARRAY_SIZE(hosts); i++)
		CHECK_INT(sysctl_check(hosts[i], SYSCTL_OWN_KERNEL, NULL), 0);
	CHECK_INT(sysctl_check("kernel.sem", SYSCTL_OWN_KERNEL, NULL), -EPERM);
	CHECK(sysctl_check("net.ipv4.ip_forward", CLONE_NEWIPC, &err) < 0);
	CHECK_STR(err.msg,
		  "sysctl 'net.ipv4.ip_forward' needs a network namespace of its own: it would change the host");
	CHECK(sysctl_check("vm.swappiness", ALL, &err) < 0);
	CHECK_STR(err.msg, "sysctl 'vm.swappiness' belongs to no namespace: it would change the host");
}

#define BYTES_64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void test_check_value(void)
{
	static const struct {
		const char *name, *value, *words; /* NULL: it is fine */
	} rows[] = {
		{"kernel.domainname", BYTES_64, NULL},
		{"kernel.domainname", BYTES_64 "\n", NULL},
		{"kernel.domainname", BYTES_64 "x",
		 "sysctl 'kernel.domainname': '" BYTES_64 "x' is longer than 64 bytes"},
		{"kernel/hostname", BYTES_64 "x", "longer than 64 bytes"},
		{"kernel.hostname", "a\nb", "sysctl 'kernel.hostname': more than one line"},
		{"kernel.hostname", "", "sysctl 'kernel.hostname': the value is empty"},
		{"net.core.somaxconn", "", "sysctl 'net.core.somaxconn': the value is empty"},
		{"net.ipv4.tcp_rmem", "1 2 3", NULL},
		{"net.ipv4.tcp_rmem", "1\n2\n3", NULL},
		{"kernel.hostname.x", BYTES_64 "x", NULL}, /* sysctl_check() refuses it */
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct err err = ERR_INIT;
		int result = sysctl_check_value(rows[i].name, rows[i].value, &err);

		CHECK_INT(result, rows[i].words ? -EINVAL : 0);
		if (rows[i].words)
			CHECK_HAS(err.msg, rows[i].words);
	}
}

static int in_child(int (*run)(void))
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		if (unshare(CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS) < 0 ||
		    mount(NULL, "/", NULL, MS_PRIVATE | MS_REC, NULL) < 0)
			_exit(99);
		_exit(run());
	}
	CHECK(waitpid(pid, &status, 0) == pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static bool reads(const char *path, const char *wanted)
{
	char words[64];

	return file_read_line(AT_FDCWD, path, words, sizeof(words)) >= 0 && strcmp(words, wanted) == 0;
}

static int run_apply(void)
{
	static const struct sysctl_value values[] = {{"net.ipv4.ip_unprivileged_port_start", "77"},
						     {"kernel.msgmax", "12345"},
						     {"fs.mqueue.msg_max", "33"},
						     {"kernel.domainname", "hull.example"}};
	int procfd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (sysctl_apply(procfd, values, 4, ALL, NULL) < 0)
		return 1;
	if (!reads("/proc/sys/net/ipv4/ip_unprivileged_port_start", "77"))
		return 2;
	if (!reads("/proc/sys/kernel/msgmax", "12345") || !reads("/proc/sys/fs/mqueue/msg_max", "33"))
		return 3;
	return reads("/proc/sys/kernel/domainname", "hull.example") ? 0 : 4;
}

/* The kernel's bound is the one that values are held against, and it says nothing past it. */
static int run_longest(void)
{
	static const struct sysctl_value longest = {"kernel.domainname", BYTES_64},
					 longer = {"kernel.domainname", "x" BYTES_64};
	int procfd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	char words[100];

	if (sysctl_apply(procfd, &longest, 1, ALL, NULL) < 0 ||
	    file_read_line(AT_FDCWD, "/proc/sys/kernel/domainname", words, sizeof(words)) != 64)
		return 1;
	if (sysctl_apply(procfd, &longer, 1, ALL, NULL) < 0 ||
	    file_read_line(AT_FDCWD, "/proc/sys/kernel/domainname", words, sizeof(words)) != 64)
		return 2;
	return 0;
}

/* One that takes a byte, and tells nothing of what follows; one that takes three; one that can only be written. */
static int run_words(void)
{
	static const struct sysctl_value byte = {"net.ipv4.ip_default_ttl", "12 34"},
					 all = {"net.ipv4.tcp_rmem", "4096\t5000 6000"},
					 some = {"net.ipv4.tcp_rmem", "4097"}, flush = {"net.ipv4.route.flush", "1"};
	int procfd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct err err = ERR_INIT;

	if (sysctl_apply(procfd, &byte, 1, ALL, &err) != -EINVAL ||
	    strcmp(err.msg, "sysctl 'net.ipv4.ip_default_ttl': of '12 34' the kernel took 1 of 2 words") != 0)
		return 1;
	if (sysctl_apply(procfd, &all, 1, ALL, NULL) < 0 || sysctl_apply(procfd, &some, 1, ALL, NULL) < 0)
		return 2;
	return sysctl_apply(procfd, &flush, 1, ALL, NULL) < 0 ? 3 : 0;
}

/* Of ticks the kernel keeps 32 bits. Rounding to them is no loss. */
static int run_cut(void)
{
	static const struct {
		struct sysctl_value value;
		const char *words; /* NULL: it is taken */
	} rows[] = {
		{{"net.ipv4.neigh.lo.base_reachable_time_ms", "4294972296"},
		 "sysctl 'net.ipv4.neigh.lo.base_reachable_time_ms': of '4294972296' the kernel made '5000'"},
		{{"net.ipv4.neigh.lo.retrans_time", "4000000000"},
		 "sysctl 'net.ipv4.neigh.lo.retrans_time': of '4000000000' the kernel made '"},
		{{"net.ipv4.neigh.lo.base_reachable_time_ms", "1999999999"}, NULL},
		{{"net.ipv4.neigh.lo.base_reachable_time_ms", "3"}, NULL},
		{{"kernel.shmmax", "18446744073692774399"}, NULL},
		{{"kernel.shmmax", "0x100000000"}, NULL},
		{{"kernel.sem", "32000\t1024000000 500 32000"}, NULL},
	};
	int procfd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct err err = ERR_INIT;

		if (sysctl_apply(procfd, &rows[i].value, 1, ALL, &err) != (rows[i].words ? -ERANGE : 0) ||
		    (rows[i].words && !strstr(err.msg, rows[i].words)))
			return (int)i + 1;
	}
	return 0;
}

static int run_checks_again(void)
{
	static const struct sysctl_value value = {"kernel.domainname", "x"};
	int procfd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);

	return sysctl_apply(procfd, &value, 1, CLONE_NEWNET, NULL) == -EPERM ? 0 : 1;
}

static int run_unknown_or_bad_value(void)
{
	static const struct sysctl_value unknown = {"net.ipv4.no_such", "1"}, bad = {"kernel.msgmax", "words"};
	int procfd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct err err = ERR_INIT;

	if (sysctl_apply(procfd, &unknown, 1, ALL, &err) != -ENOENT || !strstr(err.msg, "net.ipv4.no_such"))
		return 1;
	if (sysctl_apply(procfd, &bad, 1, ALL, &err) != -EINVAL || !strstr(err.msg, "'words'"))
		return 2;
	return 0;
}

/* An image brings a /proc of its own: a tmpfs with the right names in it. */
static int run_faked_proc(void)
{
	static const struct sysctl_value value = {"kernel.domainname", "x"};
	int procfd, made;

	if (mount("none", "/mnt", "tmpfs", 0, NULL) < 0 || mkdir("/mnt/sys", 0755) < 0 ||
	    mkdir("/mnt/sys/kernel", 0755) < 0)
		return 1;
	made = open("/mnt/sys/kernel/domainname", O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
	procfd = open("/mnt", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (made < 0 || sysctl_apply(procfd, &value, 1, ALL, NULL) >= 0)
		return 2;
	return lseek(made, 0, SEEK_END) == 0 ? 0 : 3;
}

/* A real proc, with something else mounted over one file, and over a folder. */
static int run_covered_file(void)
{
	static const struct sysctl_value host = {"kernel.domainname", "x"}, net = {"net.ipv4.ip_forward", "1"};
	struct err err = ERR_INIT;
	int procfd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (mount("/proc/sys/kernel/core_pattern", "/proc/sys/kernel/domainname", NULL, MS_BIND, NULL) < 0 ||
	    mount("none", "/proc/sys/net", "tmpfs", 0, NULL) < 0)
		return 1;
	if (sysctl_apply(procfd, &host, 1, ALL, &err) != -EXDEV)
		return 2;
	return sysctl_apply(procfd, &net, 1, ALL, &err) == -EXDEV ? 0 : 3;
}

static void test_apply(void)
{
	CHECK_INT(in_child(run_apply), 0);
}
static void test_the_kernels_bound(void)
{
	CHECK_INT(in_child(run_longest), 0);
}
static void test_words_that_are_passed_over(void)
{
	CHECK_INT(in_child(run_words), 0);
}
static void test_what_would_be_cut(void)
{
	CHECK_INT(in_child(run_cut), 0);
}
static void test_checks_again(void)
{
	CHECK_INT(in_child(run_checks_again), 0);
}
static void test_unknown_or_bad_value(void)
{
	CHECK_INT(in_child(run_unknown_or_bad_value), 0);
}
static void test_faked_proc(void)
{
	CHECK_INT(in_child(run_faked_proc), 0);
}
static void test_covered_file(void)
{
	CHECK_INT(in_child(run_covered_file), 0);
}

int main(void)
{
	return TAP_RUN(TAP_CASE(test_check_allows), TAP_CASE(test_check_refuses), TAP_CASE(test_check_value),
		       TAP_CASE(test_apply), TAP_CASE(test_the_kernels_bound),
		       TAP_CASE(test_words_that_are_passed_over), TAP_CASE(test_what_would_be_cut),
		       TAP_CASE(test_checks_again), TAP_CASE(test_unknown_or_bad_value), TAP_CASE(test_faked_proc),
		       TAP_CASE(test_covered_file));
}

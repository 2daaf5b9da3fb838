/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Id maps: what is refused before the kernel sees it, and what it then says. Needs root. */
#include "tests/unit/tap.h"

#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "namespaces/idmap.h"
#include "namespaces/mount.h"
#include "namespaces/ns.h"
#include "runtime/base/fd.h"
#include "runtime/base/file.h"
#include "runtime/base/process.h"

static int check_uids(const struct idmap_range *ranges, size_t count, struct err *err)
{
	static const struct idmap_range fine = {0, 100000, 65536};
	struct idmap map = {ranges, &fine, count, 1};

	return idmap_check(&map, err);
}

static void test_bad_maps_are_refused(void)
{
	static const struct {
		struct idmap_range ranges[3];
		size_t count;
		const char *words;
	} bad[] = {
		{{{0}}, 0, "empty"},
		{{{0, 100000, 0}}, 1, "no ids"},
		{{{0, 4294967295u, 1}}, 1, "past the last id"},
		{{{4294967295u, 0, 1}}, 1, "past the last id"},
		{{{1, 2, 4294967295u}}, 1, "past the last id"},
		{{{0, 100, 10}, {9, 200, 10}}, 2, "overlap inside"},
		{{{0, 100, 10}, {10, 109, 10}}, 2, "overlap on the host"},
		{{{5, 100, 1}, {0, 300, 10}, {20, 400, 1}}, 3, "overlap inside"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct err err = ERR_INIT;

		CHECK_INT(check_uids(bad[i].ranges, bad[i].count, &err), -EINVAL);
		CHECK_HAS(err.msg, bad[i].words);
	}
}

static void test_the_kernels_bounds(void)
{
	struct idmap_range many[IDMAP_MAX_RANGES + 1];
	struct err err = ERR_INIT;

	for (uint32_t i = 0; i < ARRAY_SIZE(many); i++)
		many[i] = (struct idmap_range){i * 2, 100 + i * 2, 1};
	CHECK_INT(check_uids(many, ARRAY_SIZE(many), &err), -EINVAL);
	CHECK_HAS(err.msg, "341 ranges");
	CHECK_INT(check_uids(many, IDMAP_MAX_RANGES, &err), 0);
	/* 340 ranges of long numbers are more than a page. */
	for (uint32_t i = 0; i < IDMAP_MAX_RANGES; i++)
		many[i] = (struct idmap_range){1000000000u + i * 1000, 2000000000u + i * 1000, 1000};
	CHECK_INT(check_uids(many, IDMAP_MAX_RANGES, &err), -EINVAL);
	CHECK_HAS(err.msg, "page");
	CHECK_INT(check_uids((struct idmap_range[]){{0, 0, 4294967295u}}, 1, &err), 0);
}

static void test_ids_are_translated(void)
{
	static const struct idmap_range ranges[] = {{0, 1000, 1}, {1, 100000, 10}};
	static const struct idmap map = {ranges, ranges, 2, 2};
	uint32_t id = 0;

	CHECK(idmap_to_host_uid(&map, 0, &id) == 0 && id == 1000);
	CHECK(idmap_to_host_gid(&map, 10, &id) == 0 && id == 100009);
	CHECK_INT(idmap_to_host_uid(&map, 11, &id), -ERANGE);
}

/* A child in a new user namespace that lives until its descriptor is closed. */
static pid_t sleeper(int *ret_life)
{
	int fds[2];
	pid_t pid;
	char byte;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -1;
	fflush(stdout);
	pid = proc_clone(&(struct proc_clone){.flags = CLONE_NEWUSER, .cgroup_fd = -1});
	if (pid == 0) {
		close(fds[1]);
		(void)!read(fds[0], &byte, 1);
		_exit(0);
	}
	close(fds[0]);
	*ret_life = fds[1];
	return pid;
}

static void proc_line(pid_t pid, const char *name, char to[static 128])
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	to[0] = '\0';
	CHECK(file_read_line(AT_FDCWD, path, to, 128) >= 0);
}

static void check_written(bool set_groups, const char *wanted)
{
	static const struct idmap_range range = {0, 1900000000, 65536};
	static const struct idmap map = {&range, &range, 1, 1};
	struct err err = ERR_INIT;
	char line[128];
	unsigned first, outside, count;
	int life = -1;
	pid_t pid = sleeper(&life);

	CHECK_INT(idmap_write(pid, &map, set_groups, &err), 0);
	proc_line(pid, "gid_map", line);
	CHECK(sscanf(line, "%u %u %u", &first, &outside, &count) == 3 && first == 0 && outside == 1900000000 &&
	      count == 65536);
	proc_line(pid, "setgroups", line);
	CHECK_STR(line, wanted);
	CHECK_INT(idmap_write(pid, &map, true, &err), -EPERM);
	close(life);
	waitpid(pid, NULL, 0);
}

static void test_a_map_is_written_once(void)
{
	check_written(true, "allow");
	check_written(false, "deny");
}

/*
 * As user 12345, without any right: only the own id can be mapped directly; more goes to newuidmap, which refuses here.
 */
static void test_an_unprivileged_writer(void)
{
	static const struct idmap_range own = {0, 12345, 1}, more = {0, 1900000000, 10};
	static const struct idmap own_map = {&own, &own, 1, 1}, more_map = {&more, &more, 1, 1};
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		struct err err = ERR_INIT;
		char line[128];
		int life = -1;
		pid_t child;

		tap_failures = 0;
		CHECK(setgid(12345) == 0 && setuid(12345) == 0);
		/* A process that has changed its user is not dumpable, and its /proc files are then root's. */
		CHECK(prctl(PR_SET_DUMPABLE, 1) == 0);
		child = sleeper(&life);
		CHECK_INT(idmap_write(child, &more_map, true, &err), -EPERM);
		CHECK_HAS(err.msg, "/usr/bin/newuidmap");
		CHECK_INT(idmap_write(child, &own_map, true, &err), 0);
		proc_line(child, "setgroups", line);
		CHECK_STR(line, "deny");
		close(life);
		waitpid(child, NULL, 0);
		fflush(stdout);
		_exit(tap_failures);
	}
	CHECK(proc_wait(pid, &status) == 0);
	CHECK_INT(proc_exit_code(status), 0);
}

static void test_a_namespace_for_a_mount_alone(void)
{
	static const struct idmap_range range = {0, 777, 5};
	static const struct idmap map = {&range, &range, 1, 1};
	char dir[] = "/tmp/hull-idmap-XXXXXX";
	struct err err = ERR_INIT;
	CLEANUP_FD int userns = idmap_userns(&map, &err);
	CLEANUP_FD int tree = -1;
	struct stat info;

	CHECK(userns >= 0);
	CHECK(mkdtemp(dir) != NULL);
	tree = mount_clone(AT_FDCWD, dir, 0, &err);
	CHECK_INT(mount_idmap(tree, false, userns, dir, &err), 0);
	CHECK(fstat(tree, &info) == 0);
	CHECK_INT(info.st_uid, 777);
	rmdir(dir);
}

static void test_what_cannot_be_mapped_says_so(void)
{
	static const struct idmap_range range = {0, 777, 5};
	static const struct idmap map = {&range, &range, 1, 1};
	struct err err = ERR_INIT;
	CLEANUP_FD int userns = idmap_userns(&map, &err);
	CLEANUP_FD int tree = mount_clone(AT_FDCWD, "/proc", 0, &err);

	CHECK_INT(mount_idmap(tree, false, userns, "/proc", &err), -EOPNOTSUPP);
	CHECK_HAS(err.msg, "id-mapped");
}

static void test_namespaces_by_path(void)
{
	struct err err = ERR_INIT;
	CLEANUP_FD int fd = ns_open_path(NS_NET, "/proc/self/ns/net", &err);

	CHECK(fd >= 0);
	CHECK_INT(ns_open_path(NS_IPC, "/proc/self/ns/net", &err), -EINVAL);
	CHECK_HAS(err.msg, "another kind");
	CHECK_INT(ns_open_path(NS_IPC, "/etc/passwd", &err), -EINVAL);
	CHECK_HAS(err.msg, "not a namespace");
	CHECK_INT(ns_open_path(NS_IPC, "/proc/self/ns/none", &err), -ENOENT);
	CHECK_INT(ns_parse("network"), NS_NET);
	CHECK_INT(ns_parse("net"), -EINVAL);
	CHECK_STR(ns_proc_name(NS_MOUNT), "mnt");
}

static bool same_ns(pid_t pid, enum ns_kind kind)
{
	char path[64];
	struct stat mine, theirs;

	snprintf(path, sizeof(path), "/proc/%d/ns/%s", pid, ns_proc_name(kind));
	CHECK(stat(path, &theirs) == 0);
	snprintf(path, sizeof(path), "/proc/thread-self/ns/%s", ns_proc_name(kind));
	CHECK(stat(path, &mine) == 0);
	return mine.st_ino == theirs.st_ino && mine.st_dev == theirs.st_dev;
}

static void join(pid_t target, bool in_one_step)
{
	static const enum ns_kind kinds[] = {NS_USER, NS_NET, NS_UTS, NS_IPC};
	struct err err = ERR_INIT;
	int fds[NS_COUNT] = {-1, -1, -1, -1, -1, -1, -1, -1};
	unsigned mask = 0;
	char path[64];

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		snprintf(path, sizeof(path), "/proc/%d/ns/%s", target, ns_proc_name(kinds[i]));
		CHECK(!same_ns(target, kinds[i]));
		fds[kinds[i]] = ns_open_path(kinds[i], path, &err);
		mask |= 1u << kinds[i];
	}
	CHECK_INT(in_one_step ? ns_join_process(proc_pidfd(target), mask, &err) : ns_join_all(fds, &err), 0);
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		CHECK(same_ns(target, kinds[i]));
}

static void check_joining(bool in_one_step)
{
	static const struct idmap_range range = {0, 1900000000, 65536};
	static const struct idmap map = {&range, &range, 1, 1};
	int life[2], status;
	pid_t target, joiner;
	char byte;

	CHECK(pipe2(life, O_CLOEXEC) == 0);
	fflush(stdout);
	target = proc_clone(&(struct proc_clone){.flags = CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWUTS | CLONE_NEWIPC,
						 .cgroup_fd = -1});
	if (target == 0) {
		close(life[1]);
		(void)!read(life[0], &byte, 1);
		_exit(0);
	}
	CHECK_INT(idmap_write(target, &map, true, NULL), 0);
	joiner = fork();
	if (joiner == 0) {
		tap_failures = 0;
		join(target, in_one_step);
		fflush(stdout);
		_exit(tap_failures);
	}
	CHECK(proc_wait(joiner, &status) == 0);
	CHECK_INT(proc_exit_code(status), 0);
	close(life[1]);
	waitpid(target, NULL, 0);
	close(life[0]);
}

static void test_joining(void)
{
	check_joining(false);
	check_joining(true);
}

int main(void)
{
	return TAP_RUN(TAP_CASE(test_bad_maps_are_refused), TAP_CASE(test_the_kernels_bounds),
		       TAP_CASE(test_ids_are_translated), TAP_CASE(test_a_map_is_written_once),
		       TAP_CASE(test_an_unprivileged_writer), TAP_CASE(test_a_namespace_for_a_mount_alone),
		       TAP_CASE(test_what_cannot_be_mapped_says_so), TAP_CASE(test_namespaces_by_path),
		       TAP_CASE(test_joining));
}

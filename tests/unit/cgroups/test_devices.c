/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Device rules by real opens and mknods, on whichever design the rules are given to. */
#include <fcntl.h>
#include <linux/bpf.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

#include "cgroups/cg.h"
#include "cgroups/devices.h"
#include "cgroups/devices_bpf.h"
#include "cgroups/devices_v1.h"
#include "cgroups/folder.h"
#include "cgroups/v1.h"
#include "cgroups/v2.h"
#include "runtime/base/file.h"
#include "tests/unit/tap.h"

#define ANY (-1)

static struct err err;

/* What a process in the cgroup tries, and whether it may. Numbers: 1:3 null, 1:5 zero, 1:7 full. */
struct access_case {
	char type;
	unsigned major, minor;
	const char *access; /* of r, w, m */
	bool allowed;
};

/* Nodes are made by the test beforehand, so that opening and making are apart. */
static char folder[] = "/dev/shm/hull-test-devices-XXXXXX";

static bool try_open(const struct access_case *c, int flags)
{
	char node[128];

	(void)snprintf(node, sizeof(node), "%s/%c-%u-%u", folder, c->type, c->major, c->minor);
	int fd = open(node, flags | O_NONBLOCK | O_CLOEXEC);

	if (fd >= 0)
		(void)close(fd);
	return fd >= 0 || errno != EPERM; /* no driver behind the number: ENXIO, and allowed */
}

static bool try_access(const struct access_case *c)
{
	bool reads = strchr(c->access, 'r'), writes = strchr(c->access, 'w');
	char node[128];

	if (strchr(c->access, 'm')) {
		(void)snprintf(node, sizeof(node), "%s/new", folder);
		if (mknod(node, (c->type == 'c' ? S_IFCHR : S_IFBLK) | 0600, makedev(c->major, c->minor)) < 0)
			return false;
		(void)unlink(node);
	}
	return (!reads && !writes) || try_open(c, reads && writes ? O_RDWR : reads ? O_RDONLY : O_WRONLY);
}

/* Runs in the cgroup; prints what went another way. */
static int try_all(const struct access_case *cases, size_t count)
{
	int wrong = 0;

	for (size_t i = 0; i < count; i++) {
		if (try_access(&cases[i]) == cases[i].allowed)
			continue;
		printf("# %c %u:%u %s should be %s\n", cases[i].type, cases[i].major, cases[i].minor, cases[i].access,
		       cases[i].allowed ? "allowed" : "denied");
		wrong++;
	}
	fflush(stdout);
	return wrong;
}

static int try_in(int cgroup_fd, const struct access_case *cases, size_t count)
{
	int status = -1;

	fflush(stdout);
	pid_t pid = fork();

	if (pid == 0)
		_exit(file_write_value(cgroup_fd, "cgroup.procs", "0") < 0 ? 99 : try_all(cases, count));
	(void)waitpid(pid, &status, 0);
	return WEXITSTATUS(status);
}

static void make_nodes(const struct access_case *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		char node[128];

		(void)snprintf(node, sizeof(node), "%s/%c-%u-%u", folder, cases[i].type, cases[i].major,
			       cases[i].minor);
		if (mknod(node, (cases[i].type == 'c' ? S_IFCHR : S_IFBLK) | 0600,
			  makedev(cases[i].major, cases[i].minor)) < 0 &&
		    errno != EEXIST)
			tap_fail(__FILE__, __LINE__, node);
	}
}

/* A cgroup in one tree of the host, or NULL where there is no such tree. */
static struct cg_folder *make_folder(bool v2, char path[static PATH_MAX])
{
	static struct cg_folder made;
	const struct cg_layout *layout;
	const struct cg_tree *tree;

	CHECK_INT(cg_layout_get(&layout, &err), 0);
	tree = v2 ? cg_layout_v2(layout) : cg_layout_tree(layout, CG_DEVICES);
	if (!tree || tree->v2 != v2)
		return NULL;
	(void)snprintf(path, PATH_MAX, "%s/hull-test-devices-%d", tree->mount_point, (int)getpid());
	made = (struct cg_folder){.tree = tree, .below = path + strlen(tree->mount_point), .path = path, .fd = -1};
	made.fd = v2 ? cg_v2_make(&made, 0, 0, &err) : cg_v1_make(&made, &err);
	CHECK(made.fd >= 0);
	return &made;
}

static void remove_folder(struct cg_folder *made)
{
	(void)close(made->fd);
	CHECK_INT(rmdir(made->path), 0);
}

static int apply(struct cg_folder *made, const struct cg_device_rule *rules, size_t count, bool fresh)
{
	return made->tree->v2 ? cg_devices_bpf_apply(made, rules, count, &err)
			      : cg_devices_v1_apply(made, rules, count, fresh, &err);
}

#define RWM true, true, true

/* The usual list: nothing, then making any node, then a few devices. */
static const struct cg_device_rule usual[] = {
	{false, 'a', ANY, ANY, RWM},
	{true, 'c', ANY, ANY, false, false, true},
	{true, 'b', ANY, ANY, false, false, true},
	{true, 'c', 1, 3, RWM},
	{true, 'c', 1, 5, true, false, false},
	{true, 'c', 136, ANY, RWM},
	{true, 'c', 1, 9, true, false, false},
};
static const struct access_case usual_cases[] = {
	{'c', 1, 3, "r", true},	 {'c', 1, 3, "rw", true},  {'c', 1, 3, "m", true},    {'c', 1, 5, "r", true},
	{'c', 1, 5, "w", false}, {'c', 1, 5, "rw", false}, {'c', 1, 7, "r", false},   {'c', 1, 7, "m", true},
	{'b', 1, 3, "r", false}, {'b', 7, 0, "m", true},   {'c', 136, 99, "r", true}, {'c', 137, 99, "r", false},
};
/* Afterwards 1:5 is gone, 1:7 has come, 1:3 is read only. */
static const struct cg_device_rule changed[] = {
	{false, 'a', ANY, ANY, RWM},
	{true, 'c', 1, 3, true, false, false},
	{true, 'c', 1, 7, RWM},
};
static const struct access_case changed_cases[] = {
	{'c', 1, 3, "r", true},	 {'c', 1, 3, "w", false}, {'c', 1, 5, "r", false},
	{'c', 1, 7, "rw", true}, {'c', 1, 7, "m", true},  {'b', 7, 0, "m", false},
};
/* All but one. */
static const struct cg_device_rule open_rules[] = {{true, 'a', ANY, ANY, RWM}, {false, 'c', 1, 7, false, true, false}};
static const struct access_case open_cases[] = {
	{'c', 1, 7, "r", true},	 {'c', 1, 7, "w", false}, {'c', 1, 7, "rw", false},
	{'c', 1, 5, "rw", true}, {'b', 7, 0, "m", true},
};

static void check_design(bool v2)
{
	char path[PATH_MAX];
	struct cg_folder *made = make_folder(v2, path);

	if (!made)
		SKIP("this host has no such tree");
	make_nodes(usual_cases, ARRAY_SIZE(usual_cases));
	CHECK_INT(apply(made, usual, ARRAY_SIZE(usual), true), 0);
	CHECK_INT(try_in(made->fd, usual_cases, ARRAY_SIZE(usual_cases)), 0);
	CHECK_INT(apply(made, changed, ARRAY_SIZE(changed), false), 0);
	CHECK_INT(try_in(made->fd, changed_cases, ARRAY_SIZE(changed_cases)), 0);
	CHECK_INT(apply(made, open_rules, ARRAY_SIZE(open_rules), false), 0);
	CHECK_INT(try_in(made->fd, open_cases, ARRAY_SIZE(open_cases)), 0);
	CHECK_INT(apply(made, usual, ARRAY_SIZE(usual), false), 0);
	CHECK_INT(try_in(made->fd, usual_cases, ARRAY_SIZE(usual_cases)), 0);
	remove_folder(made);
}

static void test_v1(void)
{
	check_design(false);
}

static void test_bpf(void)
{
	check_design(true);
}

/* Only v2's program knows an order: an exception from an exception, and one request that two rules grant together. */
static void test_bpf_order(void)
{
	static const struct cg_device_rule rules[] = {
		{true, 'c', 1, ANY, RWM},
		{false, 'c', 1, 7, RWM},
		{true, 'c', 1, 7, true, false, false},
		{false, 'a', 1, 5, false, true, false},
		{true, 'b', ANY, 0, false, false, true},
	};
	static const struct access_case cases[] = {
		{'c', 1, 3, "rw", true}, {'c', 1, 7, "r", true},  {'c', 1, 7, "w", false},  {'c', 1, 7, "rw", false},
		{'c', 1, 5, "r", true},	 {'c', 1, 5, "w", false}, {'c', 1, 5, "rw", false}, {'b', 7, 0, "m", true},
		{'b', 7, 1, "m", false}, {'b', 7, 0, "r", false}, {'c', 5, 0, "m", false},
	};
	static const struct cg_device_rule halves[] = {{true, 'c', 1, 3, true, false, false},
						       {true, 'c', 1, 3, false, true, false}};
	static const struct access_case half_cases[] = {{'c', 1, 3, "rw", true}, {'c', 1, 3, "m", false}};
	char path[PATH_MAX];
	struct cg_folder *made = make_folder(true, path);

	if (!made)
		SKIP("no cgroup v2 is mounted here");
	make_nodes(cases, ARRAY_SIZE(cases));
	CHECK_INT(apply(made, rules, ARRAY_SIZE(rules), true), 0);
	CHECK_INT(try_in(made->fd, cases, ARRAY_SIZE(cases)), 0);
	CHECK_INT(apply(made, halves, ARRAY_SIZE(halves), false), 0);
	CHECK_INT(try_in(made->fd, half_cases, ARRAY_SIZE(half_cases)), 0);
	remove_folder(made);
}

static void test_bpf_size(void)
{
	static struct cg_device_rule rules[481];
	static struct bpf_insn insns[481 * 8 + 8];
	char path[PATH_MAX];
	struct cg_folder *made;

	for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
		rules[i] = (struct cg_device_rule){i % 2 == 0, 'c', (int64_t)(i % 4096), 7, RWM};
	CHECK(cg_devices_bpf_compile(rules, 480, insns, ARRAY_SIZE(insns)) <= 4096);
	CHECK_INT(cg_devices_bpf_compile(rules, 2, insns, 16), -E2BIG);
	made = make_folder(true, path);
	if (!made)
		SKIP("no cgroup v2 is mounted here");
	CHECK_INT(apply(made, rules, 480, true), 0);
	CHECK_INT(apply(made, rules, 481, false), -E2BIG);
	remove_folder(made);
}

static void test_v1_reduction(void)
{
	static const struct {
		struct cg_device_rule rules[3];
		size_t count;
		int result;
	} table[] = {
		/* taken back as it was given, or more than that */
		{{{true, 'c', 1, 3, RWM}, {false, 'c', 1, 3, RWM}}, 2, 0},
		{{{true, 'c', 1, 3, RWM}, {false, 'c', 1, ANY, RWM}}, 2, 0},
		{{{true, 'c', 1, 3, RWM}, {false, 'a', 1, 3, RWM}}, 2, 0},
		/* no part of it, so nothing to take */
		{{{true, 'c', 1, 3, RWM}, {false, 'c', 1, 5, RWM}}, 2, 0},
		{{{true, 'c', 1, ANY, true, false, false}, {false, 'c', 1, 5, false, true, false}}, 2, 0},
		/* a part of a wide one */
		{{{true, 'c', 1, ANY, RWM}, {false, 'c', 1, 5, RWM}}, 2, -ENOTSUP},
		{{{true, 'c', ANY, 5, RWM}, {false, 'c', 1, ANY, RWM}}, 2, -ENOTSUP},
		{{{true, 'a', ANY, ANY, RWM}, {false, 'c', 1, ANY, RWM}, {true, 'c', 1, 3, RWM}}, 3, -ENOTSUP},
		{{{true, 'c', 1, ANY, RWM}, {false, 'c', 1, 5, RWM}, {false, 'a', ANY, ANY, RWM}}, 2, -ENOTSUP},
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		CHECK_INT(cg_devices_v1_check(table[i].rules, table[i].count, &err), table[i].result);
}

static void test_bad_rules(void)
{
	static const struct cg_device_rule bad[] = {
		{true, 'u', 1, 3, RWM},
		{true, 'c', -2, 3, RWM},
		{true, 'c', 4096, 3, RWM},
		{true, 'c', 1, 1 << 20, RWM},
		{true, 'c', 1, 3, false, false, false},
	};

	static const struct cg_layout layouts[] = {
		{.kind = CG_LAYOUT_V1, .trees = {{.controllers = CG_BIT(CG_DEVICES)}}, .tree_count = 1},
		{.kind = CG_LAYOUT_V2, .trees = {{.v2 = true}}, .tree_count = 1},
	};
	const struct cg_limits good = {.devices = usual, .device_count = ARRAY_SIZE(usual)}, none = {0};
	const struct cg_layout nowhere = {.kind = CG_LAYOUT_NONE};

	for (size_t l = 0; l < ARRAY_SIZE(layouts); l++) {
		for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
			CHECK_INT(cg_devices_check(&(struct cg_limits){.devices = &bad[i], .device_count = 1},
						   &layouts[l], &err),
				  -EINVAL);
		CHECK_INT(cg_devices_check(&good, &layouts[l], &err), 0);
	}
	CHECK_INT(cg_devices_check(&good, &nowhere, &err), -ENOTSUP);
	CHECK_INT(cg_devices_check(&none, &nowhere, &err), 0);
}

int main(void)
{
	int r;

	if (!mkdtemp(folder))
		return 1;
	r = TAP_RUN(TAP_CASE(test_v1), TAP_CASE(test_bpf), TAP_CASE(test_bpf_order), TAP_CASE(test_bpf_size),
		    TAP_CASE(test_v1_reduction), TAP_CASE(test_bad_rules));
	err_clear(&err);
	if (file_remove_tree(AT_FDCWD, folder, &err) < 0)
		printf("# %s\n", err.msg);
	return r;
}

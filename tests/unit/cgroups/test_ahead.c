/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Folders of real cgroups that are made before they are asked for: taken, given up, and never anybody else's. */
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cgroups/cg.h"
#include "cgroups/folder.h"
#include "cgroups/layout.h"
#include "runtime/base/process.h"
#include "tests/unit/tap.h"

#define PATIENCE_NS UINT64_C(30000000000)

static struct err err;
static char path[128];

/* The folder in how many trees of the first design there is one; or of how many there are. */
static size_t count_folders(const char *below_or_null)
{
	const struct cg_layout *layout;
	char full[PATH_MAX];
	size_t count = 0;

	if (cg_layout_get(&layout, &err) < 0)
		return 0;
	for (size_t i = 0; i < layout->tree_count; i++) {
		const struct cg_tree *tree = &layout->trees[i];

		(void)snprintf(full, sizeof(full), "%s%s", tree->mount_point, below_or_null ? below_or_null : "");
		count += !tree->v2 && access(full, F_OK) == 0;
	}
	return count;
}

/* A new name below a parent that is there, as it is but for the very first container. */
static struct cg_request begin(void)
{
	static int number;
	struct cg_request request = {.driver = CG_DRIVER_CGROUPFS, .path = path};
	struct cg *cg = NULL;

	err_clear(&err);
	(void)snprintf(path, sizeof(path), "/hull-test-%d/parent", (int)getpid());
	CHECK_INT(cg_create(&request, &cg, &err), 0);
	CHECK_INT(cg_remove(cg, 30000, &err), 0);
	cg_close(&cg);
	(void)snprintf(path, sizeof(path), "/hull-test-%d/%d", (int)getpid(), number++);
	return request;
}

static bool are_made(void)
{
	uint64_t until = proc_monotonic_ns() + PATIENCE_NS;

	while (count_folders(path) < count_folders(NULL) && proc_monotonic_ns() < until)
		(void)usleep(1000);
	return count_folders(path) == count_folders(NULL);
}

static void remove_it(struct cg *cg)
{
	CHECK_INT(cg_remove(cg, 30000, &err), 0);
	cg_close(&cg);
	CHECK_INT(count_folders(path), 0);
}

static void test_taken(void)
{
	struct cg_request request = begin();
	struct cg *cg = NULL;
	struct stat before, after;
	char memory[PATH_MAX];
	const struct cg_layout *layout;

	CHECK_INT(cg_ahead_start(&request), 0);
	CHECK(are_made());
	CHECK_INT(cg_layout_get(&layout, &err), 0);
	(void)snprintf(memory, sizeof(memory), "%s%s", layout->trees[0].mount_point, path);
	CHECK_INT(stat(memory, &before), 0);
	CHECK_INT(cg_create(&request, &cg, &err), 0);
	CHECK_INT(stat(memory, &after), 0);
	CHECK(before.st_ino == after.st_ino);
	/* What a process needs that joins it, cpusets among that. */
	pid_t child = fork();
	if (child == 0)
		_exit(pause());
	CHECK_INT(cg_join(cg, child, &err), 0);
	remove_it(cg);
	(void)waitpid(child, NULL, 0);
}

static void test_given_up(void)
{
	struct cg_request request = begin();

	CHECK_INT(cg_ahead_start(&request), 0);
	cg_ahead_drop();
	CHECK_INT(count_folders(path), 0);
	cg_ahead_drop();
}

static void test_another_is_made(void)
{
	struct cg_request request = begin(), other = {.driver = CG_DRIVER_CGROUPFS};
	char name[sizeof(path) + 8];
	struct cg *cg = NULL;

	(void)snprintf(name, sizeof(name), "%s-other", path);
	other.path = name;
	CHECK_INT(cg_ahead_start(&request), 0);
	CHECK_INT(cg_create(&other, &cg, &err), 0);
	CHECK_INT(count_folders(path), 0);
	CHECK_INT(count_folders(name), count_folders(NULL));
	remove_it(cg);
	CHECK_INT(count_folders(name), 0);
}

/* The cgroup of a container that runs is refused as it would be, and stays whole. */
static void test_in_use(void)
{
	struct cg_request request = begin();
	struct cg *cg = NULL, *again = NULL;
	pid_t child = fork();

	if (child == 0)
		_exit(pause());
	CHECK_INT(cg_create(&request, &cg, &err), 0);
	CHECK_INT(cg_join(cg, child, &err), 0);
	CHECK_INT(cg_ahead_start(&request), 0);
	CHECK_INT(cg_create(&request, &again, &err), -EEXIST);
	CHECK(!again);
	CHECK_INT(count_folders(path), count_folders(NULL));
	remove_it(cg);
	(void)waitpid(child, NULL, 0);
}

/* No parent yet: then nothing is made ahead, and all of it afterwards. */
static void test_without_parent(void)
{
	struct cg_request request = {.driver = CG_DRIVER_CGROUPFS, .path = path};
	struct cg *cg = NULL;
	char parent[64];

	(void)snprintf(parent, sizeof(parent), "/hull-test-%d/new", (int)getpid());
	(void)snprintf(path, sizeof(path), "%s/one", parent);
	CHECK_INT(cg_ahead_start(&request), 0);
	CHECK_INT(cg_create(&request, &cg, &err), 0);
	CHECK_INT(count_folders(path), count_folders(NULL));
	remove_it(cg);
	CHECK_INT(cg_open(CG_DRIVER_CGROUPFS, parent, &cg, &err), 0);
	remove_it(cg);
}

static void test_other_kinds(void)
{
	struct cg_request request = {.driver = CG_DRIVER_DISABLED, .path = "/hull-test"};

	CHECK_INT(cg_ahead_start(&request), -ENOTSUP);
}

static void remove_parent(void)
{
	struct cg *cg = NULL;

	(void)snprintf(path, sizeof(path), "/hull-test-%d", (int)getpid());
	if (cg_open(CG_DRIVER_CGROUPFS, path, &cg, &err) == 0)
		(void)cg_remove(cg, 30000, &err);
	cg_close(&cg);
}

int main(void)
{
	int r;

	if (count_folders(NULL) == 0)
		return TAP_RUN(TAP_CASE(test_other_kinds));
	r = TAP_RUN(TAP_CASE(test_taken), TAP_CASE(test_given_up), TAP_CASE(test_another_is_made),
		    TAP_CASE(test_in_use), TAP_CASE(test_without_parent), TAP_CASE(test_other_kinds));
	remove_parent();
	return r;
}

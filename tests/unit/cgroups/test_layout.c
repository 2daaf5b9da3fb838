/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which trees are found in mountinfo and /proc/self/cgroup, and where a path is in each. */
#include <stdlib.h>
#include <string.h>

#include "cgroups/layout.h"
#include "cgroups/path.h"
#include "tests/unit/tap.h"

static const char *hidden_mount_point; /* "lies under another mount" */

static bool is_visible(const struct cg_tree *tree)
{
	return !hidden_mount_point || strcmp(tree->mount_point, hidden_mount_point) != 0;
}

static struct arena arena;

static struct cg_layout parse(const char *mountinfo, const char *self_cgroup)
{
	struct cg_layout layout = {0};
	struct err err = ERR_INIT;

	arena_free(&arena);
	CHECK(cg_layout_parse(&arena, arena_strdup(&arena, mountinfo), arena_strdup(&arena, self_cgroup), is_visible,
			      &layout, &err) == 0);
	return layout;
}

static const char pure_v2[] = "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
			      "30 22 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n";

static const char co_mounted[] =
	"31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755\n"
	"32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:9 master:2 - cgroup cgroup rw,cpu,cpuacct\n"
	"33 31 0:30 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n"
	"34 31 0:31 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,release_agent=/lib/agent,name=systemd\n";

static void test_pure_v2(void)
{
	struct cg_layout layout = parse(pure_v2, "0::/user.slice/session-1.scope\n");

	CHECK_INT(layout.kind, CG_LAYOUT_V2);
	CHECK_INT(layout.tree_count, 1);
	CHECK(layout.trees[0].v2);
	CHECK_STR(layout.trees[0].mount_point, "/sys/fs/cgroup");
	CHECK_STR(layout.trees[0].own, "/user.slice/session-1.scope");
	CHECK_INT(layout.trees[0].dev_minor, 26);
}

static void test_co_mounted_v1(void)
{
	struct cg_layout layout = parse(co_mounted, "3:name=systemd:/\n2:memory:/a/b\n1:cpu,cpuacct:/\n");

	CHECK_INT(layout.kind, CG_LAYOUT_V1);
	CHECK_INT(layout.tree_count, 3);
	CHECK_INT(layout.trees[0].controllers, CG_BIT(CG_CPU) | CG_BIT(CG_CPUACCT));
	CHECK(cg_layout_tree(&layout, CG_CPUACCT) == &layout.trees[0]);
	CHECK_STR(layout.trees[0].own, "");
	CHECK_STR(layout.trees[1].own, "/a/b");
	CHECK_STR(layout.trees[2].words, "name=systemd");
	CHECK_INT(layout.trees[2].controllers, 0);
	CHECK(!cg_layout_tree(&layout, CG_PIDS));
	CHECK(!cg_layout_tree(&layout, CG_DEVICES));
}

static void test_hybrid(void)
{
	char mounts[2048];
	struct cg_layout layout;

	(void)snprintf(mounts, sizeof(mounts), "%s41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n",
		       co_mounted);
	layout = parse(mounts, "3:name=systemd:/\n2:memory:/\n1:cpu,cpuacct:/\n0::/\n");
	CHECK_INT(layout.kind, CG_LAYOUT_HYBRID);
	CHECK_INT(layout.tree_count, 4);
	CHECK(cg_layout_tree(&layout, CG_DEVICES) == cg_layout_v2(&layout));
}

/*
 * Without a cgroup namespace a container sees its part of the hierarchy mounted, and its own path from the hierarchy's
 * root.
 */
static void test_root_is_not_slash(void)
{
	struct cg_layout layout = parse("9 1 0:29 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n",
					"2:memory:/docker/abc/init\n");

	CHECK_STR(layout.trees[0].own, "/init");
	layout = parse("9 1 0:29 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n",
		       "2:memory:/docker/abcd\n");
	CHECK(!layout.trees[0].own);
	layout = parse("9 1 0:29 / /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n", "2:memory:/../outside\n");
	CHECK(!layout.trees[0].own);
}

static void test_hidden_and_double_mounts(void)
{
	static const char twice[] = "9 1 0:29 /part /mnt/part rw - cgroup cgroup rw,memory\n"
				    "10 1 0:29 / /mnt/whole\\040tree rw - cgroup cgroup rw,memory\n"
				    "11 1 0:29 / /mnt/third rw - cgroup cgroup rw,memory\n";
	struct cg_layout layout = parse(twice, "2:memory:/\n");

	CHECK_INT(layout.tree_count, 1);
	CHECK_STR(layout.trees[0].mount_point, "/mnt/whole tree");
	hidden_mount_point = "/mnt/whole tree";
	layout = parse(twice, "2:memory:/\n");
	CHECK_STR(layout.trees[0].mount_point, "/mnt/third");
	hidden_mount_point = NULL;
}

static void test_nothing_mounted(void)
{
	struct cg_layout layout = parse("22 1 8:1 / / rw - ext4 /dev/sda1 rw\nnonsense - cgroup\n", "0::/\n\nx\n");

	CHECK_INT(layout.kind, CG_LAYOUT_NONE);
}

static void test_paths(void)
{
	static const char *const bad[] = {"", "/", "/a/", "/a//b", "/a/../b", "..", "./a", "/a/.", "a\nb", NULL};
	struct err err = ERR_INIT;
	char words[2000];

	for (size_t i = 0; bad[i]; i++)
		if (cg_path_check(bad[i], &err) != -EINVAL)
			tap_fail(__FILE__, __LINE__, bad[i]);
	CHECK_INT(cg_path_check("/hull/x", &err), 0);
	CHECK_INT(cg_path_check("hull/..x", &err), 0);
	memset(words, 'a', sizeof(words) - 1);
	words[sizeof(words) - 1] = '\0';
	CHECK_INT(cg_path_check(words, &err), -EINVAL);
}

static void test_places(void)
{
	struct cg_layout layout = parse(co_mounted, "3:name=systemd:/\n2:memory:/a/b\n1:cpu,cpuacct:/\n");
	struct err err = ERR_INIT;

	CHECK_STR(cg_path_in_tree(&arena, &layout.trees[1], "/hull/x", &err), "/hull/x");
	CHECK_STR(cg_path_in_tree(&arena, &layout.trees[1], "hull/x", &err), "/a/b/hull/x");
	CHECK_STR(cg_path_in_tree(&arena, &layout.trees[0], "hull/x", &err), "/hull/x");
	CHECK_STR(cg_path_in_tree(&arena, &layout.trees[1], "cpu,cpuacct:/1\nmemory:/2\n", &err), "/2");
	CHECK(!cg_path_in_tree(&arena, &layout.trees[2], "cpu,cpuacct:/1\nmemory:/2\n", &err));
	CHECK_INT(err.code, ENOENT);
	layout.trees[0].own = NULL;
	err_clear(&err);
	CHECK(!cg_path_in_tree(&arena, &layout.trees[0], "hull/x", &err));
	CHECK_HAS(err.msg, "absolute");
}

/* A text that somebody has read already is taken, and wanted once. The last case: the layout is known behind it. */
static void test_expected_mounts(void)
{
	static const char none[] = "21 1 0:20 / / rw - tmpfs tmpfs rw\n";
	struct cg_mounts_text *mounts = cg_layout_expect_mounts();
	const struct cg_layout *layout;
	struct err failure = ERR_INIT;

	CHECK(mounts && mounts->len == 0);
	CHECK(cg_layout_expect_mounts() == NULL);
	memcpy(mounts->text, none, sizeof(none));
	mounts->len = (int)sizeof(none) - 1;
	CHECK_INT(cg_layout_get(&layout, &failure), 0);
	CHECK_INT(layout->kind, CG_LAYOUT_NONE);
	CHECK_INT(mounts->len, CG_MOUNTS_UNWANTED); /* a helper that comes later need not begin */
}

int main(void)
{
	return TAP_RUN(TAP_CASE(test_pure_v2), TAP_CASE(test_co_mounted_v1), TAP_CASE(test_hybrid),
		       TAP_CASE(test_root_is_not_slash), TAP_CASE(test_hidden_and_double_mounts),
		       TAP_CASE(test_nothing_mounted), TAP_CASE(test_paths), TAP_CASE(test_places),
		       TAP_CASE(test_expected_mounts));
}

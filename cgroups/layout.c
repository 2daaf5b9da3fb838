/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which hierarchies are mounted where.
 *
 * Two texts tell it: mountinfo has the mounts, with the folder of the hierarchy that each one shows (not "/" in a
 * container without a cgroup namespace); /proc/self/cgroup has the caller's own place in each hierarchy. A mount that
 * lies under another one is in mountinfo as well, so each is looked at: its path must lead to its device.
 */
#include "cgroups/layout.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "runtime/base/file.h"
#include "runtime/base/text.h"

#define MAX_PROC_BYTES ((size_t)16 << 20)

static const struct {
	const char *v1, *v2;
} controller_names[CG_CONTROLLER_COUNT] = {
	[CG_CPU] = {"cpu", "cpu"},
	[CG_CPUACCT] = {"cpuacct", NULL},
	[CG_CPUSET] = {"cpuset", "cpuset"},
	[CG_MEMORY] = {"memory", "memory"},
	[CG_DEVICES] = {"devices", NULL},
	[CG_FREEZER] = {"freezer", NULL},
	[CG_BLKIO] = {"blkio", "io"},
	[CG_PIDS] = {"pids", "pids"},
	[CG_HUGETLB] = {"hugetlb", "hugetlb"},
	[CG_RDMA] = {"rdma", "rdma"},
	[CG_NET_CLS] = {"net_cls", NULL},
	[CG_NET_PRIO] = {"net_prio", NULL},
	[CG_PERF_EVENT] = {"perf_event", NULL},
	[CG_MISC] = {"misc", "misc"},
	[CG_DMEM] = {NULL, "dmem"},
};

const char *cg_controller_name(enum cg_controller controller, bool v2)
{
	return v2 ? controller_names[controller].v2 : controller_names[controller].v1;
}

uint32_t cg_controllers_parse(const char *words, bool v2)
{
	uint32_t bits = 0;

	while (*words) {
		size_t len = strcspn(words, ", \n");

		for (unsigned i = 0; i < CG_CONTROLLER_COUNT; i++) {
			const char *name = cg_controller_name(i, v2);

			if (name && strlen(name) == len && strncmp(words, name, len) == 0)
				bits |= CG_BIT(i);
		}
		words += len;
		words += *words != '\0';
	}
	return bits;
}

const char *cg_layout_name(enum cg_layout_kind kind)
{
	static const char *const names[] = {
		[CG_LAYOUT_NONE] = "none",
		[CG_LAYOUT_V1] = "v1",
		[CG_LAYOUT_HYBRID] = "hybrid",
		[CG_LAYOUT_V2] = "v2",
	};

	return names[kind];
}

const struct cg_tree *cg_layout_v2(const struct cg_layout *layout)
{
	for (size_t i = 0; i < layout->tree_count; i++)
		if (layout->trees[i].v2)
			return &layout->trees[i];
	return NULL;
}

const struct cg_tree *cg_layout_tree(const struct cg_layout *layout, enum cg_controller controller)
{
	for (size_t i = 0; i < layout->tree_count; i++)
		if (layout->trees[i].controllers & CG_BIT(controller))
			return &layout->trees[i];
	return controller == CG_DEVICES ? cg_layout_v2(layout) : NULL;
}

/* mountinfo writes space, tab, newline and backslash as \ooo. */
static void unescape(char *words)
{
	char *to = words;

	for (const char *from = words; *from; to++) {
		if (from[0] == '\\' && from[1] >= '0' && from[1] <= '3' && from[2] >= '0' && from[2] <= '7' &&
		    from[3] >= '0' && from[3] <= '7') {
			*to = (char)((from[1] - '0') * 64 + (from[2] - '0') * 8 + (from[3] - '0'));
			from += 4;
		} else {
			*to = *from++;
		}
	}
	*to = '\0';
}

struct mount_line {
	char *device, *root, *point, *type, *super_options;
};

/* "ID PARENT MAJOR:MINOR ROOT POINT OPTIONS [TAGS…] - TYPE SOURCE SUPER_OPTIONS" */
static bool split_mount_line(char *line, struct mount_line *ret)
{
	char *position = NULL, *word = strtok_r(line, " ", &position);

	for (int field = 0; word; field++, word = strtok_r(NULL, " ", &position)) {
		if (field == 2)
			ret->device = word;
		else if (field == 3)
			ret->root = word;
		else if (field == 4)
			ret->point = word;
		else if (field > 5 && strcmp(word, "-") == 0)
			break;
	}
	if (!word)
		return false;
	ret->type = strtok_r(NULL, " ", &position);
	(void)strtok_r(NULL, " ", &position); /* the source: any words */
	ret->super_options = strtok_r(NULL, " ", &position);
	return ret->type && ret->super_options;
}

static bool has_word(const char *list, const char *word, size_t len)
{
	for (; *list; list += *list != '\0') {
		size_t here = strcspn(list, ",");

		if (here == len && strncmp(list, word, len) == 0)
			return true;
		list += here;
	}
	return false;
}

struct own_line {
	const char *words, *path;
};

/* "4:memory:/path": the line whose hierarchy a mount with these super options shows. */
static const struct own_line *find_own(const struct own_line *lines, size_t count, bool v2, const char *super_options)
{
	for (size_t i = 0; i < count; i++) {
		const char *words = lines[i].words;

		if (v2 ? *words == '\0' : *words && has_word(super_options, words, strcspn(words, ",")))
			return &lines[i];
	}
	return NULL;
}

static size_t split_own_lines(char *self_cgroup, struct own_line *to, size_t room)
{
	size_t count = 0;
	char *position = NULL;

	for (char *line = strtok_r(self_cgroup, "\n", &position); line && count < room;
	     line = strtok_r(NULL, "\n", &position)) {
		char *words = strchr(line, ':'), *path = words ? strchr(words + 1, ':') : NULL;

		if (!path)
			continue;
		*path = '\0';
		to[count++] = (struct own_line){words + 1, path + 1};
	}
	return count;
}

/*
 * What is left of `path` below `root`: "" or "/x". NULL when it is not below ("/../x" is outside of a cgroup
 * namespace's root).
 */
static const char *below_root(const char *root, const char *path)
{
	size_t len = strcmp(root, "/") == 0 ? 0 : strlen(root);

	if (text_starts(path, "/../") || strcmp(path, "/..") == 0 || strncmp(path, root, len) != 0 ||
	    (path[len] != '\0' && path[len] != '/'))
		return NULL;
	return strcmp(path + len, "/") == 0 ? "" : path + len;
}

/*
 * A hierarchy that is mounted twice: the mount that shows all of it wins, else the first; at the same point the last
 * one lies on top.
 */
static void add_tree(struct cg_layout *layout, const struct cg_tree *tree)
{
	for (size_t i = 0; i < layout->tree_count; i++) {
		struct cg_tree *known = &layout->trees[i];

		if (known->v2 != tree->v2 || strcmp(known->words, tree->words) != 0)
			continue;
		if (strcmp(known->mount_point, tree->mount_point) == 0 ||
		    (strcmp(tree->mount_root, "/") == 0 && strcmp(known->mount_root, "/") != 0))
			*known = *tree;
		return;
	}
	if (layout->tree_count < CG_MAX_TREES)
		layout->trees[layout->tree_count++] = *tree;
}

static bool parse_mount(struct arena *arena, char *line, const struct own_line *own, size_t own_count,
			struct cg_tree *ret)
{
	struct mount_line mount = {0};
	const struct own_line *mine;
	bool v2;

	if (!split_mount_line(line, &mount) ||
	    (strcmp(mount.type, "cgroup") != 0 && strcmp(mount.type, "cgroup2") != 0))
		return false;
	v2 = strcmp(mount.type, "cgroup2") == 0;
	mine = find_own(own, own_count, v2, mount.super_options);
	if (!mine || sscanf(mount.device, "%u:%u", &ret->dev_major, &ret->dev_minor) != 2)
		return false;
	unescape(mount.root);
	unescape(mount.point);
	ret->v2 = v2;
	ret->words = arena_strdup(arena, mine->words);
	ret->controllers = v2 ? 0 : cg_controllers_parse(mine->words, false);
	ret->mount_point = arena_strdup(arena, mount.point);
	ret->mount_root = arena_strdup(arena, mount.root);
	ret->own = arena_strdup(arena, below_root(mount.root, mine->path));
	return !arena->failed;
}

/* The same hierarchy at the same place: a view of a machine's cgroups is often laid over them. */
static bool has_seen(const struct cg_layout *layout, const struct cg_tree *tree)
{
	for (size_t i = 0; i < layout->tree_count; i++) {
		const struct cg_tree *known = &layout->trees[i];

		if (known->dev_major == tree->dev_major && known->dev_minor == tree->dev_minor &&
		    strcmp(known->mount_point, tree->mount_point) == 0)
			return true;
	}
	return false;
}

static void name_kind(struct cg_layout *layout)
{
	bool v1 = false, v2 = false;

	for (size_t i = 0; i < layout->tree_count; i++) {
		v1 |= !layout->trees[i].v2;
		v2 |= layout->trees[i].v2;
	}
	layout->kind = v1 && v2 ? CG_LAYOUT_HYBRID : v1 ? CG_LAYOUT_V1 : v2 ? CG_LAYOUT_V2 : CG_LAYOUT_NONE;
}

int cg_layout_parse(struct arena *arena, char *mountinfo, char *self_cgroup,
		    bool (*is_visible)(const struct cg_tree *tree), struct cg_layout *ret, struct err *err)
{
	struct own_line own[CG_MAX_TREES * 2];
	size_t own_count = split_own_lines(self_cgroup, own, ARRAY_SIZE(own));
	struct cg_layout layout = {0};
	char *next = mountinfo;

	while (next && *next) {
		struct cg_tree tree = {0};
		char *line = next, *end = strchr(line, '\n');

		next = end ? end + 1 : NULL;
		if (end)
			*end = '\0';
		if (!strstr(line, " - cgroup"))
			continue;
		if (parse_mount(arena, line, own, own_count, &tree) && (has_seen(&layout, &tree) || is_visible(&tree)))
			add_tree(&layout, &tree);
	}
	name_kind(&layout);
	*ret = layout;
	return arena_check(arena, err);
}

const char *cg_tree_place_of(struct arena *arena, const struct cg_tree *tree, pid_t pid)
{
	struct own_line lines[CG_MAX_TREES * 2];
	struct err ignored = ERR_INIT;
	char file[32], *text;
	size_t len, count;

	(void)snprintf(file, sizeof(file), "/proc/%d/cgroup", (int)pid);
	if (file_read(arena, AT_FDCWD, file, MAX_PROC_BYTES, &text, &len, &ignored) < 0)
		return NULL;
	count = split_own_lines(text, lines, ARRAY_SIZE(lines));
	for (size_t i = 0; i < count; i++)
		if (strcmp(lines[i].words, tree->words) == 0)
			return below_root(tree->mount_root, lines[i].path);
	return NULL;
}

static bool leads_to_its_device(const struct cg_tree *tree)
{
	struct stat st;

	return stat(tree->mount_point, &st) == 0 && major(st.st_dev) == tree->dev_major &&
	       minor(st.st_dev) == tree->dev_minor;
}

static int read_v2_controllers(struct arena *arena, struct cg_layout *layout, struct err *err)
{
	for (size_t i = 0; i < layout->tree_count; i++) {
		struct cg_tree *tree = &layout->trees[i];
		const char *file;
		char words[512];
		ssize_t len;

		if (!tree->v2)
			continue;
		file = arena_printf(arena, "%s/cgroup.controllers", tree->mount_point);
		if (!file)
			return arena_check(arena, err);
		len = file_read_line(AT_FDCWD, file, words, sizeof(words));
		if (len < 0)
			return err_set(err, (int)-len, "read '%s'", file);
		tree->controllers = cg_controllers_parse(words, true);
	}
	return 0;
}

static struct cg_mounts_text *expected; /* once mapped, for as long as the process lives: a helper may write there */
static bool known;

struct cg_mounts_text *cg_layout_expect_mounts(void)
{
	void *memory;

	if (known || expected)
		return NULL;
	/* Not filled in: the helper's processor does that, too. */
	memory = mmap(NULL, sizeof(*expected), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		return NULL;
	expected = memory;
	return expected;
}

static int read_mounts(struct arena *arena, char **ret, struct err *err)
{
	size_t len;

	/* Once: it is going to be cut up. */
	if (expected && __atomic_exchange_n(&expected->len, CG_MOUNTS_UNWANTED, __ATOMIC_ACQ_REL) > 0) {
		*ret = expected->text;
		return 0;
	}
	return file_read(arena, AT_FDCWD, "/proc/self/mountinfo", MAX_PROC_BYTES, ret, &len, err);
}

int cg_layout_get(const struct cg_layout **ret, struct err *err)
{
	static struct cg_layout layout;
	static struct arena kept;
	CLEANUP_ARENA struct arena scratch = ARENA_INIT;
	char *mountinfo, *self_cgroup;
	size_t len;

	if (!known) {
		if (read_mounts(&scratch, &mountinfo, err) < 0 ||
		    file_read(&scratch, AT_FDCWD, "/proc/self/cgroup", MAX_PROC_BYTES, &self_cgroup, &len, err) < 0)
			return err_wrap(err, "find the cgroups");
		if (cg_layout_parse(&kept, mountinfo, self_cgroup, leads_to_its_device, &layout, err) < 0 ||
		    read_v2_controllers(&kept, &layout, err) < 0) {
			arena_free(&kept);
			return err_wrap(err, "find the cgroups");
		}
		known = true;
	}
	*ret = &layout;
	return 0;
}

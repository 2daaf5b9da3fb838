/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What of the host's cgroups is seen from outside this folder: the mounts inside a container, and the host's facts.
 */
#include "cgroups/cg.h"

#include <stdlib.h>
#include <string.h>

#include "cgroups/layout.h"
#include "cgroups/path.h"
#include "cgroups/systemd.h"
#include "runtime/base/text.h"

static bool is_co_mounted(const struct cg_tree *tree)
{
	return strchr(tree->words, ',') != NULL;
}

/*
 * The names that programs look for: "memory", "cpu,cpuacct", "systemd" for "name=systemd", "unified" beside v1 trees.
 */
static const char *folder_name(const struct cg_layout *layout, const struct cg_tree *tree)
{
	if (tree->v2)
		return layout->kind == CG_LAYOUT_V2 ? "" : "unified";
	return text_starts(tree->words, "name=") ? tree->words + strlen("name=") : tree->words;
}

static int fill_mount(struct arena *arena, const struct cg_layout *layout, const struct cg_tree *tree, const char *path,
		      struct cg_mount *ret, struct err *err)
{
	const char *below = path ? cg_path_in_tree(arena, tree, path, err) : tree->own ? tree->own : "";

	if (!below)
		return -err->code;
	ret->name = folder_name(layout, tree);
	ret->type = tree->v2 ? "cgroup2" : "cgroup";
	/* A hierarchy without a controller is mounted by "none" and its name. */
	ret->options = tree->v2				   ? NULL
		       : text_starts(tree->words, "name=") ? arena_printf(arena, "none,%s", tree->words)
							   : tree->words;
	ret->host_folder = arena_printf(arena, "%s%s", tree->mount_point, below);
	return arena_check(arena, err);
}

static int add_links(struct arena *arena, const struct cg_tree *tree, struct cg_mount_link *links, size_t *count,
		     struct err *err)
{
	struct strv words = {0};

	if (strv_split(arena, &words, tree->words, ",", false) < 0)
		return arena_check(arena, err);
	for (size_t i = 0; i < words.count && *count < CG_CONTROLLER_COUNT; i++)
		links[(*count)++] = (struct cg_mount_link){words.items[i], tree->words};
	return 0;
}

int cg_mount_view(enum cg_driver_kind driver, const char *path, struct arena *arena, struct cg_mount_view *ret,
		  struct err *err)
{
	struct cg_mount_view view = {0};
	const struct cg_layout *layout;
	struct cg_mount_link *links;
	struct cg_mount *mounts;

	if (driver == CG_DRIVER_SYSTEMD) {
		path = cg_systemd_place(arena, path, err);
		if (!path)
			return -err->code;
	}
	/* Without a cgroup of its own it is in the caller's, and that is what it sees. */
	if (driver == CG_DRIVER_DISABLED)
		path = NULL;
	if (cg_layout_get(&layout, err) < 0)
		return -err->code;
	mounts = arena_array(arena, CG_MAX_TREES, sizeof(*mounts));
	links = arena_array(arena, CG_CONTROLLER_COUNT, sizeof(*links));
	if (!mounts || !links)
		return arena_check(arena, err);
	for (size_t i = 0; i < layout->tree_count; i++) {
		const struct cg_tree *tree = &layout->trees[i];

		if (fill_mount(arena, layout, tree, path, &mounts[view.mount_count++], err) < 0 ||
		    (is_co_mounted(tree) && add_links(arena, tree, links, &view.link_count, err) < 0))
			return -err->code;
	}
	view.tmpfs = layout->kind == CG_LAYOUT_V1 || layout->kind == CG_LAYOUT_HYBRID;
	view.mounts = mounts;
	view.links = links;
	*ret = view;
	return 0;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

int cg_host(struct arena *arena, struct cg_host *ret, struct err *err)
{
	const struct cg_layout *layout;
	const char **names;
	size_t count = 0;

	if (cg_layout_get(&layout, err) < 0)
		return -err->code;
	names = arena_array(arena, CG_CONTROLLER_COUNT + 1, sizeof(*names));
	if (!names)
		return arena_check(arena, err);
	for (enum cg_controller i = 0; i < CG_CONTROLLER_COUNT; i++) {
		const struct cg_tree *tree = cg_layout_tree(layout, i);
		const char *name = tree ? cg_controller_name(i, tree->v2) : NULL;

		if (tree && !name) /* devices on v2 */
			name = cg_controller_name(i, false);
		if (name)
			names[count++] = name;
	}
	qsort(names, count, sizeof(*names), compare_names);
	*ret = (struct cg_host){cg_layout_name(layout->kind), names, cg_systemd_is_built()};
	return 0;
}

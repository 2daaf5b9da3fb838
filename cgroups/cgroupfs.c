/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The driver that makes folders itself, in every tree of the host.
 */
#include "cgroups/driver.h"

#include <errno.h>
#include <string.h>

#include "cgroups/devices.h"
#include "cgroups/limits_host.h"
#include "cgroups/limits_table.h"
#include "cgroups/path.h"
#include "cgroups/v1.h"
#include "cgroups/v2.h"
#include "runtime/base/text.h"

static int list_limits(const struct cg_request *request, const struct cg_layout *layout, struct arena *arena,
		       struct err *err)
{
	struct cg_writes writes = {.arena = arena, .layout = layout, .limits = request->limits};

	if (cg_limits_to_writes(&writes, err) < 0)
		return -err->code;
	return cg_limits_check_host(&writes, request->path, err);
}

static int check(const struct cg_request *request, struct err *err)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	const struct cg_layout *layout;

	if (cg_path_check(request->path, err) < 0 || cg_layout_get(&layout, err) < 0)
		return -err->code;
	if (layout->kind == CG_LAYOUT_NONE)
		return err_say(err, ENOTSUP, "no cgroup tree is mounted here: mount one, or disable cgroups");
	for (size_t i = 0; i < layout->tree_count; i++)
		if (!cg_path_in_tree(&arena, &layout->trees[i], request->path, err))
			return -err->code;
	if (list_limits(request, layout, &arena, err) < 0)
		return -err->code;
	return cg_devices_check(request->limits, layout, err);
}

static const char *describe_place(struct cg *cg, const char *path)
{
	CLEANUP_TEXT struct text lines = TEXT_INIT;

	if (*path == '/' || strchr(path, '\n'))
		return arena_strdup(&cg->arena, path);
	for (size_t i = 0; i < cg->folder_count; i++)
		text_addf(&lines, "%s:%s\n", cg->folders[i].tree->words, cg->folders[i].below);
	return lines.failed ? NULL : arena_strdup(&cg->arena, text_get(&lines));
}

static int locate(struct cg *cg, const char *path, struct err *err)
{
	if (cg_layout_get(&cg->layout, err) < 0)
		return -err->code;
	for (size_t i = 0; i < cg->layout->tree_count; i++) {
		const struct cg_tree *tree = &cg->layout->trees[i];
		const char *below = cg_path_in_tree(&cg->arena, tree, path, err);

		if (!below && err->code == ENOENT) { /* the record is older than this tree's mount */
			err_clear(err);
			continue;
		}
		if (!below)
			return -err->code;
		cg->folders[cg->folder_count++] = (struct cg_folder){
			.tree = tree,
			.below = below,
			.path = arena_printf(&cg->arena, "%s%s", tree->mount_point, below),
			.fd = -1,
		};
	}
	cg->place = describe_place(cg, path);
	if (!cg->place)
		return err_set(err, ENOMEM, "cgroup '%s'", path);
	return arena_check(&cg->arena, err);
}

/*
 * On pure v2 all controllers are handed down, for what they count is wanted even without a limit. On hybrid v2 has what
 * no one mounted in v1, and a controller is enabled there when a limit asks for it.
 */
static int make(const struct cg *cg, const struct cg_folder *folder, uint32_t needed, struct err *err)
{
	const struct cg_tree *tree = folder->tree;

	if (!tree->v2)
		return cg_v1_make(folder, err);
	return cg_v2_make(folder, cg->layout->kind == CG_LAYOUT_V2 ? tree->controllers : 0, needed & tree->controllers,
			  err);
}

const struct cg_driver cg_driver_cgroupfs = {.name = "cgroupfs", .check = check, .locate = locate, .make = make};

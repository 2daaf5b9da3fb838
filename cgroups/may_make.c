/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Delegation: whether somebody who is not the host's root was given a part of the trees.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "cgroups/cg.h"
#include "cgroups/layout.h"
#include "cgroups/path.h"

static bool may_make_below(struct arena *arena, const struct cg_tree *tree, const char *below)
{
	char *path = arena_printf(arena, "%s%s", tree->mount_point, below);
	size_t shortest = strlen(tree->mount_point);
	char *slash;

	while (path && (slash = strrchr(path, '/')) && (size_t)(slash - path) >= shortest) {
		*slash = '\0';
		if (faccessat(AT_FDCWD, path, W_OK | X_OK, AT_EACCESS) == 0)
			return true;
		if (errno != ENOENT)
			return false;
	}
	return false;
}

bool cg_may_make(const char *path)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	const struct cg_layout *layout;
	struct err ignored = ERR_INIT;

	if (cg_layout_get(&layout, &ignored) < 0 || layout->tree_count == 0)
		return false;
	for (size_t i = 0; i < layout->tree_count; i++) {
		const char *below = cg_path_in_tree(&arena, &layout->trees[i], path, &ignored);

		if (!below || !may_make_below(&arena, &layout->trees[i], below))
			return false;
	}
	return true;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where a cgroup is in each tree.
 *
 * An absolute path is the same below every mount. A relative one is below hull's own cgroup, which may differ from tree
 * to tree, so the record then keeps a *place*: lines of "CONTROLLERS:/path", paths below the mount point. A newline
 * cannot be part of a cgroup's name, so the two forms never mix.
 */
#include "cgroups/path.h"

#include <errno.h>
#include <string.h>

#include "cgroups/request.h"
#include "runtime/base/text.h"

static const char *tree_name(const struct cg_tree *tree)
{
	return tree->v2 ? "v2" : tree->words;
}

static bool part_is_plain(const char *part, size_t len)
{
	return len > 0 && len < 256 && !(len == 1 && part[0] == '.') && !(len == 2 && part[0] == '.' && part[1] == '.');
}

int cg_path_check(const char *path, struct err *err)
{
	const char *part;

	if (text_is_empty(path))
		return err_say(err, EINVAL, "cgroup path: it is empty");
	if (strlen(path) > CG_PATH_BYTES)
		return err_say(err, EINVAL, "cgroup path: longer than %d bytes", CG_PATH_BYTES);
	for (part = path + (*path == '/');; part++) {
		size_t len = strcspn(part, "/");

		if (!part_is_plain(part, len) || memchr(part, '\n', len))
			return err_say(err, EINVAL,
				       "cgroup path '%s': want plain parts, no empty one, no '.', '..' or newline",
				       path);
		part += len;
		if (!*part)
			return 0;
	}
}

/* The path of this tree's line in a place. */
static const char *line_of(struct arena *arena, const struct cg_tree *tree, const char *place)
{
	size_t name_len = strlen(tree->words);

	for (const char *line = place; *line;) {
		size_t len = strcspn(line, "\n");

		if (strncmp(line, tree->words, name_len) == 0 && line[name_len] == ':' && name_len + 1 < len)
			return arena_strndup(arena, line + name_len + 1, len - name_len - 1);
		line += len;
		line += *line == '\n';
	}
	return NULL;
}

const char *cg_path_in_tree(struct arena *arena, const struct cg_tree *tree, const char *path, struct err *err)
{
	const char *found;

	if (*path == '/')
		found = arena_strdup(arena, path);
	else if (strchr(path, '\n'))
		found = line_of(arena, tree, path);
	else if (tree->own)
		found = arena_printf(arena, "%s/%s", tree->own, path);
	else {
		err_say(err, ENOTSUP,
			"cgroup path '%s' is relative, and hull's own cgroup is outside of what '%s' shows: use an "
			"absolute path",
			path, tree->mount_point);
		return NULL;
	}
	if (!found && arena_check(arena, err) == 0)
		err_say(err, ENOENT, "the recorded cgroup has no place in the tree of '%s'", tree_name(tree));
	return found;
}

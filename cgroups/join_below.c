/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Joining a cgroup below a container's own, which somebody inside has made: `exec --cgroup`.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "cgroups/cg.h"
#include "cgroups/folder.h"
#include "runtime/base/file.h"
#include "runtime/base/path.h"

/*
 * "memory:/a" is meant for the tree that has 'memory' among its words; "/a" for every one that no other choice names.
 */
static bool names_tree(const struct cg_tree *tree, const char *choice, size_t len)
{
	size_t word_len;

	for (const char *word = tree->words; *word; word += word_len + (word[word_len] == ',')) {
		word_len = strcspn(word, ",");
		if (word_len == len && strncmp(word, choice, len) == 0)
			return true;
	}
	return false;
}

/* The path below the container's folder in this tree; NULL: none was chosen. */
static const char *choose(const struct cg_tree *tree, const struct strv *choices)
{
	const char *found = NULL;

	for (size_t i = 0; i < choices->count; i++) {
		const char *colon = strchr(choices->items[i], ':');

		if (!colon && !found)
			found = choices->items[i];
		else if (colon && names_tree(tree, choices->items[i], (size_t)(colon - choices->items[i])))
			return colon + 1;
	}
	return found;
}

static int check_choice(const struct cg *cg, const char *choice, struct err *err)
{
	const char *colon = strchr(choice, ':');

	for (size_t i = 0; colon && i < cg->folder_count; i++)
		if (names_tree(cg->folders[i].tree, choice, (size_t)(colon - choice)))
			return 0;
	if (colon)
		return err_say(err, EINVAL, "sub-cgroup '%s': this host has no tree of that controller", choice);
	return 0;
}

/* What is below the folder was made inside: no link and no mount of it leads out. */
static int join_in(const struct cg_folder *folder, const char *below, pid_t pid, struct err *err)
{
	const char *choice = below ? below : "";
	CLEANUP_FD int fd = -1;
	char number[16];
	int result;

	while (below && *below == '/')
		below++;
	fd = path_open(folder->fd, below && *below ? below : ".", O_PATH | O_DIRECTORY | O_CLOEXEC,
		       PATH_NO_LINKS | PATH_NO_MOUNTS, err);
	if (fd < 0)
		return err_wrap(err, "sub-cgroup '%s' of '%s'", choice, folder->path);
	(void)snprintf(number, sizeof(number), "%d", (int)pid);
	result = file_write_value(fd, "cgroup.procs", number);
	return result < 0 ? err_set(err, -result, "move process %d to '%s' below cgroup '%s'", (int)pid,
				    below ? below : ".", folder->path)
			  : 0;
}

int cg_join_below(struct cg *cg, pid_t pid, const struct strv *choices, struct err *err)
{
	if (cg->driver == CG_DRIVER_DISABLED)
		return err_say(err, ENOTSUP, "sub-cgroups need cgroups, which are disabled for this container");
	for (size_t i = 0; i < choices->count; i++)
		if (check_choice(cg, choices->items[i], err) < 0)
			return -err->code;
	for (size_t i = 0; i < cg->folder_count; i++)
		if (cg->folders[i].fd >= 0 &&
		    join_in(&cg->folders[i], choose(cg->folders[i].tree, choices), pid, err) < 0)
			return -err->code;
	return 0;
}

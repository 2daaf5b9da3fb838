/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Finding a cgroup's folders among the trees, opening and making one.
 */
#include "cgroups/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const struct cg_folder *cg_folder_in(const struct cg *cg, const struct cg_tree *tree)
{
	for (size_t i = 0; i < cg->folder_count; i++)
		if (cg->folders[i].tree == tree)
			return cg->folders[i].fd >= 0 ? &cg->folders[i] : NULL;
	return NULL;
}

const struct cg_folder *cg_folder_of(const struct cg *cg, enum cg_controller controller)
{
	return cg->layout ? cg_folder_in(cg, cg_layout_tree(cg->layout, controller)) : NULL;
}

const struct cg_folder *cg_folder_v2(const struct cg *cg)
{
	return cg->layout ? cg_folder_in(cg, cg_layout_v2(cg->layout)) : NULL;
}

bool cg_has_folder(const struct cg *cg)
{
	for (size_t i = 0; i < cg->folder_count; i++)
		if (cg->folders[i].fd >= 0)
			return true;
	return false;
}

int cg_folder_open(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return errno == ENOTDIR ? -ENOENT : -errno;
	return fd;
}

int cg_mkdir_fresh(const struct cg_folder *folder, struct err *err)
{
	for (int attempt = 0;; attempt++) {
		if (mkdir(folder->path, 0755) == 0)
			return 0;
		if (errno == ENOENT)
			return -ENOENT;
		if (errno != EEXIST || attempt > 0)
			return err_set(err, errno, "make cgroup '%s'", folder->path);
		if (rmdir(folder->path) < 0 && errno != ENOENT)
			return err_say(err, EEXIST, "cgroup '%s' exists and is in use (%s)", folder->path,
				       errno == EBUSY ? "it holds processes or cgroups" : strerror(errno));
	}
}

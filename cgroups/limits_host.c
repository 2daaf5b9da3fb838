/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Facts that the layout alone does not tell: which processors and page sizes there are, and which files this kernel
 * has.
 */
#include "cgroups/limits_host.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cgroups/limits.h"
#include "cgroups/limits_lists.h"
#include "cgroups/path.h"
#include "runtime/base/file.h"
#include "runtime/base/text.h"

/* A file below a tree's mount point. false when that is too long. */
static bool name_file(char to[static PATH_MAX], const struct cg_tree *tree, const char *below, const char *file)
{
	return snprintf(to, PATH_MAX, "%s%s/%s", tree->mount_point, below, file) < PATH_MAX;
}

/*
 * A tree's root has most files in v1 but few in v2, so v2 is asked in the cgroup's parent, where that is there already
 * (and is not the root). Without a folder to look into the answer is left to cg_create().
 */
static const char *folder_to_probe(const struct cg_tree *tree, const char *path, struct arena *arena)
{
	struct err ignored = ERR_INIT;
	const char *below = cg_path_in_tree(arena, tree, path, &ignored);
	char *parent = below ? arena_strdup(arena, below) : NULL;

	if (!parent || !strrchr(parent, '/'))
		return NULL;
	*strrchr(parent, '/') = '\0';
	return *parent ? parent : NULL;
}

static bool lacks_file(const struct cg_write *write, const char *below)
{
	char path[PATH_MAX];

	if (!name_file(path, write->tree, below, write->file) || access(path, F_OK) == 0 || errno != ENOENT)
		return false;
	if (write->other_file && name_file(path, write->tree, below, write->other_file) && access(path, F_OK) == 0)
		return false;
	return name_file(path, write->tree, below, "cgroup.procs") && access(path, F_OK) == 0;
}

static int check_files(const struct cg_writes *writes, const char *path, struct err *err)
{
	for (size_t i = 0; i < writes->count; i++) {
		const struct cg_write *write = &writes->items[i];
		const char *below = folder_to_probe(write->tree, path, writes->arena);

		if (!write->may_be_missing && below && lacks_file(write, below))
			return cg_say_no_file(write, err);
	}
	return arena_check(writes->arena, err);
}

static int check_cpuset(const struct cg_writes *writes, const char *asked, const char *what, const char *limit,
			struct err *err)
{
	const struct cg_tree *tree = cg_layout_tree(writes->layout, CG_CPUSET);
	char file[PATH_MAX], name[32], words[4096];
	struct cg_list wanted, there;

	if (text_is_empty(asked) || !tree)
		return 0;
	(void)snprintf(name, sizeof(name), "cpuset.%s%s", what, tree->v2 ? ".effective" : "");
	if (!name_file(file, tree, "", name) || file_read_line(AT_FDCWD, file, words, sizeof(words)) <= 0 ||
	    cg_list_parse(words, &there) < 0 || cg_list_parse(asked, &wanted) < 0)
		return 0; /* the host does not tell */
	if (!cg_list_within(&wanted, &there))
		return err_say(err, EINVAL, "limit '%s': '%s' is not within '%s', which this host has", limit, asked,
			       words);
	return 0;
}

bool cg_host_has_pages(const char *page_size)
{
	static const struct {
		char letter;
		unsigned long long kib;
	} units[] = {{'K', 1}, {'M', 1024}, {'G', 1024 * 1024}};
	char folder[128];

	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		if (!strchr(page_size, units[i].letter))
			continue;
		(void)snprintf(folder, sizeof(folder), "/sys/kernel/mm/hugepages/hugepages-%llukB",
			       strtoull(page_size, NULL, 10) * units[i].kib);
		return access(folder, F_OK) == 0;
	}
	return true;
}

static int check_hugepages(const struct cg_limits *limits, struct err *err)
{
	for (size_t i = 0; i < limits->hugepage_count; i++)
		if (!cg_host_has_pages(limits->hugepages[i].page_size))
			return err_say(err, ENOTSUP, "limit 'hugepageLimits': this host has no pages of %s",
				       limits->hugepages[i].page_size);
	return 0;
}

int cg_limits_check_host(const struct cg_writes *writes, const char *path, struct err *err)
{
	const struct cg_limits *limits = writes->limits;

	if (!limits)
		return 0;
	if (check_cpuset(writes, limits->cpuset_cpus, "cpus", "cpu.cpus", err) < 0 ||
	    check_cpuset(writes, limits->cpuset_mems, "mems", "cpu.mems", err) < 0 || check_hugepages(limits, err) < 0)
		return -err->code;
	return check_files(writes, path, err);
}

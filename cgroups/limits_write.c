/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writing limits, and asking the host beforehand whether it could.
 *
 * Several limits bound one another: memory below memory and swap, quota over period, burst below quota. Which must go first
 * depends on whether values rise or fall. The kernel knows: a write that it refuses waits until the others are done, and is tried
 * again, as long as anything moves.
 */
#include "cgroups/driver.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>

#include "runtime/base/file.h"

static const struct cg_folder *folder_in(const struct cg *cg, const struct cg_tree *tree)
{
	for (size_t i = 0; i < cg->folder_count; i++)
		if (cg->folders[i].tree == tree && cg->folders[i].fd >= 0)
			return &cg->folders[i];
	return NULL;
}

static int write_one(const struct cg_folder *folder, const struct cg_write *write)
{
	int r = file_write_value(folder->fd, write->file, write->value);

	if (r == -ENOENT && write->other_file)
		r = file_write_value(folder->fd, write->other_file, write->other_value);
	return r == -ENOENT && write->may_be_missing ? 0 : r;
}

static int say_refused(const struct cg_folder *folder, const struct cg_write *write, int code, struct err *err)
{
	if (code == ENOENT)
		return err_say(err, ENOTSUP, "limit '%s': this kernel has no %s%s%s", write->limit, write->file,
			       write->other_file ? " or " : "", write->other_file ? write->other_file : "");
	err_set(err, code, "limit '%s': write '%s' to %s of cgroup '%s'", write->limit, write->value, write->file,
		folder->below);
	if (code == EBUSY && strcmp(write->limit, "memory.limit") == 0)
		return err_hint(err, "more is in use, and cannot be given back");
	return -err->code;
}

int cg_limits_write(const struct cg *cg, const struct cg_writes *writes, struct err *err)
{
	bool done[CG_MAX_WRITES] = {false};
	size_t left = writes->count, before = 0;

	while (left > 0) {
		const struct cg_write *refused = NULL;
		int code = 0;

		before = left;
		for (size_t i = 0; i < writes->count; i++) {
			const struct cg_folder *folder = folder_in(cg, writes->items[i].tree);
			int r;

			if (done[i])
				continue;
			r = folder ? write_one(folder, &writes->items[i]) : -ENOENT;
			done[i] = r == 0;
			left -= r == 0;
			if (r < 0 && !refused) {
				refused = &writes->items[i];
				code = -r;
			}
		}
		if (left == before) {
			const struct cg_folder *folder = folder_in(cg, refused->tree);

			return folder ? say_refused(folder, refused, code, err)
				      : err_say(err, ENOENT, "limit '%s': the cgroup is gone from its tree",
						refused->limit);
		}
	}
	return 0;
}

/* A file below a tree's mount point. false when that is too long. */
static bool name_file(char to[static PATH_MAX], const struct cg_tree *tree, const char *below, const char *file)
{
	return snprintf(to, PATH_MAX, "%s%s/%s", tree->mount_point, below, file) < PATH_MAX;
}

/*
 * A tree's root has most files in v1 but few in v2, so v2 is asked in the cgroup's parent, where that is there already (and is not
 * the root). Without a folder to look into the answer is left to cg_create().
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

		if (!write->may_be_missing && below && lacks_file(write, below)) {
			const struct cg_folder nowhere = {.below = below};

			return say_refused(&nowhere, write, ENOENT, err);
		}
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

static int check_hugepages(const struct cg_limits *limits, struct err *err)
{
	static const struct {
		char letter;
		unsigned long long kib;
	} units[] = {{'K', 1}, {'M', 1024}, {'G', 1024 * 1024}};

	for (size_t i = 0; i < limits->hugepage_count; i++) {
		const char *size = limits->hugepages[i].page_size;
		char folder[128];

		for (size_t u = 0; u < ARRAY_SIZE(units); u++) {
			if (!strchr(size, units[u].letter))
				continue;
			(void)snprintf(folder, sizeof(folder), "/sys/kernel/mm/hugepages/hugepages-%llukB",
				       strtoull(size, NULL, 10) * units[u].kib);
			if (access(folder, F_OK) < 0)
				return err_say(err, ENOTSUP, "limit 'hugepageLimits': this host has no pages of %s",
					       size);
		}
	}
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

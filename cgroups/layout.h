/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which hierarchies are mounted where, and which controllers each one has. A *tree* is a hierarchy as it is mounted
 * here. All but cg_layout_get() is pure.
 */
#ifndef HULL_CGROUPS_LAYOUT_H
#define HULL_CGROUPS_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "runtime/base/arena.h"
#include "runtime/base/err.h"

enum cg_controller {
	CG_CPU,
	CG_CPUACCT,
	CG_CPUSET,
	CG_MEMORY,
	CG_DEVICES,
	CG_FREEZER,
	CG_BLKIO,
	CG_PIDS,
	CG_HUGETLB,
	CG_RDMA,
	CG_NET_CLS,
	CG_NET_PRIO,
	CG_PERF_EVENT,
	CG_MISC,
	CG_DMEM,
	CG_CONTROLLER_COUNT
};
#define CG_BIT(controller) (1u << (controller))

/* The kernel's name: v1's "blkio" is v2's "io". NULL where that design has no such controller to enable. */
const char *cg_controller_name(enum cg_controller controller, bool v2);
/* The controllers among words that are separated by spaces or commas, as bits. */
uint32_t cg_controllers_parse(const char *words, bool v2);

struct cg_tree {
	bool v2;
	uint32_t controllers;	 /* bits; in v2 those that the mount's root has (cgroup.controllers) */
	const char *words;	 /* "cpu,cpuacct", "name=systemd" as in /proc/PID/cgroup; "" for v2 */
	const char *mount_point; /* as the host sees it, no trailing '/' */
	const char *mount_root;	 /* which folder of the hierarchy is mounted there: "/" but inside containers */
	/* the cgroup that hull is in, below the mount point: "" or "/a/b". NULL: not reachable from there */
	const char *own;
	unsigned dev_major, dev_minor;
};

#define CG_MAX_TREES 24

enum cg_layout_kind { CG_LAYOUT_NONE, CG_LAYOUT_V1, CG_LAYOUT_HYBRID, CG_LAYOUT_V2 };

struct cg_layout {
	enum cg_layout_kind kind;
	struct cg_tree trees[CG_MAX_TREES];
	size_t tree_count;
};

/*
 * The text of /proc/self/mountinfo, which takes the kernel some 5 µs a mount to write, read by a helper that shares the
 * caller's memory and mount namespace. Plain data: whoever reads it sets `len` last, with a release.
 */
#define CG_MOUNTS_UNWANTED (-1)
struct cg_mounts_text {
	int len; /* of what is terminated with NUL; 0: not there (yet); CG_MOUNTS_UNWANTED: taken, or read elsewhere */
	char text[((size_t)64 << 10) - sizeof(int)];
};

/*
 * cg_layout_get() takes the text from there, where it is there by then; else it reads the file itself, and the text is
 * not looked at any more. It is the layout's from now on. NULL: the layout is known, or the text expected already.
 */
struct cg_mounts_text *cg_layout_expect_mounts(void);

/* The layout of this process's mount namespace, looked up once. It lives as long as the process. */
int cg_layout_get(const struct cg_layout **ret, struct err *err);
/*
 * The pure part: from the texts of /proc/self/mountinfo and /proc/self/cgroup (both are cut up). `is_visible` answers
 * whether a mount can be reached by its path; another mount may lie over it. v2's controllers are not in these texts.
 */
int cg_layout_parse(struct arena *arena, char *mountinfo, char *self_cgroup,
		    bool (*is_visible)(const struct cg_tree *tree), struct cg_layout *ret, struct err *err);
/*
 * The tree that limits what this controller limits, or NULL. Devices without a v1 tree are the v2 tree's (a BPF
 * program).
 */
const struct cg_tree *cg_layout_tree(const struct cg_layout *layout, enum cg_controller controller);
const struct cg_tree *cg_layout_v2(const struct cg_layout *layout);
/*
 * Where a process is in a tree, below its mount point: "" or "/a/b". Into the arena. NULL: there is no such process, or
 * it is outside of what the mount shows. The answer may be old the moment it is given.
 */
const char *cg_tree_place_of(struct arena *arena, const struct cg_tree *tree, pid_t pid);
const char *cg_layout_name(enum cg_layout_kind kind);

#endif

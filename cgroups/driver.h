/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the files of cgroups/ share: trees, folders, drivers. Nothing outside this folder includes it (but its unit tests).
 *
 * A *tree* is a hierarchy as it is mounted here, a *folder* is one cgroup in one tree, a *driver* is who makes folders.
 */
#ifndef HULL_CGROUPS_DRIVER_H
#define HULL_CGROUPS_DRIVER_H

#include <sys/types.h>

#include "cgroups/cg.h"
#include "runtime/base/text.h"

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
	const char *
		own; /* the cgroup that hull is in, below the mount point: "" or "/a/b". NULL: not reachable from there */
	unsigned dev_major, dev_minor;
};

#define CG_MAX_TREES 24

struct cg_layout {
	enum cg_layout_kind kind;
	struct cg_tree trees[CG_MAX_TREES];
	size_t tree_count;
};

/* The layout of this process's mount namespace, looked up once. It lives as long as the process. */
int cg_layout_get(const struct cg_layout **ret, struct err *err);
/*
 * The pure part: from the texts of /proc/self/mountinfo and /proc/self/cgroup (both are cut up). `is_visible` answers whether a
 * mount can be reached by its path; another mount may lie over it. v2's controllers are not in these texts.
 */
int cg_layout_parse(struct arena *arena, char *mountinfo, char *self_cgroup,
		    bool (*is_visible)(const struct cg_tree *tree), struct cg_layout *ret, struct err *err);
/* The tree that limits what this controller limits, or NULL. Devices without a v1 tree are the v2 tree's (a BPF program). */
const struct cg_tree *cg_layout_tree(const struct cg_layout *layout, enum cg_controller controller);
const struct cg_tree *cg_layout_v2(const struct cg_layout *layout);
const char *cg_layout_name(enum cg_layout_kind kind);

struct cg_folder {
	const struct cg_tree *tree;
	const char *below; /* below the mount point: "/hull/ID" */
	const char *path;  /* the host's path: mount point and below */
	int fd;		   /* O_RDONLY | O_DIRECTORY (BPF wants no O_PATH one), or -1: not there */
};

struct cg {
	enum cg_driver_kind driver;
	const struct cg_layout *layout;
	struct cg_folder folders[CG_MAX_TREES];
	size_t folder_count; /* 0: disabled */
	const char *place;
	struct arena arena; /* the folders' names */
};

const struct cg_folder *cg_folder_of(const struct cg *cg, enum cg_controller controller); /* open, or NULL */
const struct cg_folder *cg_folder_v2(const struct cg *cg);				  /* open, or NULL */

/* Who makes the folders. Opening, limits, figures and removing are the same for all. */
struct cg_driver {
	const char *name;
	int (*check)(const struct cg_request *request, struct err *err);
	/* Fills cg->layout, place and folders (closed), from a path or a place. */
	int (*locate)(struct cg *cg, const char *path, struct err *err);
	/* Makes one folder and its parents, and opens it. `needed`: controllers that limits ask for. -EEXIST: it is in use already. */
	int (*make)(const struct cg *cg, const struct cg_folder *folder, uint32_t needed, struct err *err);
};
extern const struct cg_driver cg_driver_cgroupfs, cg_driver_disabled;

/* path.c: "/a/b" or "a/b" or a place. */
int cg_path_check(const char *path, struct err *err);
/* Where `path` is in a tree, below its mount point. NULL with words when a relative path cannot be reached or the place lacks the tree. */
const char *cg_path_in_tree(struct arena *arena, const struct cg_tree *tree, const char *path, struct err *err);

/*
 * v1.c, v2.c: making a folder with its parents. The open folder, or -errno; what it made of the folder itself is removed again on failure.
 * `wanted` controllers are enabled down to it where that works, `needed` ones must be.
 */
int cg_v1_make(const struct cg_folder *folder, struct err *err);
int cg_v2_make(const struct cg_folder *folder, uint32_t wanted, uint32_t needed, struct err *err);
/* Makes the folder anew: an empty one that a crash left is removed first. -EEXIST with words when it is in use, -ENOENT (no parent) without. */
int cg_mkdir_fresh(const struct cg_folder *folder, struct err *err);
int cg_folder_open(const char *path); /* the descriptor or -errno */

/* Freezing in one folder. The waits end at `deadline_ns` of proc_monotonic_ns(). */
int cg_v1_freeze(int fd, bool frozen, uint64_t deadline_ns);
int cg_v1_frozen(int fd, bool *ret);
int cg_v2_freeze(int fd, bool frozen, uint64_t deadline_ns);
int cg_v2_frozen(int fd, bool *ret);
bool cg_v2_can_freeze(int fd);
/* Everything below and in it gets SIGKILL at once. -ENOENT before Linux 5.14. */
int cg_v2_kill(int fd);
/* An event descriptor (poll for POLLPRI) on cgroup.events. The descriptor, or -errno. */
int cg_v2_events_open(int fd);
/* The value of `key` in a file of "key value" lines read at offset 0 of `file_fd`. -ENODATA: no such key. */
int cg_v2_event(int events_fd, const char *key, uint64_t *ret);
int cg_ms_left(uint64_t deadline_ns); /* 0 when it is over */

/* limits.c: what is to be written where, then writing it. */
struct cg_write {
	const char *limit; /* "memory.limit", for words */
	const struct cg_tree *tree;
	const char *file, *value;
	const char *other_file, *other_value; /* where the kernel lacks `file`; NULL: none */
	bool may_be_missing;		      /* without such a file there is nothing to limit */
};

#define CG_MAX_WRITES 256

struct cg_writes {
	struct arena *arena;
	const struct cg_layout *layout;
	const struct cg *existing; /* for values that depend on what is set now; NULL: a fresh cgroup */
	const struct cg_limits *limits;
	uint32_t needed; /* controllers asked for */
	size_t count;
	struct cg_write items[CG_MAX_WRITES];
};

/* Checks values and layout, and lists the writes. Pure but for `existing`. Devices are not in it. */
int cg_limits_list(struct cg_writes *writes, struct err *err);
/* Its part for limits that are lists (limits_lists.c), and what both use. */
int cg_limits_list_lists(struct cg_writes *writes, struct err *err);
bool cg_limits_any_list(const struct cg_limits *limits);
bool cg_value_given(const struct cg_value *value); /* set, and not 0 */
/* Appends a write; `file` and `value` are kept, NULL counts as out of memory. NULL with words. CG_CONTROLLER_COUNT: needs no controller. */
struct cg_write *cg_add_write(struct cg_writes *writes, const char *limit, enum cg_controller controller,
			      const struct cg_tree *tree, const char *file, const char *value, struct err *err);
/* The tree of a controller, or NULL with words. */
const struct cg_tree *cg_want_tree(const struct cg_writes *writes, const char *limit, enum cg_controller controller,
				   struct err *err);
int cg_say_wrong_layout(const char *limit, bool v2, struct err *err);

/* Performs them. One that is refused is tried again after the others, so that pairs with an order between them find it. */
int cg_limits_write(const struct cg *cg, const struct cg_writes *writes, struct err *err);
/* Facts of the host besides controllers: processors, huge page sizes, files that a kernel may lack. */
int cg_limits_check_host(const struct cg_writes *writes, const char *path, struct err *err);
bool cg_limits_any(const struct cg_limits *limits); /* whether anything but devices is set */
/* cpu.weight (1..10000) for cpu.shares (2..262144): 10^(l^2/612 + 125 l/612 - 7/34), l = log2(shares), rounded up. 1024 is 100. */
uint64_t cg_weight_of_shares(uint64_t shares);
/* The bits of a list such as "0-3,7". -EINVAL, -ERANGE. */
#define CG_LIST_BITS 4096
struct cg_list {
	uint64_t bits[CG_LIST_BITS / 64];
};
int cg_list_parse(const char *words, struct cg_list *ret);
bool cg_list_within(const struct cg_list *part, const struct cg_list *whole);

/* devices_v1.c */
int cg_devices_check(const struct cg_device_rule *rules, size_t count, struct err *err);
int cg_devices_v1_check(const struct cg_device_rule *rules, size_t count, struct err *err);
int cg_devices_v1_apply(const struct cg_folder *folder, const struct cg_device_rule *rules, size_t count, bool fresh,
			struct err *err);
/* devices_bpf.c */
struct bpf_insn;
/* Compiles the rules. The number of instructions, or -E2BIG. */
int cg_devices_bpf_compile(const struct cg_device_rule *rules, size_t count, struct bpf_insn *to, size_t room);
int cg_devices_bpf_apply(const struct cg_folder *folder, const struct cg_device_rule *rules, size_t count,
			 struct err *err);

/* procs.c */
/* Calls `visit` with an open folder for it and each cgroup below, to CG_MAX_DEPTH (-ELOOP). Stops at a negative answer, and returns it. */
int cg_walk(int fd, int (*visit)(int fd, void *data), void *data);
#define CG_MAX_DEPTH 128

#define CG_MAX_PIDS (1 << 22) /* the kernel's PID_MAX_LIMIT */
struct cg_pid_list {
	pid_t *pids; /* malloc'ed */
	size_t count, capacity;
};
/* Adds the processes of one folder, or of it and all below. 0 or -errno. */
int cg_pids_of(int fd, struct cg_pid_list *list);
int cg_pids_below(int fd, struct cg_pid_list *list);
void cg_pid_list_free(struct cg_pid_list *list);
/* Signals those of the list that are still in the folder or below. */
int cg_signal_list(int folder_fd, const struct cg_pid_list *list, int signo);
/* Thaws v1's freezer in it and below. */
void cg_thaw_all(const struct cg *cg);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Control groups: one interface over the kernel's two designs.
 *
 * v1 is a tree for each controller (or few co-mounted ones), v2 is one tree for all, and 'hybrid' is a machine with
 * both: most controllers in v1 trees, and a v2 mount beside them. A cgroup here is one *place* with a folder in every
 * tree of the host; on hybrid that includes the v2 tree, for killing, events and freezing work there.
 *
 *     cg_check(&request, err)            in the plan: nothing is touched
 *     cg_warm_start()                    as one of the first things that a start does
 *     cg_create(&request, &cg, err)
 *     clone                              into cg_birth_fd(cg) where there is one
 *     cg_warm_join(); cg_join(cg, pid)   unless cg_birth_is_enough(cg); before the child unshares its cgroup namespace
 *     ...
 *     cg_open(driver, place, &cg, err); cg_remove(cg, timeout_ms, err)
 *
 * Everything below a mount is reached by descriptor (openat); paths never come from inside a container. Host code only:
 * no function here may be called between clone and exec. None but cg_warm_start() and cg_ahead_start() starts a
 * process.
 *
 * `err` is never NULL here. Layouts are found at run time from /proc/self/mountinfo and /proc/self/cgroup, once in a
 * process.
 */
#ifndef HULL_CGROUPS_CG_H
#define HULL_CGROUPS_CG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "cgroups/request.h"
#include "cgroups/stats.h"
#include "runtime/base/arena.h"
#include "runtime/base/err.h"
#include "runtime/base/scope.h"
#include "runtime/base/text.h"

struct cg; /* an open cgroup: the descriptors of its folders */

/*
 * Whether this host can honour the request: the path is plain, values are in range, each limit's controller and file
 * exist in this layout, a v2-only or v1-only limit meets the right layout. Reads the host, changes nothing. 0, or
 * -errno with a line that names the limit (-EINVAL: never valid; -ENOTSUP: not on this host).
 */
int cg_check(const struct cg_request *request, struct err *err);

/*
 * Whether the caller may make this cgroup in every tree: the nearest folder that is there can be written to. Changes
 * nothing. For who is not root.
 */
bool cg_may_make(const char *path);

/*
 * Makes the folder in every tree (with missing parents, which stay), applies the limits, and opens it. Where that
 * folder exists it is removed and made afresh when it is empty (what a crash left), and else it is -EEXIST. On failure
 * what was made by this call is removed again. The caller owns *ret: cg_close().
 */
int cg_create(const struct cg_request *request, struct cg **ret, struct err *err);
/*
 * The same in two halves, for who can do something with the folders while the limits are written: cg_make() stops
 * before those, and cg_limit() applies the request's to what cg_make() has just made, before anything joins it. When
 * that fails, the cgroup stays: cg_remove().
 */
int cg_make(const struct cg_request *request, struct cg **ret, struct err *err);
int cg_limit(struct cg *cg, const struct cg_limits *limits, struct err *err);

/*
 * Opens an existing cgroup. `place` is what cg_place() gave when it was made. A tree in which it has no folder is left
 * out; with none at all: success, an empty cgroup (for removing: missing is success).
 */
int cg_open(enum cg_driver_kind driver, const char *place, struct cg **ret, struct err *err);
/* The same, for cg_remove() only: no folder is opened as long as none turns out to be in use. */
int cg_open_to_remove(enum cg_driver_kind driver, const char *place, struct cg **ret, struct err *err);

/*
 * Where it is, for the record: an absolute path, or, where the trees differ (a relative path was asked for), one line a
 * tree. Owned by `cg`.
 */
const char *cg_place(const struct cg *cg);
/* Whether no tree has a folder of it any more (as of cg_open()). The disabled driver's cgroups never are. */
bool cg_is_gone(const struct cg *cg);

/*
 * The v2 folder to be born in (CLONE_INTO_CGROUP), or -1 where there is none or where moving afterwards is as cheap.
 * Owned by `cg`.
 */
int cg_birth_fd(const struct cg *cg);
/*
 * Whether processes can be born in cgroups of this host (pure v2): so a cgroup is best made before its first process.
 */
bool cg_has_birth(enum cg_driver_kind driver);
/* Pure v2 (or disabled): a process that was born in cg_birth_fd() needs no cg_join(). */
bool cg_birth_is_enough(const struct cg *cg);

/*
 * Moves a process, with all its threads, into the cgroup in every tree; where it is in already, nothing changes. Before
 * it unshares its cgroup namespace, or that namespace's root would be elsewhere. -ESRCH: the process is gone. -EBUSY
 * (v2): the container made cgroups below its own and gave them controllers, so that its own takes no process any more.
 */
int cg_join(struct cg *cg, pid_t pid, struct err *err);
/*
 * The same for one more process of a running container, whose first process is `first`: where the v2 cgroup takes no
 * process any more (-EBUSY above), it goes to where `first` is below it. Its limits hold there as well. -EBUSY still,
 * when `first` is not below it.
 */
int cg_join_beside(struct cg *cg, pid_t pid, pid_t first, struct err *err);
/*
 * The same into cgroups below the container's, which must exist: each choice is "PATH" (in every tree that no other
 * names) or "CONTROLLER:PATH", as `exec --cgroup` takes them. A tree of which nothing is said: the container's own.
 * -ENOENT with words.
 */
int cg_join_below(struct cg *cg, pid_t pid, const struct strv *choices, struct err *err);

/*
 * Applies what is set in `limits`, in an order that raising and lowering both survive. Checks as cg_check() does,
 * first. Where the kernel refuses a value all the same, what was written before is taken back: all of it, or nothing.
 */
int cg_update(struct cg *cg, const struct cg_limits *limits, struct err *err);

/*
 * Sends a signal to every process in it and below. SIGKILL leaves none behind (cgroup.kill; or frozen, killed, thawed),
 * other signals reach those that were there. Never hits a reused pid.
 */
int cg_signal(struct cg *cg, int signo, struct err *err);

/*
 * Freezes or thaws, and waits until it is so (at most two seconds: -ETIMEDOUT, and thawed again). -ENOTSUP without
 * freezer and v2.
 */
int cg_freeze(struct cg *cg, bool frozen, struct err *err);
int cg_frozen(struct cg *cg, bool *ret, struct err *err);
/*
 * The folder in which cg_freeze() does it, for another program that freezes. NULL where there is none. Owned by `cg`.
 */
const char *cg_freezer_path(const struct cg *cg);

/*
 * The processes in it and below, in no order, as pids of the caller's pid namespace. The array is in `arena`, NULL when
 * empty.
 */
int cg_pids(struct cg *cg, struct arena *arena, pid_t **ret, size_t *ret_count, struct err *err);

/*
 * Kills what is left, thaws it, removes it and every cgroup below it in every tree. Waits for the processes' end by
 * events, at most `timeout_ms` in all: then -EBUSY with words that name the processes that would not die. A missing
 * cgroup is success. -EDEADLK: the caller itself is in it. `cg` stays to be closed.
 */
int cg_remove(struct cg *cg, unsigned timeout_ms, struct err *err);

/* Closes the descriptors; the cgroup stays. NULL is fine; *cg is NULL afterwards. */
void cg_close(struct cg **cg);
#define CLEANUP_CG CLEANUP(cg_close)

/*
 * The first migration after an idle moment waits 7 to 15 ms for a grace period of the kernel; the next ones take
 * microseconds. So on layouts that migrate (v1, hybrid), cg_warm_start() lets a helper process begin that wait early,
 * by moving itself to where it is already, while the caller goes on; cg_warm_join() waits for it, and the cg_join()
 * that follows is quick.
 *
 * Call start() first thing in the process that will cg_join(), while it has one thread. It is a hint: 0 when a helper
 * runs, else a negative errno that may be ignored (-ENOTSUP: this layout gains nothing). join() without start() does
 * nothing. The helper is a child without exit signal: no SIGCHLD, and a plain wait() does not see it.
 */
int cg_warm_start(void);
void cg_warm_join(void);

/*
 * Lets a helper begin with the folders that the next cg_make() or cg_create() is going to make, while the caller goes
 * on: where there is one in each of many trees (v1, hybrid). Once the caller has written down what is going to be made.
 * A hint, as above: 0 when a helper runs. `request` is not needed afterwards.
 */
int cg_ahead_start(const struct cg_request *request);
/*
 * For who comes to make none after all: what the helper has made is removed again. Without cg_ahead_start(), or after
 * the making, it does nothing.
 */
void cg_ahead_drop(void);

/* --- What the inside sees ----------------------------------------------------------------------------------------- */

/* One mount below the container's /sys/fs/cgroup. */
struct cg_mount {
	/* folder below /sys/fs/cgroup: "memory", "cpu,cpuacct", "unified"; "" for /sys/fs/cgroup itself */
	const char *name;
	const char *type;    /* "cgroup" or "cgroup2" */
	const char *options; /* mount data: "memory", "cpu,cpuacct", "none,name=systemd"; NULL for v2 */
	/* the cgroup's own folder on the host, to be bound where a fresh mount would show more, or costs more */
	const char *host_folder;
};

/* A symlink below /sys/fs/cgroup: "cpu" to "cpu,cpuacct", where the host has co-mounted controllers. */
struct cg_mount_link {
	const char *name, *target;
};

/*
 * The view that mirrors this host's layout. With `tmpfs` set, /sys/fs/cgroup is a small tmpfs with a folder a mount;
 * else (pure v2) it is the one mount. Every one of them is to be mounted nosuid, nodev, noexec, relatime, and
 * **read-only** unless the cgroup is delegated on purpose: a v1 root folder has release_agent, a program that the
 * host's kernel runs. In a cgroup namespace the container's folder is the root that it sees, and has no such file;
 * bound folders (host_folder) are never the tree's root either.
 */
struct cg_mount_view {
	bool tmpfs;
	const struct cg_mount *mounts;
	size_t mount_count;
	const struct cg_mount_link *links;
	size_t link_count;
};

/*
 * A property of systemd's unit from an annotation org.systemd.property.NAME, for cg_request's `properties`. The value
 * is in GVariant's words: true, 'words', 5, uint64 5, ['a', 'b']; a time in seconds (NAME ends in Sec) becomes
 * systemd's USec. -EINVAL with words.
 */
int cg_systemd_property(struct arena *arena, const char *name, const char *value, struct strv *to, struct err *err);

/* `path` as in cg_request, or a place. For CG_DRIVER_DISABLED the caller's own cgroup is seen. Data in `arena`. */
int cg_mount_view(enum cg_driver_kind driver, const char *path, struct arena *arena, struct cg_mount_view *ret,
		  struct err *err);

/* --- What this host has, for `info` and `features` ---------------------------------------------------------------- */

struct cg_host {
	const char *layout_name;	/* "none", "v1", "hybrid", "v2" */
	const char *const *controllers; /* usable ones, sorted, ending with NULL */
	bool systemd_driver;		/* whether this build has it */
};

int cg_host(struct arena *arena, struct cg_host *ret, struct err *err);

#endif

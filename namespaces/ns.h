/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Namespaces: their kinds and names, which ones a container gets, and joining existing ones.
 *
 * The order of joining is part of the security: see ns_join_all().
 */
#ifndef HULL_NAMESPACES_NS_H
#define HULL_NAMESPACES_NS_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/err.h"
#include "runtime/base/scope.h"

enum ns_kind { NS_USER, NS_MOUNT, NS_PID, NS_NET, NS_IPC, NS_UTS, NS_CGROUP, NS_TIME, NS_COUNT };

enum ns_how {
	NS_HOST,  /* stay in that of the caller */
	NS_FRESH, /* a new one */
	NS_JOIN,  /* an existing one, `path` */
};

struct ns_choice {
	enum ns_how how;
	const char *path; /* NS_JOIN: a file of nsfs, as /proc/PID/ns/net; not owned */
	uint64_t inode; /* of that file, where it was looked at: another one by now is somebody else's; 0: not known */
};

struct ns_set {
	struct ns_choice kind[NS_COUNT];
};

/* OCI's word: "user" "mount" "pid" "network" "ipc" "uts" "cgroup" "time". Never NULL for a valid kind. */
const char *ns_name(enum ns_kind kind);
/* The kind that OCI's word means, or -EINVAL. */
int ns_parse(const char *name);
/* The name below /proc/PID/ns: "net", "mnt". */
const char *ns_proc_name(enum ns_kind kind);
/* CLONE_NEWUSER and so on. */
uint64_t ns_clone_flag(enum ns_kind kind);
/* The clone flags of all kinds that are NS_FRESH in the set. */
uint64_t ns_fresh_flags(const struct ns_set *set);

/*
 * Opens a namespace by a path of the host, and makes sure that it is one (nsfs) and of this kind: -EINVAL with words
 * otherwise. The descriptor is the caller's. Parent, before the clone.
 */
int ns_open_path(enum ns_kind kind, const char *path, struct err *err);

/*
 * Whether the root of the user namespace `userns` (its inode) has all rights over the namespace `fd`: it belongs to
 * that one, or to one below it. False also where the caller may not know.
 */
bool ns_is_below(int fd, uint64_t userns);
/* The inode that tells the caller's own namespace of a kind from others; 0 where the kernel has none of the kind. */
uint64_t ns_own(enum ns_kind kind);

/*
 * Joins every namespace whose descriptor is not -1 (borrowed, index = enum ns_kind).
 *
 * Whatever the caller may join with the rights it has goes first and the user namespace after it: once inside, the
 * rights over what belongs to the host are gone. Where the caller is refused outside (it is unprivileged and owns the
 * user namespace), the rest is tried again from inside. The mount namespace comes last of its group, since it changes
 * root and working directory. A PID or time namespace holds only for the children made afterwards. The caller must have
 * one thread; and it should not be dumpable (PR_SET_DUMPABLE), so that a process inside cannot ptrace it. -errno names
 * the kind. Child, or exec's helper.
 */
int ns_join_all(const int fds[NS_COUNT], struct err *err);

/*
 * Joins the namespaces of a running process in one step (setns(2) on a pidfd): all of them or none. `kinds` has the bit
 * 1 << kind for each. Needs host rights over them. -EINVAL on kernels before 5.8, and ns_join_all() does it then. For
 * exec.
 */
int ns_join_process(int pidfd, unsigned kinds, struct err *err);

#endif

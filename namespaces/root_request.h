/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a container's root and the mounts in it are to be. Plain data of the plan.
 */
#ifndef HULL_NAMESPACES_ROOT_REQUEST_H
#define HULL_NAMESPACES_ROOT_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "namespaces/devices.h"
#include "namespaces/idmap.h"
#include "namespaces/mount_options.h"
#include "runtime/base/err.h"

/* One mount inside, in config.json's order. Plain data of the plan, never changed here. */
struct mount_request {
	const char *destination; /* absolute, in the container */
	const char *type;	 /* "proc", "tmpfs", "cgroup"…; ignored (may be NULL) for a bind */
	const char *source;	 /* bind: absolute path on the host; else what /proc/mounts shows, or NULL */
	struct mount_options options;
	const struct idmap *idmap; /* a mapping of the mount's own, or NULL */
	/* mapped as the container's user namespace is (named volumes, "idmap" without a mapping) */
	bool idmap_container;
};

/*
 * What a mount of type "cgroup" (or "cgroup2") shows on this host's layout; the plan fills it from the cgroups' folder.
 * A single entry whose folder is "" is mounted at the destination itself; else the destination becomes a tmpfs with
 * these below it.
 */
struct cgroup_view {
	const char *folder; /* "memory", "unified", or "" */
	const char *type;   /* "cgroup2" or "cgroup"; NULL for `bind` and `link` */
	const char *data;   /* "memory", "name=systemd", or NULL */
	const char *bind;   /* instead: a folder of the host, its own cgroup's; NULL: none */
	const char *link;   /* instead: a symlink `folder` to this name ("cpu,cpuacct"); NULL: none */
};

/*
 * What a mount may have to wait for: that a sysfs is there which somebody else makes; that the cgroup's folders are
 * there, for those that bind them; or that the process is in it, for those that show the cgroup of whoever mounts them,
 * or take up memory that is to be counted. None need be so sooner.
 */
enum root_gate_for {
	ROOT_GATE_SYSFS, /* in the sources, by rootfs_take_sysfs(); if not, it is made like any other */
	ROOT_GATE_FOLDERS,
	ROOT_GATE_JOINED,
};
struct root_gate {
	int (*pass)(void *user, enum root_gate_for what, struct err *err); /* 0 or -errno; perhaps several times */
	void *user;
};

struct root_request {
	/*
	 * The root is a directory (`path`), or layers: `lowers` top first, with `upper` and `work` or (both NULL)
	 * without. Or it is empty: a small tmpfs that belongs to `owner` (ids of the host), for mount points and
	 * nothing else.
	 */
	bool empty;
	struct root_owner {
		uint32_t uid, gid;
	} owner;
	const char *path;
	const char *const *lowers;
	size_t lower_count;
	const char *upper, *work;
	/*
	 * map the ids of the layers (or of the directory) by the container's user namespace. Never the upper: that
	 * would come up silently read-only
	 */
	bool idmap_lowers;
	/*
	 * the upper is thrown away with the instance (--rm): the kernel need not sync it when it is unmounted, which
	 * the program's exit would wait for
	 */
	bool volatile_upper;
	bool readonly;
	uint64_t propagation; /* of "/" (MS_* with MS_REC); 0: private towards the host's tree, which is left anyway */

	const struct mount_request *mounts;
	size_t mount_count;
	const struct cgroup_view *cgroups;
	size_t cgroup_count;
	/*
	 * their `bind`s are opened when they are mounted, by the child: so the cgroup can be made after the clone. The
	 * child's mount namespace has to be a copy of the host's, with the same rights over it
	 */
	bool late_cgroups;

	/* A bind mount on /dev itself is the host's: then no device is made or bound. */
	const struct device_request *devices; /* beside the default ones */
	size_t device_count;
	bool default_devices; /* null zero full random urandom tty, and the links */
	bool bind_devices;    /* the user namespace may not make nodes: bind the host's */
	bool user_namespace;  /* the container's mount namespace belongs to a user namespace below hull's own */

	const char *const *masked_paths;
	size_t masked_count;
	const char *const *readonly_paths;
	size_t readonly_count;
	const char *mount_label; /* SELinux label of file systems that are mounted afresh, or NULL */
};

#endif

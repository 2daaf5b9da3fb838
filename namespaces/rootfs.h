/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A container's root: from a plan's request to the file tree that its first process sees.
 *
 * Who does what, in this order, and why:
 *   1. parent, before the clone: rootfs_open_sources() opens everything that comes from the host as detached mounts, so that no path of
 *      the host is resolved with the container's rights, and none of the container's with the host's;
 *   2. parent, when the id maps are written: rootfs_build() maps ids and makes the root a detached mount;
 *   3. child, in its own namespaces: rootfs_prepare() meanwhile, then rootfs_assemble() attaches the root, mounts in order, makes /dev;
 *   4. child: rootfs_pivot() leaves the host's tree for good; rootfs_finish() hides and seals.
 */
#ifndef HULL_NAMESPACES_ROOTFS_H
#define HULL_NAMESPACES_ROOTFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "namespaces/devices.h"
#include "namespaces/idmap.h"
#include "namespaces/mask.h"
#include "namespaces/mount_options.h"
#include "runtime/base/err.h"
#include "runtime/base/scope.h"

/* One mount inside, in config.json's order. Plain data of the plan, never changed here. */
struct mount_request {
	const char *destination; /* absolute, in the container */
	const char *type;	 /* "proc", "tmpfs", "cgroup"…; ignored (may be NULL) for a bind */
	const char *source;	 /* bind: absolute path on the host; else what /proc/mounts shows, or NULL */
	struct mount_options options;
	const struct idmap *idmap; /* a mapping of the mount's own, or NULL */
	bool idmap_container; /* mapped as the container's user namespace is (named volumes, "idmap" without a mapping) */
};

/*
 * What a mount of type "cgroup" (or "cgroup2") shows on this host's layout; the plan fills it from the cgroups' folder. A single entry
 * whose folder is "" is mounted at the destination itself; else the destination becomes a tmpfs with these below it.
 */
struct cgroup_view {
	const char *folder; /* "memory", "unified", or "" */
	const char *type;   /* "cgroup2" or "cgroup"; NULL for `bind` and `link` */
	const char *data;   /* "memory", "name=systemd", or NULL */
	const char *
		bind; /* instead: a folder of the host (no cgroup namespace of its own: its own cgroup only); NULL: none */
	const char *link; /* instead: a symlink `folder` to this name ("cpu,cpuacct"); NULL: none */
};

struct root_request {
	/* The root is a directory (`path`), or layers: `lowers` top first, with `upper` and `work` or (both NULL) without. */
	const char *path;
	const char *const *lowers;
	size_t lower_count;
	const char *upper, *work;
	bool idmap_lowers; /* map the ids of the layers (or of the directory) by the container's user namespace. Never the upper:
			    * that would come up silently read-only */
	bool volatile_upper; /* the upper is thrown away with the instance (--rm): the kernel need not sync it when it is unmounted,
			      * which the program's exit would wait for */
	bool readonly;
	uint64_t propagation; /* of "/" (MS_* with MS_REC); 0: private towards the host's tree, which is left anyway */

	const struct mount_request *mounts;
	size_t mount_count;
	const struct cgroup_view *cgroups;
	size_t cgroup_count;

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

/* Descriptors of what comes from the host. Made by the parent, inherited by the child through the clone; CLOEXEC. */
struct root_sources {
	int *mounts;  /* one for each request->mounts, -1 where it is not a bind */
	int *devices; /* the default ones first, then request->devices; -1 where they are made */
	int *cgroups; /* one for each request->cgroups */
	int *lowers;  /* layers, or the one directory */
	size_t mount_count, device_count, cgroup_count, lower_count;
	int upper, work;
	struct mask_cover cover;
};
#define ROOT_SOURCES_INIT ((struct root_sources){.upper = -1, .work = -1, .cover = MASK_COVER_INIT})

/*
 * Opens bind sources, layers, host devices and the null device. On failure nothing stays open. -ENOENT and so on name the host's path;
 * a missing bind source is not made. `*ret` is freed with root_sources_close(), by parent and child each for itself.
 */
int rootfs_open_sources(const struct root_request *request, struct root_sources *ret, struct err *err);
void root_sources_close(struct root_sources *sources); /* accepts ROOT_SOURCES_INIT and half-built ones */
#define CLEANUP_ROOT_SOURCES CLEANUP(root_sources_close)

/*
 * Maps ids (binds first, then layers) and makes the root: overlay over the layers, or the one layer or directory itself. `userns_fd` is
 * the container's user namespace, or -1 when it has none. `*ret_root_fd`: a detached mount, the caller's, to be sent to the child.
 * The overlay is made with the caller's credentials (the host's root) and in no mount namespace: nothing is left on the host.
 * -EOPNOTSUPP with a hint where ids cannot be mapped on this kernel or file system; the caller may then own a copy of the files instead.
 * Where overlay does not take detached layers (HOST_OVERLAY_FD_LAYERS), a short-lived helper process does it: the caller has one thread.
 */
int rootfs_build(const struct root_request *request, struct root_sources *sources, int userns_fd, int *ret_root_fd,
		 struct err *err);

/* What the child holds of its root while it sets itself up. */
struct root_handle {
	int root_fd; /* the root's mount: every later path is resolved below it */
	int proc_fd; /* the container's /proc, verified to be procfs (for labels and sysctls), or -1 when it has none */
	int *sealed; /* mounts that become read-only in the end, since others, or nodes, had to go into them first */
	size_t sealed_count;
	struct mask_cover cover;
};
#define ROOT_HANDLE_INIT ((struct root_handle){.root_fd = -1, .proc_fd = -1, .cover = MASK_COVER_INIT})
void root_handle_close(struct root_handle *handle);
#define CLEANUP_ROOT_HANDLE CLEANUP(root_handle_close)

/*
 * Makes the file systems that are mounted afresh, as detached mounts in `sources`: work that needs no root yet, so the child can do it
 * while its parent makes the overlay. Optional: rootfs_assemble() makes what is missing. The child must be where rootfs_assemble() wants it.
 */
int rootfs_prepare(const struct root_request *request, struct root_sources *sources, struct err *err);

/*
 * Attaches the root in the child's mount namespace, then mounts in order, then /dev. The host's tree is still the process's own root
 * afterwards. Must run in a mount namespace of its own, with ids mapped, in its PID, IPC, network and cgroup namespaces (what is mounted
 * afresh shows those), and still with CAP_SYS_ADMIN. Takes `root_fd` over, also on failure, and takes from `sources` what it uses.
 */
int rootfs_assemble(const struct root_request *request, struct root_sources *sources, int root_fd,
		    struct root_handle *ret, struct err *err);

/* Makes the root the process's root and working directory, and unmounts the host's tree: no descriptor or path of it may be used after. */
int rootfs_pivot(struct root_handle *handle, struct err *err);
/* The same without pivot_root(2), which the kernel refuses when the host's own root is its initial ramfs. The host's tree stays covered. */
int rootfs_cover(struct root_handle *handle, struct err *err);

/* Masks, read-only paths, the read-only root, propagation: after the hooks that may still mount. Child, after the pivot, before
 * capabilities are given up. */
int rootfs_finish(const struct root_request *request, struct root_handle *handle, struct err *err);

#endif

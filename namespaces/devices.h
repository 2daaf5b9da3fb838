/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a container finds in /dev: nodes, and the usual links. A node is made where the kernel lets one be made, and
 * else is a bind mount of the host's node that the parent opened and verified before; whatever the image has there is
 * never trusted.
 */
#ifndef HULL_NAMESPACES_DEVICES_H
#define HULL_NAMESPACES_DEVICES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "runtime/base/err.h"
#include "runtime/base/scope.h"

struct device_request {
	const char *path;      /* in the container, absolute */
	const char *host_path; /* where a bind takes it from; NULL: the same path on the host */
	char type;	       /* 'c' (or 'u') character, 'b' block, 'p' FIFO */
	uint32_t major, minor;
	mode_t mode;	   /* permission bits */
	uint32_t uid, gid; /* as seen inside */
};

/* null zero full random urandom tty, mode 0666, root's. */
const struct device_request *devices_default(size_t *ret_count);

/*
 * Opens the host's node for a bind, as a detached read-only mount, and verifies type and numbers. -ENODEV with words
 * when the host's file is something else. The descriptor. Parent, before the clone.
 */
int device_open_host(const struct device_request *device, struct err *err);

/*
 * Puts a node at its path below the root: bound from `host_fd` (a detached mount), or made when that is -1. A node that
 * is that device already stays as it is, mode and owner too. A link or file of that name is replaced when a node is
 * made; another device is -EEXIST. Child, before the pivot.
 */
int device_place(int rootfd, const struct device_request *device, int host_fd, struct err *err);

/*
 * The default nodes, bound from `host_fds` (one for each, in the order of devices_default(); NULL: all are made), and
 * the links /dev/fd, stdin, stdout, stderr, core (where the host has /proc/kcore) and ptmx → pts/ptmx where nothing of
 * that name is. Child, after the mounts.
 */
int devices_place_default(int rootfd, const int *host_fds, struct err *err);

#endif

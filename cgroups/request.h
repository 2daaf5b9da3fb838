/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What hull asks of the cgroups for one container: who makes them, where, and with which limits. Plain data, for the
 * callers of cg.h and the drivers behind it alike.
 */
#ifndef HULL_CGROUPS_REQUEST_H
#define HULL_CGROUPS_REQUEST_H

#include "cgroups/limits.h"

#define CG_PATH_BYTES 1024

enum cg_driver_kind {
	CG_DRIVER_CGROUPFS, /* folders made by hull itself */
	/* scopes asked from systemd: refused by cg_check() where it does not run, or this build cannot ask it */
	CG_DRIVER_SYSTEMD,
	/* none at all. Limits but device rules are refused; what needs a cgroup is -ENOTSUP, the rest does nothing */
	CG_DRIVER_DISABLED,
};

struct cg_request {
	enum cg_driver_kind driver;
	/*
	 * For systemd "slice:prefix:name": the scope prefix-name.scope in that slice. Else a path. "/hull/ID": below
	 * the root of each tree as it is mounted here. "hull/ID": below the cgroup that hull itself is in, in each
	 * tree. Plain parts only: no "", ".", "..", no newline; part names below 256 bytes, at most CG_PATH_BYTES in
	 * all.
	 */
	const char *path;
	const struct cg_limits *limits; /* NULL: none */
	/*
	 * Properties of systemd's unit besides, as "NAME=TYPE:VALUE" and ending with NULL: see cg_systemd_property().
	 * NULL: none.
	 */
	char *const *properties;
};

#endif

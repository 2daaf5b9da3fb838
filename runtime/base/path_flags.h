/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a path may not lead through: for path_open(), and for the walk behind it. */
#ifndef HULL_RUNTIME_BASE_PATH_FLAGS_H
#define HULL_RUNTIME_BASE_PATH_FLAGS_H

enum path_flags {
	PATH_NO_LINK_LAST = 1 << 0, /* the last component must not be a symlink (-ELOOP) */
	PATH_NO_LINKS = 1 << 1,	    /* no component may be a symlink (-ELOOP) */
	PATH_NO_MOUNTS = 1 << 2,    /* no mount point may be crossed (-EXDEV) */
};

#endif

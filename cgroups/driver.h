/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a driver offers: it is who makes the folders. Opening, limits, figures and removing are the same for all.
 */
#ifndef HULL_CGROUPS_DRIVER_H
#define HULL_CGROUPS_DRIVER_H

#include <stdint.h>

#include "cgroups/folder.h"
#include "cgroups/request.h"
#include "runtime/base/err.h"

struct cg_driver {
	const char *name;
	int (*check)(const struct cg_request *request, struct err *err);
	/* Fills cg->layout, place and folders (closed), from a path or a place. */
	int (*locate)(struct cg *cg, const char *path, struct err *err);
	/* Makes one folder and its parents, and opens it. `needed`: controllers that limits ask for. -EEXIST: it is in use already. */
	int (*make)(const struct cg *cg, const struct cg_folder *folder, uint32_t needed, struct err *err);
};
extern const struct cg_driver cg_driver_cgroupfs, cg_driver_disabled;

#endif

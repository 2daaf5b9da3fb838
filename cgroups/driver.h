/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a driver offers: it is who makes the folders. Opening, limits, figures and removing are the same for all.
 */
#ifndef HULL_CGROUPS_DRIVER_H
#define HULL_CGROUPS_DRIVER_H

#include <stdint.h>
#include <sys/types.h>

#include "cgroups/folder.h"
#include "cgroups/request.h"
#include "runtime/base/err.h"

struct cg_driver {
	const char *name;
	int (*check)(const struct cg_request *request, struct err *err);
	/* Fills cg->layout, place and folders (closed), from a path or a place. */
	int (*locate)(struct cg *cg, const char *path, struct err *err);
	/*
	 * Makes one folder and its parents, and opens it. `needed`: controllers that limits ask for. -EEXIST: it is in
	 * use already.
	 */
	int (*make)(const struct cg *cg, const struct cg_folder *folder, uint32_t needed, struct err *err);

	/* The rest is for who is not alone in making folders; NULL: nothing to do. */

	/* Before a new one is located: has it made, and tells its path (into cg->arena). May leave cg->holder. */
	int (*begin)(struct cg *cg, const struct cg_request *request, const char **ret_path, struct err *err);
	/* Before its limits change. */
	int (*update)(const struct cg *cg, const struct cg_limits *limits, struct err *err);
	/* Moves a process that the kernel does not let the caller move. */
	int (*join)(const struct cg *cg, pid_t pid, struct err *err);
	/* After its processes have ended: forgets it. */
	void (*end)(const struct cg *cg);
};
extern const struct cg_driver cg_driver_cgroupfs, cg_driver_disabled, cg_driver_systemd;

/* An empty one, for cg_close(), which lives in the arena that it has; NULL: no memory (cg.c). */
struct cg *cg_alloc(enum cg_driver_kind kind);
/* Opens those of its folders that are there, and not open yet (cg.c). */
int cg_open_folders(struct cg *cg, struct err *err);
/* Tells its driver that it has been removed, if it was there when it was opened (cg.c). */
void cg_forget(const struct cg *cg);

#endif

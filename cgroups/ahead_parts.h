/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What cg_ahead_start() has made, for cg_make(): of ahead.c, for cg.c only. */
#ifndef HULL_CGROUPS_AHEAD_PARTS_H
#define HULL_CGROUPS_AHEAD_PARTS_H

#include "cgroups/folder.h"

/*
 * Waits for the helper, if one was started. Folders of `cg` that it has made are open then; what else it has made is
 * removed again.
 */
void cg_ahead_take(struct cg *cg);

#endif

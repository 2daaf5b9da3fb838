/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the files of a list of writes say before they are written: so that an update that fails half-way leaves nothing
 * changed.
 */
#ifndef HULL_CGROUPS_LIMITS_UNDO_H
#define HULL_CGROUPS_LIMITS_UNDO_H

#include "cgroups/limits_write.h"
#include "runtime/base/err.h"

/*
 * Fills `ret` (with its arena, otherwise zeroed) with the writes that bring back what is so now. A file that is not
 * there, or cannot be read, is left out: it will not be written either.
 */
int cg_limits_remember(const struct cg *cg, const struct cg_writes *writes, struct cg_writes *ret, struct err *err);

#endif

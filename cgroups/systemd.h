/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The driver that asks systemd for scopes.
 */
#ifndef HULL_CGROUPS_SYSTEMD_H
#define HULL_CGROUPS_SYSTEMD_H

#include <stdbool.h>

#include "runtime/base/arena.h"
#include "runtime/base/err.h"

/* Whether this build has the program that speaks with systemd. */
bool cg_systemd_is_built(void);
/*
 * The path that a request for this driver will have below its tree's mount point, as far as that can be told before
 * systemd has made it; a place stays what it is. NULL with words.
 */
const char *cg_systemd_place(struct arena *arena, const char *path, struct err *err);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Environments as `-e NAME[=VALUE]` and `--env-file FILE` give them, for run and exec. */
#ifndef HULL_CLI_ENVIRONMENT_H
#define HULL_CLI_ENVIRONMENT_H

#include "runtime/base/arena.h"
#include "runtime/base/err.h"
#include "runtime/base/text.h"

/*
 * Adds the files' lines, then the assignments; later ones win. A name without '=' takes the caller's value, and nothing
 * when the caller has none. -EINVAL with words that name the option, the file and the line.
 */
int environment_add(struct arena *arena, struct strv *env, const struct strv *files, const struct strv *assignments,
		    struct err *err);

#endif

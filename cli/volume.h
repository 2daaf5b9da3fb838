/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Named volumes: `<data>/volumes/NAME/data`, below folders of mode 0700, since what lies in them may be setuid. The ids
 * on disk are those that containers see; each mounts it id-mapped, so that several share one.
 */
#ifndef HULL_CLI_VOLUME_H
#define HULL_CLI_VOLUME_H

#include <stdbool.h>

#include "cli/hull.h"
#include "runtime/base/file.h"

/* Makes the volume where it is missing. *ret_path (in the arena) is its data folder. -EINVAL when the name is none. */
int volume_make(struct arena *arena, const struct hull *hull, const char *name, const char **ret_path, struct err *err);
/* A name for a volume that nobody has named: 64 hexadecimal digits. NULL without memory or randomness. */
const char *volume_make_up_name(struct arena *arena);
/* Whether a name was made up so: such a volume goes with its container (`--rm`, `rm -v`). */
bool volume_is_anonymous(const char *name);
/* Whether words can be a volume's name. 0, or -EINVAL with words. */
int volume_check_name(const char *name, struct err *err);
/* The names of all there are, sorted. */
int volume_list(struct arena *arena, const struct hull *hull, struct strv *ret, struct err *err);
/*
 * Keeps the volumes as they are for as long as the descriptor is open. Shared: none is removed, between the making of a
 * volume and the writing of the definition that names it. Exclusive: no container takes one, between the look at all
 * definitions and the removal of what none names. Waits.
 */
int volume_lock(const struct hull *hull, enum file_lock kind, struct err *err);
/* Removes a volume with all that is in it. -ENOENT with words where there is none. */
int volume_remove(const struct hull *hull, const char *name, struct err *err);

#endif

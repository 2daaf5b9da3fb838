/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A cgroup as systemd knows it: a scope of a slice, with properties. All of it is pure.
 */
#ifndef HULL_CGROUPS_SYSTEMD_UNIT_H
#define HULL_CGROUPS_SYSTEMD_UNIT_H

#include <stdbool.h>

#include "cgroups/layout.h"
#include "cgroups/limits.h"
#include "runtime/base/arena.h"
#include "runtime/base/err.h"
#include "runtime/base/text.h"

struct cg_unit {
	const char *name;  /* "hull-ID.scope" */
	const char *slice; /* "machine-a.slice" */
};

/*
 * From "SLICE:PREFIX:NAME", as cgroupsPath has it for this driver: the unit is PREFIX-NAME.scope in SLICE; without
 * PREFIX it is NAME.scope, without SLICE system.slice, or of a user's systemd (`user`) user.slice. -EINVAL with words.
 */
int cg_unit_parse(struct arena *arena, const char *path, bool user, struct cg_unit *ret, struct err *err);
/* Where systemd puts it, below its own cgroup: "/machine.slice/machine-a.slice/hull-ID.scope". NULL: no memory. */
const char *cg_unit_place(struct arena *arena, const struct cg_unit *unit);

/*
 * Limits that systemd has a property for, as "NAME=TYPE:VALUE" (cgroups/systemd/hull_systemd.c): so that its own writes
 * say the same as hull's. On v1 and hybrid the device policy too, which systemd would open there whenever it reloads.
 */
int cg_unit_properties(struct arena *arena, const struct cg_limits *limits, const struct cg_layout *layout,
		       struct strv *to, struct err *err);
/*
 * What systemd has a property for that a unit has from its start or never: memory.oom.group is its OOMPolicy. Scopes
 * have that since systemd 253; an older one sets the file back to 0 whenever it reloads. Marked for the helper, which
 * leaves out what the systemd that runs does not know yet: "253?OOMPolicy=s:kill".
 */
int cg_unit_first_properties(struct arena *arena, const struct cg_limits *limits, struct strv *to, struct err *err);
/*
 * "NAME" and a value in GVariant's words, as annotations org.systemd.property.NAME have it: true, 'words', 5, uint64 5,
 * ['a', 'b']. A time that ends in Sec is given to systemd as its USec. -EINVAL with words.
 */
int cg_unit_take_property(struct arena *arena, const char *name, const char *value, struct strv *to, struct err *err);

#endif

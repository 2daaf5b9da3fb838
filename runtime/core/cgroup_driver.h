/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The cgroup drivers' names, as records and command lines have them, and the cgroup that a record names. */
#ifndef HULL_RUNTIME_CORE_CGROUP_DRIVER_H
#define HULL_RUNTIME_CORE_CGROUP_DRIVER_H

#include "cgroups/cg.h"
#include "runtime/spec/record.h"

/* "cgroupfs" "systemd" "disabled"; anything else, and NULL, is cgroupfs. */
enum cg_driver_kind cgroup_driver_parse(const char *name);
const char *cgroup_driver_name(enum cg_driver_kind driver);

/* Whether the instance was made without one. */
bool cgroup_recorded_none(const struct record *record);
/* Opens it for looking at and changing. -ENOENT with words: it is of another boot. */
int cgroup_open_recorded(const struct record *record, struct cg **ret, struct err *err);

#endif

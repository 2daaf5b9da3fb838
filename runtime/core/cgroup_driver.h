/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The cgroup drivers' names, as records and command lines have them. */
#ifndef HULL_RUNTIME_CORE_CGROUP_DRIVER_H
#define HULL_RUNTIME_CORE_CGROUP_DRIVER_H

#include "cgroups/cg.h"

/* "cgroupfs" "systemd" "disabled"; anything else, and NULL, is cgroupfs. */
enum cg_driver_kind cgroup_driver_parse(const char *name);
const char *cgroup_driver_name(enum cg_driver_kind driver);

#endif

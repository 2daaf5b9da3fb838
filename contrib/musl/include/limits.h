/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel's bounds: musl knows some of them only. */
#ifndef HULL_MUSL_LIMITS_H
#define HULL_MUSL_LIMITS_H

#include_next <limits.h>

#undef NGROUPS_MAX
#include <linux/limits.h>

#endif

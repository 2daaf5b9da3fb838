/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Asking the host beforehand whether it could write the limits.
 */
#ifndef HULL_CGROUPS_LIMITS_HOST_H
#define HULL_CGROUPS_LIMITS_HOST_H

#include <stdbool.h>

#include "cgroups/limits_write.h"
#include "runtime/base/err.h"

/*
 * Facts of the host besides controllers: processors, huge page sizes, files that a kernel may lack. After
 * cg_limits_to_writes().
 */
int cg_limits_check_host(const struct cg_writes *writes, const char *path, struct err *err);

/* Whether there are huge pages of this size ("2MB", "1GB"): true for what is no size. */
bool cg_host_has_pages(const char *page_size);

#endif

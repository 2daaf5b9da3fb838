/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Limits that are lists, by device, page size, interface or file; and the kernel's lists of numbers.
 */
#ifndef HULL_CGROUPS_LIMITS_LISTS_H
#define HULL_CGROUPS_LIMITS_LISTS_H

#include <stdbool.h>
#include <stdint.h>

#include "cgroups/limits.h"
#include "cgroups/limits_write.h"
#include "runtime/base/err.h"

/* Checks the values of those limits, and lists their writes. Pure. */
int cg_list_limits_to_writes(struct cg_writes *writes, struct err *err);
/* Whether any of them is set. */
bool cg_limits_any_list(const struct cg_limits *limits);

/* The bits of a list such as "0-3,7". -EINVAL, -ERANGE. */
#define CG_LIST_BITS 4096
struct cg_list {
	uint64_t bits[CG_LIST_BITS / 64];
};
int cg_list_parse(const char *words, struct cg_list *ret);
bool cg_list_within(const struct cg_list *part, const struct cg_list *whole);

#endif

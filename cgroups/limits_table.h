/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From limits to the list of writes that this host's layout wants for them.
 */
#ifndef HULL_CGROUPS_LIMITS_TABLE_H
#define HULL_CGROUPS_LIMITS_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "cgroups/limits.h"
#include "cgroups/limits_write.h"
#include "runtime/base/err.h"

/* Checks values and layout, and lists the writes. Pure but for `existing`. Devices are not in it. */
int cg_limits_to_writes(struct cg_writes *writes, struct err *err);
/* Whether anything but devices is set. NULL: no. */
bool cg_limits_any(const struct cg_limits *limits);
/*
 * cpu.weight (1..10000) for cpu.shares (2..262144): 10^(l^2/612 + 125 l/612 - 7/34), l = log2(shares), rounded up. 1024
 * is 100.
 */
uint64_t cg_weight_of_shares(uint64_t shares);

#endif

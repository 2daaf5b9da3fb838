/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Waits with an end.
 */
#ifndef HULL_CGROUPS_DEADLINE_H
#define HULL_CGROUPS_DEADLINE_H

#include <stdint.h>

#include "runtime/base/process.h"

/*
 * The milliseconds from now until `deadline_ns` of proc_monotonic_ns(), rounded up, as poll(2) wants them. 0 when it is
 * over.
 */
static inline int cg_ms_left(uint64_t deadline_ns)
{
	uint64_t now = proc_monotonic_ns();

	return now >= deadline_ns ? 0 : (int)((deadline_ns - now + 999999) / 1000000);
}

#endif

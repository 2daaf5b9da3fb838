/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which lines of a log are wanted, and how. */
#ifndef HULL_RUNTIME_CORE_LOG_FILTER_H
#define HULL_RUNTIME_CORE_LOG_FILTER_H

#include <stdbool.h>
#include <stdint.h>

struct log_filter {
	uint64_t since_ns, until_ns;   /* since the epoch, until_ns excluded; 0: no bound */
	int64_t tail;		       /* only the last so many lines (of the wanted streams); -1: all */
	bool only_stdout, only_stderr; /* neither: both */
	bool timestamps;	       /* "2026-01-02T03:04:05.000000006Z " in front of each line */
};

#endif

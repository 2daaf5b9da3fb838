/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a cgroup used: the same figures from v1 and v2. Times are nanoseconds, sizes bytes, totals since the cgroup was
 * made.
 *
 * A kernel or layout does not tell everything. A group of figures is true only when its `has_` flag is; a single figure
 * that may be missing is CG_STAT_UNKNOWN.
 */
#ifndef HULL_CGROUPS_STATS_H
#define HULL_CGROUPS_STATS_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/err.h"

#define CG_STAT_UNKNOWN	  UINT64_MAX
#define CG_STAT_UNLIMITED (UINT64_MAX - 1)

/*
 * Pressure stall information: hundredths of a percent of the last 10, 60 and 300 seconds, and the total stalled time.
 */
struct cg_pressure_line {
	uint32_t avg10_centi, avg60_centi, avg300_centi;
	uint64_t total_ns;
};

struct cg_pressure {
	bool has;
	struct cg_pressure_line some, full;
};

struct cg_stat {
	bool has_cpu;
	uint64_t cpu_total_ns, cpu_user_ns, cpu_system_ns;

	bool has_throttling;
	uint64_t cpu_periods, cpu_throttled_periods, cpu_throttled_ns;

	bool has_memory;
	uint64_t memory_usage_bytes;
	uint64_t memory_limit_bytes; /* or CG_STAT_UNLIMITED */
	uint64_t memory_peak_bytes;  /* or CG_STAT_UNKNOWN (v2 before Linux 5.19) */
	uint64_t memory_anon_bytes, memory_file_bytes, memory_kernel_bytes,
		memory_shmem_bytes; /* each may be UNKNOWN */
	/* usage minus this is what `stats` shows, since this part is given back on demand */
	uint64_t memory_inactive_file_bytes;
	uint64_t memory_page_faults, memory_major_faults;
	uint64_t memory_limit_hits; /* how often the limit was met: v1 failcnt, v2 events max */

	bool has_swap;
	uint64_t swap_usage_bytes; /* swap alone, on both layouts */
	uint64_t swap_limit_bytes; /* swap alone; or CG_STAT_UNLIMITED */

	bool has_oom;
	uint64_t oom_kills;

	bool has_pids;
	uint64_t pids_current, pids_limit; /* limit or CG_STAT_UNLIMITED */

	bool has_blkio; /* over all devices */
	uint64_t blkio_read_bytes, blkio_write_bytes, blkio_read_ops, blkio_write_ops;

	struct cg_pressure cpu_pressure, memory_pressure, io_pressure; /* v2 */
};

struct cg; /* cg.h */

/* What it used so far. Figures that this host does not tell are marked absent; only an unreadable tree is an error. */
int cg_stat(struct cg *cg, struct cg_stat *ret, struct err *err);
/* Whether the kernel has killed something in it for want of memory. False for NULL, and where that is not to be had. */
bool cg_ran_out_of_memory(struct cg *cg);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The figures that stats.h leaves out: by processor, device and page size, and the kernel's own words for memory. For
 * engines that ask an OCI runtime for all there is; what a layout does not tell is left out.
 */
#ifndef HULL_CGROUPS_STATS_DETAIL_H
#define HULL_CGROUPS_STATS_DETAIL_H

#include <stddef.h>
#include <stdint.h>

#include "runtime/base/arena.h"
#include "runtime/base/err.h"

struct cg_named_figure {
	const char *name; /* "total_rss" */
	uint64_t value;
};

/* One line of a device: how much of what. */
struct cg_device_figure {
	const char *what; /* "ioServiceBytesRecursive", as engines know it */
	uint32_t major, minor;
	const char *op; /* "Read" "Write" …; "" where the file has none */
	uint64_t value;
};

struct cg_hugetlb_figure {
	const char *page_size; /* "2MB" */
	uint64_t usage_bytes, max_bytes, failures;
};

/* v1 only; the rest of a memory counter's family. `has` false: this kernel has none. */
struct cg_memory_figure {
	int has;
	uint64_t limit_bytes, usage_bytes, max_bytes, failures;
};

struct cg_detail {
	uint64_t *cpu_ns, *cpu_user_ns, *cpu_kernel_ns; /* by processor; NULL: not told */
	size_t cpu_count, cpu_user_count;		/* of the first; of the other two */
	const char *cpuset_cpus, *cpuset_mems;		/* "0-3"; NULL: no cpuset controller */
	struct cg_named_figure *cpuset;			/* flags of v1: "cpu_exclusive" … */
	size_t cpuset_count;
	struct cg_named_figure *memory; /* memory.stat */
	size_t memory_count;
	struct cg_memory_figure kernel, kernel_tcp;
	struct cg_device_figure *devices;
	size_t device_count;
	struct cg_hugetlb_figure *hugetlb;
	size_t hugetlb_count;
};

struct cg; /* cg.h */

/* Reads them into the arena. -ENOENT with words when the cgroup is gone. */
int cg_detail(struct cg *cg, struct arena *arena, struct cg_detail *ret, struct err *err);

#endif

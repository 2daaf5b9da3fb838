/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a cgroup is asked to limit: plain data, in the units and meanings of the OCI runtime specification (Linux,
 * "Control groups"), whatever the host's layout is. limits_table.c knows which file each one becomes.
 *
 * Only what is `set` is touched. Callers of this field send 0 for "not given", so 0 is as good as not set in every
 * value that is marked (0: none) below. -1 is "unlimited" where that is said.
 */
#ifndef HULL_CGROUPS_LIMITS_H
#define HULL_CGROUPS_LIMITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cg_value {
	bool set;
	int64_t value;
};

/* For values of which 0 is as good as not set. */
static inline bool cg_value_given(const struct cg_value *value)
{
	return value->set && value->value != 0;
}

/*
 * A row of the device policy. Rows are read in order and the last one that matches decides; nothing is allowed before
 * the first row.
 */
struct cg_device_rule {
	bool allow;
	char type;	      /* 'a' any, 'b' block, 'c' character */
	int64_t major, minor; /* -1: any */
	bool read, write, mknod;
};

/* A rate for one block device: bytes or operations a second. 0 takes the limit away. */
struct cg_device_rate {
	int64_t major, minor;
	uint64_t rate;
};

struct cg_device_weight {
	int64_t major, minor;
	struct cg_value weight, leaf_weight; /* 10..1000; (0: none) */
};

struct cg_hugepage {
	const char *page_size; /* "2MB", "1GB": as in the kernel's file names */
	uint64_t limit_bytes;
};

struct cg_rdma {
	const char *device;		  /* "mlx5_1" */
	struct cg_value handles, objects; /* not set: unlimited */
};

struct cg_net_priority {
	const char *interface;
	uint32_t priority;
};

/* A file of the v2 cgroup and what to write there ("memory.high", "1073741824"). Written last, in order. */
struct cg_unified {
	const char *file, *value;
};

struct cg_limits {
	struct cg_value memory_limit;	    /* bytes, -1 unlimited (0: none) */
	struct cg_value memory_reservation; /* bytes; -1: nothing is reserved any more (0: none) */
	struct cg_value memory_swap;	    /* bytes of memory *and* swap, -1 unlimited (0: none) */
	struct cg_value memory_kernel;	    /* bytes, -1 unlimited (0: none). v1 of old kernels only */
	struct cg_value memory_kernel_tcp;  /* bytes, -1 unlimited (0: none). v1 only */
	struct cg_value memory_swappiness;  /* 0..100. v1 only */
	struct cg_value oom_kill_disable;   /* 0 or 1. v1 only */
	struct cg_value
		memory_check_before_update; /* 0 or 1: cg_update() refuses a memory limit below what is in use */

	struct cg_value cpu_shares;	   /* 2..262144, 1024 is the default (0: none) */
	struct cg_value cpu_quota_us;	   /* in each period; -1 unlimited (0: none) */
	struct cg_value cpu_period_us;	   /* 1000..1000000 (0: none, then 100000) */
	struct cg_value cpu_burst_us;	   /* at most the quota */
	struct cg_value cpu_rt_runtime_us; /* v1 only, and kernels with CONFIG_RT_GROUP_SCHED; -1 unlimited (0: none) */
	struct cg_value cpu_rt_period_us;  /* likewise (0: none) */
	struct cg_value cpu_idle;	   /* 0 or 1: SCHED_IDLE for the whole cgroup */
	const char *cpuset_cpus;	   /* "0-3,7"; NULL or "": not set */
	const char *cpuset_mems;

	struct cg_value pids_limit; /* tasks; -1 unlimited (0: none) */

	struct cg_value blkio_weight;	   /* 10..1000 (0: none) */
	struct cg_value blkio_leaf_weight; /* 10..1000 (0: none). v1 of old kernels only */
	const struct cg_device_weight *blkio_weights;
	size_t blkio_weight_count;
	const struct cg_device_rate *blkio_read_bps, *blkio_write_bps, *blkio_read_iops, *blkio_write_iops;
	size_t blkio_read_bps_count, blkio_write_bps_count, blkio_read_iops_count, blkio_write_iops_count;

	const struct cg_hugepage *hugepages;
	size_t hugepage_count;
	const struct cg_rdma *rdma;
	size_t rdma_count;

	struct cg_value net_class_id;		      /* v1 only */
	const struct cg_net_priority *net_priorities; /* v1 only */
	size_t net_priority_count;

	const struct cg_device_rule *devices; /* no rows: devices are not policed (and cg_update() leaves them) */
	size_t device_count;

	const struct cg_unified *unified; /* v2 only */
	size_t unified_count;
};

#endif

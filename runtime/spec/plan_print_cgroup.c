/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The cgroup's part of the plan as JSON: where it is, and each limit by its name in config.json. */
#include "runtime/spec/plan_print.h"

#include <stddef.h>
#include <stdio.h>

#define LIMIT(name, member)                              \
	{                                                \
		name, offsetof(struct cg_limits, member) \
	}
static const struct {
	const char *name;
	size_t offset;
} limit_rows[] = {
	LIMIT("memory.limit", memory_limit),
	LIMIT("memory.reservation", memory_reservation),
	LIMIT("memory.swap", memory_swap),
	LIMIT("memory.kernel", memory_kernel),
	LIMIT("memory.kernelTCP", memory_kernel_tcp),
	LIMIT("memory.swappiness", memory_swappiness),
	LIMIT("memory.disableOOMKiller", oom_kill_disable),
	LIMIT("memory.checkBeforeUpdate", memory_check_before_update),
	LIMIT("cpu.shares", cpu_shares),
	LIMIT("cpu.quota", cpu_quota_us),
	LIMIT("cpu.period", cpu_period_us),
	LIMIT("cpu.burst", cpu_burst_us),
	LIMIT("cpu.realtimeRuntime", cpu_rt_runtime_us),
	LIMIT("cpu.realtimePeriod", cpu_rt_period_us),
	LIMIT("cpu.idle", cpu_idle),
	LIMIT("pids.limit", pids_limit),
	LIMIT("blockIO.weight", blkio_weight),
	LIMIT("blockIO.leafWeight", blkio_leaf_weight),
	LIMIT("network.classID", net_class_id),
};

static void put_device_number(char to[static 24], int64_t number)
{
	if (number < 0)
		(void)snprintf(to, 24, "*");
	else
		(void)snprintf(to, 24, "%lld", (long long)number);
}

static void put_device_rules(struct json_writer *w, const struct cg_limits *limits)
{
	char major[24], minor[24], line[80];

	if (!limits->device_count)
		return;
	json_open_array(w, "devices");
	for (size_t i = 0; i < limits->device_count; i++) {
		const struct cg_device_rule *rule = &limits->devices[i];

		put_device_number(major, rule->major);
		put_device_number(minor, rule->minor);
		(void)snprintf(line, sizeof(line), "%s %c %s:%s %s%s%s", rule->allow ? "allow" : "deny", rule->type,
			       major, minor, rule->read ? "r" : "", rule->write ? "w" : "", rule->mknod ? "m" : "");
		json_put_string(w, NULL, line);
	}
	json_close_array(w);
}

/* Lists stay lists: a device may be in one twice, and a member's name may not. */
static void put_device(struct json_writer *w, int64_t major, int64_t minor)
{
	char device[48];

	(void)snprintf(device, sizeof(device), "%lld:%lld", (long long)major, (long long)minor);
	json_put_string(w, "device", device);
}

static void put_rates(struct json_writer *w, const char *key, const struct cg_device_rate *rates, size_t count)
{
	if (!count)
		return;
	json_open_array(w, key);
	for (size_t i = 0; i < count; i++) {
		json_open(w, NULL);
		put_device(w, rates[i].major, rates[i].minor);
		json_put_u64(w, "rate", rates[i].rate);
		json_close(w);
	}
	json_close_array(w);
}

static void put_value(struct json_writer *w, const char *key, struct cg_value value)
{
	if (value.set)
		json_put_i64(w, key, value.value);
}

static void put_block_io(struct json_writer *w, const struct cg_limits *limits)
{
	put_rates(w, "blockIO.throttleReadBpsDevice", limits->blkio_read_bps, limits->blkio_read_bps_count);
	put_rates(w, "blockIO.throttleWriteBpsDevice", limits->blkio_write_bps, limits->blkio_write_bps_count);
	put_rates(w, "blockIO.throttleReadIOPSDevice", limits->blkio_read_iops, limits->blkio_read_iops_count);
	put_rates(w, "blockIO.throttleWriteIOPSDevice", limits->blkio_write_iops, limits->blkio_write_iops_count);
	if (!limits->blkio_weight_count)
		return;
	json_open_array(w, "blockIO.weightDevice");
	for (size_t i = 0; i < limits->blkio_weight_count; i++) {
		json_open(w, NULL);
		put_device(w, limits->blkio_weights[i].major, limits->blkio_weights[i].minor);
		put_value(w, "weight", limits->blkio_weights[i].weight);
		put_value(w, "leafWeight", limits->blkio_weights[i].leaf_weight);
		json_close(w);
	}
	json_close_array(w);
}

static void put_hugepages(struct json_writer *w, const struct cg_limits *limits)
{
	if (!limits->hugepage_count)
		return;
	json_open_array(w, "hugepageLimits");
	for (size_t i = 0; i < limits->hugepage_count; i++) {
		json_open(w, NULL);
		json_put_string(w, "pageSize", limits->hugepages[i].page_size);
		json_put_u64(w, "limit", limits->hugepages[i].limit_bytes);
		json_close(w);
	}
	json_close_array(w);
}

static void put_priorities(struct json_writer *w, const struct cg_limits *limits)
{
	if (!limits->net_priority_count)
		return;
	json_open_array(w, "network.priorities");
	for (size_t i = 0; i < limits->net_priority_count; i++) {
		json_open(w, NULL);
		json_put_string(w, "name", limits->net_priorities[i].interface);
		json_put_u64(w, "priority", limits->net_priorities[i].priority);
		json_close(w);
	}
	json_close_array(w);
}

/* Both were objects in config.json, so that no name is there twice. */
static void put_rdma_and_unified(struct json_writer *w, const struct cg_limits *limits)
{
	if (limits->rdma_count) {
		json_open(w, "rdma");
		for (size_t i = 0; i < limits->rdma_count; i++) {
			json_open(w, limits->rdma[i].device);
			put_value(w, "hcaHandles", limits->rdma[i].handles);
			put_value(w, "hcaObjects", limits->rdma[i].objects);
			json_close(w);
		}
		json_close(w);
	}
	if (limits->unified_count) {
		json_open(w, "unified");
		for (size_t i = 0; i < limits->unified_count; i++)
			json_put_string(w, limits->unified[i].file, limits->unified[i].value);
		json_close(w);
	}
}

void plan_print_cgroup(struct json_writer *w, const struct plan *plan)
{
	static const char *const drivers[] = {
		[CG_DRIVER_CGROUPFS] = "cgroupfs",
		[CG_DRIVER_SYSTEMD] = "systemd",
		[CG_DRIVER_DISABLED] = "disabled",
	};

	json_open(w, "cgroup");
	json_put_string(w, "driver", drivers[plan->cgroup.driver]);
	json_put_string(w, "path", plan->cgroup.path);
	json_open(w, "limits");
	for (size_t i = 0; i < ARRAY_SIZE(limit_rows); i++)
		put_value(w, limit_rows[i].name,
			  *(const struct cg_value *)((const char *)&plan->limits + limit_rows[i].offset));
	plan_print_optional(w, "cpu.cpus", plan->limits.cpuset_cpus);
	plan_print_optional(w, "cpu.mems", plan->limits.cpuset_mems);
	put_block_io(w, &plan->limits);
	put_hugepages(w, &plan->limits);
	put_priorities(w, &plan->limits);
	put_rdma_and_unified(w, &plan->limits);
	json_close(w);
	put_device_rules(w, &plan->limits);
	json_close(w);
}

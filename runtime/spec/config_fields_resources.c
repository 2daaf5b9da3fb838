/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The field tables of linux.resources: a part of config.json, and what `update --resources` is given. */
#include "runtime/spec/config.h"
#include "runtime/spec/config_fields.h"
#include "runtime/spec/field_rows.h"

#define TYPE struct config_device_rule
static const struct field device_rule_rows[] = {
	ROW("allow", FIELD_BOOL, allow, REQUIRED), ROW("type", FIELD_STRING, type),
	ROW("major", FIELD_OPT_I64, major),	   ROW("minor", FIELD_OPT_I64, minor),
	ROW("access", FIELD_STRING, access),
};
TABLE(device_rule_table, device_rule_rows);
#undef TYPE

#define TYPE struct config_memory
static const struct field memory_rows[] = {
	ROW("limit", FIELD_OPT_I64, limit),
	ROW("reservation", FIELD_OPT_I64, reservation),
	ROW("swap", FIELD_OPT_I64, swap),
	ROW("kernel", FIELD_OPT_I64, kernel),
	ROW("kernelTCP", FIELD_OPT_I64, kernel_tcp),
	ROW("swappiness", FIELD_OPT_U64, swappiness),
	ROW("disableOOMKiller", FIELD_OPT_BOOL, disable_oom_killer),
	ROW("useHierarchy", FIELD_OPT_BOOL, use_hierarchy),
	ROW("checkBeforeUpdate", FIELD_OPT_BOOL, check_before_update),
};
TABLE(memory_table, memory_rows);
#undef TYPE

#define TYPE struct config_cpu
static const struct field cpu_rows[] = {
	ROW("shares", FIELD_OPT_U64, shares),
	ROW("quota", FIELD_OPT_I64, quota),
	ROW("burst", FIELD_OPT_U64, burst),
	ROW("period", FIELD_OPT_U64, period),
	ROW("realtimeRuntime", FIELD_OPT_I64, realtime_runtime),
	ROW("realtimePeriod", FIELD_OPT_U64, realtime_period),
	ROW("cpus", FIELD_STRING, cpus),
	ROW("mems", FIELD_STRING, mems),
	ROW("idle", FIELD_OPT_I64, idle),
};
TABLE(cpu_table, cpu_rows);
#undef TYPE

#define TYPE struct config_pids
static const struct field pids_rows[] = {
	ROW("limit", FIELD_OPT_I64, limit, REQUIRED),
};
TABLE(pids_table, pids_rows);
#undef TYPE

#define TYPE struct config_weight_device
static const struct field weight_device_rows[] = {
	ROW("major", FIELD_I64, major, REQUIRED),
	ROW("minor", FIELD_I64, minor, REQUIRED),
	ROW("weight", FIELD_OPT_U64, weight, .max = UINT16_MAX),
	ROW("leafWeight", FIELD_OPT_U64, leaf_weight, .max = UINT16_MAX),
};
TABLE(weight_device_table, weight_device_rows);
#undef TYPE

#define TYPE struct config_throttle_device
static const struct field throttle_rows[] = {
	ROW("major", FIELD_I64, major, REQUIRED),
	ROW("minor", FIELD_I64, minor, REQUIRED),
	ROW("rate", FIELD_U64, rate),
};
TABLE(throttle_table, throttle_rows);
#undef TYPE

#define TYPE struct config_block_io
static const struct field block_io_rows[] = {
	ROW("weight", FIELD_OPT_U64, weight, .max = UINT16_MAX),
	ROW("leafWeight", FIELD_OPT_U64, leaf_weight, .max = UINT16_MAX),
	ROW("weightDevice", FIELD_LIST, weight_devices, OF(weight_device_table)),
	ROW("throttleReadBpsDevice", FIELD_LIST, read_bps, OF(throttle_table)),
	ROW("throttleWriteBpsDevice", FIELD_LIST, write_bps, OF(throttle_table)),
	ROW("throttleReadIOPSDevice", FIELD_LIST, read_iops, OF(throttle_table)),
	ROW("throttleWriteIOPSDevice", FIELD_LIST, write_iops, OF(throttle_table)),
};
TABLE(block_io_table, block_io_rows);
#undef TYPE

#define TYPE struct config_hugepage_limit
static const struct field hugepage_rows[] = {
	ROW("pageSize", FIELD_STRING, page_size, REQUIRED),
	ROW("limit", FIELD_U64, limit, REQUIRED),
};
TABLE(hugepage_table, hugepage_rows);
#undef TYPE

#define TYPE struct config_interface_priority
static const struct field interface_priority_rows[] = {
	ROW("name", FIELD_STRING, name, REQUIRED),
	ROW("priority", FIELD_U32, priority, REQUIRED),
};
TABLE(interface_priority_table, interface_priority_rows);
#undef TYPE

#define TYPE struct config_network_limits
static const struct field network_limits_rows[] = {
	ROW("classID", FIELD_OPT_U64, class_id, .max = UINT32_MAX),
	ROW("priorities", FIELD_LIST, priorities, OF(interface_priority_table)),
};
TABLE(network_limits_table, network_limits_rows);
#undef TYPE

#define TYPE struct config_rdma
static const struct field rdma_rows[] = {
	ROW("hcaHandles", FIELD_OPT_U64, hca_handles, .max = UINT32_MAX),
	ROW("hcaObjects", FIELD_OPT_U64, hca_objects, .max = UINT32_MAX),
};
TABLE(rdma_table, rdma_rows);
#undef TYPE

#define TYPE struct config_resources
static const struct field resources_rows[] = {
	ROW("devices", FIELD_LIST, devices, OF(device_rule_table)),
	ROW("memory", FIELD_STRUCT, memory, OF(memory_table)),
	ROW("cpu", FIELD_STRUCT, cpu, OF(cpu_table)),
	ROW("pids", FIELD_STRUCT, pids, OF(pids_table)),
	ROW("blockIO", FIELD_STRUCT, block_io, OF(block_io_table)),
	ROW("hugepageLimits", FIELD_LIST, hugepage_limits, OF(hugepage_table)),
	ROW("network", FIELD_STRUCT, network, OF(network_limits_table)),
	ROW("rdma", FIELD_DICT, rdma, OF(rdma_table)),
	ROW("unified", FIELD_MAP, unified),
};
PUBLIC_TABLE(config_resources_fields, resources_rows);
#undef TYPE

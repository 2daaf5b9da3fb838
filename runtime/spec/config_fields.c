/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tables from the leaves up: what a row names must stand above it. A new member of config.json is one line here and one
 * in config.h. (linux.resources, which is a document of its own for `update`: config_fields_resources.c.)
 */
#include "runtime/spec/config_fields.h"

#include "runtime/spec/config.h"
#include "runtime/spec/field_rows.h"

#define MAX_WORDS 65536 /* arguments, environment: what execve(2) takes is less */
#define MAX_IDMAP 340	/* the kernel's bound for one map */

#define TYPE struct config_root
static const struct field root_rows[] = {
	ROW("path", FIELD_STRING, path, REQUIRED),
	ROW("readonly", FIELD_BOOL, readonly),
};
TABLE(root_table, root_rows);
#undef TYPE

#define TYPE struct config_id_mapping
static const struct field id_mapping_rows[] = {
	ROW("containerID", FIELD_U32, container_id, REQUIRED),
	ROW("hostID", FIELD_U32, host_id, REQUIRED),
	ROW("size", FIELD_U32, size, REQUIRED),
};
TABLE(id_mapping_table, id_mapping_rows);
#undef TYPE

#define TYPE struct config_mount
static const struct field mount_rows[] = {
	ROW("destination", FIELD_STRING, destination, REQUIRED),
	ROW("type", FIELD_STRING, type),
	ROW("source", FIELD_STRING, source),
	ROW("options", FIELD_STRV, options),
	ROW("uidMappings", FIELD_LIST, uid_mappings, OF(id_mapping_table), .max = MAX_IDMAP),
	ROW("gidMappings", FIELD_LIST, gid_mappings, OF(id_mapping_table), .max = MAX_IDMAP),
};
TABLE(mount_table, mount_rows);
#undef TYPE

#define TYPE struct config_mounts
static const struct field mounts_rows[] = {
	ROW("mounts", FIELD_LIST, mounts, OF(mount_table)),
};
PUBLIC_TABLE(config_mounts_fields, mounts_rows);
#undef TYPE

/* --- process ------------------------------------------------------------------------------------------------------ */

#define TYPE struct config_user
static const struct field user_rows[] = {
	ROW("uid", FIELD_U32, uid, REQUIRED),
	ROW("gid", FIELD_U32, gid, REQUIRED),
	ROW("umask", FIELD_OPT_U64, umask, .max = UINT32_MAX),
	ROW("additionalGids", FIELD_NUMBERS, additional_gids),
	ROW("username", FIELD_STRING, username),
};
TABLE(user_table, user_rows);
#undef TYPE

#define TYPE struct config_console_size
static const struct field console_size_rows[] = {
	ROW("height", FIELD_U64, height, REQUIRED),
	ROW("width", FIELD_U64, width, REQUIRED),
};
TABLE(console_size_table, console_size_rows);
#undef TYPE

#define TYPE struct config_capabilities
static const struct field capabilities_rows[] = {
	ROW("bounding", FIELD_STRV, bounding),	 ROW("effective", FIELD_STRV, effective),
	ROW("permitted", FIELD_STRV, permitted), ROW("inheritable", FIELD_STRV, inheritable),
	ROW("ambient", FIELD_STRV, ambient),
};
TABLE(capabilities_table, capabilities_rows);
#undef TYPE

#define TYPE struct config_rlimit
static const struct field rlimit_rows[] = {
	ROW("type", FIELD_STRING, type, REQUIRED),
	ROW("soft", FIELD_U64, soft, REQUIRED),
	ROW("hard", FIELD_U64, hard, REQUIRED),
};
TABLE(rlimit_table, rlimit_rows);
#undef TYPE

#define TYPE struct config_scheduler
static const struct field scheduler_rows[] = {
	ROW("policy", FIELD_STRING, policy, REQUIRED),
	ROW("nice", FIELD_I32, nice),
	ROW("priority", FIELD_I32, priority),
	ROW("flags", FIELD_STRV, flags),
	ROW("runtime", FIELD_U64, runtime),
	ROW("deadline", FIELD_U64, deadline),
	ROW("period", FIELD_U64, period),
};
TABLE(scheduler_table, scheduler_rows);
#undef TYPE

#define TYPE struct config_io_priority
static const struct field io_priority_rows[] = {
	ROW("class", FIELD_STRING, io_class, REQUIRED),
	ROW("priority", FIELD_I32, priority),
};
TABLE(io_priority_table, io_priority_rows);
#undef TYPE

#define TYPE struct config_cpu_affinity
static const struct field cpu_affinity_rows[] = {
	ROW("initial", FIELD_STRING, initial),
	ROW("final", FIELD_STRING, final),
};
TABLE(cpu_affinity_table, cpu_affinity_rows);
#undef TYPE

#define TYPE struct config_process
static const struct field process_rows[] = {
	ROW("terminal", FIELD_BOOL, terminal),
	ROW("consoleSize", FIELD_OBJECT, console_size, OF(console_size_table)),
	ROW("user", FIELD_STRUCT, user, OF(user_table)),
	ROW("args", FIELD_STRV, args, .max = MAX_WORDS),
	ROW("commandLine", FIELD_STRING, command_line),
	ROW("env", FIELD_STRV, env, .max = MAX_WORDS),
	ROW("cwd", FIELD_STRING, cwd, REQUIRED),
	ROW("capabilities", FIELD_OBJECT, capabilities, OF(capabilities_table)),
	ROW("rlimits", FIELD_LIST, rlimits, OF(rlimit_table)),
	ROW("noNewPrivileges", FIELD_BOOL, no_new_privileges),
	ROW("apparmorProfile", FIELD_STRING, apparmor_profile),
	ROW("selinuxLabel", FIELD_STRING, selinux_label),
	ROW("oomScoreAdj", FIELD_OPT_I64, oom_score_adj),
	ROW("scheduler", FIELD_OBJECT, scheduler, OF(scheduler_table)),
	ROW("ioPriority", FIELD_OBJECT, io_priority, OF(io_priority_table)),
	ROW("execCPUAffinity", FIELD_OBJECT, exec_cpu_affinity, OF(cpu_affinity_table)),
};
PUBLIC_TABLE(config_process_fields, process_rows);
#undef TYPE

/* --- hooks -------------------------------------------------------------------------------------------------------- */

#define TYPE struct config_hook
static const struct field hook_rows[] = {
	ROW("path", FIELD_STRING, path, REQUIRED),
	ROW("args", FIELD_STRV, args),
	ROW("env", FIELD_STRV, env),
	ROW("timeout", FIELD_OPT_I64, timeout),
};
TABLE(hook_table, hook_rows);
#undef TYPE

#define TYPE struct config_hooks
static const struct field hooks_rows[] = {
	ROW("prestart", FIELD_LIST, prestart, OF(hook_table)),
	ROW("createRuntime", FIELD_LIST, create_runtime, OF(hook_table)),
	ROW("createContainer", FIELD_LIST, create_container, OF(hook_table)),
	ROW("startContainer", FIELD_LIST, start_container, OF(hook_table)),
	ROW("poststart", FIELD_LIST, poststart, OF(hook_table)),
	ROW("poststop", FIELD_LIST, poststop, OF(hook_table)),
};
TABLE(hooks_table, hooks_rows);
#undef TYPE

/* --- linux.seccomp ------------------------------------------------------------------------------------------------ */

#define TYPE struct config_seccomp_arg
static const struct field seccomp_arg_rows[] = {
	ROW("index", FIELD_U32, index, REQUIRED),
	ROW("value", FIELD_U64, value, REQUIRED),
	ROW("valueTwo", FIELD_U64, value_two),
	ROW("op", FIELD_STRING, op, REQUIRED),
};
TABLE(seccomp_arg_table, seccomp_arg_rows);
#undef TYPE

#define TYPE struct config_syscall
static const struct field syscall_rows[] = {
	ROW("names", FIELD_STRV, names, REQUIRED),
	ROW("action", FIELD_STRING, action, REQUIRED),
	ROW("errnoRet", FIELD_OPT_U64, errno_ret, .max = UINT32_MAX),
	ROW("args", FIELD_LIST, args, OF(seccomp_arg_table)),
};
TABLE(syscall_table, syscall_rows);
#undef TYPE

#define TYPE struct config_seccomp
static const struct field seccomp_rows[] = {
	ROW("defaultAction", FIELD_STRING, default_action, REQUIRED),
	ROW("defaultErrnoRet", FIELD_OPT_U64, default_errno_ret, .max = UINT32_MAX),
	ROW("architectures", FIELD_STRV, architectures),
	ROW("flags", FIELD_STRV, flags),
	ROW("listenerPath", FIELD_STRING, listener_path),
	ROW("listenerMetadata", FIELD_STRING, listener_metadata),
	ROW("syscalls", FIELD_LIST, syscalls, OF(syscall_table)),
};
PUBLIC_TABLE(config_seccomp_fields, seccomp_rows);
#undef TYPE

/* --- linux -------------------------------------------------------------------------------------------------------- */

#define TYPE struct config_namespace
static const struct field namespace_rows[] = {
	ROW("type", FIELD_STRING, type, REQUIRED),
	ROW("path", FIELD_STRING, path),
};
TABLE(namespace_table, namespace_rows);
#undef TYPE

#define TYPE struct config_time_offset
static const struct field time_offset_rows[] = {
	ROW("secs", FIELD_I64, secs),
	ROW("nanosecs", FIELD_U32, nanosecs),
};
TABLE(time_offset_table, time_offset_rows);
#undef TYPE

#define TYPE struct config_time_offsets
static const struct field time_offsets_rows[] = {
	ROW("boottime", FIELD_OBJECT, boottime, OF(time_offset_table)),
	ROW("monotonic", FIELD_OBJECT, monotonic, OF(time_offset_table)),
};
TABLE(time_offsets_table, time_offsets_rows);
#undef TYPE

#define TYPE struct config_device
static const struct field device_rows[] = {
	ROW("type", FIELD_STRING, type, REQUIRED),
	ROW("path", FIELD_STRING, path, REQUIRED),
	ROW("major", FIELD_OPT_I64, major),
	ROW("minor", FIELD_OPT_I64, minor),
	ROW("fileMode", FIELD_OPT_U64, file_mode, .max = UINT32_MAX),
	ROW("uid", FIELD_OPT_U64, uid, .max = UINT32_MAX),
	ROW("gid", FIELD_OPT_U64, gid, .max = UINT32_MAX),
};
TABLE(device_table, device_rows);
#undef TYPE

#define TYPE struct config_net_device
static const struct field net_device_rows[] = {
	ROW("name", FIELD_STRING, name),
};
TABLE(net_device_table, net_device_rows);
#undef TYPE

#define TYPE struct config_intel_rdt
static const struct field intel_rdt_rows[] = {
	ROW("closID", FIELD_STRING, clos_id),
	ROW("schemata", FIELD_STRV, schemata),
	ROW("l3CacheSchema", FIELD_STRING, l3_cache_schema),
	ROW("memBwSchema", FIELD_STRING, mem_bw_schema),
	ROW("enableMonitoring", FIELD_BOOL, enable_monitoring),
};
TABLE(intel_rdt_table, intel_rdt_rows);
#undef TYPE

#define TYPE struct config_memory_policy
static const struct field memory_policy_rows[] = {
	ROW("mode", FIELD_STRING, mode),
	ROW("nodes", FIELD_STRING, nodes),
	ROW("flags", FIELD_STRV, flags),
};
TABLE(memory_policy_table, memory_policy_rows);
#undef TYPE

#define TYPE struct config_personality
static const struct field personality_rows[] = {
	ROW("domain", FIELD_STRING, domain),
	ROW("flags", FIELD_STRV, flags),
};
TABLE(personality_table, personality_rows);
#undef TYPE

#define TYPE struct config_linux
static const struct field linux_rows[] = {
	ROW("namespaces", FIELD_LIST, namespaces, OF(namespace_table)),
	ROW("uidMappings", FIELD_LIST, uid_mappings, OF(id_mapping_table), .max = MAX_IDMAP),
	ROW("gidMappings", FIELD_LIST, gid_mappings, OF(id_mapping_table), .max = MAX_IDMAP),
	ROW("timeOffsets", FIELD_STRUCT, time_offsets, OF(time_offsets_table)),
	ROW("devices", FIELD_LIST, devices, OF(device_table)),
	ROW("netDevices", FIELD_DICT, net_devices, OF(net_device_table)),
	ROW("cgroupsPath", FIELD_STRING, cgroups_path),
	ROW("resources", FIELD_OBJECT, resources, OF(config_resources_fields)),
	ROW("intelRdt", FIELD_OBJECT, intel_rdt, OF(intel_rdt_table)),
	ROW("memoryPolicy", FIELD_OBJECT, memory_policy, OF(memory_policy_table)),
	ROW("sysctl", FIELD_MAP, sysctl),
	ROW("seccomp", FIELD_OBJECT, seccomp, OF(config_seccomp_fields)),
	ROW("rootfsPropagation", FIELD_STRING, rootfs_propagation),
	ROW("maskedPaths", FIELD_STRV, masked_paths),
	ROW("readonlyPaths", FIELD_STRV, readonly_paths),
	ROW("mountLabel", FIELD_STRING, mount_label),
	ROW("personality", FIELD_OBJECT, personality, OF(personality_table)),
};
TABLE(linux_table, linux_rows);
#undef TYPE

/* --- vm ----------------------------------------------------------------------------------------------------------- */

#define TYPE struct config_vm_hypervisor
static const struct field vm_hypervisor_rows[] = {
	ROW("path", FIELD_STRING, path, REQUIRED),
	ROW("parameters", FIELD_STRV, parameters),
};
TABLE(vm_hypervisor_table, vm_hypervisor_rows);
#undef TYPE

#define TYPE struct config_vm_kernel
static const struct field vm_kernel_rows[] = {
	ROW("path", FIELD_STRING, path, REQUIRED),
	ROW("parameters", FIELD_STRV, parameters),
	ROW("initrd", FIELD_STRING, initrd),
};
TABLE(vm_kernel_table, vm_kernel_rows);
#undef TYPE

#define TYPE struct config_vm_image
static const struct field vm_image_rows[] = {
	ROW("path", FIELD_STRING, path, REQUIRED),
	ROW("format", FIELD_STRING, format, REQUIRED),
};
PUBLIC_TABLE(config_vm_image_fields, vm_image_rows);
#undef TYPE

#define TYPE struct config_vm_iomem
static const struct field vm_iomem_rows[] = {
	ROW("firstGFN", FIELD_OPT_U64, first_gfn),
	ROW("firstMFN", FIELD_U64, first_mfn, REQUIRED),
	ROW("nrMFNs", FIELD_U64, nr_mfns, REQUIRED),
};
TABLE(vm_iomem_table, vm_iomem_rows);
#undef TYPE

#define TYPE struct config_vm_hardware
static const struct field vm_hardware_rows[] = {
	ROW("deviceTree", FIELD_STRING, device_tree),
	ROW("vcpus", FIELD_OPT_U64, vcpus, .max = UINT32_MAX),
	ROW("memory", FIELD_OPT_U64, memory),
	ROW("dtdevs", FIELD_STRV, dtdevs),
	ROW("iomems", FIELD_LIST, iomems, OF(vm_iomem_table)),
	ROW("irqs", FIELD_NUMBERS, irqs),
};
TABLE(vm_hardware_table, vm_hardware_rows);
#undef TYPE

#define TYPE struct config_vm
static const struct field vm_rows[] = {
	ROW("hypervisor", FIELD_OBJECT, hypervisor, OF(vm_hypervisor_table)),
	ROW("kernel", FIELD_OBJECT, kernel, OF(vm_kernel_table), REQUIRED),
	ROW("image", FIELD_OBJECT, image, OF(config_vm_image_fields)),
	ROW("hwConfig", FIELD_STRUCT, hw_config, OF(vm_hardware_table)),
};
TABLE(vm_table, vm_rows);
#undef TYPE

/* --- the document ------------------------------------------------------------------------------------------------- */

#define TYPE struct config
static const struct field config_rows[] = {
	ROW("ociVersion", FIELD_STRING, oci_version, REQUIRED),
	ROW("process", FIELD_OBJECT, process, OF(config_process_fields)),
	ROW("root", FIELD_OBJECT, root, OF(root_table)),
	ROW("hostname", FIELD_STRING, hostname),
	ROW("domainname", FIELD_STRING, domainname),
	ROW("mounts", FIELD_LIST, mounts, OF(mount_table)),
	ROW("hooks", FIELD_STRUCT, hooks, OF(hooks_table)),
	ROW("annotations", FIELD_MAP, annotations),
	ROW("linux", FIELD_OBJECT, linux_, OF(linux_table)),
	ROW("vm", FIELD_OBJECT, vm, OF(vm_table)),
};
PUBLIC_TABLE(config_fields, config_rows);
#undef TYPE

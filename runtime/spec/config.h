/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * config.json of the OCI runtime specification 1.3, for Linux and for VMs, as plain data.
 *
 * Reading has no side effects and resolves nothing: words are still words, paths are as written. What they mean, and
 * whether this host can do it, is the plan's (plan.h). Everything points into the arena that it was read with. A caller
 * that makes a config itself (the command line) fills the same structs and writes them.
 *
 * Members are named as in the specification, in C's case (linux.resources.blockIO.weight is
 * linux->resources->block_io.weight). A NULL pointer, a count of 0 and an opt_*.set of false mean 'absent'.
 */
#ifndef HULL_RUNTIME_SPEC_CONFIG_H
#define HULL_RUNTIME_SPEC_CONFIG_H

#include "runtime/spec/fields.h"

#define CONFIG_OCI_VERSION     "1.3.0" /* what hull writes, and the newest that it knows */
#define CONFIG_OCI_VERSION_MIN "1.0.0"

struct config_root {
	const char *path;
	bool readonly;
};

struct config_id_mapping {
	uint32_t container_id, host_id, size;
};
typedef LIST_OF(struct config_id_mapping) config_id_mappings;

struct config_mount {
	const char *destination, *type, *source;
	struct strv options;
	config_id_mappings uid_mappings, gid_mappings;
};

struct config_user {
	uint32_t uid, gid;
	struct opt_u64 umask;
	LIST_OF(uint32_t) additional_gids;
	const char *username; /* Windows' in the specification; not looked up: hull.json's user_words are */
};

struct config_console_size {
	uint64_t height, width;
};

struct config_capabilities {
	struct strv bounding, permitted, effective, inheritable, ambient;
};

struct config_rlimit {
	const char *type; /* "RLIMIT_NOFILE" */
	uint64_t soft, hard;
};

struct config_scheduler {
	const char *policy; /* "SCHED_FIFO" */
	int32_t nice, priority;
	struct strv flags;
	uint64_t runtime, deadline, period; /* ns */
};

struct config_io_priority {
	const char *io_class; /* "class": "IOPRIO_CLASS_BE" */
	int32_t priority;
};

struct config_cpu_affinity {
	const char *initial, *final; /* "0-3,7" */
};

struct config_process {
	bool terminal;
	struct config_console_size *console_size;
	struct config_user user;
	struct strv args, env;
	const char *command_line; /* Windows */
	const char *cwd;
	struct config_capabilities *capabilities;
	LIST_OF(struct config_rlimit) rlimits;
	bool no_new_privileges;
	const char *apparmor_profile, *selinux_label;
	struct opt_i64 oom_score_adj;
	struct config_scheduler *scheduler;
	struct config_io_priority *io_priority;
	struct config_cpu_affinity *exec_cpu_affinity;
};

struct config_hook {
	const char *path;
	struct strv args, env;
	struct opt_i64 timeout; /* seconds */
};
typedef LIST_OF(struct config_hook) config_hook_list;

struct config_hooks {
	config_hook_list prestart, create_runtime, create_container, start_container, poststart, poststop;
};

struct config_namespace {
	const char *type, *path;
};

struct config_device {
	const char *type, *path;
	struct opt_i64 major, minor;
	struct opt_u64 file_mode, uid, gid;
};

struct config_net_device {
	const char *host_name;
	const char *name; /* inside; NULL: the same */
};

struct config_device_rule {
	bool allow;
	const char *type;	     /* "a" "b" "c"; NULL: a */
	struct opt_i64 major, minor; /* absent: any */
	const char *access;	     /* "rwm"; NULL: all */
};

struct config_memory {
	struct opt_i64 limit, reservation, swap, kernel, kernel_tcp; /* bytes; -1 unlimited */
	struct opt_u64 swappiness;
	struct opt_bool disable_oom_killer, use_hierarchy, check_before_update;
};

struct config_cpu {
	struct opt_u64 shares;
	struct opt_i64 quota; /* µs, as are the next four */
	struct opt_u64 burst, period;
	struct opt_i64 realtime_runtime;
	struct opt_u64 realtime_period;
	const char *cpus, *mems;
	struct opt_i64 idle;
};

struct config_pids {
	struct opt_i64 limit;
};

struct config_weight_device {
	int64_t major, minor;
	struct opt_u64 weight, leaf_weight;
};

struct config_throttle_device {
	int64_t major, minor;
	uint64_t rate; /* bytes or operations a second */
};
typedef LIST_OF(struct config_throttle_device) config_throttle_list;

struct config_block_io {
	struct opt_u64 weight, leaf_weight;
	LIST_OF(struct config_weight_device) weight_devices;
	config_throttle_list read_bps, write_bps, read_iops, write_iops;
};

struct config_hugepage_limit {
	const char *page_size; /* "2MB" */
	uint64_t limit;	       /* bytes */
};

struct config_interface_priority {
	const char *name;
	uint32_t priority;
};

struct config_network_limits {
	struct opt_u64 class_id;
	LIST_OF(struct config_interface_priority) priorities;
};

struct config_rdma {
	const char *name;
	struct opt_u64 hca_handles, hca_objects;
};

struct config_resources {
	LIST_OF(struct config_device_rule) devices;
	struct config_memory memory;
	struct config_cpu cpu;
	struct config_pids pids;
	struct config_block_io block_io;
	LIST_OF(struct config_hugepage_limit) hugepage_limits;
	struct config_network_limits network;
	LIST_OF(struct config_rdma) rdma;
	struct strmap unified; /* cgroup v2 file to value */
};

struct config_seccomp_arg {
	uint32_t index;
	uint64_t value, value_two;
	const char *op;
};

struct config_syscall {
	struct strv names;
	const char *action;
	struct opt_u64 errno_ret;
	LIST_OF(struct config_seccomp_arg) args;
};

struct config_seccomp {
	const char *default_action;
	struct opt_u64 default_errno_ret;
	struct strv architectures, flags;
	const char *listener_path, *listener_metadata;
	LIST_OF(struct config_syscall) syscalls;
};

struct config_intel_rdt {
	const char *clos_id;
	struct strv schemata;
	const char *l3_cache_schema, *mem_bw_schema;
	bool enable_monitoring;
};

struct config_memory_policy {
	const char *mode, *nodes;
	struct strv flags;
};

struct config_personality {
	const char *domain;
	struct strv flags;
};

struct config_time_offset {
	int64_t secs;
	uint32_t nanosecs;
};

struct config_time_offsets {
	struct config_time_offset *boottime, *monotonic;
};

struct config_linux {
	LIST_OF(struct config_namespace) namespaces;
	config_id_mappings uid_mappings, gid_mappings;
	struct config_time_offsets time_offsets;
	LIST_OF(struct config_device) devices;
	LIST_OF(struct config_net_device) net_devices;
	const char *cgroups_path;
	struct config_resources *resources;
	struct config_intel_rdt *intel_rdt;
	struct config_memory_policy *memory_policy;
	struct strmap sysctl;
	struct config_seccomp *seccomp;
	const char *rootfs_propagation;
	struct strv masked_paths, readonly_paths;
	const char *mount_label;
	struct config_personality *personality;
};

struct config_vm_hypervisor {
	const char *path;
	struct strv parameters;
};

struct config_vm_kernel {
	const char *path;
	struct strv parameters;
	const char *initrd;
};

struct config_vm_image {
	const char *path, *format;
};

struct config_vm_iomem {
	struct opt_u64 first_gfn;
	uint64_t first_mfn, nr_mfns;
};

struct config_vm_hardware {
	const char *device_tree;
	struct opt_u64 vcpus, memory; /* memory in bytes */
	struct strv dtdevs;
	LIST_OF(struct config_vm_iomem) iomems;
	LIST_OF(uint32_t) irqs;
};

struct config_vm {
	struct config_vm_hypervisor *hypervisor;
	struct config_vm_kernel *kernel;
	struct config_vm_image *image;
	struct config_vm_hardware hw_config;
};

/* Mounts alone, as `mounts add` takes them. */
struct config_mounts {
	LIST_OF(struct config_mount) mounts;
};

struct config {
	const char *oci_version;
	struct config_root *root;
	struct config_process *process;
	const char *hostname, *domainname;
	LIST_OF(struct config_mount) mounts;
	struct config_hooks hooks;
	struct strmap annotations;
	struct config_linux *linux_; /* "linux"; the name without underscore is a macro of gcc's gnu dialects */
	struct config_vm *vm;
};

/*
 * Reads `bundle`/config.json (`dirfd` is the bundle's folder). Unknown members are ignored, as the specification's
 * section "Extensibility" demands; their paths are added to `ret_ignored` (may be NULL). 0 or -errno: -ENOENT, -EFBIG,
 * -EINVAL, -ENOMEM.
 */
int config_read(struct arena *arena, int dirfd, const char *name, const struct config **ret, struct strv *ret_ignored,
		struct err *err);
/* The same from memory; `what` names the document in errors. */
int config_parse(struct arena *arena, const char *data, size_t len, const char *what, const struct config **ret,
		 struct strv *ret_ignored, struct err *err);
/* One object of it alone: `exec --process FILE` and `update --resources FILE`. */
int config_parse_process(struct arena *arena, const char *data, size_t len, const char *what,
			 const struct config_process **ret, struct err *err);
int config_parse_resources(struct arena *arena, const char *data, size_t len, const char *what,
			   const struct config_resources **ret, struct err *err);
/* {"mounts": […]}, or the array alone. */
int config_parse_mounts(struct arena *arena, const char *data, size_t len, const char *what,
			const struct config_mounts **ret, struct err *err);
/* A seccomp profile in the OCI form (`--security-opt seccomp=FILE`): the object of linux.seccomp. */
int config_parse_seccomp(struct arena *arena, const char *data, size_t len, const char *what,
			 struct config_seccomp **ret, struct err *err);

/* Adds the config as JSON, indented for people, to `out`. What config_read() then reads is the same. 0 or -ENOMEM. */
int config_write(const struct config *config, struct text *out, struct err *err);
int config_write_resources(const struct config_resources *resources, struct text *out, struct err *err);

#endif

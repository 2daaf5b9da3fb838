/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The plan as JSON for people: what a start would do. Members are named as in config.json where it has them. */
#include <linux/mount.h>
#include <stddef.h>

#include "runtime/base/json.h"
#include "runtime/base/process.h"
#include "runtime/spec/plan_parts.h"

static void put_optional(struct json_writer *w, const char *key, const char *value)
{
	if (value)
		json_put_string(w, key, value);
}

static void put_words(struct json_writer *w, const char *key, const char *const *words, size_t count)
{
	if (!count)
		return;
	json_open_array(w, key);
	for (size_t i = 0; i < count; i++)
		json_put_string(w, NULL, words[i]);
	json_close_array(w);
}

static void put_list(struct json_writer *w, const char *key, const struct strv *list)
{
	put_words(w, key, (const char *const *)list->items, list->count);
}

static void put_map(struct json_writer *w, const char *key, const struct strmap *map)
{
	if (!map->count)
		return;
	json_open(w, key);
	for (size_t i = 0; i < map->count; i++)
		json_put_string(w, map->items[i].key, map->items[i].value);
	json_close(w);
}

static void put_ranges(struct json_writer *w, const char *key, const struct idmap_range *ranges, size_t count)
{
	if (!count)
		return;
	json_open_array(w, key);
	for (size_t i = 0; i < count; i++) {
		json_open(w, NULL);
		json_put_u64(w, "containerID", ranges[i].inside);
		json_put_u64(w, "hostID", ranges[i].outside);
		json_put_u64(w, "size", ranges[i].count);
		json_close(w);
	}
	json_close_array(w);
}

static void put_offset(struct json_writer *w, const char *key, const struct plan_time_offset *offset)
{
	if (!offset->set)
		return;
	json_open(w, key);
	json_put_i64(w, "secs", offset->secs);
	json_put_u64(w, "nanosecs", offset->nanosecs);
	json_close(w);
}

static void put_namespaces(struct json_writer *w, const struct plan *plan)
{
	static const char *const how_words[] = {[NS_HOST] = "host", [NS_FRESH] = "new", [NS_JOIN] = "join"};

	json_open_array(w, "namespaces");
	for (int kind = 0; kind < NS_COUNT; kind++) {
		const struct ns_choice *choice = &plan->namespaces.kind[kind];

		json_open(w, NULL);
		json_put_string(w, "type", ns_name((enum ns_kind)kind));
		json_put_string(w, "how", how_words[choice->how]);
		put_optional(w, "path", choice->path);
		json_close(w);
	}
	json_close_array(w);
	put_ranges(w, "uidMappings", plan->idmap.uids, plan->idmap.uid_count);
	put_ranges(w, "gidMappings", plan->idmap.gids, plan->idmap.gid_count);
	put_optional(w, "hostname", plan->hostname);
	put_optional(w, "domainname", plan->domainname);
	put_map(w, "sysctl", &plan->sysctls);
	put_offset(w, "boottime", &plan->boottime);
	put_offset(w, "monotonic", &plan->monotonic);
}

/* --- cgroup ------------------------------------------------------------------------------------------------------- */

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

static void put_cgroup(struct json_writer *w, const struct plan *plan)
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
	put_optional(w, "cpu.cpus", plan->limits.cpuset_cpus);
	put_optional(w, "cpu.mems", plan->limits.cpuset_mems);
	put_block_io(w, &plan->limits);
	put_hugepages(w, &plan->limits);
	put_priorities(w, &plan->limits);
	put_rdma_and_unified(w, &plan->limits);
	json_close(w);
	put_device_rules(w, &plan->limits);
	json_close(w);
}

/* --- root --------------------------------------------------------------------------------------------------------- */

static void put_mounts(struct json_writer *w, const struct root_request *root)
{
	json_open_array(w, "mounts");
	for (size_t i = 0; i < root->mount_count; i++) {
		const struct mount_request *mount = &root->mounts[i];

		json_open(w, NULL);
		json_put_string(w, "destination", mount->destination);
		json_put_string(w, "type", mount->options.bind ? "bind" : mount->type);
		put_optional(w, "source", mount->source);
		if (mount->options.bind_tree)
			json_put_bool(w, "recursive", true);
		if ((mount->options.one.set | mount->options.tree.set) & MOUNT_ATTR_RDONLY)
			json_put_bool(w, "readonly", true);
		put_optional(w, "data", mount->options.data);
		if (mount->idmap_container)
			json_put_string(w, "idmap", "container");
		if (mount->idmap) {
			put_ranges(w, "uidMappings", mount->idmap->uids, mount->idmap->uid_count);
			put_ranges(w, "gidMappings", mount->idmap->gids, mount->idmap->gid_count);
		}
		json_close(w);
	}
	json_close_array(w);
}

static void put_devices(struct json_writer *w, const struct root_request *root)
{
	char mode[16];

	if (!root->device_count)
		return;
	json_open_array(w, "devices");
	for (size_t i = 0; i < root->device_count; i++) {
		const struct device_request *device = &root->devices[i];

		(void)snprintf(mode, sizeof(mode), "%04o", (unsigned)device->mode);
		json_open(w, NULL);
		json_put_string(w, "path", device->path);
		json_put_string(w, "type", (char[]){device->type, '\0'});
		json_put_u64(w, "major", device->major);
		json_put_u64(w, "minor", device->minor);
		json_put_string(w, "mode", mode);
		json_put_u64(w, "uid", device->uid);
		json_put_u64(w, "gid", device->gid);
		json_close(w);
	}
	json_close_array(w);
}

static void put_root(struct json_writer *w, const struct plan *plan)
{
	const struct root_request *root = &plan->root;

	json_open(w, "root");
	put_optional(w, "path", root->path);
	put_words(w, "lowers", root->lowers, root->lower_count);
	put_optional(w, "upper", root->upper);
	put_optional(w, "work", root->work);
	json_put_bool(w, "readonly", root->readonly);
	json_put_bool(w, "idmapped", root->idmap_lowers);
	put_optional(w, "mountLabel", root->mount_label);
	json_close(w);
	put_mounts(w, root);
	put_devices(w, root);
	put_words(w, "maskedPaths", root->masked_paths, root->masked_count);
	put_words(w, "readonlyPaths", root->readonly_paths, root->readonly_count);
}

/* --- process ------------------------------------------------------------------------------------------------------ */

static void put_caps(struct json_writer *w, const char *key, uint64_t set)
{
	char number[16];

	json_open_array(w, key);
	for (int bit = 0; bit < 64; bit++) {
		const char *name = caps_name(bit);

		if (!(set & CAPS_BIT(bit)))
			continue;
		(void)snprintf(number, sizeof(number), "%d", bit);
		json_put_string(w, NULL, name ? name : number);
	}
	json_close_array(w);
}

static void put_process_limits(struct json_writer *w, const struct limits_request *limits)
{
	json_open_array(w, "rlimits");
	for (size_t i = 0; i < limits->rlimit_count; i++) {
		json_open(w, NULL);
		json_put_string(w, "type", rlimit_name(limits->rlimits[i].resource));
		json_put_u64(w, "soft", limits->rlimits[i].soft);
		json_put_u64(w, "hard", limits->rlimits[i].hard);
		json_close(w);
	}
	json_close_array(w);
	if (limits->has_oom_score_adj)
		json_put_i64(w, "oomScoreAdj", limits->oom_score_adj);
	if (limits->has_umask)
		json_put_u64(w, "umask", limits->umask);
	if (limits->has_personality)
		json_put_u64(w, "personality", limits->personality);
	if (limits->scheduler) {
		json_open(w, "scheduler");
		json_put_i64(w, "policy", limits->scheduler->policy);
		json_put_i64(w, "nice", limits->scheduler->nice);
		json_put_i64(w, "priority", limits->scheduler->priority);
		json_close(w);
	}
	if (limits->io_priority) {
		json_open(w, "ioPriority");
		json_put_i64(w, "class", limits->io_priority->class);
		json_put_i64(w, "priority", limits->io_priority->level);
		json_close(w);
	}
	if (limits->memory_policy) {
		json_open(w, "memoryPolicy");
		json_put_i64(w, "mode", limits->memory_policy->mode);
		put_optional(w, "nodes", limits->memory_policy->nodes);
		json_close(w);
	}
}

static void put_user(struct json_writer *w, const struct plan_process *process)
{
	json_open(w, "user");
	if (process->user_words) {
		json_put_string(w, "words", process->user_words);
	} else {
		json_put_u64(w, "uid", process->uid);
		json_put_u64(w, "gid", process->gid);
	}
	json_open_array(w, "additionalGids");
	for (size_t i = 0; i < process->groups.count; i++)
		json_put_u64(w, NULL, process->groups.items[i]);
	json_close_array(w);
	json_close(w);
}

static void put_process(struct json_writer *w, const struct plan_process *process)
{
	json_open(w, "process");
	put_list(w, "args", &process->args);
	put_list(w, "env", &process->env);
	json_put_string(w, "cwd", process->cwd);
	json_put_bool(w, "terminal", process->terminal);
	put_user(w, process);
	json_open(w, "capabilities");
	put_caps(w, "bounding", process->caps.bounding);
	put_caps(w, "effective", process->caps.effective);
	put_caps(w, "permitted", process->caps.permitted);
	put_caps(w, "inheritable", process->caps.inheritable);
	put_caps(w, "ambient", process->caps.ambient);
	json_close(w);
	put_process_limits(w, &process->limits);
	json_put_bool(w, "noNewPrivileges", process->no_new_privs);
	put_optional(w, "apparmorProfile", process->apparmor_profile);
	put_optional(w, "selinuxLabel", process->selinux_label);
	if (process->init)
		json_put_bool(w, "init", true);
	if (process->seccomp) {
		json_open(w, "seccomp");
		json_put_string(w, "defaultAction", seccomp_action_words()[process->seccomp->default_action]);
		json_put_u64(w, "rules", process->seccomp->rule_count);
		put_optional(w, "listenerPath", process->seccomp->listener_path);
		json_close(w);
	}
	json_close(w);
}

static void put_hooks(struct json_writer *w, const struct plan *plan)
{
	json_open(w, "hooks");
	for (int kind = 0; kind < HOOK_KIND_COUNT; kind++) {
		const plan_hook_list *list = &plan->hooks[kind];

		if (!list->count)
			continue;
		json_open_array(w, plan_hook_name((enum plan_hook_kind)kind));
		for (size_t i = 0; i < list->count; i++) {
			json_open(w, NULL);
			json_put_string(w, "path", list->items[i].path);
			put_list(w, "args", &list->items[i].args);
			put_list(w, "env", &list->items[i].env);
			if (list->items[i].timeout_ms)
				json_put_u64(w, "timeout", list->items[i].timeout_ms / 1000);
			json_close(w);
		}
		json_close_array(w);
	}
	json_close(w);
}

/* --- network and keeper ------------------------------------------------------------------------------------------- */

static void put_network(struct json_writer *w, const struct plan_net *net)
{
	static const char *const kinds[] = {
		[PLAN_NET_UNTOUCHED] = "untouched", [PLAN_NET_LOOPBACK] = "loopback",
		[PLAN_NET_ATTACH] = "attach",	    [PLAN_NET_TAP] = "tap",
		[PLAN_NET_STAND_IN] = "stand-in",
	};
	char line[64];

	json_open(w, "network");
	json_put_string(w, "kind", kinds[net->kind]);
	put_optional(w, "name", net->request.name);
	put_optional(w, "ip", net->request.want_ip);
	put_optional(w, "mac", net->request.want_mac);
	put_optional(w, "namespace", net->stand_in);
	json_open_array(w, "ports");
	for (size_t i = 0; i < net->request.port_count; i++) {
		const struct net_port *port = &net->request.ports[i];
		const unsigned char *ip = (const unsigned char *)&port->host_ip;

		(void)snprintf(line, sizeof(line), "%u.%u.%u.%u:%u->%u/%s", ip[0], ip[1], ip[2], ip[3], port->host_port,
			       port->container_port, port->udp ? "udp" : "tcp");
		json_put_string(w, NULL, line);
	}
	json_close_array(w);
	json_open(w, "netDevices");
	for (size_t i = 0; i < net->move_count; i++)
		json_put_string(w, net->moves[i].host_name,
				text_is_empty(net->moves[i].name) ? net->moves[i].host_name : net->moves[i].name);
	json_close(w);
	put_list(w, "dns", &net->dns);
	put_list(w, "dnsSearch", &net->dns_search);
	put_list(w, "dnsOptions", &net->dns_options);
	put_list(w, "addHosts", &net->add_hosts);
	json_close(w);
}

static void put_keeper(struct json_writer *w, const struct plan_keeper *keeper)
{
	json_open(w, "keeper");
	put_optional(w, "log", keeper->log_path);
	json_put_string(w, "restart", extension_restart_policy_name(keeper->restart));
	json_put_bool(w, "autoRemove", keeper->auto_remove);
	json_put_string(w, "stopSignal", proc_signal_name(keeper->stop_signal));
	json_put_i64(w, "stopTimeoutMs", keeper->stop_timeout_ms);
	json_close(w);
}

int plan_print(const struct plan *plan, struct text *out, struct err *err)
{
	struct json_writer writer = {.out = out, .indent = true}, *w = &writer;

	json_open(w, NULL);
	json_put_string(w, "id", plan->id);
	put_optional(w, "name", plan->name);
	json_put_string(w, "bundle", plan->bundle);
	json_put_string(w, "ociVersion", plan->oci_version);
	json_put_string(w, "isolation", plan->backend);
	json_put_bool(w, "rootless", plan->rootless);
	put_namespaces(w, plan);
	put_cgroup(w, plan);
	put_root(w, plan);
	if (plan->has_process)
		put_process(w, &plan->process);
	put_hooks(w, plan);
	put_network(w, &plan->net);
	if (plan->name)
		put_keeper(w, &plan->keeper);
	put_map(w, "annotations", &plan->annotations);
	put_list(w, "warnings", &plan->warnings);
	json_close(w);
	text_add(out, "\n");
	return text_check(out, err);
}

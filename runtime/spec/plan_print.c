/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The plan as JSON for people: what a start would do. Members are named as in config.json where it has them. */
#include "runtime/spec/plan_print.h"

#include <stdio.h>
#include <string.h>

#include "runtime/base/process.h"

void plan_print_optional(struct json_writer *w, const char *key, const char *value)
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
		plan_print_optional(w, "path", choice->path);
		json_close(w);
	}
	json_close_array(w);
	put_ranges(w, "uidMappings", plan->idmap.uids, plan->idmap.uid_count);
	put_ranges(w, "gidMappings", plan->idmap.gids, plan->idmap.gid_count);
	plan_print_optional(w, "hostname", plan->hostname);
	plan_print_optional(w, "domainname", plan->domainname);
	put_map(w, "sysctl", &plan->sysctls);
	put_offset(w, "boottime", &plan->boottime);
	put_offset(w, "monotonic", &plan->monotonic);
}

/* --- root --------------------------------------------------------------------------------------------------------- */

/* As the list that config.json has: words of the table, then what goes to the file system. */
static void put_mount_options(struct json_writer *w, const struct mount_options *options)
{
	const char *word, *data = options->data;
	char part[256];

	json_open_array(w, "options");
	for (size_t at = 0; (word = mount_options_word(options, &at));)
		json_put_string(w, NULL, word);
	/* A quoted label has commas of its own. */
	while (data && !strchr(data, '"') && strcspn(data, ",") < sizeof(part)) {
		size_t len = strcspn(data, ",");

		(void)snprintf(part, sizeof(part), "%.*s", (int)len, data);
		json_put_string(w, NULL, part);
		data = data[len] ? data + len + 1 : NULL;
	}
	plan_print_optional(w, NULL, data);
	json_close_array(w);
}

static void put_mounts(struct json_writer *w, const struct root_request *root)
{
	json_open_array(w, "mounts");
	for (size_t i = 0; i < root->mount_count; i++) {
		const struct mount_request *mount = &root->mounts[i];

		json_open(w, NULL);
		json_put_string(w, "destination", mount->destination);
		json_put_string(w, "type", mount->options.bind ? "bind" : mount->type);
		plan_print_optional(w, "source", mount->source);
		put_mount_options(w, &mount->options);
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
	plan_print_optional(w, "path", root->path);
	put_words(w, "lowers", root->lowers, root->lower_count);
	plan_print_optional(w, "upper", root->upper);
	plan_print_optional(w, "work", root->work);
	json_put_bool(w, "readonly", root->readonly);
	json_put_bool(w, "idmapped", root->idmap_lowers);
	plan_print_optional(w, "mountLabel", root->mount_label);
	plan_print_optional(w, "rootfsPropagation", mount_propagation_name(root->propagation));
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
		json_put_u64(w, "flags", limits->scheduler->flags);
		json_put_u64(w, "runtime", limits->scheduler->runtime_ns);
		json_put_u64(w, "deadline", limits->scheduler->deadline_ns);
		json_put_u64(w, "period", limits->scheduler->period_ns);
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
		json_put_i64(w, "flags", limits->memory_policy->flags);
		plan_print_optional(w, "nodes", limits->memory_policy->nodes);
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
	plan_print_optional(w, "apparmorProfile", process->apparmor_profile);
	plan_print_optional(w, "selinuxLabel", process->selinux_label);
	if (process->init)
		json_put_bool(w, "init", true);
	if (process->seccomp) {
		json_open(w, "seccomp");
		json_put_string(w, "defaultAction", seccomp_action_words()[process->seccomp->default_action]);
		json_put_u64(w, "rules", process->seccomp->rule_count);
		plan_print_optional(w, "listenerPath", process->seccomp->listener_path);
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
	plan_print_optional(w, "name", net->request.name);
	plan_print_optional(w, "ip", net->request.want_ip);
	plan_print_optional(w, "mac", net->request.want_mac);
	plan_print_optional(w, "namespace", net->stand_in);
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
	plan_print_optional(w, "log", keeper->log_path);
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
	plan_print_optional(w, "name", plan->name);
	json_put_string(w, "bundle", plan->bundle);
	json_put_string(w, "ociVersion", plan->oci_version);
	json_put_string(w, "isolation", plan->backend);
	json_put_bool(w, "rootless", plan->rootless);
	put_namespaces(w, plan);
	plan_print_cgroup(w, plan);
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

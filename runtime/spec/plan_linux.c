/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The cgroup: where it is, and linux.resources as its limits. And what of the specification hull does not do, refused
 * by name.
 */
#include <inttypes.h>
#include <string.h>

#include "runtime/spec/plan_parts.h"
#include "runtime/vm/disk_file.h"

/*
 * Devices that every program may use, whatever the caller's list says: the specification has them in every container
 * ("Default Devices"), and a node is of no use if it cannot be opened. Making nodes is allowed as such: opening them is
 * what is policed.
 */
static const struct cg_device_rule default_device_rules[] = {
	{.allow = true, .type = 'c', .major = -1, .minor = -1, .mknod = true},
	{.allow = true, .type = 'b', .major = -1, .minor = -1, .mknod = true},
	{.allow = true, .type = 'c', .major = 1, .minor = 3, .read = true, .write = true, .mknod = true}, /* null */
	{.allow = true, .type = 'c', .major = 1, .minor = 5, .read = true, .write = true, .mknod = true}, /* zero */
	{.allow = true, .type = 'c', .major = 1, .minor = 7, .read = true, .write = true, .mknod = true}, /* full */
	{.allow = true, .type = 'c', .major = 1, .minor = 8, .read = true, .write = true, .mknod = true}, /* random */
	{.allow = true, .type = 'c', .major = 1, .minor = 9, .read = true, .write = true, .mknod = true}, /* urandom */
	{.allow = true, .type = 'c', .major = 5, .minor = 0, .read = true, .write = true, .mknod = true}, /* tty */
	{.allow = true, .type = 'c', .major = 5, .minor = 1, .read = true, .write = true, .mknod = true}, /* console */
	{.allow = true, .type = 'c', .major = 5, .minor = 2, .read = true, .write = true, .mknod = true}, /* ptmx */
	{.allow = true, .type = 'c', .major = 136, .minor = -1, .read = true, .write = true, .mknod = true}, /* pts */
};

/* --- resources to limits ------------------------------------------------------------------------------------------ */

static int take_unsigned(const char *member, struct opt_u64 from, struct cg_value *to, struct err *err)
{
	if (from.set && from.value > INT64_MAX)
		return err_say(err, EINVAL, "linux.resources.%s: %" PRIu64 " is out of range", member, from.value);
	*to = (struct cg_value){from.set, (int64_t)from.value};
	return 0;
}

static struct cg_value take_signed(struct opt_i64 from)
{
	return (struct cg_value){from.set, from.value};
}

static struct cg_value take_bool(struct opt_bool from)
{
	return (struct cg_value){from.set, from.value};
}

static int take_memory(const struct config_memory *from, struct cg_limits *to, struct err *err)
{
	/* The kernel has no other way any more, so asking for it is fine and asking against it is not. */
	if (from->use_hierarchy.set && !from->use_hierarchy.value)
		return err_say(err, ENOTSUP, "linux.resources.memory.useHierarchy: false is not possible any more");
	to->memory_limit = take_signed(from->limit);
	to->memory_reservation = take_signed(from->reservation);
	to->memory_swap = take_signed(from->swap);
	to->memory_kernel = take_signed(from->kernel);
	to->memory_kernel_tcp = take_signed(from->kernel_tcp);
	to->oom_kill_disable = take_bool(from->disable_oom_killer);
	to->memory_check_before_update = take_bool(from->check_before_update);
	return take_unsigned("memory.swappiness", from->swappiness, &to->memory_swappiness, err);
}

static int take_cpu(const struct config_cpu *from, struct cg_limits *to, struct err *err)
{
	int r;

	to->cpu_quota_us = take_signed(from->quota);
	to->cpu_rt_runtime_us = take_signed(from->realtime_runtime);
	to->cpu_idle = take_signed(from->idle);
	to->cpuset_cpus = from->cpus;
	to->cpuset_mems = from->mems;
	r = take_unsigned("cpu.shares", from->shares, &to->cpu_shares, err);
	if (r == 0)
		r = take_unsigned("cpu.period", from->period, &to->cpu_period_us, err);
	if (r == 0)
		r = take_unsigned("cpu.burst", from->burst, &to->cpu_burst_us, err);
	if (r == 0)
		r = take_unsigned("cpu.realtimePeriod", from->realtime_period, &to->cpu_rt_period_us, err);
	return r;
}

/* Appends the rates of one direction; false without memory. */
static bool take_rates(struct arena *arena, const config_throttle_list *from, const struct cg_device_rate **to,
		       size_t *to_count)
{
	struct cg_device_rate *rates = arena_array(arena, from->count + 1, sizeof(*rates));

	for (size_t i = 0; rates && i < from->count; i++)
		rates[i] = (struct cg_device_rate){from->items[i].major, from->items[i].minor, from->items[i].rate};
	*to = rates;
	*to_count = from->count;
	return rates;
}

static int take_block_io(struct arena *arena, const struct config_block_io *from, struct cg_limits *to, struct err *err)
{
	struct cg_device_weight *weights = arena_array(arena, from->weight_devices.count + 1, sizeof(*weights));

	if (!weights || !take_rates(arena, &from->read_bps, &to->blkio_read_bps, &to->blkio_read_bps_count) ||
	    !take_rates(arena, &from->write_bps, &to->blkio_write_bps, &to->blkio_write_bps_count) ||
	    !take_rates(arena, &from->read_iops, &to->blkio_read_iops, &to->blkio_read_iops_count) ||
	    !take_rates(arena, &from->write_iops, &to->blkio_write_iops, &to->blkio_write_iops_count))
		return arena_check(arena, err);
	/* The reader has bounded every weight to 16 bits. */
	to->blkio_weight = (struct cg_value){from->weight.set, (int64_t)from->weight.value};
	to->blkio_leaf_weight = (struct cg_value){from->leaf_weight.set, (int64_t)from->leaf_weight.value};
	for (size_t i = 0; i < from->weight_devices.count; i++) {
		const struct config_weight_device *device = &from->weight_devices.items[i];

		weights[i] = (struct cg_device_weight){
			.major = device->major,
			.minor = device->minor,
			.weight = {device->weight.set, (int64_t)device->weight.value},
			.leaf_weight = {device->leaf_weight.set, (int64_t)device->leaf_weight.value},
		};
	}
	to->blkio_weights = weights;
	to->blkio_weight_count = from->weight_devices.count;
	return 0;
}

/* "2MB", "1GB", "64KB": the kernel's own way of naming its page sizes. */
static bool is_page_size(const char *words)
{
	size_t digits = strspn(words, "0123456789");

	return digits > 0 && words[0] != '0' && words[digits] && strchr("KMG", words[digits]) &&
	       strcmp(words + digits + 1, "B") == 0;
}

static int take_hugepages(struct arena *arena, const struct config_resources *from, struct cg_limits *to,
			  struct err *err)
{
	struct cg_hugepage *pages = arena_array(arena, from->hugepage_limits.count + 1, sizeof(*pages));

	for (size_t i = 0; pages && i < from->hugepage_limits.count; i++) {
		const struct config_hugepage_limit *limit = &from->hugepage_limits.items[i];

		if (!is_page_size(limit->page_size))
			return err_say(err, EINVAL,
				       "linux.resources.hugepageLimits[%zu].pageSize: '%s' is no page size such as 2MB",
				       i, limit->page_size);
		pages[i] = (struct cg_hugepage){limit->page_size, limit->limit};
	}
	to->hugepages = pages;
	to->hugepage_count = from->hugepage_limits.count;
	return pages ? 0 : arena_check(arena, err);
}

static int take_rdma_and_network(struct arena *arena, const struct config_resources *from, struct cg_limits *to,
				 struct err *err)
{
	const struct config_network_limits *network = &from->network;
	struct cg_rdma *rdma = arena_array(arena, from->rdma.count + 1, sizeof(*rdma));
	struct cg_net_priority *priorities = arena_array(arena, network->priorities.count + 1, sizeof(*priorities));
	struct cg_unified *unified = arena_array(arena, from->unified.count + 1, sizeof(*unified));

	if (!rdma || !priorities || !unified)
		return arena_check(arena, err);
	for (size_t i = 0; i < from->rdma.count; i++)
		rdma[i] = (struct cg_rdma){
			.device = from->rdma.items[i].name,
			.handles = {from->rdma.items[i].hca_handles.set,
				    (int64_t)from->rdma.items[i].hca_handles.value},
			.objects = {from->rdma.items[i].hca_objects.set,
				    (int64_t)from->rdma.items[i].hca_objects.value},
		};
	for (size_t i = 0; i < network->priorities.count; i++)
		priorities[i] = (struct cg_net_priority){network->priorities.items[i].name,
							 network->priorities.items[i].priority};
	for (size_t i = 0; i < from->unified.count; i++)
		unified[i] = (struct cg_unified){from->unified.items[i].key, from->unified.items[i].value};
	to->rdma = rdma;
	to->rdma_count = from->rdma.count;
	to->net_priorities = priorities;
	to->net_priority_count = network->priorities.count;
	to->net_class_id = (struct cg_value){network->class_id.set, (int64_t)network->class_id.value};
	to->unified = unified;
	to->unified_count = from->unified.count;
	return 0;
}

static int take_device_number(struct opt_i64 from, size_t row, int64_t *to, struct err *err)
{
	if (from.set && (from.value < -1 || from.value > UINT32_MAX))
		return err_say(err, EINVAL, "linux.resources.devices[%zu]: device number %" PRId64 " is out of range",
			       row, from.value);
	*to = from.set ? from.value : -1;
	return 0;
}

static int take_device_rule(const struct config_device_rule *from, size_t row, struct cg_device_rule *to,
			    struct err *err)
{
	const char *type = text_is_empty(from->type) ? "a" : from->type;
	const char *access = text_is_empty(from->access) ? "rwm" : from->access;

	/* 'u' is another name of 'c' in the specification's list of devices, and callers copy it here. */
	if (strlen(type) != 1 || !strchr("abcu", type[0]))
		return err_say(err, EINVAL, "linux.resources.devices[%zu].type: '%s' is none of a, b, c", row, type);
	if (access[strspn(access, "rwm")])
		return err_say(err, EINVAL, "linux.resources.devices[%zu].access: '%s' has other letters than r, w, m",
			       row, access);
	*to = (struct cg_device_rule){
		.allow = from->allow,
		.type = type[0] == 'u' ? 'c' : type[0],
		.read = strchr(access, 'r'),
		.write = strchr(access, 'w'),
		.mknod = strchr(access, 'm'),
	};
	if (take_device_number(from->major, row, &to->major, err) < 0)
		return -EINVAL;
	return take_device_number(from->minor, row, &to->minor, err);
}

static int take_device_rules(struct arena *arena, const struct config_resources *from, struct cg_limits *to,
			     struct err *err)
{
	size_t count = from->devices.count;
	struct cg_device_rule *rules;

	if (count == 0)
		return 0;
	rules = arena_array(arena, count + ARRAY_SIZE(default_device_rules), sizeof(*rules));
	if (!rules)
		return arena_check(arena, err);
	for (size_t i = 0; i < count; i++)
		if (take_device_rule(&from->devices.items[i], i, &rules[i], err) < 0)
			return -EINVAL;
	memcpy(rules + count, default_device_rules, sizeof(default_device_rules));
	to->devices = rules;
	to->device_count = count + ARRAY_SIZE(default_device_rules);
	return 0;
}

int plan_limits(struct arena *arena, const struct config_resources *resources, struct cg_limits *ret, struct err *err)
{
	int r;

	*ret = (struct cg_limits){.pids_limit = take_signed(resources->pids.limit)};
	r = take_memory(&resources->memory, ret, err);
	if (r == 0)
		r = take_cpu(&resources->cpu, ret, err);
	if (r == 0)
		r = take_block_io(arena, &resources->block_io, ret, err);
	if (r == 0)
		r = take_hugepages(arena, resources, ret, err);
	if (r == 0)
		r = take_rdma_and_network(arena, resources, ret, err);
	if (r == 0)
		r = take_device_rules(arena, resources, ret, err);
	return r;
}

/* --- the cgroup --------------------------------------------------------------------------------------------------- */

static bool is_systemd_path(const char *path)
{
	const char *first = strchr(path, ':');

	return path[0] != '/' && first && strchr(first + 1, ':');
}

static int choose_path(struct planning *p, const char **ret, struct err *err)
{
	const char *path = p->os->cgroups_path;
	enum cg_driver_kind driver = p->host->cgroup_driver;

	if (text_is_empty(path)) {
		/* An unprivileged caller has its own cgroup at most, and what is below. */
		const char *parent = driver == CG_DRIVER_SYSTEMD	    ? ":hull:"
				     : p->host->rootless || p->host->nested ? "hull/"
									    : "/hull/";

		*ret = arena_printf(p->arena, "%s%s", parent, p->host->id);
		return *ret ? 0 : plan_no_memory(p, err);
	}
	if (driver == CG_DRIVER_SYSTEMD && !is_systemd_path(path))
		return err_say(err, EINVAL, "linux.cgroupsPath: '%s': the systemd driver wants \"slice:prefix:name\"",
			       path);
	if (driver == CG_DRIVER_CGROUPFS && is_systemd_path(path))
		return err_say(err, EINVAL, "linux.cgroupsPath: '%s' is for the systemd driver: use --systemd-cgroup",
			       path);
	*ret = path;
	return 0;
}

/* The path alone first, so that a refusal names the member that it is about. */
static int check_host(const struct planning *p, const struct cg_request *request, struct err *err)
{
	static const struct cg_limits none;
	const struct cg_request place = {.driver = request->driver, .path = request->path, .limits = &none};

	if (!p->host->check_cgroup)
		return 0;
	if (p->host->check_cgroup(&place, err) < 0)
		return err_wrap(err, "linux.cgroupsPath");
	return p->host->check_cgroup(request, err) < 0 ? err_wrap(err, "linux.resources") : 0;
}

/* Annotations org.systemd.property.NAME, as engines give what the specification has no member for. */
static int take_unit_properties(struct planning *p, struct cg_request *request, struct err *err)
{
	static const char prefix[] = PLAN_UNIT_PROPERTY;
	const struct strmap *annotations = &p->config->annotations;
	struct strv properties = {0};

	for (size_t i = 0; i < annotations->count; i++)
		if (text_starts(annotations->items[i].key, prefix) &&
		    cg_systemd_property(p->arena, annotations->items[i].key + strlen(prefix),
					annotations->items[i].value, &properties, err) < 0)
			return -err->code;
	request->properties = properties.items;
	return 0;
}

/* An ordinary user to whom no part of the trees was delegated: the container stays in the caller's cgroup. */
static bool may_go_without(const struct planning *p, const char *path)
{
	return p->host->cgroup_driver == CG_DRIVER_CGROUPFS && p->host->cgroup_optional && p->host->may_make_cgroup &&
	       !p->host->may_make_cgroup(path);
}

int plan_cgroup(struct planning *p, struct err *err)
{
	struct cg_limits *limits = &p->plan->limits;
	struct cg_request *request = &p->plan->cgroup;
	int r;

	*request = (struct cg_request){.driver = p->host->cgroup_driver, .limits = limits};
	r = choose_path(p, &request->path, err);
	if (r == 0 && request->driver == CG_DRIVER_SYSTEMD)
		r = take_unit_properties(p, request, err);
	if (r == 0 && p->os->resources)
		r = plan_limits(p->arena, p->os->resources, limits, err);
	if (r < 0)
		return r;
	/*
	 * An unprivileged caller cannot police devices, and need not: in its user namespace no node can be made, and a
	 * bound one asks for the caller's own rights. Every generated config.json has such rules, so that refusing
	 * would refuse them all.
	 */
	if (p->host->rootless || p->host->nested) {
		limits->devices = NULL;
		limits->device_count = 0;
	}
	if (may_go_without(p, request->path)) {
		request->driver = CG_DRIVER_DISABLED;
		return check_host(p, request, err) < 0
			       ? err_hint(err, "this user may not make cgroup '%s'", request->path)
			       : 0;
	}
	return check_host(p, request, err);
}

/* --- what hull does not do ---------------------------------------------------------------------------------------- */

/* Of the image of a machine; said here, since a container has none and its plan asks for nothing else of `vm`. */
static int check_image_format(const struct config_vm *vm, struct err *err)
{
	enum disk_format format;

	if (!vm || !vm->image || disk_format_parse(vm->image->format, &format) == 0)
		return 0;
	return err_say(err, EINVAL, "vm.image.format: '%s' is not known", vm->image->format);
}

int plan_unsupported(struct planning *p, struct err *err)
{
	if (check_image_format(p->config->vm, err) < 0)
		return -EINVAL;
	if (p->os->intel_rdt)
		return err_say(err, ENOTSUP, "linux.intelRdt: cache and memory bandwidth control is not supported");
	return 0;
}

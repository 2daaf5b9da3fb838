/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Limits that are lists: processors and memory nodes, block devices, huge page sizes, RDMA devices, interfaces, and
 * v2's files by name.
 */
#include "cgroups/limits_lists.h"

#include <stdio.h>
#include <string.h>

#include "runtime/base/text.h"

/* The number at the start of *words, which moves behind it; or -EINVAL, -ERANGE. */
static int take_number(const char **words)
{
	int number = 0;

	if (**words < '0' || **words > '9')
		return -EINVAL;
	for (; **words >= '0' && **words <= '9'; (*words)++) {
		number = number * 10 + (**words - '0');
		if (number >= CG_LIST_BITS)
			return -ERANGE;
	}
	return number;
}

/* A bit for each number of "0-3,7". */
int cg_list_parse(const char *words, struct cg_list *ret)
{
	struct cg_list list = {0};

	for (;; words++) {
		int first = take_number(&words), last = first;

		if (first >= 0 && *words == '-') {
			words++;
			last = take_number(&words);
		}
		if (first < 0 || last < first)
			return last == -ERANGE || first == -ERANGE ? -ERANGE : -EINVAL;
		for (int i = first; i <= last; i++)
			list.bits[i / 64] |= UINT64_C(1) << (i % 64);
		if (*words != ',')
			break;
	}
	if (*words)
		return -EINVAL;
	*ret = list;
	return 0;
}

bool cg_list_within(const struct cg_list *part, const struct cg_list *whole)
{
	for (size_t i = 0; i < ARRAY_SIZE(part->bits); i++)
		if (part->bits[i] & ~whole->bits[i])
			return false;
	return true;
}

static int list_cpuset(struct cg_writes *writes, struct err *err)
{
	const struct {
		const char *limit, *file, *value;
	} sets[] = {
		{"cpu.cpus", "cpuset.cpus", writes->limits->cpuset_cpus},
		{"cpu.mems", "cpuset.mems", writes->limits->cpuset_mems},
	};

	for (size_t i = 0; i < ARRAY_SIZE(sets); i++) {
		const struct cg_tree *tree;
		struct cg_list list;

		if (text_is_empty(sets[i].value))
			continue;
		if (cg_list_parse(sets[i].value, &list) < 0)
			return err_say(err, EINVAL, "limit '%s': '%s' is no list such as 0-3,7", sets[i].limit,
				       sets[i].value);
		tree = cg_want_tree(writes, sets[i].limit, CG_CPUSET, err);
		if (!tree || !cg_add_write(writes, sets[i].limit, CG_CPUSET, tree, sets[i].file, sets[i].value, err))
			return -err->code;
	}
	return 0;
}

/* blkio's 10..1000 as io.weight's 1..10000. */
static unsigned long long io_weight(int64_t weight)
{
	return 1 + (unsigned long long)(weight - 10) * 9999 / 990;
}

static int check_weight(const char *limit, const struct cg_value *weight, struct err *err)
{
	if (weight->value < 10 || weight->value > 1000)
		return err_say(err, EINVAL, "limit '%s': %lld is not in 10..1000", limit, (long long)weight->value);
	return 0;
}

/*
 * The weight has had several names: CFQ's went with that scheduler, BFQ's is there when BFQ is, v2's io.weight belongs
 * to io.cost. `device`: "8:0 " or "" for the default.
 */
static int list_weight(struct cg_writes *writes, const char *limit, const char *device, const struct cg_value *weight,
		       struct err *err)
{
	const struct cg_tree *tree;
	struct cg_write *write;
	const char *value;

	if (!cg_value_given(weight))
		return 0;
	tree = cg_want_tree(writes, limit, CG_BLKIO, err);
	if (!tree || check_weight(limit, weight, err) < 0)
		return -err->code;
	value = arena_printf(writes->arena, "%s%lld", device, (long long)weight->value);
	if (tree->v2) {
		write = cg_add_write(writes, limit, CG_BLKIO, tree, "io.bfq.weight", value, err);
		if (!write)
			return -err->code;
		write->other_file = "io.weight";
		write->other_value = arena_printf(writes->arena, "%s%llu", device, io_weight(weight->value));
	} else {
		write = cg_add_write(writes, limit, CG_BLKIO, tree,
				     *device ? "blkio.bfq.weight_device" : "blkio.bfq.weight", value, err);
		if (!write)
			return -err->code;
		write->other_file = *device ? "blkio.weight_device" : "blkio.weight";
		write->other_value = value;
	}
	return arena_check(writes->arena, err);
}

static int check_device_number(const char *limit, int64_t major, int64_t minor, struct err *err)
{
	if (major < 0 || minor < 0 || major > UINT32_MAX || minor > UINT32_MAX)
		return err_say(err, EINVAL, "limit '%s': %lld:%lld is no device", limit, (long long)major,
			       (long long)minor);
	return 0;
}

static int list_device_weights(struct cg_writes *writes, struct err *err)
{
	const char *limit = "blockIO.weightDevice";

	for (size_t i = 0; i < writes->limits->blkio_weight_count; i++) {
		const struct cg_device_weight *row = &writes->limits->blkio_weights[i];
		const struct cg_tree *tree = cg_layout_tree(writes->layout, CG_BLKIO);
		const char *device =
			arena_printf(writes->arena, "%lld:%lld ", (long long)row->major, (long long)row->minor);

		if (check_device_number(limit, row->major, row->minor, err) < 0 ||
		    arena_check(writes->arena, err) < 0 || list_weight(writes, limit, device, &row->weight, err) < 0)
			return -err->code;
		if (!cg_value_given(&row->leaf_weight))
			continue;
		if (tree && tree->v2)
			return cg_say_wrong_layout("blockIO.weightDevice.leafWeight", true, err);
		tree = cg_want_tree(writes, limit, CG_BLKIO, err);
		if (!tree || check_weight(limit, &row->leaf_weight, err) < 0 ||
		    !cg_add_write(writes, limit, CG_BLKIO, tree, "blkio.leaf_weight_device",
				  arena_printf(writes->arena, "%s%lld", device, (long long)row->leaf_weight.value),
				  err))
			return -err->code;
	}
	return 0;
}

static int list_rates(struct cg_writes *writes, struct err *err)
{
	const struct cg_limits *l = writes->limits;
	const struct {
		const char *limit, *v1_file, *v2_key;
		const struct cg_device_rate *rates;
		size_t count;
	} kinds[] = {
		{"blockIO.throttleReadBpsDevice", "blkio.throttle.read_bps_device", "rbps", l->blkio_read_bps,
		 l->blkio_read_bps_count},
		{"blockIO.throttleWriteBpsDevice", "blkio.throttle.write_bps_device", "wbps", l->blkio_write_bps,
		 l->blkio_write_bps_count},
		{"blockIO.throttleReadIOPSDevice", "blkio.throttle.read_iops_device", "riops", l->blkio_read_iops,
		 l->blkio_read_iops_count},
		{"blockIO.throttleWriteIOPSDevice", "blkio.throttle.write_iops_device", "wiops", l->blkio_write_iops,
		 l->blkio_write_iops_count},
	};

	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
		for (size_t i = 0; i < kinds[k].count; i++) {
			const struct cg_device_rate *rate = &kinds[k].rates[i];
			const struct cg_tree *tree = cg_want_tree(writes, kinds[k].limit, CG_BLKIO, err);
			char number[32] = "max";

			if (!tree || check_device_number(kinds[k].limit, rate->major, rate->minor, err) < 0)
				return -err->code;
			if (rate->rate || !tree->v2)
				(void)snprintf(number, sizeof(number), "%llu", (unsigned long long)rate->rate);
			if (!cg_add_write(writes, kinds[k].limit, CG_BLKIO, tree,
					  tree->v2 ? "io.max" : kinds[k].v1_file,
					  arena_printf(writes->arena, "%lld:%lld %s%s%s", (long long)rate->major,
						       (long long)rate->minor, tree->v2 ? kinds[k].v2_key : "",
						       tree->v2 ? "=" : "", number),
					  err))
				return -err->code;
		}
	}
	return 0;
}

/* "2MB": the kernel's own spelling in the files' names. */
static bool is_page_size(const char *words)
{
	size_t digits = words ? strspn(words, "0123456789") : 0;

	return digits > 0 && digits < 6 && words[0] != '0' && words[digits] && strchr("KMG", words[digits]) &&
	       strcmp(words + digits + 1, "B") == 0;
}

/*
 * The reservation is limited too, where the kernel counts it: a mapping past the limit then fails at once and not by
 * SIGBUS.
 */
static int list_hugepages(struct cg_writes *writes, struct err *err)
{
	static const char *const files[2][2] = {{"limit_in_bytes", "rsvd.limit_in_bytes"}, {"max", "rsvd.max"}};

	for (size_t i = 0; i < writes->limits->hugepage_count; i++) {
		const struct cg_hugepage *page = &writes->limits->hugepages[i];
		const struct cg_tree *tree = cg_want_tree(writes, "hugepageLimits", CG_HUGETLB, err);

		if (!tree)
			return -err->code;
		if (!is_page_size(page->page_size))
			return err_say(err, EINVAL, "limit 'hugepageLimits': '%s' is no page size such as 2MB",
				       page->page_size ? page->page_size : "");
		for (int reserved = 0; reserved < 2; reserved++) {
			struct cg_write *write;

			write = cg_add_write(writes, "hugepageLimits", CG_HUGETLB, tree,
					     arena_printf(writes->arena, "hugetlb.%s.%s", page->page_size,
							  files[tree->v2][reserved]),
					     arena_printf(writes->arena, "%llu", (unsigned long long)page->limit_bytes),
					     err);
			if (!write)
				return -err->code;
			write->may_be_missing = reserved;
		}
	}
	return 0;
}

static bool is_one_word(const char *words)
{
	return !text_is_empty(words) && words[strcspn(words, " \t\n/")] == '\0';
}

static const char *rdma_number(struct arena *arena, const struct cg_value *value)
{
	return value->set ? arena_printf(arena, "%lld", (long long)value->value) : "max";
}

static int list_rdma(struct cg_writes *writes, struct err *err)
{
	for (size_t i = 0; i < writes->limits->rdma_count; i++) {
		const struct cg_rdma *rdma = &writes->limits->rdma[i];
		const struct cg_tree *tree = cg_want_tree(writes, "rdma", CG_RDMA, err);
		const char *handles = rdma_number(writes->arena, &rdma->handles);
		const char *objects = rdma_number(writes->arena, &rdma->objects);

		if (!tree)
			return -err->code;
		if (!is_one_word(rdma->device))
			return err_say(err, EINVAL, "limit 'rdma': '%s' is no device name",
				       rdma->device ? rdma->device : "");
		if (arena_check(writes->arena, err) < 0 ||
		    !cg_add_write(writes, "rdma", CG_RDMA, tree, "rdma.max",
				  arena_printf(writes->arena, "%s hca_handle=%s hca_object=%s", rdma->device, handles,
					       objects),
				  err))
			return -err->code;
	}
	return 0;
}

static int list_net_priorities(struct cg_writes *writes, struct err *err)
{
	for (size_t i = 0; i < writes->limits->net_priority_count; i++) {
		const struct cg_net_priority *row = &writes->limits->net_priorities[i];
		const struct cg_tree *tree = cg_want_tree(writes, "network.priorities", CG_NET_PRIO, err);

		if (!tree)
			return -err->code;
		if (!is_one_word(row->interface))
			return err_say(err, EINVAL, "limit 'network.priorities': '%s' is no interface name",
				       row->interface ? row->interface : "");
		if (!cg_add_write(writes, "network.priorities", CG_NET_PRIO, tree, "net_prio.ifpriomap",
				  arena_printf(writes->arena, "%s %u", row->interface, row->priority), err))
			return -err->code;
	}
	return 0;
}

/*
 * The name becomes a file below the container's cgroup, so it must be one of a controller that is enabled there, or one
 * of the two bounds on sub-cgroups: never cgroup.procs and its like.
 */
static int check_unified(const struct cg_tree *v2, const struct cg_unified *row, enum cg_controller *ret,
			 struct err *err)
{
	static const char *const bounds[] = {"cgroup.max.depth", "cgroup.max.descendants"};
	const char *file = row->file ? row->file : "";
	char name[64];
	uint32_t bits;

	if (!row->value || strchr(file, '/') || !strchr(file, '.') || *file == '.')
		return err_say(err, EINVAL, "limit 'unified': '%s' is no file of a cgroup such as memory.high", file);
	*ret = CG_CONTROLLER_COUNT;
	for (size_t i = 0; i < ARRAY_SIZE(bounds); i++)
		if (strcmp(file, bounds[i]) == 0)
			return 0;
	if (strcspn(file, ".") >= sizeof(name))
		return err_say(err, EINVAL, "limit 'unified': '%s' belongs to no controller", file);
	(void)snprintf(name, sizeof(name), "%.*s", (int)strcspn(file, "."), file);
	bits = cg_controllers_parse(name, true) & v2->controllers;
	if (!bits)
		return err_say(err, ENOTSUP, "limit 'unified': '%s' belongs to no controller that cgroup v2 has here",
			       file);
	*ret = (enum cg_controller)__builtin_ctz(bits);
	return 0;
}

static int list_unified(struct cg_writes *writes, struct err *err)
{
	const struct cg_tree *v2 = cg_layout_v2(writes->layout);

	for (size_t i = 0; i < writes->limits->unified_count; i++) {
		const struct cg_unified *row = &writes->limits->unified[i];
		enum cg_controller controller;

		if (!v2)
			return err_say(err, ENOTSUP, "limit 'unified': this host has no cgroup v2");
		if (check_unified(v2, row, &controller, err) < 0)
			return -err->code;
		if (!cg_add_write(writes, "unified", controller, v2, row->file, row->value, err))
			return -err->code;
	}
	return 0;
}

bool cg_limits_any_list(const struct cg_limits *limits)
{
	return cg_value_given(&limits->blkio_weight) || !text_is_empty(limits->cpuset_cpus) ||
	       !text_is_empty(limits->cpuset_mems) || limits->blkio_weight_count || limits->blkio_read_bps_count ||
	       limits->blkio_write_bps_count || limits->blkio_read_iops_count || limits->blkio_write_iops_count ||
	       limits->hugepage_count || limits->rdma_count || limits->net_priority_count || limits->unified_count;
}

static int list_default_weight(struct cg_writes *writes, struct err *err)
{
	return list_weight(writes, "blockIO.weight", "", &writes->limits->blkio_weight, err);
}

int cg_list_limits_to_writes(struct cg_writes *writes, struct err *err)
{
	static int (*const lists[])(struct cg_writes *, struct err *) = {
		list_cpuset,	list_default_weight, list_device_weights, list_rates,
		list_hugepages, list_rdma,	     list_net_priorities, list_unified,
	};

	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		if (lists[i](writes, err) < 0)
			return -err->code;
	return 0;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tables: a limit, its file in v1 and v2, its conversion.
 *
 * A new limit is a row. What two values make together (cpu.max, swap alone) has a function of its own below, and what
 * is a list (by device, page size, interface) is in limits_lists.c. All of it only lists writes: limits_write.c
 * performs them.
 */
#include "cgroups/limits_table.h"

#include <string.h>

#include "cgroups/limits_lists.h"
#include "runtime/base/file.h"
#include "runtime/base/text.h"

enum row_flags {
	ROW_UNLIMITED = 1 << 0, /* -1 is "unlimited" */
	ROW_ZERO_NONE = 1 << 1, /* 0 is as good as not set */
};

struct row {
	const char *limit;
	size_t offset; /* of the cg_value in cg_limits */
	enum cg_controller controller;
	const char *v1_file, *v2_file; /* NULL: that design has no such limit */
	int64_t min, max;
	unsigned flags;
	int64_t harmless; /* with this value, a missing file changes nothing; NO_HARMLESS: there is none */
	/*
	 * The value as v2 wants it; NULL: the number itself, "max" for unlimited. Returns NULL with words, or "" to
	 * write nothing.
	 */
	const char *(*to_v2)(const struct cg_writes *writes, int64_t value, struct err *err);
};

#define NO_HARMLESS    INT64_MIN
#define AT(field)      offsetof(struct cg_limits, field)
#define UNLIMITED_ZERO (ROW_UNLIMITED | ROW_ZERO_NONE)

static const char *swap_to_v2(const struct cg_writes *writes, int64_t value, struct err *err);
static const char *reservation_to_v2(const struct cg_writes *writes, int64_t value, struct err *err);
static const char *shares_to_v2(const struct cg_writes *writes, int64_t value, struct err *err);
/* Quota and period are one file in v2: list_cpu_max() writes them. */
static const char *written_together(const struct cg_writes *writes, int64_t value, struct err *err);

/* In this order they are written: a limit before what has to be at least as large. */
static const struct row rows[] = {
	{"memory.limit", AT(memory_limit), CG_MEMORY, "memory.limit_in_bytes", "memory.max", 1, INT64_MAX,
	 UNLIMITED_ZERO, NO_HARMLESS, NULL},
	{"memory.swap", AT(memory_swap), CG_MEMORY, "memory.memsw.limit_in_bytes", "memory.swap.max", 1, INT64_MAX,
	 UNLIMITED_ZERO, -1, swap_to_v2},
	{"memory.reservation", AT(memory_reservation), CG_MEMORY, "memory.soft_limit_in_bytes", "memory.low", 1,
	 INT64_MAX, UNLIMITED_ZERO, NO_HARMLESS, reservation_to_v2},
	{"memory.kernel", AT(memory_kernel), CG_MEMORY, "memory.kmem.limit_in_bytes", NULL, 1, INT64_MAX,
	 UNLIMITED_ZERO, -1, NULL},
	{"memory.kernelTCP", AT(memory_kernel_tcp), CG_MEMORY, "memory.kmem.tcp.limit_in_bytes", NULL, 1, INT64_MAX,
	 UNLIMITED_ZERO, -1, NULL},
	{"memory.swappiness", AT(memory_swappiness), CG_MEMORY, "memory.swappiness", NULL, 0, 100, 0, NO_HARMLESS,
	 NULL},
	{"memory.disableOOMKiller", AT(oom_kill_disable), CG_MEMORY, "memory.oom_control", NULL, 0, 1, 0, 0, NULL},
	{"cpu.shares", AT(cpu_shares), CG_CPU, "cpu.shares", "cpu.weight", 2, 262144, ROW_ZERO_NONE, NO_HARMLESS,
	 shares_to_v2},
	{"cpu.period", AT(cpu_period_us), CG_CPU, "cpu.cfs_period_us", "cpu.max", 1000, 1000000, ROW_ZERO_NONE,
	 NO_HARMLESS, written_together},
	{"cpu.quota", AT(cpu_quota_us), CG_CPU, "cpu.cfs_quota_us", "cpu.max", 1000, INT64_MAX / 1000, UNLIMITED_ZERO,
	 NO_HARMLESS, written_together},
	{"cpu.burst", AT(cpu_burst_us), CG_CPU, "cpu.cfs_burst_us", "cpu.max.burst", 0, INT64_MAX / 1000, 0, 0, NULL},
	{"cpu.realtimePeriod", AT(cpu_rt_period_us), CG_CPU, "cpu.rt_period_us", NULL, 1, 1000000000, ROW_ZERO_NONE,
	 NO_HARMLESS, NULL},
	{"cpu.realtimeRuntime", AT(cpu_rt_runtime_us), CG_CPU, "cpu.rt_runtime_us", NULL, 1, 1000000000, UNLIMITED_ZERO,
	 NO_HARMLESS, NULL},
	{"cpu.idle", AT(cpu_idle), CG_CPU, "cpu.idle", "cpu.idle", 0, 1, 0, 0, NULL},
	{"pids.limit", AT(pids_limit), CG_PIDS, "pids.max", "pids.max", 1, INT64_MAX, UNLIMITED_ZERO, NO_HARMLESS,
	 NULL},
	{"blockIO.leafWeight", AT(blkio_leaf_weight), CG_BLKIO, "blkio.leaf_weight", NULL, 10, 1000, ROW_ZERO_NONE,
	 NO_HARMLESS, NULL},
	{"network.classID", AT(net_class_id), CG_NET_CLS, "net_cls.classid", NULL, 0, UINT32_MAX, 0, NO_HARMLESS, NULL},
};

static const struct cg_value *value_of(const struct cg_limits *limits, const struct row *row)
{
	return (const struct cg_value *)((const char *)limits + row->offset);
}

static bool is_asked(const struct cg_value *value, unsigned flags)
{
	return flags & ROW_ZERO_NONE ? cg_value_given(value) : value->set;
}

static int check_range(const struct row *row, int64_t value, struct err *err)
{
	if ((value == -1 && row->flags & ROW_UNLIMITED) || (value >= row->min && value <= row->max))
		return 0;
	if (row->max == INT64_MAX)
		return err_say(err, EINVAL, "limit '%s': %lld is below %lld", row->limit, (long long)value,
			       (long long)row->min);
	return err_say(err, EINVAL, "limit '%s': %lld is not in %lld..%lld", row->limit, (long long)value,
		       (long long)row->min, (long long)row->max);
}

static int list_row(struct cg_writes *writes, const struct row *row, struct err *err)
{
	const struct cg_value *value = value_of(writes->limits, row);
	const struct cg_tree *tree;
	struct cg_write *write;
	const char *file, *text;

	if (!is_asked(value, row->flags))
		return 0;
	if (check_range(row, value->value, err) < 0)
		return -err->code;
	tree = cg_want_tree(writes, row->limit, row->controller, err);
	if (!tree)
		return value->value == row->harmless ? 0 : -err->code;
	file = tree->v2 ? row->v2_file : row->v1_file;
	if (!file)
		return value->value == row->harmless ? 0 : cg_say_wrong_layout(row->limit, tree->v2, err);
	if (tree->v2 && row->to_v2)
		text = row->to_v2(writes, value->value, err);
	else if (tree->v2 || row->controller == CG_PIDS)
		text = value->value == -1 ? "max" : arena_printf(writes->arena, "%lld", (long long)value->value);
	else
		text = arena_printf(writes->arena, "%lld", (long long)value->value);
	if (text && !*text)
		return 0;
	if (!text)
		return arena_check(writes->arena, err) < 0 ? -ENOMEM : -err->code;
	write = cg_add_write(writes, row->limit, row->controller, tree, file, text, err);
	if (!write)
		return -err->code;
	write->may_be_missing = value->value == row->harmless;
	return 0;
}

static bool is_positive(const struct cg_value *value)
{
	return value->set && value->value > 0;
}

/*
 * Memory and swap together make sense only with a memory limit below it. Where that was set earlier the kernel knows
 * it.
 */
static int check_memory(const struct cg_writes *writes, struct err *err)
{
	const struct cg_limits *limits = writes->limits;

	if (!is_positive(&limits->memory_swap))
		return 0;
	if (limits->memory_limit.set && limits->memory_limit.value == -1)
		return err_say(err, EINVAL,
			       "limit 'memory.swap': it needs a memory limit, and 'memory.limit' is unlimited");
	if (!is_positive(&limits->memory_limit) && !writes->existing)
		return err_say(err, EINVAL,
			       "limit 'memory.swap': it is memory and swap together, and needs 'memory.limit'");
	if (is_positive(&limits->memory_limit) && limits->memory_swap.value < limits->memory_limit.value)
		return err_say(err, EINVAL,
			       "limit 'memory.swap': it is memory and swap together, and %lld is below 'memory.limit' "
			       "%lld",
			       (long long)limits->memory_swap.value, (long long)limits->memory_limit.value);
	return 0;
}

/* One line of a file of the cgroup as it is now; `fallback` for one that is new. */
static void read_current(const struct cg_writes *writes, enum cg_controller controller, const char *file,
			 const char *fallback, char *to, size_t to_bytes)
{
	const struct cg_folder *folder = writes->existing ? cg_folder_of(writes->existing, controller) : NULL;
	ssize_t len = folder ? file_read_line(folder->fd, file, to, to_bytes) : -ENOENT;

	if (len < 0)
		(void)text_copy(to, to_bytes, fallback);
}

/* OCI's value is memory and swap, v2's is swap alone. */
static const char *swap_to_v2(const struct cg_writes *writes, int64_t value, struct err *err)
{
	const struct cg_value *limit = &writes->limits->memory_limit;
	char now[32];
	int64_t memory;

	if (value == -1)
		return "max";
	if (is_positive(limit)) {
		memory = limit->value;
	} else {
		read_current(writes, CG_MEMORY, "memory.max", "max", now, sizeof(now));
		if (text_i64(now, &memory) < 0 || memory > value) {
			err_say(err, EINVAL,
				"limit 'memory.swap': it is memory and swap together, and 'memory.limit' is %s now",
				now);
			return NULL;
		}
	}
	return arena_printf(writes->arena, "%lld", (long long)(value - memory));
}

/*
 * v1's soft limit takes memory from whoever is above it, so -1 there gives the limit up. memory.low keeps memory for
 * whoever is below it: "max" would keep all of it, against everybody else, and what gives it up is 0.
 */
static const char *reservation_to_v2(const struct cg_writes *writes, int64_t value, struct err *err)
{
	(void)err;
	return value == -1 ? "0" : arena_printf(writes->arena, "%lld", (long long)value);
}

/* log2 by squaring: the start path does without libm. Good to 2^-50. */
static double log2_of(double x)
{
	double result = 0, bit = 1;

	for (; x >= 2; x /= 2)
		result++;
	for (int i = 0; i < 50; i++) {
		bit /= 2;
		x *= x;
		if (x >= 2) {
			x /= 2;
			result += bit;
		}
	}
	return result;
}

uint64_t cg_weight_of_shares(uint64_t shares)
{
	const double log2_of_10 = 3.321928094887362;
	uint64_t low = 1, high = 10000;
	double l, wanted;

	if (shares <= 2)
		return 1;
	if (shares >= 262144)
		return 10000;
	l = log2_of((double)shares);
	wanted = ((l * l + 125 * l) / 612 - 7.0 / 34) * log2_of_10;
	while (low < high) { /* the smallest weight whose logarithm is at least that */
		uint64_t middle = (low + high) / 2;

		if (log2_of((double)middle) + 1e-12 >= wanted)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

static const char *shares_to_v2(const struct cg_writes *writes, int64_t value, struct err *err)
{
	(void)err;
	return arena_printf(writes->arena, "%llu", (unsigned long long)cg_weight_of_shares((uint64_t)value));
}

static const char *written_together(const struct cg_writes *writes, int64_t value, struct err *err)
{
	(void)writes, (void)value, (void)err;
	return "";
}

/* "QUOTA PERIOD"; QUOTA alone keeps the period, but a period alone cannot be written. */
static int list_cpu_max(struct cg_writes *writes, struct err *err)
{
	const struct cg_value *quota = &writes->limits->cpu_quota_us, *period = &writes->limits->cpu_period_us;
	const struct cg_tree *tree = cg_layout_tree(writes->layout, CG_CPU);
	char now[64], *text = now;
	bool has_quota = cg_value_given(quota), has_period = cg_value_given(period);

	if (!tree || !tree->v2 || (!has_quota && !has_period))
		return 0;
	if (!has_quota) {
		read_current(writes, CG_CPU, "cpu.max", "max 100000", now, sizeof(now));
		now[strcspn(now, " ")] = '\0';
	} else if (quota->value == -1) {
		text = arena_strdup(writes->arena, "max");
	} else {
		text = arena_printf(writes->arena, "%lld", (long long)quota->value);
	}
	if (has_period && text)
		text = arena_printf(writes->arena, "%s %lld", text, (long long)period->value);
	return cg_add_write(writes, has_quota ? "cpu.quota" : "cpu.period", CG_CPU, tree, "cpu.max", text, err)
		       ? 0
		       : -err->code;
}

bool cg_limits_any(const struct cg_limits *limits)
{
	if (!limits)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (is_asked(value_of(limits, &rows[i]), rows[i].flags))
			return true;
	return cg_limits_any_list(limits);
}

/* Unlimited memory means unlimited swap, unless that is said otherwise: else raising memory would meet the old sum. */
static int list_implied_swap(struct cg_writes *writes, struct err *err)
{
	const struct cg_limits *limits = writes->limits;
	const struct cg_tree *tree = cg_layout_tree(writes->layout, CG_MEMORY);
	struct cg_write *write;

	if (!tree || !limits->memory_limit.set || limits->memory_limit.value != -1 ||
	    cg_value_given(&limits->memory_swap))
		return 0;
	write = cg_add_write(writes, "memory.swap", CG_MEMORY, tree,
			     tree->v2 ? "memory.swap.max" : "memory.memsw.limit_in_bytes", tree->v2 ? "max" : "-1",
			     err);
	if (!write)
		return -err->code;
	write->may_be_missing = true;
	return 0;
}

int cg_limits_to_writes(struct cg_writes *writes, struct err *err)
{
	if (!writes->limits)
		return 0;
	if (check_memory(writes, err) < 0)
		return -err->code;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (list_row(writes, &rows[i], err) < 0)
			return -err->code;
	if (list_implied_swap(writes, err) < 0 || list_cpu_max(writes, err) < 0)
		return -err->code;
	return cg_list_limits_to_writes(writes, err);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What each limit becomes on each design, and what is refused. Nothing here touches the host. */
#include "cgroups/limits_lists.h"
#include "cgroups/limits_table.h"
#include "cgroups/path.h"
#include "tests/unit/tap.h"

#define ALL_BITS (CG_BIT(CG_CONTROLLER_COUNT) - 1)

static const struct cg_layout v1 = {.kind = CG_LAYOUT_V1,
				    .tree_count = 1,
				    .trees = {{.controllers = ALL_BITS, .words = "all", .mount_point = "/v1"}}};
static const struct cg_layout v2 =
	{.kind = CG_LAYOUT_V2,
	 .tree_count = 1,
	 .trees = {{.v2 = true, .controllers = ALL_BITS & ~CG_BIT(CG_RDMA), .words = "", .mount_point = "/v2"}}};

static struct arena arena;
static struct cg_writes writes;
static struct err err;

static int list(const struct cg_layout *layout, const struct cg_limits *limits)
{
	arena_free(&arena);
	err_clear(&err);
	writes = (struct cg_writes){.arena = &arena, .layout = layout, .limits = limits};
	return cg_limits_to_writes(&writes, &err);
}

/* The value for a file, or NULL when it is not written. The last write counts. */
static const char *value(const char *file)
{
	const char *found = NULL;

	for (size_t i = 0; i < writes.count; i++)
		if (strcmp(writes.items[i].file, file) == 0)
			found = writes.items[i].value;
	return found;
}

#define V(n)              \
	{                 \
		true, (n) \
	}

static void test_memory(void)
{
	const struct cg_limits sum = {.memory_limit = V(64 << 20),
				      .memory_swap = V(96 << 20),
				      .memory_reservation = V(1 << 20)};
	const struct cg_limits unlimited = {.memory_limit = V(-1), .memory_reservation = V(-1)};
	const struct cg_limits zeros = {.memory_limit = V(0),
					.memory_swap = V(0),
					.pids_limit = V(0),
					.cpu_shares = V(0)};

	CHECK_INT(list(&v1, &sum), 0);
	CHECK_STR(value("memory.limit_in_bytes"), "67108864");
	CHECK_STR(value("memory.memsw.limit_in_bytes"), "100663296");
	CHECK_STR(value("memory.soft_limit_in_bytes"), "1048576");
	CHECK_INT(list(&v2, &sum), 0);
	CHECK_STR(value("memory.max"), "67108864");
	CHECK_STR(value("memory.swap.max"), "33554432");
	CHECK_STR(value("memory.low"), "1048576");
	CHECK_INT(list(&v2, &unlimited), 0);
	CHECK_STR(value("memory.max"), "max");
	CHECK_STR(value("memory.swap.max"), "max");
	CHECK_STR(value("memory.low"), "0");
	CHECK_INT(list(&v1, &unlimited), 0);
	CHECK_STR(value("memory.soft_limit_in_bytes"), "-1");
	CHECK_STR(value("memory.memsw.limit_in_bytes"), "-1");
	CHECK_INT(list(&v2, &zeros), 0);
	CHECK_INT(writes.count, 0);
}

static void test_memory_refusals(void)
{
	const struct cg_limits below = {.memory_limit = V(64 << 20), .memory_swap = V(32 << 20)};
	const struct cg_limits alone = {.memory_swap = V(32 << 20)};
	const struct cg_limits no_limit = {.memory_limit = V(-1), .memory_swap = V(32 << 20)};
	const struct cg_limits negative = {.memory_limit = V(-2)};
	const struct cg_limits swappiness = {.memory_swappiness = V(10)};
	const struct cg_limits no_oom_kill = {.oom_kill_disable = V(1)}, oom_kill = {.oom_kill_disable = V(0)};

	CHECK_INT(list(&v1, &below), -EINVAL);
	CHECK_HAS(err.msg, "memory.swap");
	CHECK_INT(list(&v2, &alone), -EINVAL);
	CHECK_INT(list(&v2, &no_limit), -EINVAL);
	CHECK_INT(list(&v1, &negative), -EINVAL);
	CHECK_INT(list(&v1, &swappiness), 0);
	CHECK_STR(value("memory.swappiness"), "10");
	CHECK_INT(list(&v2, &swappiness), -ENOTSUP);
	CHECK_HAS(err.msg, "v2 has no such limit");
	CHECK_INT(list(&v2, &no_oom_kill), -ENOTSUP);
	CHECK_INT(list(&v2, &oom_kill), 0);
}

/* Worked out beforehand with a mathematics library; the code does without. */
static void test_weights(void)
{
	static const struct {
		unsigned shares, weight;
	} known[] = {
		{2, 1},		{3, 2},		 {4, 2},	  {5, 2},	 {10, 4},	{51, 11},
		{100, 17},	{102, 17},	 {128, 21},	  {204, 29},	 {256, 35},	{307, 40},
		{500, 58},	{512, 59},	 {700, 75},	  {819, 84},	 {1000, 99},	{1023, 100},
		{1024, 100},	{1025, 101},	 {1536, 138},	  {2000, 170},	 {2048, 174},	{3072, 240},
		{4096, 303},	{8192, 532},	 {10000, 627},	  {20480, 1134}, {65536, 3023}, {100000, 4340},
		{131072, 5478}, {262143, 10000}, {262144, 10000},
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		CHECK_INT(cg_weight_of_shares(known[i].shares), known[i].weight);
}

static void test_cpu(void)
{
	const struct cg_limits both = {.cpu_quota_us = V(50000),
				       .cpu_period_us = V(200000),
				       .cpu_shares = V(512),
				       .cpu_burst_us = V(1000),
				       .cpu_idle = V(1)};
	const struct cg_limits quota = {.cpu_quota_us = V(50000)}, period = {.cpu_period_us = V(50000)};
	const struct cg_limits unlimited = {.cpu_quota_us = V(-1)}, silly = {.cpu_period_us = V(10)};
	const struct cg_limits realtime = {.cpu_rt_runtime_us = V(1000)};

	CHECK_INT(list(&v1, &both), 0);
	CHECK_STR(value("cpu.cfs_quota_us"), "50000");
	CHECK_STR(value("cpu.cfs_period_us"), "200000");
	CHECK_STR(value("cpu.cfs_burst_us"), "1000");
	CHECK_STR(value("cpu.shares"), "512");
	CHECK_INT(list(&v2, &both), 0);
	CHECK_STR(value("cpu.max"), "50000 200000");
	CHECK_STR(value("cpu.max.burst"), "1000");
	CHECK_STR(value("cpu.weight"), "59");
	CHECK_STR(value("cpu.idle"), "1");
	CHECK_INT(list(&v2, &quota), 0);
	CHECK_STR(value("cpu.max"), "50000");
	CHECK_INT(list(&v2, &period), 0);
	CHECK_STR(value("cpu.max"), "max 50000");
	CHECK_INT(list(&v2, &unlimited), 0);
	CHECK_STR(value("cpu.max"), "max");
	CHECK_INT(list(&v1, &silly), -EINVAL);
	CHECK_INT(list(&v2, &realtime), -ENOTSUP);
}

static void test_pids_and_lists(void)
{
	const struct cg_limits unlimited = {.pids_limit = V(-1)}, some = {.pids_limit = V(7)};
	const struct cg_limits sets = {.cpuset_cpus = "0-3,7", .cpuset_mems = "0"}, bad = {.cpuset_cpus = "3-1"};

	CHECK_INT(list(&v1, &unlimited), 0);
	CHECK_STR(value("pids.max"), "max");
	CHECK_INT(list(&v2, &some), 0);
	CHECK_STR(value("pids.max"), "7");
	CHECK_INT(list(&v2, &sets), 0);
	CHECK_STR(value("cpuset.cpus"), "0-3,7");
	CHECK_STR(value("cpuset.mems"), "0");
	CHECK_INT(list(&v1, &bad), -EINVAL);
}

static void test_cpu_lists(void)
{
	static const char *const bad[] = {"",	"a",   "1-",  "-1",   "1,",
					  ",1", "1 2", "2-1", "4096", "99999999999999999999",
					  NULL};
	struct cg_list part, whole;

	for (size_t i = 0; bad[i]; i++)
		if (cg_list_parse(bad[i], &part) >= 0)
			tap_fail(__FILE__, __LINE__, bad[i]);
	CHECK_INT(cg_list_parse("0-2,64", &whole), 0);
	CHECK_INT(whole.bits[0], 7);
	CHECK_INT(whole.bits[1], 1);
	CHECK_INT(cg_list_parse("1", &part), 0);
	CHECK(cg_list_within(&part, &whole));
	CHECK_INT(cg_list_parse("1,65", &part), 0);
	CHECK(!cg_list_within(&part, &whole));
}

static void test_blkio(void)
{
	const struct cg_device_rate rate = {8, 0, 1000}, none = {8, 16, 0};
	const struct cg_device_weight weight = {8, 0, V(500), {0}}, leaf = {8, 0, {0}, V(500)};
	const struct cg_limits l = {.blkio_weight = V(100),
				    .blkio_weights = &weight,
				    .blkio_weight_count = 1,
				    .blkio_read_bps = &rate,
				    .blkio_read_bps_count = 1,
				    .blkio_write_iops = &none,
				    .blkio_write_iops_count = 1};
	const struct cg_limits leafs = {.blkio_weights = &leaf, .blkio_weight_count = 1},
			       heavy = {.blkio_weight = V(1001)};

	CHECK_INT(list(&v1, &l), 0);
	CHECK_STR(value("blkio.bfq.weight"), "100");
	CHECK_STR(value("blkio.bfq.weight_device"), "8:0 500");
	CHECK_STR(value("blkio.throttle.read_bps_device"), "8:0 1000");
	CHECK_STR(value("blkio.throttle.write_iops_device"), "8:16 0");
	CHECK_INT(list(&v2, &l), 0);
	CHECK_STR(value("io.max"), "8:16 wiops=max");
	CHECK_STR(writes.items[0].other_file, "io.weight");
	CHECK_STR(writes.items[0].other_value, "910");
	CHECK_INT(list(&v2, &leafs), -ENOTSUP);
	CHECK_INT(list(&v1, &leafs), 0);
	CHECK_INT(list(&v1, &heavy), -EINVAL);
}

static void test_others(void)
{
	const struct cg_hugepage page = {"2MB", 4096}, bad_page = {"../2MB", 1};
	const struct cg_rdma rdma = {"mlx5_1", V(2), {0}};
	const struct cg_net_priority priority = {"eth0", 5}, bad_name = {"eth0 5\nlo", 5};
	const struct cg_limits l = {.hugepages = &page,
				    .hugepage_count = 1,
				    .rdma = &rdma,
				    .rdma_count = 1,
				    .net_priorities = &priority,
				    .net_priority_count = 1,
				    .net_class_id = V(0x100001)};
	const struct cg_limits bad1 = {.hugepages = &bad_page, .hugepage_count = 1},
			       bad2 = {.net_priorities = &bad_name, .net_priority_count = 1};

	CHECK_INT(list(&v1, &l), 0);
	CHECK_STR(value("hugetlb.2MB.limit_in_bytes"), "4096");
	CHECK_STR(value("rdma.max"), "mlx5_1 hca_handle=2 hca_object=max");
	CHECK_STR(value("net_prio.ifpriomap"), "eth0 5");
	CHECK_STR(value("net_cls.classid"), "1048577");
	CHECK_INT(list(&v2, &l), -ENOTSUP);
	CHECK_INT(list(&v1, &bad1), -EINVAL);
	CHECK_INT(list(&v1, &bad2), -EINVAL);
}

static void test_unified(void)
{
	static const struct {
		const char *file;
		int result;
	} names[] = {
		{"memory.high", 0},
		{"cgroup.max.depth", 0},
		{"cgroup.procs", -ENOTSUP},
		{"cgroup.kill", -ENOTSUP},
		{"../memory.high", -EINVAL},
		{"memory/x.high", -EINVAL},
		{"rdma.max", -ENOTSUP},
		{"nonsense.x", -ENOTSUP},
		{"", -EINVAL},
		{".", -EINVAL},
		{"memory", -EINVAL},
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const struct cg_unified row = {names[i].file, "1"};
		const struct cg_limits limits = {.unified = &row, .unified_count = 1};

		CHECK_INT(list(&v2, &limits), names[i].result);
		if (names[i].result == 0)
			CHECK_STR(value(names[i].file), "1");
		CHECK_INT(list(&v1, &limits), -ENOTSUP);
	}
}

static void test_missing_controller(void)
{
	const struct cg_limits limits = {.pids_limit = V(5)};
	const struct cg_layout none = {.kind = CG_LAYOUT_V1,
				       .tree_count = 1,
				       .trees = {{.controllers = CG_BIT(CG_CPU), .words = "cpu"}}};

	CHECK_INT(list(&none, &limits), -ENOTSUP);
	CHECK_HAS(err.msg, "pids");
	CHECK(cg_limits_any(&limits));
	CHECK(!cg_limits_any(&(const struct cg_limits){.memory_limit = V(0)}));
}

int main(void)
{
	return TAP_RUN(TAP_CASE(test_memory), TAP_CASE(test_memory_refusals), TAP_CASE(test_weights),
		       TAP_CASE(test_cpu), TAP_CASE(test_pids_and_lists), TAP_CASE(test_cpu_lists),
		       TAP_CASE(test_blkio), TAP_CASE(test_others), TAP_CASE(test_unified),
		       TAP_CASE(test_missing_controller));
}

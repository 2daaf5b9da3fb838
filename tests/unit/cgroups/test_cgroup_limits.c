// SPDX-License-Identifier: GPL-2.0-or-later
/* Limits that hold, on whatever layout this machine has: set, changed, refused; and the figures of what they limit. */
#include "tests/unit/cgroups/cgroup_fixture.h"

static int eat_memory(void *data)
{
	size_t bytes = *(size_t *)data;
	char *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		return 1;
	for (size_t i = 0; i < bytes; i += 4096)
		memory[i] = 1;
	return 0;
}

static void test_memory_limit(void)
{
	const struct cg_limits limits = {.memory_limit = {true, 16 << 20}, .memory_swap = {true, 16 << 20}};
	struct cg *cg = create(&limits);
	size_t much = 64 << 20, little = 4 << 20;
	struct child greedy = start(eat_memory, &much), modest = start(eat_memory, &little);
	struct cg_stat stat;

	CHECK_INT(cg_join(cg, modest.pid, &err), 0);
	go(&modest);
	CHECK_INT(end_of(&modest), 0);
	CHECK_INT(cg_join(cg, greedy.pid, &err), 0);
	go(&greedy);
	CHECK_INT(WTERMSIG(end_of(&greedy)), SIGKILL);
	CHECK_INT(cg_stat(cg, &stat, &err), 0);
	CHECK(stat.has_memory && stat.has_oom && stat.oom_kills == 1);
	CHECK_INT(stat.memory_limit_bytes, 16 << 20);
	CHECK(stat.memory_peak_bytes >= 15 << 20 && stat.memory_peak_bytes <= 16 << 20);
	CHECK(!stat.has_swap || stat.swap_limit_bytes == 0);
	destroy(cg);
}

/* Up, then down: in each case another of the two has to go first. */
static void test_memory_update_order(void)
{
	const struct cg_limits low = {.memory_limit = {true, 16 << 20}, .memory_swap = {true, 24 << 20}};
	const struct cg_limits high = {.memory_limit = {true, 64 << 20}, .memory_swap = {true, 96 << 20}};
	const struct cg_limits none = {.memory_limit = {true, -1}}, alone = {.memory_limit = {true, 128 << 20}};
	const struct cg_limits tight = {.memory_limit = {true, 1 << 20}, .memory_check_before_update = {true, 1}};
	struct cg *cg = create(&low);
	size_t some = 4 << 20;
	struct cg_stat stat;
	char words[256];

	CHECK_INT(cg_update(cg, &high, &err), 0);
	(void)read_file(cg, CG_MEMORY, "memory.limit_in_bytes", "memory.max", words);
	CHECK_STR(words, "67108864");
	CHECK_INT(cg_stat(cg, &stat, &err), 0);
	CHECK_INT(stat.swap_limit_bytes, 32 << 20);
	CHECK_INT(cg_update(cg, &low, &err), 0);
	CHECK_INT(cg_stat(cg, &stat, &err), 0);
	CHECK_INT(stat.memory_limit_bytes, 16 << 20);
	CHECK_INT(stat.swap_limit_bytes, 8 << 20);
	if (!cg_folder_of(cg, CG_MEMORY)->tree->v2) {
		CHECK_INT(cg_update(cg, &alone, &err), -EINVAL);
		CHECK_HAS(err.msg, "memory.limit");
	}
	CHECK_INT(cg_update(cg, &none, &err), 0);
	CHECK_INT(cg_stat(cg, &stat, &err), 0);
	CHECK(stat.memory_limit_bytes == CG_STAT_UNLIMITED && stat.swap_limit_bytes == CG_STAT_UNLIMITED);

	struct child child = start(eat_memory, &some);

	CHECK_INT(cg_join(cg, child.pid, &err), 0);
	go(&child);
	(void)end_of(&child);
	CHECK_INT(cg_stat(cg, &stat, &err), 0);
	if (stat.memory_usage_bytes > 1 << 20)
		CHECK_INT(cg_update(cg, &tight, &err), -EBUSY);
	destroy(cg);
}

/* Device rules are the last to be put in force, but not the last to be looked at. */
static void test_refused_update_writes_nothing(void)
{
	const struct cg_device_rule wrong = {true, 'c', -2, 3, true, true, true};
	const struct cg_limits before = {.pids_limit = {true, 8}};
	const struct cg_limits after = {.pids_limit = {true, 9}, .devices = &wrong, .device_count = 1};
	struct cg *cg = create(&before);
	char words[256];

	CHECK_INT(cg_update(cg, &after, &err), -EINVAL);
	CHECK_HAS(err.msg, "devices[0]");
	(void)read_file(cg, CG_PIDS, "pids.max", "pids.max", words);
	CHECK_STR(words, "8");
	destroy(cg);
}

/* Quota, period and burst bound one another too. */
static void test_cpu_update(void)
{
	const struct cg_limits first = {.cpu_quota_us = {true, 50000},
					.cpu_burst_us = {true, 50000},
					.cpu_shares = {true, 512}};
	const struct cg_limits smaller = {.cpu_quota_us = {true, 20000},
					  .cpu_burst_us = {true, 10000},
					  .cpu_period_us = {true, 20000}};
	struct cg *cg = create(&first);
	char words[256];

	(void)read_file(cg, CG_CPU, "cpu.cfs_quota_us", "cpu.max", words);
	CHECK(text_starts(words, "50000"));
	(void)read_file(cg, CG_CPU, "cpu.shares", "cpu.weight", words);
	CHECK(strcmp(words, "512") == 0 || strcmp(words, "59") == 0);
	CHECK_INT(cg_update(cg, &smaller, &err), 0);
	(void)read_file(cg, CG_CPU, "cpu.cfs_burst_us", "cpu.max.burst", words);
	CHECK_STR(words, "10000");
	destroy(cg);
}

static int fork_twenty(void *data)
{
	int made = 0;

	(void)data;
	for (int i = 0; i < 20; i++) {
		pid_t pid = fork();

		if (pid == 0)
			(void)wait_for_signals(NULL);
		made += pid > 0;
	}
	return made;
}

static void test_pids_limit(void)
{
	const struct cg_limits limits = {.pids_limit = {true, 8}};
	struct cg *cg = create(&limits);
	struct child child = start(fork_twenty, NULL);
	struct cg_stat stat;

	CHECK_INT(cg_join(cg, child.pid, &err), 0);
	go(&child);
	CHECK_INT(WEXITSTATUS(end_of(&child)), 7);
	CHECK_INT(cg_stat(cg, &stat, &err), 0);
	CHECK(stat.has_pids);
	CHECK_INT(stat.pids_current, 7);
	CHECK_INT(stat.pids_limit, 8);
	/* The orphans end with the cgroup. */
	destroy(cg);
	CHECK(!exists_anywhere(path));
}

/* Processor time, not time: on a busy machine it takes long, but meets its quota all the same. */
static int spin(void *data)
{
	(void)data;
	while (clock() >= 0)
		;
	return 0;
}

/* However little of a processor a busy machine leaves: a hundredth of one is less, and so the kernel holds it back. */
static void test_cpu_figures(void)
{
	const struct cg_limits limits = {.cpu_quota_us = {true, 1000}, .cpu_period_us = {true, 100000}};
	struct cg *cg = create(&limits);
	struct child child = start(spin, NULL);
	struct cg_stat stat = {0};

	CHECK_INT(cg_join(cg, child.pid, &err), 0);
	go(&child);
	for (int tries = 0; tries < 3000 && stat.cpu_throttled_ns == 0; tries++) {
		(void)poll(NULL, 0, 10);
		CHECK_INT(cg_stat(cg, &stat, &err), 0);
	}
	CHECK_INT(kill(child.pid, SIGKILL), 0);
	CHECK_INT(WTERMSIG(end_of(&child)), SIGKILL);
	CHECK(stat.has_cpu && stat.cpu_total_ns > 500000 && stat.cpu_total_ns < 10000000000);
	CHECK(stat.has_throttling && stat.cpu_throttled_periods > 0 && stat.cpu_throttled_ns > 0);
	CHECK(stat.has_blkio);
	CHECK(!cg_folder_v2(cg) || access("/proc/pressure/cpu", R_OK) < 0 || stat.cpu_pressure.has);
	destroy(cg);
}

int main(void)
{
	int r = TAP_RUN(TAP_CASE(test_memory_limit), TAP_CASE(test_memory_update_order),
			TAP_CASE(test_refused_update_writes_nothing), TAP_CASE(test_cpu_update),
			TAP_CASE(test_pids_limit), TAP_CASE(test_cpu_figures));

	remove_parent();
	return r;
}

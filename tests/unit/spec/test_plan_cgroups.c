// SPDX-License-Identifier: GPL-2.0-or-later
/* What a plan says of cgroups: where, with which limits, and what is seen of them inside. */
#include "tests/unit/spec/plan_case.h"

static void test_limits(void)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	const struct cg_limits *limits;
	struct plan plan;

	if (!make(&arena,
		  (struct plan_case){.linux_ = "'cgroupsPath':'/a/b','resources':{"
					       "'memory':{'limit':1048576,'swap':-1,'disableOOMKiller':true},"
					       "'cpu':{'quota':50000,'period':100000,'cpus':'0-1'},"
					       "'pids':{'limit':50},"
					       "'blockIO':{'weightDevice':[{'major':8,'minor':0,'weight':20}],"
					       "'throttleWriteIOPSDevice':[{'major':8,'minor':1,'rate':9}]},"
					       "'hugepageLimits':[{'pageSize':'2MB','limit':4}],"
					       "'rdma':{'m':{'hcaHandles':2}},'network':{'classID':7},"
					       "'unified':{'memory.high':'5'}}"},
		  &plan))
		return;
	limits = &plan.limits;
	CHECK_STR(plan.cgroup.path, "/a/b");
	CHECK(limits->memory_limit.set && limits->memory_limit.value == 1048576);
	CHECK(limits->memory_swap.set && limits->memory_swap.value == -1);
	CHECK(limits->oom_kill_disable.set && limits->oom_kill_disable.value == 1);
	CHECK(!limits->memory_reservation.set && !limits->cpu_shares.set);
	CHECK_INT(limits->cpu_quota_us.value, 50000);
	CHECK_STR(limits->cpuset_cpus, "0-1");
	CHECK_INT(limits->pids_limit.value, 50);
	CHECK_INT(limits->blkio_weights[0].weight.value, 20);
	CHECK(!limits->blkio_weights[0].leaf_weight.set);
	CHECK_INT(limits->blkio_write_iops[0].rate, 9);
	CHECK_INT(limits->blkio_read_bps_count, 0);
	CHECK_INT(limits->hugepages[0].limit_bytes, 4);
	CHECK(limits->rdma[0].handles.set && !limits->rdma[0].objects.set);
	CHECK_INT(limits->net_class_id.value, 7);
	CHECK_STR(limits->unified[0].file, "memory.high");
	/* No rule in the document: nothing is policed, rather than all but the default devices. */
	CHECK_INT(limits->device_count, 0);
}

static void test_device_rules(void)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	const struct cg_device_rule *rules;
	bool null_allowed = false;
	struct plan plan;

	if (!make(&arena,
		  (struct plan_case){.linux_ = "'resources':{'devices':[{'allow':false,'access':'rwm'},"
					       "{'allow':true,'type':'c','major':10,'minor':229,'access':'rw'}]}"},
		  &plan))
		return;
	rules = plan.limits.devices;
	CHECK(!rules[0].allow && rules[0].type == 'a' && rules[0].major == -1 && rules[0].minor == -1);
	CHECK(rules[1].allow && rules[1].read && rules[1].write && !rules[1].mknod);
	CHECK_INT(rules[1].minor, 229);
	/*
	 * The specification's default devices are allowed behind them, and no rule there allows a whole kind to be
	 * opened.
	 */
	for (size_t i = 2; i < plan.limits.device_count; i++) {
		CHECK(rules[i].allow);
		CHECK(rules[i].major >= 0 || (!rules[i].read && !rules[i].write));
		null_allowed |= rules[i].type == 'c' && rules[i].major == 1 && rules[i].minor == 3 && rules[i].read;
	}
	CHECK(null_allowed);
}

static void test_systemd_path(void)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	struct plan plan;

	if (make(&arena, (struct plan_case){.host = SYSTEMD, .linux_ = "'cgroupsPath':'system.slice:a:b'"}, &plan))
		CHECK_STR(plan.cgroup.path, "system.slice:a:b");
	if (make(&arena, (struct plan_case){.host = SYSTEMD}, &plan))
		CHECK_STR(plan.cgroup.path, ":hull:abc");
}

static int two_mounts(enum cg_driver_kind driver, const char *path, struct arena *arena, struct cg_mount_view *ret,
		      struct err *err)
{
	static const struct cg_mount mounts[] = {{"memory", "cgroup", "memory", "/sys/fs/cgroup/memory/hull/abc"},
						 {"unified", "cgroup2", NULL, "/sys/fs/cgroup/unified/hull/abc"}};
	static const struct cg_mount_link links[] = {{"cpu", "cpu,cpuacct"}};

	(void)driver, (void)path, (void)arena, (void)err;
	*ret = (struct cg_mount_view){true, mounts, 2, links, 1};
	return 0;
}

static int one_mount(enum cg_driver_kind driver, const char *path, struct arena *arena, struct cg_mount_view *ret,
		     struct err *err)
{
	static const struct cg_mount mounts[] = {{"", "cgroup2", NULL, "/sys/fs/cgroup/hull/abc"}};

	(void)driver, (void)path, (void)arena, (void)err;
	*ret = (struct cg_mount_view){false, mounts, 1, NULL, 0};
	return 0;
}

/*
 * The one tree is mounted afresh in a cgroup namespace; without one, and of many trees, only the instance's own folders
 * are shown.
 */
static void test_cgroup_view(void)
{
	static const struct {
		const char *namespaces;
		bool many, fresh;
	} rows[] = {
		{ALL_KINDS, true, false},
		{ALL_KINDS, false, true},
		{OWN(KIND("pid")), true, false},
		{OWN(KIND("pid")), false, false},
		{OWN(",{'type':'cgroup','path':'/proc/9/ns/cgroup'}"), true, true},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP_ARENA struct arena arena = ARENA_INIT;
		CLEANUP_TEXT struct text document = TEXT_INIT;
		struct plan_case from = {.namespaces = rows[i].namespaces,
					 .mounts = "{'destination':'/sys/fs/cgroup','type':'cgroup'}"};
		struct plan_host host = plan_case_host(0);
		const struct config *config;
		struct plan plan;
		struct err err = ERR_INIT;

		host.cgroup_view = rows[i].many ? two_mounts : one_mount;
		plan_case_document(&from, &document);
		CHECK_INT(config_parse(&arena, document.data, document.len, "c", &config, NULL, &err), 0);
		CHECK_INT(plan_make(&arena, config, NULL, &host, &plan, &err), 0);
		CHECK_INT(plan.root.cgroup_count, rows[i].many ? 3 : 1);
		CHECK_INT(plan.root.cgroups[0].bind == NULL, rows[i].fresh);
		CHECK_INT(plan.root.cgroups[0].type != NULL, rows[i].fresh);
		if (rows[i].many)
			CHECK_STR(plan.root.cgroups[2].link, "cpu,cpuacct");
	}
}

int main(void)
{
	return TAP_RUN(TAP_CASE(test_limits), TAP_CASE(test_device_rules), TAP_CASE(test_systemd_path),
		       TAP_CASE(test_cgroup_view));
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a plan says when it is made. */
#include <linux/capability.h>
#include <linux/mount.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include "runtime/base/json.h"
#include "tests/unit/spec/plan_case.h"

/* Makes the plan of a case, or fails the test with the reason. */
static bool make(struct arena *arena, struct plan_case from, struct plan *ret)
{
	struct err err = ERR_INIT;
	int r = plan_case_make(arena, &from, ret, &err);

	if (r != 0)
		printf("# %s\n", err.msg);
	CHECK_INT(r, 0);
	return r == 0;
}

static bool warned(const struct plan *plan, const char *words)
{
	for (size_t i = 0; i < plan->warnings.count; i++)
		if (strstr(plan->warnings.items[i], words))
			return true;
	return false;
}

static void test_least(void)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	struct plan plan;

	if (!make(&arena, (struct plan_case){.namespaces = OWN(""), .process = ""}, &plan))
		return;
	CHECK_STR(plan.id, "abc");
	CHECK_STR(plan.backend, "ns");
	CHECK_STR(plan.root.path, "/bundle/rootfs");
	CHECK(!plan.has_process && !plan.name && !plan.root.readonly && !plan.root.user_namespace);
	CHECK(plan.root.default_devices && !plan.root.bind_devices);
	CHECK_INT(plan.namespaces.kind[NS_MOUNT].how, NS_FRESH);
	CHECK_INT(plan.namespaces.kind[NS_PID].how, NS_HOST);
	CHECK_STR(plan.cgroup.path, "/hull/abc");
	CHECK(plan.cgroup.limits == &plan.limits);
	CHECK_INT(plan.net.kind, PLAN_NET_UNTOUCHED);
	CHECK_INT(plan.warnings.count, 0);
}

static void test_versions(void)
{
	static const char *const good[] = {"1.0.0", "1.0.2-dev", "1.1.0",     "1.2.1",
					   "1.3.0", "1.3.9",	 "1.0.0-rc5", "1.0.0+build"};

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		CLEANUP_ARENA struct arena arena = ARENA_INIT;
		struct plan plan;

		if (make(&arena, (struct plan_case){.version = good[i]}, &plan))
			CHECK_INT(plan.warnings.count, 0);
	}
}

/* Minor versions add: what is used of the newer one is refused or not by what it is, not by the number. */
static void test_newer_minor_version(void)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	struct plan plan;

	if (make(&arena, (struct plan_case){.version = "1.4.0"}, &plan))
		CHECK(warned(&plan, "ociVersion: '1.4.0' is newer than 1.3.0"));
}

static void test_namespaces_and_ids(void)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	struct plan plan;
	uint32_t id = 0;

	if (!make(&arena,
		  (struct plan_case){
			  .namespaces = OWN(KIND("user") KIND("uts") ",{\"type\":\"network\",\"path\":\"/n\"},"
								     "{\"type\":\"ipc\",\"path\":\"\"}"),
			  .linux_ = MAPPED ",\"sysctl\":{\"net.ipv4.ip_forward\":\"1\"}",
			  .mounts = "{\"destination\":\"/proc/\",\"source\":\"/proc\",\"options\":[\"rbind\"]}",
			  .more = "\"hostname\":\"h\",\"domainname\":\"\""},
		  &plan))
		return;
	CHECK_INT(plan.namespaces.kind[NS_USER].how, NS_FRESH);
	CHECK_INT(plan.namespaces.kind[NS_NET].how, NS_JOIN);
	CHECK_STR(plan.namespaces.kind[NS_NET].path, "/n");
	CHECK_INT(plan.namespaces.kind[NS_IPC].how, NS_FRESH);
	CHECK_INT(idmap_to_host_uid(&plan.idmap, 5, &id), 0);
	CHECK_INT(id, 1879048197);
	CHECK(plan.set_groups_allowed && plan.root.user_namespace && plan.root.bind_devices);
	CHECK(!plan.root.idmap_lowers);
	CHECK_STR(plan.hostname, "h");
	CHECK(!plan.domainname);
	CHECK_STR(strmap_get(&plan.sysctls, "net.ipv4.ip_forward"), "1");
	/* A joined namespace's loopback is somebody else's. */
	CHECK_INT(plan.net.kind, PLAN_NET_UNTOUCHED);
}

/* As containerd sends it: a user namespace by path, with the mappings that it has. */
static void test_joined_user_namespace_with_mappings(void)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	struct plan plan;

	if (!make(&arena,
		  (struct plan_case){.namespaces = ALL_KINDS ",{\"type\":\"user\",\"path\":\"/u\"}",
				     .linux_ = MAPPED,
				     .mounts =
					     "{\"destination\":\"/a\",\"source\":\"/b\",\"options\":[\"rbind\"]," MAPPED
					     "}"},
		  &plan))
		return;
	CHECK_INT(plan.namespaces.kind[NS_USER].how, NS_JOIN);
	CHECK_INT(plan.idmap.uid_count, 1);
	/* Mappings without the option mean it. */
	CHECK(plan.root.mounts[0].idmap && plan.root.mounts[0].options.idmap == MOUNT_IDMAP_ONE);
	CHECK(!plan.root.mounts[0].idmap_container);
}

static void test_time_namespace(void)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	struct plan plan;

	if (!make(&arena,
		  (struct plan_case){.namespaces = OWN(KIND("time")),
				     .linux_ = "\"timeOffsets\":{\"boottime\":{\"secs\":-5,\"nanosecs\":6}}"},
		  &plan))
		return;
	CHECK(plan.boottime.set && !plan.monotonic.set);
	CHECK_INT(plan.boottime.secs, -5);
	CHECK_INT(plan.boottime.nanosecs, 6);
}

static void test_rootless(void)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	struct plan plan;

	if (!make(&arena,
		  (struct plan_case){.host = ROOTLESS,
				     .namespaces = WITH_USER,
				     .linux_ = "\"uidMappings\":[{\"containerID\":0,\"hostID\":1000,\"size\":1}],"
					       "\"gidMappings\":[{\"containerID\":0,\"hostID\":1000,\"size\":1}],"
					       "\"resources\":{\"devices\":[{\"allow\":false}]}"},
		  &plan))
		return;
	CHECK(plan.rootless && !plan.set_groups_allowed && plan.root.bind_devices);
	CHECK_INT(plan.limits.device_count, 0);
	CHECK_STR(plan.cgroup.path, "hull/abc");
}

static void test_limits(void)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	const struct cg_limits *limits;
	struct plan plan;

	if (!make(&arena,
		  (struct plan_case){.linux_ =
					     "\"cgroupsPath\":\"/a/"
					     "b\",\"resources\":{\"memory\":{\"limit\":1048576,\"swap\":-1,"
					     "\"disableOOMKiller\":true},"
					     "\"cpu\":{\"quota\":50000,\"period\":100000,\"cpus\":\"0-1\"},\"pids\":{"
					     "\"limit\":50},"
					     "\"blockIO\":{\"weightDevice\":[{\"major\":8,\"minor\":0,\"weight\":20}],"
					     "\"throttleWriteIOPSDevice\":[{\"major\":8,\"minor\":1,\"rate\":9}]},"
					     "\"hugepageLimits\":[{\"pageSize\":\"2MB\",\"limit\":4}],\"rdma\":{\"m\":{"
					     "\"hcaHandles\":2}},"
					     "\"network\":{\"classID\":7},\"unified\":{\"memory.high\":\"5\"}}"},
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
		  (struct plan_case){
			  .linux_ = "\"resources\":{\"devices\":[{\"allow\":false,\"access\":\"rwm\"},"
				    "{\"allow\":true,\"type\":\"c\",\"major\":10,\"minor\":229,\"access\":\"rw\"}]}"},
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

	if (make(&arena, (struct plan_case){.host = SYSTEMD, .linux_ = "\"cgroupsPath\":\"system.slice:a:b\""}, &plan))
		CHECK_STR(plan.cgroup.path, "system.slice:a:b");
	if (make(&arena, (struct plan_case){.host = SYSTEMD}, &plan))
		CHECK_STR(plan.cgroup.path, ":hull:abc");
}

static void test_mounts(void)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	const struct mount_request *mounts;
	struct plan plan;

	if (!make(&arena,
		  (struct plan_case){.root = "\"path\":\"/abs\",\"readonly\":true",
				     .linux_ = "\"rootfsPropagation\":\"rslave\",\"maskedPaths\":[\"/proc/"
					       "kcore\"],\"readonlyPaths\":[\"/proc/sys\"]",
				     .mounts = "{\"destination\":\"/"
					       "proc\",\"type\":\"proc\",\"source\":\"proc\",\"options\":[\"nosuid\","
					       "\"ro\"]},"
					       "{\"destination\":\"data\",\"type\":\"bind\",\"source\":\"vol\"},"
					       "{\"destination\":\"/"
					       "t\",\"type\":\"tmpfs\",\"options\":[\"size=1m\",\"mode=1777\"]}"},
		  &plan))
		return;
	mounts = plan.root.mounts;
	CHECK_STR(plan.root.path, "/abs");
	CHECK(plan.root.readonly && plan.root.propagation == (MS_SLAVE | MS_REC));
	CHECK_STR(plan.root.masked_paths[0], "/proc/kcore");
	CHECK_INT(plan.root.readonly_count, 1);
	CHECK_INT(plan.root.mount_count, 3);
	CHECK(mounts[0].options.one.set & MOUNT_ATTR_RDONLY);
	CHECK(!mounts[0].options.bind && mounts[1].options.bind && !mounts[1].options.bind_tree);
	CHECK_STR(mounts[1].destination, "/data");
	CHECK_STR(mounts[1].source, "/bundle/vol");
	CHECK_STR(mounts[2].options.data, "size=1m,mode=1777");
	CHECK_INT(plan.warnings.count, 1);
	CHECK(warned(&plan, "mounts[1].destination: 'data' is not absolute"));
}

static void test_devices(void)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	struct plan plan;

	if (!make(&arena,
		  (struct plan_case){.linux_ = "\"devices\":[{\"type\":\"c\",\"path\":\"/dev/"
					       "null\",\"major\":1,\"minor\":3,\"fileMode\":438},"
					       "{\"type\":\"u\",\"path\":\"/dev/"
					       "fuse\",\"major\":10,\"minor\":229,\"fileMode\":8630,\"gid\":5},"
					       "{\"type\":\"p\",\"path\":\"/dev/fifo\"}]"},
		  &plan))
		return;
	/* The one that is always there is not made twice. */
	CHECK_INT(plan.root.device_count, 2);
	CHECK_STR(plan.root.devices[0].path, "/dev/fuse");
	CHECK_INT(plan.root.devices[0].type, 'c');
	CHECK_INT(plan.root.devices[0].mode, 0666);
	CHECK_INT(plan.root.devices[0].gid, 5);
	CHECK_INT(plan.root.devices[1].type, 'p');
}

static void test_process(void)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	const struct plan_process *process;
	struct plan plan;

	if (!make(&arena,
		  (struct plan_case){.host = LSM,
				     .linux_ = "\"personality\":{\"domain\":\"LINUX32\"}",
				     .process = "\"cwd\":\"/"
						"w\",\"args\":[\"sh\",\"-c\",\"\"],\"terminal\":true,\"consoleSize\":{"
						"\"height\":25,\"width\":80},"
						"\"env\":[\"A=b\",\"novalue\",\"=x\",\"C=\"],\"user\":{\"uid\":1,"
						"\"gid\":2,\"umask\":18,\"additionalGids\":[3,4]},"
						"\"rlimits\":[{\"type\":\"RLIMIT_NOFILE\",\"soft\":10,\"hard\":"
						"18446744073709551615}],"
						"\"noNewPrivileges\":true,\"oomScoreAdj\":-1000,\"apparmorProfile\":"
						"\"p\",\"selinuxLabel\":\"l\","
						"\"scheduler\":{\"policy\":\"SCHED_BATCH\",\"nice\":5,\"flags\":["
						"\"SCHED_FLAG_RESET_ON_FORK\"]},"
						"\"ioPriority\":{\"class\":\"IOPRIO_CLASS_BE\",\"priority\":4},"
						"\"execCPUAffinity\":{\"initial\":\"0\",\"final\":\"0-1\"}"},
		  &plan))
		return;
	process = &plan.process;
	CHECK(plan.has_process && process->terminal && process->no_new_privs);
	CHECK_INT(process->rows, 25);
	CHECK_INT(process->env.count, 2);
	CHECK(warned(&plan, "process.env[1]: 'novalue' is not NAME=VALUE"));
	CHECK(warned(&plan, "process.env[2]"));
	CHECK_INT(process->groups.items[1], 4);
	CHECK(process->limits.has_umask && process->limits.umask == 022);
	CHECK_INT(process->limits.rlimits[0].resource, RLIMIT_NOFILE);
	CHECK(process->limits.rlimits[0].hard == LIMITS_UNLIMITED);
	CHECK_INT(process->limits.oom_score_adj, -1000);
	CHECK_INT(process->limits.scheduler->policy, SCHED_BATCH);
	CHECK_INT(process->limits.io_priority->level, 4);
	CHECK(process->limits.has_personality);
	CHECK_STR(process->apparmor_profile, "p");
	CHECK_STR(process->exec_cpus_final, "0-1");
	/* An instance's own process is not bound by what is for exec. */
	CHECK(!process->limits.cpus);
	/* No capabilities in the document: none are given. */
	CHECK_INT(process->caps.bounding | process->caps.effective | process->caps.permitted, 0);
	CHECK(!process->seccomp);
}

static void test_capabilities(void)
{
	static const char words[] =
		PROCESS("\"capabilities\":{\"bounding\":[\"CAP_CHOWN\",\"CAP_KILL\",\"CAP_MOON\"],"
			"\"permitted\":[\"CAP_CHOWN\",\"CAP_MOON\"],\"effective\":[\"CAP_CHOWN\",\"CAP_KILL\"],"
			"\"inheritable\":[\"CAP_CHOWN\"],\"ambient\":[\"CAP_CHOWN\",\"CAP_KILL\"]}");
	static const char no_inheritable[] =
		PROCESS("\"capabilities\":{\"bounding\":[\"CAP_CHOWN\"],\"permitted\":[\"CAP_CHOWN\"],"
			"\"effective\":[\"CAP_CHOWN\"],\"ambient\":[\"CAP_CHOWN\"]}");
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	struct plan plan;

	if (!make(&arena, (struct plan_case){.process = words}, &plan))
		return;
	CHECK_INT(plan.process.caps.bounding, CAPS_BIT(CAP_CHOWN) | CAPS_BIT(CAP_KILL));
	CHECK_INT(plan.process.caps.effective, CAPS_BIT(CAP_CHOWN));
	CHECK_INT(plan.process.caps.ambient, CAPS_BIT(CAP_CHOWN));
	CHECK_INT(plan.warnings.count, 3);
	CHECK(warned(&plan, "'CAP_MOON' is not known here"));
	CHECK(warned(&plan, "CAP_KILL left out: effective, but not permitted"));
	CHECK(warned(&plan, "CAP_KILL left out: ambient, but not both"));
	/* An ambient set beside an empty inheritable one is what engines write that mean none. */
	if (!make(&arena, (struct plan_case){.process = no_inheritable}, &plan))
		return;
	CHECK_INT(plan.process.caps.ambient, 0);
	CHECK_INT(plan.warnings.count, 0);
	/* What the caller does not have it cannot give, except in a user namespace of the instance's own. */
	if (!make(&arena, (struct plan_case){.host = FEW_CAPS, .process = words}, &plan))
		return;
	CHECK_INT(plan.process.caps.bounding, CAPS_BIT(CAP_CHOWN));
	CHECK(warned(&plan, "CAP_KILL left out: this process does not have them to give"));
	if (!make(&arena,
		  (struct plan_case){.host = FEW_CAPS, .namespaces = WITH_USER, .linux_ = MAPPED, .process = words},
		  &plan))
		return;
	CHECK_INT(plan.process.caps.bounding, CAPS_BIT(CAP_CHOWN) | CAPS_BIT(CAP_KILL));
}

static void test_capability_that_the_kernel_lacks(void)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	struct plan_host host = plan_case_host(0);
	static const char document[] =
		"{\"ociVersion\":\"1.0.0\",\"root\":{\"path\":\"r\"},\"linux\":{\"namespaces\":[{\"type\":\"mount\"}]},"
		"\"process\":{\"cwd\":\"/\",\"args\":[\"a\"],\"capabilities\":{\"bounding\":[\"CAP_BPF\"]}}}";
	const struct config *config;
	struct plan plan;
	struct err err = ERR_INIT;

	host.cap_last = 30;
	CHECK_INT(config_parse(&arena, document, strlen(document), "config.json", &config, NULL, &err), 0);
	CHECK_INT(plan_make(&arena, config, NULL, &host, &plan, &err), 0);
	CHECK_INT(plan.process.caps.bounding, 0);
	CHECK(warned(&plan, "'CAP_BPF' is not known here"));
}

static void test_seccomp(void)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	const struct seccomp_profile *profile;
	struct plan plan;

	if (!make(&arena,
		  (struct plan_case){
			  .linux_ = "\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":38,"
				    "\"architectures\":[\"SCMP_ARCH_X86_64\"],"
				    "\"syscalls\":[{\"names\":[\"read\",\"write\"],\"action\":\"SCMP_ACT_ALLOW\"},"
				    "{\"names\":[\"clone\"],\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":1,"
				    "\"args\":[{\"index\":0,\"value\":2114060288,\"valueTwo\":7,\"op\":\"SCMP_CMP_"
				    "MASKED_EQ\"}]}]}"},
		  &plan))
		return;
	profile = plan.process.seccomp;
	CHECK(profile && profile->default_action == SECCOMP_DO_ERRNO && profile->default_errno == 38);
	CHECK(profile->newer_is_enosys);
	CHECK_INT(profile->rule_count, 2);
	CHECK_STR(profile->rules[0].names[1], "write");
	CHECK(!profile->rules[0].has_errno && profile->rules[1].has_errno);
	CHECK_INT(profile->rules[1].args[0].op, SECCOMP_OP_MASKED_EQ);
	CHECK_INT(profile->rules[1].args[0].value_two, 7);
}

static void test_hooks(void)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	struct plan plan;

	if (!make(&arena,
		  (struct plan_case){.more = "\"hooks\":{\"createRuntime\":[{\"path\":\"/"
					     "a\",\"args\":[\"x\",\"y\"],\"timeout\":3},{\"path\":\"/b\"}],"
					     "\"poststop\":[{\"path\":\"/c\",\"env\":[\"E=f\"]}]}"},
		  &plan))
		return;
	CHECK_INT(plan.hooks[HOOK_CREATE_RUNTIME].count, 2);
	CHECK_STR(plan.hooks[HOOK_CREATE_RUNTIME].items[0].args.items[0], "x");
	CHECK_INT(plan.hooks[HOOK_CREATE_RUNTIME].items[0].timeout_ms, 3000);
	CHECK_STR(plan.hooks[HOOK_CREATE_RUNTIME].items[1].args.items[0], "/b");
	CHECK_INT(plan.hooks[HOOK_CREATE_RUNTIME].items[1].timeout_ms, 0);
	CHECK_STR(plan.hooks[HOOK_POSTSTOP].items[0].env.items[0], "E=f");
	CHECK_STR(plan_hook_name(HOOK_POSTSTOP), "poststop");
}

static void test_hull_run(void)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	const struct mount_request *mounts;
	struct plan plan;

	if (!make(&arena,
		  (struct plan_case){.namespaces = WITH_USER,
				     .linux_ = MAPPED,
				     .mounts = "{\"destination\":\"/proc\",\"type\":\"proc\"}",
				     .process = PROCESS("\"noNewPrivileges\":true,\"capabilities\":{\"bounding\":["
							"\"CAP_CHOWN\"]}"),
				     .extension = NET("\"mode\":\"bridge\",\"ports\":[{\"hostPort\":8080,"
						      "\"containerPort\":80,\"protocol\":\"udp\"}],"
						      "\"files\":{\"hosts\":\"/d/hosts\",\"resolvConf\":\"/d/"
						      "resolv.conf\"}") ",\"root\":{\"lowers\":[\"/l2\",\"/"
									"l1\"],\"upper\":\"/u\",\"work\":\"/w\"},"
									"\"idRange\":{\"base\":1879048192,\"size\":"
									"65536},\"user\":\"app\",\"defaultSeccomp\":"
									"true,\"init\":true,"
									"\"volumes\":[{\"kind\":\"host\",\"source\":\"/"
									"s\",\"destination\":\"/data/"
									"cache\",\"readOnly\":true},"
									"{\"kind\":\"named\",\"name\":\"v\",\"source\":"
									"\"/v/data\",\"destination\":\"/"
									"data\",\"idmap\":true,\"chown\":true},"
									"{\"kind\":\"tmpfs\",\"destination\":\"/"
									"tmp\",\"options\":[\"size=1m\"]}],"
									"\"restart\":{\"policy\":\"on-failure\","
									"\"maxRetries\":3},\"stopSignal\":\"QUIT\","
									"\"log\":{\"path\":\"/d/log\"}"},
		  &plan))
		return;
	CHECK_STR(plan.name, "n");
	CHECK(plan.root.lower_count == 2 && plan.root.idmap_lowers && !plan.root.path);
	CHECK_STR(plan.root.lowers[0], "/l2");
	CHECK_STR(plan.root.upper, "/u");
	CHECK_STR(plan.process.user_words, "app");
	CHECK(plan.process.init && plan.process.seccomp && plan.process.seccomp->rule_count > 0);
	/* config.json's mounts first, then by depth: the volume for /data before the one for /data/cache. */
	mounts = plan.root.mounts;
	CHECK_INT(plan.root.mount_count, 6);
	CHECK_STR(mounts[0].destination, "/proc");
	CHECK_STR(mounts[1].destination, "/data");
	CHECK_STR(mounts[2].destination, "/tmp");
	CHECK_STR(mounts[3].destination, "/etc/hosts");
	CHECK_STR(mounts[4].destination, "/etc/resolv.conf");
	CHECK_STR(mounts[5].destination, "/data/cache");
	CHECK(mounts[1].idmap_container && mounts[1].options.idmap == MOUNT_IDMAP_ONE && mounts[1].options.bind);
	CHECK(!mounts[5].idmap_container && mounts[5].options.bind_tree);
	CHECK(mounts[5].options.tree.set & MOUNT_ATTR_RDONLY);
	CHECK(mounts[3].idmap_container && (mounts[3].options.one.set & MOUNT_ATTR_NOEXEC));
	CHECK_STR(mounts[2].options.data, "size=1m");
	CHECK_INT(plan.chowns.count, 1);
	CHECK(plan.chowns.items[0].idmap);
	CHECK_INT(plan.net.kind, PLAN_NET_ATTACH);
	CHECK_STR(plan.net.request.instance, "abc");
	CHECK(plan.net.request.ports[0].udp && plan.net.request.ports[0].host_port == 8080);
	CHECK_INT(plan.keeper.restart, RESTART_ON_FAILURE);
	CHECK_INT(plan.keeper.stop_signal, SIGQUIT);
	CHECK_INT(plan.keeper.stop_timeout_ms, 10000);
}

static void test_container_of_another(void)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	struct plan plan;

	if (!make(&arena,
		  (struct plan_case){.host = JOINABLE,
				     .namespaces = OWN(KIND("pid") KIND("uts")),
				     .extension = NET(
					     "\"mode\":\"container\",\"container\":\"x\"") ",\"joins\":[{\"type\":"
											   "\"network\",\"container\":"
											   "\"x\"},{\"type\":\"user\","
											   "\"container\":\"x\"}]"},
		  &plan))
		return;
	CHECK_INT(plan.namespaces.kind[NS_NET].how, NS_JOIN);
	CHECK_STR(plan.namespaces.kind[NS_USER].path, "/proc/42/ns/x");
	CHECK_INT(plan.net.kind, PLAN_NET_UNTOUCHED);
}

static void test_stop_timeouts(void)
{
	static const struct {
		const char *words;
		int64_t ms;
	} rows[] = {{"-1", -1}, {"0", 0}, {"5", 5000}};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP_ARENA struct arena arena = ARENA_INIT;
		const char *extension =
			arena_printf(&arena, NET("\"mode\":\"none\"") ",\"stopTimeout\":%s", rows[i].words);
		struct plan plan;

		if (make(&arena, (struct plan_case){.extension = extension}, &plan))
			CHECK_INT(plan.keeper.stop_timeout_ms, rows[i].ms);
	}
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
		{OWN(",{\"type\":\"cgroup\",\"path\":\"/proc/9/ns/cgroup\"}"), true, true},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP_ARENA struct arena arena = ARENA_INIT;
		CLEANUP_TEXT struct text document = TEXT_INIT;
		struct plan_case from = {.namespaces = rows[i].namespaces,
					 .mounts = "{\"destination\":\"/sys/fs/cgroup\",\"type\":\"cgroup\"}"};
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

static void test_exec(void)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	CLEANUP_TEXT struct text document = TEXT_INIT;
	struct plan_case from = {.namespaces = WITH_USER,
				 .linux_ = MAPPED ",\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ALLOW\"}"};
	static const char good[] =
		"{\"cwd\":\"/"
		"\",\"args\":[\"id\"],\"user\":{\"uid\":5,\"gid\":5},\"execCPUAffinity\":{\"initial\":\"0\"}}";
	static const char bad[] = "{\"cwd\":\"/\",\"args\":[\"id\"],\"user\":{\"uid\":70000,\"gid\":5}}";
	struct plan_host host = plan_case_host(FEW_CAPS);
	const struct config_process *process;
	const struct config *config;
	struct plan_process plan;
	struct strv warnings = {0};
	struct err err = ERR_INIT;

	plan_case_document(&from, &document);
	CHECK_INT(config_parse(&arena, document.data, document.len, "c", &config, NULL, &err), 0);
	CHECK_INT(config_parse_process(&arena, good, strlen(good), "p", &process, &err), 0);
	CHECK_INT(plan_exec(&arena, config, NULL, process, &host, &plan, &warnings, &err), 0);
	CHECK_STR(plan.args.items[0], "id");
	CHECK_INT(plan.uid, 5);
	CHECK(plan.seccomp);
	CHECK_STR(plan.exec_cpus_initial, "0");
	CHECK_INT(config_parse_process(&arena, bad, strlen(bad), "p", &process, &err), 0);
	CHECK_INT(plan_exec(&arena, config, NULL, process, &host, &plan, NULL, &err), -EINVAL);
	CHECK_HAS(err.msg, "70000 is not in linux.uidMappings");
}

static void test_vm_section_is_a_warning(void)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	struct plan plan;

	if (make(&arena, (struct plan_case){.more = "\"vm\":{\"kernel\":{\"path\":\"/k\"}}"}, &plan))
		CHECK(warned(&plan, "vm: ignored"));
}

/* The printed plan is one JSON document, whatever is in the plan. */
static void test_print(void)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	CLEANUP_TEXT struct text out = TEXT_INIT;
	const struct json *root;
	struct plan plan;
	struct err err = ERR_INIT;
	const char *words = "";

	if (!make(&arena,
		  (struct plan_case){
			  .namespaces = WITH_USER KIND("time"),
			  .linux_ = MAPPED
			  ",\"timeOffsets\":{\"boottime\":{\"secs\":1}},\"resources\":{\"memory\":{\"limit\":5},"
			  "\"devices\":[{\"allow\":false}],\"unified\":{\"a\":\"b\"},\"rdma\":{\"m\":{}},"
			  "\"network\":{\"priorities\":[{\"name\":\"lo\",\"priority\":1}]},"
			  "\"hugepageLimits\":[{\"pageSize\":\"2MB\",\"limit\":1}],"
			  "\"blockIO\":{\"weightDevice\":[{\"major\":8,\"minor\":0}],\"throttleReadBpsDevice\":[{"
			  "\"major\":8,\"minor\":0,\"rate\":1}]}},"
			  "\"devices\":[{\"type\":\"p\",\"path\":\"/dev/f\"}]",
			  .mounts = "{\"destination\":\"/a\",\"source\":\"/b\",\"options\":[\"rbind\",\"ro\"]," MAPPED
				    "}",
			  .process = PROCESS(
				  "\"env\":[\"A=\\\"\\n\"],\"capabilities\":{\"bounding\":[\"CAP_KILL\",\"CAP_MOON\"]},"
				  "\"rlimits\":[{\"type\":\"RLIMIT_CPU\",\"soft\":1,\"hard\":2}]"),
			  .more = "\"hooks\":{\"poststop\":[{\"path\":\"/h\"}]}",
			  .extension = NET("\"mode\":\"bridge\",\"ports\":[{\"hostIP\":\"127.0.0.1\",\"hostPort\":1,"
					   "\"containerPort\":2,\"protocol\":\"tcp\"}]")},
		  &plan))
		return;
	CHECK_INT(plan_print(&plan, &out, &err), 0);
	CHECK_INT(json_parse(&arena, out.data, out.len, "plan", &root, &err), 0);
	if (err.code) {
		printf("# %s\n", err.msg);
		return;
	}
	CHECK_INT(json_string(json_first(json_get(json_get(root, "network"), "ports")), &words, &err), 0);
	CHECK_STR(words, "127.0.0.1:1->2/tcp");
	CHECK_INT(json_string(json_get(json_first(json_get(json_get(root, "process"), "rlimits")), "type"), &words,
			      &err),
		  0);
	CHECK_STR(words, "RLIMIT_CPU");
	CHECK_HAS(text_get(&out), "'CAP_MOON'");
	CHECK_HAS(text_get(&out), "deny a *:* rwm");
}

/* Every allocation may be the one that fails: the plan is then refused, never half made. */
static void test_without_memory(void)
{
	int refused = 0;

	for (size_t bytes = 1024; bytes < 60000; bytes += 512) {
		CLEANUP_ARENA struct arena arena = {.max_bytes = bytes}, parsing = ARENA_INIT;
		CLEANUP_TEXT struct text document = TEXT_INIT;
		struct plan_case from = {.namespaces = WITH_USER,
					 .linux_ = MAPPED ",\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ALLOW\"},"
							  "\"resources\":{\"devices\":[{\"allow\":false}]}",
					 .mounts = "{\"destination\":\"/a\",\"source\":\"/b\",\"options\":[\"rbind\"]}",
					 .more = "\"hooks\":{\"poststop\":[{\"path\":\"/h\"}]}"};
		struct plan_host host = plan_case_host(0);
		const struct config *config;
		struct plan plan;
		struct err err = ERR_INIT;
		int r;

		plan_case_document(&from, &document);
		CHECK_INT(config_parse(&parsing, document.data, document.len, "c", &config, NULL, &err), 0);
		r = plan_make(&arena, config, NULL, &host, &plan, &err);
		CHECK(r == 0 || (r == -ENOMEM && err.code == ENOMEM));
		refused += r < 0;
	}
	CHECK(refused > 0);
}

int main(void)
{
	return TAP_RUN(TAP_CASE(test_least), TAP_CASE(test_versions), TAP_CASE(test_newer_minor_version),
		       TAP_CASE(test_namespaces_and_ids), TAP_CASE(test_joined_user_namespace_with_mappings),
		       TAP_CASE(test_time_namespace), TAP_CASE(test_rootless), TAP_CASE(test_limits),
		       TAP_CASE(test_device_rules), TAP_CASE(test_systemd_path), TAP_CASE(test_mounts),
		       TAP_CASE(test_devices), TAP_CASE(test_process), TAP_CASE(test_capabilities),
		       TAP_CASE(test_capability_that_the_kernel_lacks), TAP_CASE(test_seccomp), TAP_CASE(test_hooks),
		       TAP_CASE(test_hull_run), TAP_CASE(test_container_of_another), TAP_CASE(test_stop_timeouts),
		       TAP_CASE(test_cgroup_view), TAP_CASE(test_exec), TAP_CASE(test_vm_section_is_a_warning),
		       TAP_CASE(test_print), TAP_CASE(test_without_memory));
}

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

#define WITH_USER_AND_JOINED OWN(KIND("user") KIND("uts")) ",{'type':'network','path':'/n'},{'type':'ipc','path':''}"

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
	CHECK(!plan_root_is_apart(&plan) && !plan.host_mounts);
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
		  (struct plan_case){.namespaces = WITH_USER_AND_JOINED,
				     .linux_ = MAPPED ",'sysctl':{'net.ipv4.ip_forward':'1','kernel.hostname':'h'}",
				     .mounts = "{'destination':'/proc/','source':'/proc','options':['rbind']}",
				     .more = "'hostname':'h','domainname':''"},
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
		  (struct plan_case){.namespaces = ALL_KINDS ",{'type':'user','path':'/u'}",
				     .linux_ = MAPPED,
				     .mounts = "{'destination':'/a','source':'/b','options':['rbind']," MAPPED "}"},
		  &plan))
		return;
	CHECK_INT(plan.namespaces.kind[NS_USER].how, NS_JOIN);
	CHECK_INT(plan.idmap.uid_count, 1);
	/* Mappings without the option mean it. */
	CHECK(plan.root.mounts[0].idmap && plan.root.mounts[0].options.idmap == MOUNT_IDMAP_ONE);
	CHECK(!plan.root.mounts[0].idmap_container);
}

/* Without a mount namespace of its own: by a path, in a user namespace, and where nothing could be done with it. */
static void test_root_apart(void)
{
	static const struct {
		struct plan_case from;
		enum ns_how how;
		bool host_mounts;
	} rows[] = {
		{{.namespaces = JOIN_MOUNTS}, NS_JOIN, false},
		{{.namespaces = JOIN_MOUNTS, .process = PROCESS("'apparmorProfile':'unconfined'")}, NS_JOIN, false},
		{{.namespaces = JOIN_MOUNTS, .process = PROCESS("'capabilities':{'bounding':['CAP_SYS_ADMIN']}")},
		 NS_JOIN,
		 false},
		{{.namespaces = JOIN_MOUNTS KIND("pid"), .host = OWN_MOUNTS}, NS_HOST, true},
		{{.namespaces = JOIN_MOUNTS KIND("user"), .linux_ = MAPPED, .host = OWN_MOUNTS}, NS_HOST, false},
		{{.namespaces = JOIN_MOUNTS ",{'type':'user','path':'/u'}"}, NS_JOIN, false},
		{{.namespaces = "{'type':'pid'}"}, NS_HOST, true},
		{{.namespaces = "{'type':'pid'}", .process = PROCESS("'capabilities':{'bounding':['CAP_SYS_CHROOT']}")},
		 NS_HOST,
		 true},
		{{.namespaces = "{'type':'pid','path':'/p'}"}, NS_HOST, true},
		{{.namespaces = "{'type':'user'}",
		  .linux_ = MAPPED,
		  .process = PROCESS("'capabilities':{'bounding':['CAP_SYS_ADMIN']}")},
		 NS_HOST,
		 false},
		{{.namespaces = "{'type':'pid'}",
		  .linux_ = "'rootfsPropagation':'rprivate'",
		  .mounts = "{'destination':'/b','source':'/b','options':['rbind','rprivate']}"},
		 NS_HOST,
		 true},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP_ARENA struct arena arena = ARENA_INIT;
		struct plan plan;

		if (!make(&arena, rows[i].from, &plan))
			continue;
		CHECK(plan_root_is_apart(&plan));
		CHECK_INT(plan.namespaces.kind[NS_MOUNT].how, rows[i].how);
		CHECK_INT(plan.host_mounts, rows[i].host_mounts);
		CHECK_INT(ns_fresh_flags(&plan.namespaces) & CLONE_NEWNS, 0);
	}
}

static void test_time_namespace(void)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	struct plan plan;

	if (!make(&arena,
		  (struct plan_case){.namespaces = OWN(KIND("time")),
				     .linux_ = "'timeOffsets':{'boottime':{'secs':-5,'nanosecs':6}}"},
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
				     .linux_ = "'uidMappings':[{'containerID':0,'hostID':1000,'size':1}],"
					       "'gidMappings':[{'containerID':0,'hostID':1000,'size':1}],"
					       "'resources':{'devices':[{'allow':false}]}"},
		  &plan))
		return;
	CHECK(plan.rootless && !plan.set_groups_allowed && plan.root.bind_devices);
	CHECK_INT(plan.limits.device_count, 0);
	CHECK_STR(plan.cgroup.path, "hull/abc");
}

static void test_mounts(void)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	const struct mount_request *mounts;
	struct plan plan;

	if (!make(&arena,
		  (struct plan_case){.root = "'path':'/abs','readonly':true",
				     .linux_ = "'rootfsPropagation':'rslave',"
					       "'maskedPaths':['/proc/kcore'],'readonlyPaths':['/proc/sys']",
				     .mounts = "{'destination':'/"
					       "proc','type':'proc','source':'proc','options':['nosuid','ro']},"
					       "{'destination':'data','type':'bind','source':'vol'},"
					       "{'destination':'/t','type':'tmpfs','options':['size=1m','mode=1777']}"},
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
		  (struct plan_case){
			  .linux_ = "'devices':["
				    "{'type':'c','path':'/dev/null','major':1,'minor':3,'fileMode':438},"
				    "{'type':'u','path':'/dev/fuse','major':10,'minor':229,'fileMode':8630,'gid':5},"
				    "{'type':'p','path':'/dev/fifo'}]"},
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

static void test_hull_run(void)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	const struct mount_request *mounts;
	struct plan plan;

	if (!make(&arena,
		  (struct plan_case){
			  .namespaces = WITH_USER,
			  .linux_ = MAPPED,
			  .mounts = "{'destination':'/proc','type':'proc'}",
			  .process = PROCESS("'noNewPrivileges':true,'capabilities':{'bounding':['CAP_CHOWN']}"),
			  .extension = "'network':{'mode':'bridge',"
				       "'ports':[{'hostPort':8080,'containerPort':80,'protocol':'udp'}],"
				       "'files':{'hosts':'/d/hosts','resolvConf':'/d/resolv.conf'}},"
				       "'root':{'lowers':['/l2','/l1'],'upper':'/u','work':'/w'},"
				       "'idRange':{'base':1879048192,'size':65536},"
				       "'user':'app','defaultSeccomp':true,'init':true,'volumes':["
				       "{'kind':'host','source':'/s','destination':'/data/cache','readOnly':true},"
				       "{'kind':'named','name':'v','source':'/v/data','destination':'/data',"
				       "'idmap':true,'chown':true},"
				       "{'kind':'tmpfs','destination':'/tmp','options':['size=1m']}],"
				       "'restart':{'policy':'on-failure','maxRetries':3},"
				       "'stopSignal':'QUIT','log':{'path':'/d/log'}"},
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
				     .extension = "'network':{'mode':'container','container':'x'},'joins':["
						  "{'type':'network','container':'x'},"
						  "{'type':'user','container':'x'}]"},
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
		const char *extension = arena_printf(&arena, NET("'mode':'none'") ",'stopTimeout':%s", rows[i].words);
		struct plan plan;

		if (make(&arena, (struct plan_case){.extension = extension}, &plan))
			CHECK_INT(plan.keeper.stop_timeout_ms, rows[i].ms);
	}
}

static void test_vm_section_is_a_warning(void)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	struct plan plan;

	if (make(&arena, (struct plan_case){.more = "'vm':{'kernel':{'path':'/k'}}"}, &plan))
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
		  (struct plan_case){.namespaces = WITH_USER KIND("time"),
				     .linux_ = MAPPED ",'timeOffsets':{'boottime':{'secs':1}},'resources':{"
						      "'memory':{'limit':5},'devices':[{'allow':false}],"
						      "'unified':{'a':'b'},'rdma':{'m':{}},"
						      "'network':{'priorities':[{'name':'lo','priority':1}]},"
						      "'hugepageLimits':[{'pageSize':'2MB','limit':1}],"
						      "'blockIO':{'weightDevice':[{'major':8,'minor':0}],"
						      "'throttleReadBpsDevice':[{'major':8,'minor':0,'rate':1}]}},"
						      "'devices':[{'type':'p','path':'/dev/f'}]",
				     .mounts = "{'destination':'/a','source':'/b','options':['rbind','ro']," MAPPED "}",
				     .process = PROCESS(
					     "'env':['A=\\\"\\n'],'capabilities':{'bounding':['CAP_KILL',"
					     "'CAP_MOON']},'rlimits':[{'type':'RLIMIT_CPU','soft':1,'hard':2}]"),
				     .more = "'hooks':{'poststop':[{'path':'/h'}]}",
				     .extension = NET("'mode':'bridge','ports':[{'hostIP':'127.0.0.1','hostPort':1,"
						      "'containerPort':2,'protocol':'tcp'}]")},
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
					 .linux_ = MAPPED ",'seccomp':{'defaultAction':'SCMP_ACT_ALLOW'},"
							  "'resources':{'devices':[{'allow':false}]}",
					 .mounts = "{'destination':'/a','source':'/b','options':['rbind']}",
					 .more = "'hooks':{'poststop':[{'path':'/h'}]}"};
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
		       TAP_CASE(test_root_apart), TAP_CASE(test_time_namespace), TAP_CASE(test_rootless),
		       TAP_CASE(test_mounts), TAP_CASE(test_devices), TAP_CASE(test_hull_run),
		       TAP_CASE(test_container_of_another), TAP_CASE(test_stop_timeouts),
		       TAP_CASE(test_vm_section_is_a_warning), TAP_CASE(test_print), TAP_CASE(test_without_memory));
}

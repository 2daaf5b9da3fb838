// SPDX-License-Identifier: GPL-2.0-or-later
/* Machines: what the jail is, what the guest is told, and what is refused. */
#include <linux/mount.h>

#include "runtime/vm/fs_server.h"
#include "tests/unit/spec/plan_case.h"

#define BRIDGE		NET("'mode':'bridge'")
#define IMAGE(words)	"'vm':{'kernel':{'path':'/k'},'image':{" words "}}"
#define HARDWARE(words) "'vm':{'kernel':{'path':'/k'},'hwConfig':{" words "}}"

static const struct mount_request *find_mount(const struct plan *plan, const char *destination)
{
	for (size_t i = 0; i < plan->root.mount_count; i++)
		if (strcmp(plan->root.mounts[i].destination, destination) == 0)
			return &plan->root.mounts[i];
	return NULL;
}

static const struct config_mount *find_guest_mount(const struct plan *plan, const char *destination)
{
	const struct config *config = plan->vm->start->config;

	for (size_t i = 0; i < config->mounts.count; i++)
		if (strcmp(config->mounts.items[i].destination, destination) == 0)
			return &config->mounts.items[i];
	return NULL;
}

static void test_jail_holds_nothing(void)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	struct plan_case from =
		machine_case(MAPPED ",'maskedPaths':['/proc/kcore'],'sysctl':{'net.ipv4.ip_forward':'1'}",
			     VM(BRIDGE ",'defaultSeccomp':true,'init':true,'user':'app'"));
	struct plan plan;

	from.process = PROCESS("'terminal':false,'env':['A=b']");
	from.mounts = "{'destination':'/proc','type':'proc','source':'proc'}";
	(void)strv_add(&arena, &plan_case_machine.layers, "/d/top");
	if (!make(&arena, from, &plan))
		return;
	plan_case_machine.layers = (struct strv){0};
	CHECK_STR(plan.backend, "qemu");
	CHECK(plan.root.empty && plan.root.readonly && !plan.root.path && plan.root.lower_count == 0);
	CHECK(!plan.root.default_devices && plan.root.device_count == 0 && plan.root.masked_count == 0);
	CHECK_INT(plan.root.owner.uid, 1879048192);
	for (int kind = 0; kind < NS_COUNT; kind++)
		CHECK(kind == NS_TIME || plan.namespaces.kind[kind].how == NS_FRESH);
	CHECK_INT(plan.process.args.count, 1);
	CHECK_STR(plan.process.args.items[0], "hull-vmm");
	CHECK_INT(plan.process.env.count, 0);
	CHECK(plan.process.no_new_privs && !plan.process.init && !plan.process.user_words);
	CHECK(plan.process.caps.bounding == 0 && plan.process.caps.permitted == 0 && plan.process.caps.effective == 0);
	CHECK_INT(plan.sysctls.count, 0);
	CHECK(plan.net.kind == PLAN_NET_TAP && plan.vm->has_nic);
	/* QEMU opens two files by name, and there is nothing else. */
	CHECK_INT(plan.root.mount_count, 2);
	CHECK(find_mount(&plan, "/kernel") && find_mount(&plan, "/initrd"));
	CHECK(!find_mount(&plan, "/proc"));
}

static void test_guest_is_told_the_rest(void)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	struct plan_case from =
		machine_case(MAPPED ",'sysctl':{'net.ipv4.ip_forward':'1','kernel.core_pattern':'/core'},"
				    "'cgroupsPath':'/hull/x',"
				    "'resources':{'memory':{'limit':134217728},'pids':{'limit':50},"
				    "'hugepageLimits':[{'pageSize':'2MB','limit':0}],'unified':{'memory.high':'9'}}",
			     VM(NO_NET ",'defaultSeccomp':true,'init':true,'user':'app','groups':['g']"));
	const struct guest_start *start;
	struct plan plan;

	from.process = PROCESS("'env':['A=b']");
	from.mounts = "{'destination':'/proc','type':'proc','source':'proc'}";
	if (!make(&arena, from, &plan))
		return;
	start = plan.vm->start;
	CHECK_STR(start->config->process->env.items[0], "A=b");
	CHECK(start->default_seccomp && start->init && !start->interactive);
	CHECK_STR(start->user.user_words, "app");
	CHECK_STR(start->user.group_words.items[0], "g");
	CHECK(find_guest_mount(&plan, "/proc"));
	for (size_t i = 0; i < start->config->linux_->namespaces.count; i++) {
		const char *type = start->config->linux_->namespaces.items[i].type;

		CHECK(strcmp(type, "user") != 0 && strcmp(type, "network") != 0);
	}
	CHECK_INT(start->config->linux_->uid_mappings.count, 0);
	CHECK(!start->config->linux_->cgroups_path && !start->config->root);
	CHECK_STR(strmap_get(&start->config->linux_->sysctl, "kernel.core_pattern"), "/core");
	/* The machine's size is the limit; what is counted inside is limited inside. */
	CHECK(!start->config->linux_->resources->memory.limit.set);
	CHECK_INT(start->config->linux_->resources->pids.limit.value, 50);
	CHECK_STR(start->config->linux_->resources->hugepage_limits.items[0].page_size, "2MB");
	CHECK_STR(start->config->linux_->resources->unified.items[0].value, "9");
	CHECK(plan.limits.hugepage_count == 0 && plan.limits.unified_count == 0);
	CHECK_INT(plan.vm->memory_bytes, 134217728);
	CHECK_INT(plan.limits.memory_limit.value, 134217728 + PLAN_VM_OVERHEAD_QEMU + FS_SERVER_MEMORY_BYTES);
	CHECK(plan.net.kind == PLAN_NET_UNTOUCHED && !plan.vm->has_nic);
}

static void test_disks_and_volumes(void)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	struct plan_case from =
		machine_case(MAPPED, VM(NO_NET ",'root':{'lowers':['/l/1'],'upper':'/u','work':'/w'},'volumes':["
					       "{'kind':'host','source':'/h','destination':'/a/b','readOnly':true},"
					       "{'kind':'named','name':'n','source':'/n','destination':'/a',"
					       "'idmap':true,'chown':true},"
					       "{'kind':'tmpfs','destination':'/t','options':['size=1m']}]"));
	const struct config_mount *mount;
	struct plan plan;

	(void)strv_add(&arena, &plan_case_machine.layers, "/d/top");
	(void)strv_add(&arena, &plan_case_machine.layers, "/d/bottom");
	plan_case_machine.upper = "/i/upper.img";
	if (make(&arena, from, &plan)) {
		CHECK_INT(plan.vm->disks.count, 3);
		CHECK_STR(plan.vm->disks.items[0].path, "/d/top");
		CHECK_STR(plan.vm->disks.items[0].serial, "layer0");
		CHECK(plan.vm->disks.items[1].read_only && !plan.vm->disks.items[2].read_only);
		CHECK_STR(plan.vm->start->root.layers.items[1], "layer1");
		CHECK_STR(plan.vm->start->root.upper, "upper");
		CHECK(!plan.vm->start->root.shared);
		/* The shorter destination first: it must not hide the other. */
		CHECK_INT(plan.vm->volumes.count, 2);
		/* Their server has to keep in mind what the guest does. */
		CHECK_INT(plan.limits.memory_limit.value,
			  (int64_t)(plan.vm->memory_bytes + PLAN_VM_OVERHEAD_QEMU + FS_SERVER_MEMORY_BYTES));
		CHECK_STR(find_mount(&plan, "/volumes/0")->source, "/n");
		CHECK(find_mount(&plan, "/volumes/0")->idmap_container);
		CHECK(!find_mount(&plan, "/volumes/0")->options.copy_up);
		CHECK(plan.vm->start->volumes.items[0].fill && !plan.vm->start->volumes.items[1].fill);
		/* First they are the jail's root's, then whose the guest says. */
		CHECK(plan.chowns.count == 1 && strcmp(plan.chowns.items[0].source, "/n") == 0 &&
		      plan.process.uid == 0 && !plan.process.user_words);
		CHECK_INT(plan.vm->start->own.count, 1);
		CHECK_STR(plan.vm->start->own.items[0], GUEST_VOLUMES "/0");
		mount = find_guest_mount(&plan, "/a/b");
		CHECK_STR(mount->source, GUEST_VOLUMES "/1");
		CHECK(strv_has(&mount->options, "ro") && plan.vm->volumes.items[1].read_only);
		mount = find_guest_mount(&plan, "/t");
		CHECK(mount && strcmp(mount->type, "tmpfs") == 0 && strv_has(&mount->options, "size=1m"));
		/* Who serves files needs some capabilities, and a /proc to find them by. */
		CHECK(plan.process.caps.effective != 0 && find_mount(&plan, "/proc"));
	}
	plan_case_machine.layers = (struct strv){0};
	plan_case_machine.upper = NULL;
}

static bool is_folder(const char *path)
{
	return strcmp(path, "/etc/one") != 0;
}

static void test_bundle_shares_its_root(void)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	struct plan_case from = {.host = MACHINE};
	struct plan plan;

	from.mounts = "{'destination':'/one','source':'/etc/one','type':'bind',"
		      "'options':['rbind','rslave','ro']}";
	from.more = "'vm':{'hypervisor':{'path':'/opt/qemu','parameters':['-name','x']},"
		    "'kernel':{'path':'/opt/k','initrd':'/opt/i','parameters':['a=b']},"
		    "'hwConfig':{'vcpus':3,'memory':268435456}}";
	plan_case_machine.is_folder = is_folder;
	if (make(&arena, from, &plan)) {
		CHECK_STR(plan.vm->start->root.shared, "root");
		CHECK_STR(find_mount(&plan, PLAN_VM_SHARED)->source, "/bundle/rootfs");
		CHECK_STR(find_mount(&plan, "/volumes/1/0")->source, "/etc/one");
		CHECK_STR(find_guest_mount(&plan, "/one")->source, GUEST_VOLUMES "/1/0");
		CHECK(!strv_has(&find_guest_mount(&plan, "/one")->options, "rslave"));
		CHECK_STR(plan.vm->qemu.items[0], "/opt/qemu");
		CHECK_STR(plan.vm->qemu.items[2], "x");
		CHECK_STR(plan.vm->kernel, "/opt/k");
		CHECK_HAS(plan.vm->cmdline, " a=b");
		CHECK_INT(plan.vm->cpus, 3);
		CHECK_INT(plan.vm->memory_bytes, 268435456);
		CHECK(plan.vm->start->interactive);
	}
	plan_case_machine.is_folder = NULL;
}

/* As engines give it: a network that they have made, small files, shared memory; and of a pod what its sandbox has. */
static void test_engines_bundle(void)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	struct plan_case from = {.host = MACHINE};
	struct plan plan;

	from.namespaces = OWN(KIND("pid")) ",{'type':'network','path':'/run/netns/n'},"
					   "{'type':'ipc','path':'/proc/7/ns/ipc'},"
					   "{'type':'uts','path':'/proc/7/ns/uts'}";
	from.mounts = "{'destination':'/dev/shm','source':'/run/shm','type':'bind','options':['rbind']},"
		      "{'destination':'/a','source':'/etc/one','type':'bind','options':['bind','ro']},"
		      "{'destination':'/v','source':'/srv','type':'bind','options':['bind','ro']},"
		      "{'destination':'/b','source':'/etc/one','type':'bind','options':['bind']}";
	from.more = "'annotations':{'io.kubernetes.cri.container-type':'container'}";
	plan_case_machine.is_folder = is_folder;
	if (make(&arena, from, &plan)) {
		CHECK_INT(plan.net.kind, PLAN_NET_STAND_IN);
		CHECK_STR(plan.net.stand_in, "/run/netns/n");
		CHECK_INT(plan.namespaces.kind[NS_NET].how, NS_JOIN);
		CHECK(plan.namespaces.kind[NS_IPC].how == NS_FRESH && plan.namespaces.kind[NS_UTS].how == NS_FRESH);
		for (size_t i = 0; i < plan.vm->start->config->linux_->namespaces.count; i++)
			CHECK(!plan.vm->start->config->linux_->namespaces.items[i].path);
		CHECK_STR(find_guest_mount(&plan, "/dev/shm")->type, "tmpfs");
		CHECK(strv_has(&find_guest_mount(&plan, "/dev/shm")->options, "size=67108864"));
		/* The root, the files together, a folder. */
		CHECK_INT(plan.vm->volumes.count, 3);
		CHECK_STR(find_guest_mount(&plan, "/a")->source, GUEST_VOLUMES "/1/0");
		CHECK_STR(find_guest_mount(&plan, "/b")->source, GUEST_VOLUMES "/1/1");
		CHECK_STR(find_guest_mount(&plan, "/v")->source, GUEST_VOLUMES "/2");
		CHECK(!plan.vm->volumes.items[1].read_only && plan.vm->volumes.items[2].read_only);
		CHECK(find_mount(&plan, "/volumes/1/0")->options.one.set & MOUNT_ATTR_RDONLY);
		CHECK(!(find_mount(&plan, "/volumes/1/1")->options.one.set & MOUNT_ATTR_RDONLY));
	}
	plan_case_machine.is_folder = NULL;
}

/*
 * An engine's --privileged: any device of the guest's, and those of the host that are listed are nowhere. With rules
 * for some of them, each is refused.
 */
static void test_engines_privileged(void)
{
#define DEVICES	    "'devices':[{'type':'b','path':'/dev/sda','major':8,'minor':0}]"
#define RULES(rule) ",'resources':{'devices':[{'allow':false,'access':'rwm'},{'allow':true," rule "'access':'rwm'}]}"
	static const char namespaces[] = OWN(KIND("pid") KIND("ipc") KIND("uts") KIND("network"));
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	struct plan_case from = {.host = MACHINE, .namespaces = namespaces, .linux_ = DEVICES RULES("")};
	struct err err = ERR_INIT;
	struct plan plan;

	if (make(&arena, from, &plan)) {
		const struct config_linux *os = plan.vm->start->config->linux_;

		CHECK_INT(os->devices.count, 0);
		CHECK(guest_allows_any_device(os->resources));
		CHECK_INT(plan.root.device_count, 0);
		CHECK(!find_guest_mount(&plan, "/dev/sda") && !find_mount(&plan, "/dev/sda"));
	}
	from.linux_ = DEVICES RULES("'type':'b','major':8,'minor':0,");
	CHECK_INT(plan_case_make(&arena, &from, &plan, &err), -ENOTSUP);
	CHECK_HAS(err.msg, "device '/dev/sda': not possible");
	err = ERR_INIT;
	from.linux_ = DEVICES;
	CHECK_INT(plan_case_make(&arena, &from, &plan, &err), -ENOTSUP);
	CHECK_HAS(err.msg, "device '/dev/sda': not possible");
}

static void test_refusals(void)
{
	static const struct plan_case cases[] = {
		{.host = MACHINE,
		 .more = "'vm':{'kernel':{'path':'/opt/k','initrd':'/opt/i',"
			 "'parameters':['quiet','hull.agent=vsock']}}",
		 .words = "'hull.agent=vsock' is for backend 'kvm'"},
		{.linux_ = MAPPED,
		 .namespaces = WITH_USER,
		 .extension = VM(NET("'mode':'host'")),
		 .words = "isolation vm: network 'host': not possible"},
		{.linux_ = MAPPED,
		 .namespaces = OWN(KIND("network") KIND("ipc") KIND("uts") KIND("user")),
		 .extension = VM(BRIDGE),
		 .words = "isolation vm: the host's pid namespace: not possible"},
		{.extension = "'isolation':'vm'," NO_NET, .words = "isolation vm: the host's user ids: not possible"},
		{.linux_ = MAPPED ",'devices':[{'type':'c','path':'/dev/x','major':1,'minor':2}]",
		 .namespaces = WITH_USER,
		 .extension = VM(NO_NET),
		 .words = "device '/dev/x': not possible"},
		{.linux_ = MAPPED,
		 .namespaces = WITH_USER,
		 .extension = VM(NO_NET),
		 .mounts = "{'destination':'/dev/x','source':'/dev/x','type':'bind'}",
		 .words = "'/dev/x': a machine has no devices of the host's"},
		{.linux_ = MAPPED ",'sysctl':{'net/../kernel/core_pattern':'1'}",
		 .namespaces = WITH_USER,
		 .extension = VM(NO_NET),
		 .words = "linux.sysctl: sysctl 'net/../kernel/core_pattern': this is no name"},
		{.linux_ = MAPPED ",'sysctl':{'kernel.core_pattern':''}",
		 .namespaces = WITH_USER,
		 .extension = VM(NO_NET),
		 .words = "linux.sysctl: sysctl 'kernel.core_pattern': the value is empty"},
		{.linux_ = MAPPED ",'resources':{'memory':{'limit':1000}}",
		 .namespaces = WITH_USER,
		 .extension = VM(NO_NET),
		 .words = "linux.resources.memory.limit: 1000 bytes of memory are too little"},
		{.linux_ = MAPPED ",'resources':{'hugepageLimits':[{'pageSize':'2 MB','limit':0}]}",
		 .namespaces = WITH_USER,
		 .extension = VM(NO_NET),
		 .words = "'2 MB' is no page size"},
		{.linux_ = MAPPED ",'resources':{'cpu':{'quota':100000000,'period':1000}}",
		 .namespaces = WITH_USER,
		 .extension = VM(NO_NET),
		 .words = "a machine has 1 to 64 CPUs"},
		{.namespaces = OWN(KIND("pid") KIND("network") KIND("uts")) ",{'type':'ipc','path':'/run/ipc/x'}",
		 .words = "the ipc namespace '/run/ipc/x': not possible"},
		{.namespaces = OWN(KIND("pid") KIND("ipc") KIND("uts")),
		 .words = "isolation vm: the host's network namespace: not possible"},
		{.namespaces = OWN(KIND("network") KIND("ipc") KIND("uts")) ",{'type':'pid','path':'/proc/7/ns/pid'}",
		 .more = "'annotations':{'io.kubernetes.cri.container-type':'container'}",
		 .words = "the pid namespace '/proc/7/ns/pid': not possible"},
		{.linux_ = MAPPED,
		 .namespaces = WITH_USER,
		 .process = PROCESS("'terminal':false,'apparmorProfile':'p'"),
		 .extension = VM(NO_NET),
		 .words = "'p': not possible, since profiles and labels are of the host's kernel"},
		{.more = IMAGE("'path':'i','format':'raw'"), .words = "vm.image.path: 'i' is no absolute path"},
		{.more = IMAGE("'path':'','format':'raw'"), .words = "vm.image.path: the path is empty"},
		{.more = IMAGE("'path':'/i','format':'vhdx'"), .words = "vm.image.format: 'vhdx' is not known"},
		{.linux_ = MAPPED,
		 .namespaces = WITH_USER,
		 .extension = VM(NO_NET ",'vm':{'image':{'path':'i','format':'raw'}}"),
		 .words = "vm.image.path: 'i' is no absolute path"},
		{.more = HARDWARE("'deviceTree':'/d'"), .words = "vm.hwConfig: device trees and devices"},
		{.more = HARDWARE("'dtdevs':['/d']"), .words = "vm.hwConfig: device trees and devices"},
		{.more = HARDWARE("'iomems':[{'firstMFN':1,'nrMFNs':1}]"),
		 .words = "vm.hwConfig: device trees and devices"},
		{.more = HARDWARE("'irqs':[11]"), .words = "vm.hwConfig: device trees and devices"},
		{.more = HARDWARE("'memory':1048576"),
		 .words = "vm.hwConfig.memory: 1048576 bytes of memory are too little"},
		{.more = HARDWARE("'vcpus':65"), .words = "vm.hwConfig.vcpus: a machine has 1 to 64 CPUs"},
		{.more = "'vm':{'hypervisor':{'path':'q'},'kernel':{'path':'/k'}}",
		 .words = "vm.hypervisor.path: 'q' is no absolute path"},
		{.more = "'vm':{'kernel':{'path':'/k','initrd':'i'}}",
		 .words = "vm.kernel.initrd: 'i' is no absolute path"},
		{.more = "'vm':{'kernel':{'path':'k'}}", .words = "vm.kernel.path: 'k' is no absolute path"},
		{.linux_ = MAPPED,
		 .namespaces = WITH_USER,
		 .extension = VM(NO_NET ",'volumes':[{'kind':'host','source':'/h','destination':'/a',"
					"'chown':true,'readOnly':true}]"),
		 .words = "volume '/a': 'U' and 'ro' together: not possible for machines"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP_ARENA struct arena arena = ARENA_INIT;
		struct plan_case from = cases[i];
		struct err err = ERR_INIT;
		struct plan plan;

		from.host |= MACHINE;
		CHECK(plan_case_make(&arena, &from, &plan, &err) < 0);
		CHECK_HAS(err.msg, cases[i].words);
	}
}

/*
 * The machine's own root: a disk that is read, which the guest is told of. A bundle says so itself, and what `hull run`
 * made beside that.
 */
static void test_image(void)
{
	static const struct {
		enum vm_backend backend;
		const char *more, *extension; /* one of them */
		size_t disk;		      /* which one it is, behind the layers */
		enum disk_format format;
		const char *words; /* NULL: it is so */
	} cases[] = {
		{VM_BACKEND_QEMU, IMAGE("'path':'/i','format':'raw'"), NULL, 0, DISK_FORMAT_RAW, NULL},
		{VM_BACKEND_QEMU, IMAGE("'path':'/i','format':'vhd'"), NULL, 0, DISK_FORMAT_VHD, NULL},
		{VM_BACKEND_KVM, IMAGE("'path':'/i','format':'raw'"), NULL, 0, DISK_FORMAT_RAW, NULL},
		{VM_BACKEND_KVM, IMAGE("'path':'/i','format':'qcow2'"), NULL, 0, DISK_FORMAT_QCOW2,
		 "vm.image.format: 'qcow2' is for backend 'qemu': 'kvm' reads raw images"},
		{VM_BACKEND_QEMU, NULL, "'path':'/i','format':'vmdk'", 2, DISK_FORMAT_VMDK, NULL},
		{VM_BACKEND_KVM, NULL, "'path':'/i','format':'vdi'", 2, DISK_FORMAT_VDI, "for backend 'qemu'"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP_ARENA struct arena arena = ARENA_INIT;
		const char *image = arena_printf(&arena, ",'vm':{'image':{%s}}", cases[i].extension);
		struct plan_case from = {.host = MACHINE, .more = cases[i].more};
		struct err err = ERR_INIT;
		struct plan plan;

		if (cases[i].extension) {
			from = machine_case(MAPPED, arena_printf(&arena, VM(NO_NET "%s"), image));
			(void)strv_add(&arena, &plan_case_machine.layers, "/d/top");
			plan_case_machine.upper = "/i/upper.img";
		}
		plan_case_machine.backend = cases[i].backend;
		CHECK_INT(plan_case_make(&arena, &from, &plan, &err), cases[i].words ? -ENOTSUP : 0);
		CHECK_HAS(err.msg, cases[i].words ? cases[i].words : "");
		plan_case_machine.layers = (struct strv){0};
		plan_case_machine.upper = NULL;
		if (cases[i].words)
			continue;
		CHECK_INT(plan.vm->disks.count, cases[i].disk + 1);
		CHECK_STR(plan.vm->disks.items[cases[i].disk].path, "/i");
		CHECK_STR(plan.vm->disks.items[cases[i].disk].serial, plan.vm->start->image);
		CHECK_INT(plan.vm->disks.items[cases[i].disk].format, cases[i].format);
		CHECK(plan.vm->disks.items[cases[i].disk].read_only);
		CHECK(!plan.vm->start->config->vm && !find_mount(&plan, "/i"));
	}
	plan_case_machine.backend = VM_BACKEND_QEMU;
}

/* It takes a disk's place. */
static void test_image_beside_layers(void)
{
	for (unsigned layers = VM_MAX_DISKS - 1; layers <= VM_MAX_DISKS; layers++) {
		CLEANUP_ARENA struct arena arena = ARENA_INIT;
		struct plan_case from = machine_case(MAPPED, VM(NO_NET ",'vm':{'image':{'path':'/i','format':'raw'}}"));
		struct err err = ERR_INIT;
		struct plan plan;

		for (unsigned l = 0; l < layers; l++)
			(void)strv_add(&arena, &plan_case_machine.layers, "/d/layer");
		CHECK_INT(plan_case_make(&arena, &from, &plan, &err), layers < VM_MAX_DISKS ? 0 : -ENOTSUP);
		CHECK_HAS(err.msg, layers < VM_MAX_DISKS ? "" : "a machine has 12 disks at most");
		plan_case_machine.layers = (struct strv){0};
	}
}

/* Who makes containers only does not make one of what was to be a machine. */
static void test_no_machine_here(void)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	struct plan_case from = machine_case(MAPPED, VM(NO_NET));
	struct err err = ERR_INIT;
	struct plan plan;

	from.host = 0;
	CHECK_INT(plan_case_make(&arena, &from, &plan, &err), -ENOTSUP);
	CHECK_HAS(err.msg, "makes containers only");
	from.host = MACHINE;
	plan_case_machine.kernel = NULL;
	CHECK(plan_case_make(&arena, &from, &plan, &err) < 0);
	CHECK_HAS(err.msg, "hull kernel import");
	plan_case_machine.kernel = "/k/vmlinux";
}

/*
 * QEMU opens /dev/kvm by name: as anybody, by its group, or not at all. Only the jail's user namespace is told of the
 * group.
 */
static void test_kvm_for_qemu(void)
{
	static const struct {
		enum plan_vm_kvm access;
		bool is_mapped, accelerated;
		size_t groups;
	} cases[] = {
		{PLAN_VM_KVM_NONE, true, false, 0},
		{PLAN_VM_KVM_OWNER, true, false, 0},
		{PLAN_VM_KVM_GROUP, true, true, 1},
		{PLAN_VM_KVM_ALL, true, true, 0},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP_ARENA struct arena arena = ARENA_INIT;
		struct plan_case from = machine_case(MAPPED, VM(NO_NET));
		const struct mount_request *mount;
		struct plan plan;

		plan_case_machine.kvm_access = cases[i].access;
		plan_case_machine.kvm_gid = 104;
		if (!make(&arena, from, &plan))
			continue;
		mount = find_mount(&plan, "/dev/kvm");
		CHECK_INT(plan.vm->accelerated, cases[i].accelerated);
		CHECK_INT(!!mount, cases[i].accelerated);
		CHECK_INT(plan.process.groups.count, cases[i].groups);
		CHECK_INT(plan.idmap.gid_count, 1 + cases[i].groups);
		if (cases[i].groups == 1) {
			CHECK_INT(plan.process.groups.items[0], 65536);
			CHECK(plan.idmap.gids[1].inside == 65536 && plan.idmap.gids[1].outside == 104 &&
			      plan.idmap.gids[1].count == 1);
		}
	}
	plan_case_machine.kvm_access = PLAN_VM_KVM_NONE;
}

int main(void)
{
	return TAP_RUN(TAP_CASE(test_jail_holds_nothing), TAP_CASE(test_guest_is_told_the_rest),
		       TAP_CASE(test_disks_and_volumes), TAP_CASE(test_bundle_shares_its_root),
		       TAP_CASE(test_engines_bundle), TAP_CASE(test_engines_privileged), TAP_CASE(test_refusals),
		       TAP_CASE(test_image), TAP_CASE(test_image_beside_layers), TAP_CASE(test_no_machine_here),
		       TAP_CASE(test_kvm_for_qemu));
}

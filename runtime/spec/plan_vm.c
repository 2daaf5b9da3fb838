/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A machine's plan: how large it is, what is refused, and the jail, which is planned as any container is.
 */
#include "runtime/spec/plan_vm.h"

#include <inttypes.h>
#include <string.h>

#include "runtime/spec/plan_vm_parts.h"
#include "runtime/vm/fs_server.h"

#define MEMORY_STEP ((uint64_t)2 << 20)
#define PERIOD_US   100000
#define MIB	    ((uint64_t)1 << 20)

static int no_memory(const struct dividing *d, struct err *err)
{
	int r = arena_check(d->arena, err);

	return r < 0 ? r : err_set(err, ENOMEM, "cannot make the plan");
}

/* --- What makes no sense ------------------------------------------------------------------------------------------ */

static int refuse(const char *what, struct err *err)
{
	return err_say(err, ENOTSUP, "isolation vm: %s: not possible, since a machine has a kernel of its own", what);
}

enum plan_vm_pod plan_vm_pod_of(const struct config *config)
{
	/* containerd's, and what CRI-O and podman say. */
	static const char *const words[] = {"io.kubernetes.cri.container-type", "io.kubernetes.cri-o.ContainerType"};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		const char *value = strmap_get(&config->annotations, words[i]);

		if (value && strcmp(value, "sandbox") == 0)
			return PLAN_VM_POD_SANDBOX;
		if (value && strcmp(value, "container") == 0)
			return PLAN_VM_POD_MEMBER;
	}
	return PLAN_VM_NO_POD;
}

/*
 * A machine may be where an engine has made a network, and be of a pod whose other members have a kernel of their own,
 * too.
 */
static int check_joined(struct dividing *d, const struct config_namespace *ns, struct err *err)
{
	bool of_pod = plan_vm_pod_of(d->config) == PLAN_VM_POD_MEMBER &&
		      (strcmp(ns->type, "ipc") == 0 || strcmp(ns->type, "uts") == 0);

	if (!d->extension && strcmp(ns->type, "network") == 0)
		d->netns = ns->path;
	else if (!of_pod)
		return refuse(arena_printf(d->arena, "the %s namespace '%s'", ns->type, ns->path), err);
	return 0;
}

/* The user namespace comes with each of the others, and nobody has asked for it. */
static int refuse_join(struct dividing *d, struct err *err)
{
	const struct extension_join *join = &d->extension->joins.items[0];

	if (strcmp(join->type, "user") == 0 && d->extension->joins.count > 1)
		join++;
	return refuse(arena_printf(d->arena, "the %s namespace of container '%s'", join->type, join->container), err);
}

/* Each of them would be shared with processes of the host's kernel. */
static int check_namespaces(struct dividing *d, struct err *err)
{
	static const char *const own[] = {"mount", "pid", "ipc", "uts", "network"};
	/* The last one hull.json knows better: check_network(). */
	size_t count = ARRAY_SIZE(own) - (d->extension ? 1 : 0);
	int r = 0;

	if (d->extension && d->extension->joins.count)
		return refuse_join(d, err);
	for (size_t i = 0; i < count; i++) {
		bool has = false;

		for (size_t n = 0; n < d->os->namespaces.count; n++)
			has |= strcmp(d->os->namespaces.items[n].type, own[i]) == 0;
		if (!has)
			return refuse(arena_printf(d->arena, "the host's %s namespace", own[i]), err);
	}
	for (size_t n = 0; n < d->os->namespaces.count && r == 0; n++)
		if (d->os->namespaces.items[n].path)
			r = check_joined(d, &d->os->namespaces.items[n], err);
	return r;
}

static int check_network(struct dividing *d, struct err *err)
{
	enum extension_network_mode mode = d->extension ? d->extension->network.mode : NETWORK_NONE;

	if (mode == NETWORK_BRIDGE || mode == NETWORK_NONE)
		return 0;
	return refuse(mode == NETWORK_HOST ? "network 'host'" : "the network of another container", err);
}

/* An engine lists all devices of the host for it. Who runs hull has asked for one of them by name. */
static bool is_privileged_by_engine(const struct dividing *d)
{
	return !d->extension && guest_allows_any_device(d->os->resources);
}

static int check_rest(struct dividing *d, struct err *err)
{
	const struct config_vm *vm = d->config->vm;

	if (!d->config->process)
		return err_say(err, EINVAL, "process: the member is missing");
	if (d->extension && !d->extension->id_range)
		return refuse("the host's user ids", err);
	if (d->os->devices.count && !is_privileged_by_engine(d))
		return refuse(arena_printf(d->arena, "device '%s'", d->os->devices.items[0].path), err);
	if (d->os->net_devices.count)
		return refuse(arena_printf(d->arena, "interface '%s' of the host",
					   d->os->net_devices.items[0].host_name),
			      err);
	if (d->config->hooks.create_container.count || d->config->hooks.start_container.count)
		return refuse("hooks: a hook of the host's inside the container", err);
	if (d->host->rootless || d->host->nested)
		return err_say(err, EPERM, "isolation vm: machines are made by the host's root");
	if (vm && vm->image)
		return err_say(err, ENOTSUP, "vm.image: an image for the root is not supported: root.path is shared");
	if (vm && (vm->hw_config.device_tree || vm->hw_config.dtdevs.count || vm->hw_config.iomems.count ||
		   vm->hw_config.irqs.count))
		return err_say(err, ENOTSUP,
			       "vm.hwConfig: device trees and devices of the host's are not supported: memory and "
			       "vcpus are");
	return 0;
}

/* --- Its size ----------------------------------------------------------------------------------------------------- */

static int size_memory(struct dividing *d, struct err *err)
{
	const struct config_resources *resources = d->os->resources;
	const struct config_vm *vm = d->config->vm;
	uint64_t bytes = PLAN_VM_MEMORY_BYTES;

	if (resources && resources->memory.limit.set && resources->memory.limit.value > 0)
		bytes = (uint64_t)resources->memory.limit.value;
	if (vm && vm->hw_config.memory.set)
		bytes = vm->hw_config.memory.value;
	if (bytes < PLAN_VM_MEMORY_MIN_BYTES)
		return err_say(err, EINVAL,
			       "%" PRIu64 " bytes of memory are too little for a machine: want 64m or more", bytes);
	if (bytes < d->host->vm->least_bytes && !(vm && vm->kernel && vm->kernel->path))
		return err_say(err, EINVAL,
			       "%" PRIu64
			       " bytes of memory are too little for a machine with this kernel: want %" PRIu64
			       "m or more",
			       bytes, (d->host->vm->least_bytes + MIB - 1) / MIB);
	if (bytes > VM_MAX_MEMORY_BYTES)
		return err_say(err, EINVAL, "%" PRIu64 " bytes are more memory than a machine can have", bytes);
	d->vm->memory_bytes = (bytes + MEMORY_STEP - 1) / MEMORY_STEP * MEMORY_STEP;
	return 0;
}

/* Half a CPU is one, half of the time. */
static int size_cpus(struct dividing *d, struct err *err)
{
	const struct config_cpu *cpu = d->os->resources ? &d->os->resources->cpu : &(struct config_cpu){0};
	const struct config_vm *vm = d->config->vm;
	uint64_t period = cpu->period.set && cpu->period.value ? cpu->period.value : PERIOD_US, cpus = 1;

	if (cpu->quota.set && cpu->quota.value > 0)
		cpus = ((uint64_t)cpu->quota.value + period - 1) / period;
	if (vm && vm->hw_config.vcpus.set)
		cpus = vm->hw_config.vcpus.value;
	if (cpus == 0 || cpus > VM_MAX_CPUS)
		return err_say(err, EINVAL, "a machine has 1 to %u CPUs, not %" PRIu64, VM_MAX_CPUS, cpus);
	d->vm->cpus = (uint32_t)cpus;
	return 0;
}

/* The bundle's own kernel and hypervisor go before what hull would choose. */
static int choose_programs(struct dividing *d, struct err *err)
{
	const struct plan_vm_host *host = d->host->vm;
	const struct config_vm *vm = d->config->vm;
	const struct config_vm_kernel *kernel = vm ? vm->kernel : NULL;
	const struct config_vm_hypervisor *hypervisor = vm ? vm->hypervisor : NULL;
	const char *qemu = hypervisor && hypervisor->path ? hypervisor->path : host->qemu;

	d->vm->backend = host->backend;
	d->vm->kernel = kernel && kernel->path ? kernel->path : host->kernel;
	d->vm->initrd = kernel && kernel->initrd ? kernel->initrd : host->initrd;
	if (!d->vm->kernel || !d->vm->initrd)
		return err_say(err, ENOENT, "there is no kernel for machines: see 'hull kernel import'");
	if (plan_want_absolute("vm.kernel.path", d->vm->kernel, err) < 0 ||
	    plan_want_absolute("vm.kernel.initrd", d->vm->initrd, err) < 0)
		return -EINVAL;
	if (host->backend != VM_BACKEND_QEMU)
		return hypervisor ? err_say(err, ENOTSUP, "vm.hypervisor: backend 'kvm' has none but itself") : 0;
	if (!qemu)
		return err_say(err, ENOENT, "QEMU is not installed: it is in Debian's package qemu-system-x86");
	if (plan_want_absolute("vm.hypervisor.path", qemu, err) < 0)
		return -EINVAL;
	if (strv_add(d->arena, &d->vm->qemu, qemu) < 0 ||
	    (hypervisor && strv_add_list(d->arena, &d->vm->qemu, &hypervisor->parameters) < 0))
		return no_memory(d, err);
	return 0;
}

/* --- The jail ----------------------------------------------------------------------------------------------------- */

static int add_volume(struct dividing *d, bool read_only, struct err *err)
{
	size_t number = d->vm->volumes.count;
	struct vm_volume *volume = LIST_ADD(d->arena, &d->vm->volumes);
	struct guest_volume *inside = LIST_ADD(d->arena, &d->start->volumes);

	if (number >= VM_MAX_VOLUMES)
		return err_say(err, ENOTSUP, "a machine has %u volumes at most", VM_MAX_VOLUMES);
	if (!volume || !inside)
		return no_memory(d, err);
	*volume = (struct vm_volume){
		.tag = arena_printf(d->arena, "v%zu", number),
		.path = arena_printf(d->arena, PLAN_VM_VOLUMES "/%zu", number),
		.read_only = read_only,
	};
	*inside = (struct guest_volume){
		.tag = volume->tag,
		.path = arena_printf(d->arena, GUEST_VOLUMES "/%zu", number),
		.read_only = read_only,
	};
	return arena_check(d->arena, err);
}

/*
 * Only folders can be served. Files lie in one of their own, all together: each is mounted there with its own options.
 */
static int add_file(struct dividing *d, bool read_only, struct err *err)
{
	d->file_count++;
	if (d->file_count == 1) {
		/* The shared root is no volume of the guest's: the lists are not in step. */
		d->files_in_jail = d->vm->volumes.count;
		d->files_in_guest = d->start->volumes.count;
		return add_volume(d, read_only, err);
	}
	d->vm->volumes.items[d->files_in_jail].read_only &= read_only;
	d->start->volumes.items[d->files_in_guest].read_only &= read_only;
	return 0;
}

int plan_vm_place(struct dividing *d, const char *source, bool read_only, struct plan_vm_place *ret, struct err *err)
{
	bool (*is_folder)(const char *path) = d->host->vm->is_folder;
	const char *path = source[0] == '/' ? source : arena_printf(d->arena, "%s/%s", d->host->bundle, source);
	bool is_file = path && is_folder && !is_folder(path);
	const char *name = is_file ? arena_printf(d->arena, "/%zu", d->file_count) : "";
	size_t in_jail = d->vm->volumes.count, in_guest = d->start->volumes.count;
	int r = is_file ? add_file(d, read_only, err) : add_volume(d, read_only, err);

	if (r < 0)
		return r;
	if (is_file) {
		in_jail = d->files_in_jail;
		in_guest = d->files_in_guest;
	}
	ret->in_jail = arena_printf(d->arena, "%s%s", d->vm->volumes.items[in_jail].path, name);
	ret->in_guest = arena_printf(d->arena, "%s%s", d->start->volumes.items[in_guest].path, name);
	return arena_check(d->arena, err);
}

static int add_mount(struct dividing *d, const char *destination, const char *type, const char *source,
		     const char *options, struct err *err)
{
	struct config_mount *mount = LIST_ADD(d->arena, &d->jail->mounts);

	if (!mount || strv_split(d->arena, &mount->options, options, ",", false) < 0)
		return no_memory(d, err);
	mount->destination = destination;
	mount->type = type;
	mount->source = source;
	return 0;
}

static int add_jail_mounts(struct dividing *d, struct err *err)
{
	const struct strv *needs = &d->host->vm->qemu_needs;
	int r = 0;

	if (d->config->process->terminal)
		r = add_mount(d, "/dev/pts", "devpts", "devpts", "nosuid,noexec,newinstance,ptmxmode=0666,mode=0620",
			      err);
	/* What serves files finds them by descriptor there. */
	if (r == 0 && d->vm->volumes.count)
		r = add_mount(d, "/proc", "proc", "proc", "nosuid,nodev,noexec", err);
	if (d->vm->backend != VM_BACKEND_QEMU)
		return r;
	for (size_t i = 0; i < needs->count && r == 0; i++)
		r = add_mount(d, needs->items[i], "bind", needs->items[i], "rbind,rprivate,ro,nosuid,nodev", err);
	if (r == 0 && d->config->vm && d->config->vm->hypervisor && d->config->vm->hypervisor->path)
		r = add_mount(d, d->vm->qemu.items[0], "bind", d->vm->qemu.items[0], "bind,rprivate,ro,nosuid,nodev",
			      err);
	if (r == 0)
		r = add_mount(d, PLAN_VM_KERNEL, "bind", d->vm->kernel, "bind,rprivate,ro,nosuid,nodev,noexec", err);
	if (r == 0)
		r = add_mount(d, PLAN_VM_INITRD, "bind", d->vm->initrd, "bind,rprivate,ro,nosuid,nodev,noexec", err);
	return r;
}

/* All of them, whatever the guest has. */
static int add_jail_namespaces(struct dividing *d, struct err *err)
{
	static const char *const kinds[] = {"mount", "pid", "ipc", "uts", "network", "cgroup", "user"};
	/* A bundle without a range of ids has the host's: there is none to give to the jail either. */
	size_t count = ARRAY_SIZE(kinds) - (d->os->uid_mappings.count ? 0 : 1);

	for (size_t i = 0; i < count; i++) {
		struct config_namespace *ns = LIST_ADD(d->arena, &d->jail_os->namespaces);

		if (!ns)
			return no_memory(d, err);
		ns->type = kinds[i];
		/*
		 * Who looks for the network by the process's pid, as engines do for a second container there, finds the
		 * one that was given.
		 */
		if (strcmp(kinds[i], "network") == 0)
			ns->path = d->netns;
	}
	d->jail_os->uid_mappings = d->os->uid_mappings;
	d->jail_os->gid_mappings = d->os->gid_mappings;
	return 0;
}

/*
 * What serves files needs to be every user to them, and nothing else; without volumes there is nobody who needs
 * anything.
 */
static int add_jail_process(struct dividing *d, struct err *err)
{
	static const char *const serving[] = {"CAP_CHOWN",  "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID",
					      "CAP_SETGID", "CAP_SETUID",	"CAP_SETFCAP"};
	const struct config_process *from = d->config->process;
	struct config_process *process = ARENA_NEW(d->arena, struct config_process);
	struct config_capabilities *caps = ARENA_NEW(d->arena, struct config_capabilities);

	if (!process || !caps || strv_add(d->arena, &process->args, "hull-vmm") < 0)
		return no_memory(d, err);
	process->cwd = "/";
	process->terminal = from->terminal;
	process->console_size = from->console_size;
	process->no_new_privileges = true;
	process->oom_score_adj = from->oom_score_adj;
	process->capabilities = caps;
	for (size_t i = 0; d->vm->volumes.count && i < ARRAY_SIZE(serving); i++)
		if (strv_add(d->arena, &caps->bounding, serving[i]) < 0 ||
		    strv_add(d->arena, &caps->permitted, serving[i]) < 0 ||
		    strv_add(d->arena, &caps->effective, serving[i]) < 0)
			return no_memory(d, err);
	d->jail->process = process;
	return 0;
}

/* The guest's memory and CPUs are the bound; what the monitor needs itself is added. */
static int add_jail_limits(struct dividing *d, struct err *err)
{
	struct config_resources *resources = ARENA_NEW(d->arena, struct config_resources);
	uint64_t overhead = d->vm->backend == VM_BACKEND_QEMU ? PLAN_VM_OVERHEAD_QEMU : PLAN_VM_OVERHEAD_KVM;

	if (!resources)
		return no_memory(d, err);
	if (d->vm->volumes.count)
		overhead += FS_SERVER_MEMORY_BYTES;
	if (d->os->resources)
		*resources = *d->os->resources;
	/* What the guest does: plan_vm_guest.c. */
	resources->unified = (struct strmap){0};
	resources->devices.count = resources->hugepage_limits.count = 0;
	resources->memory.limit = (struct opt_i64){true, (int64_t)(d->vm->memory_bytes + overhead)};
	if (resources->memory.swap.set && resources->memory.swap.value > 0)
		resources->memory.swap.value +=
			(int64_t)(d->vm->memory_bytes + overhead) -
			(d->os->resources->memory.limit.set ? d->os->resources->memory.limit.value : 0);
	if (resources->pids.limit.set)
		resources->pids.limit.value = PLAN_VM_JAIL_PIDS;
	d->jail_os->resources = resources;
	d->jail_os->cgroups_path = d->os->cgroups_path;
	return 0;
}

static int begin_jail(struct dividing *d, struct err *err)
{
	d->jail = ARENA_NEW(d->arena, struct config);
	d->jail_os = ARENA_NEW(d->arena, struct config_linux);
	if (!d->jail || !d->jail_os)
		return no_memory(d, err);
	*d->jail = (struct config){
		.oci_version = d->config->oci_version,
		.root = ARENA_NEW(d->arena, struct config_root),
		.hostname = d->config->hostname,
		.domainname = d->config->domainname,
		.hooks = d->config->hooks,
		.annotations = d->config->annotations,
		.linux_ = d->jail_os,
	};
	if (!d->jail->root)
		return no_memory(d, err);
	*d->jail->root = (struct config_root){.path = "/", .readonly = true};
	if (!d->extension)
		return 0;
	d->jail_extension = ARENA_NEW(d->arena, struct extension);
	if (!d->jail_extension)
		return no_memory(d, err);
	*d->jail_extension = *d->extension;
	d->jail_extension->root = (struct extension_root){0};
	d->jail_extension->volumes.items = NULL;
	d->jail_extension->volumes.count = 0;
	d->jail_extension->network.files = (struct extension_network_files){0};
	d->jail_extension->user_words = NULL;
	d->jail_extension->group_words = (struct strv){0};
	d->jail_extension->default_seccomp = false;
	d->jail_extension->init = false;
	return 0;
}

static int make_jail(struct dividing *d, struct err *err)
{
	int r = add_jail_namespaces(d, err);

	if (r == 0)
		r = add_jail_mounts(d, err);
	if (r == 0)
		r = add_jail_process(d, err);
	if (r == 0)
		r = plan_vm_accelerate(d, err);
	return r < 0 ? r : add_jail_limits(d, err);
}

/* What no config.json can say: there is no root, no device, and the card is a tap. */
static void finish(const struct dividing *d, struct plan *plan)
{
	struct root_request *root = &plan->root;

	root->empty = true;
	root->path = NULL;
	root->idmap_lowers = false;
	root->default_devices = root->bind_devices = false;
	if (plan->idmap.uid_count)
		root->owner =
			(struct root_owner){.uid = plan->idmap.uids[0].outside, .gid = plan->idmap.gids[0].outside};
	/* A new volume is filled with what the guest's root has there, by the guest. */
	for (size_t i = 0; i < root->mount_count; i++)
		((struct mount_request *)(uintptr_t)root->mounts)[i].options.copy_up = false;
	if (plan->net.kind == PLAN_NET_ATTACH) {
		plan->net.kind = PLAN_NET_TAP;
		d->vm->has_nic = true;
	} else {
		plan->net.kind = d->netns ? PLAN_NET_STAND_IN : PLAN_NET_UNTOUCHED;
		plan->net.stand_in = d->netns;
	}
	if (d->extension)
		plan->net.files = d->extension->network.files;
	plan->backend = d->vm->backend == VM_BACKEND_QEMU ? "qemu" : "kvm";
	plan->vm = d->vm;
}

/*
 * Each volume is a device, as each disk is. (How many cards an engine has made is not known yet: those are counted when
 * they are.)
 */
static int check_room(const struct dividing *d, struct err *err)
{
	size_t taken = d->vm->disks.count + d->vm->volumes.count + d->vm->has_nic;

	return vm_check_room(d->vm->backend, taken, d->vm->volumes.count, err);
}

static int (*const parts[])(struct dividing *d, struct err *err) = {
	check_namespaces, check_network, check_rest,	size_memory,	 size_cpus,
	choose_programs,  begin_jail,	 plan_vm_guest, plan_vm_cmdline, make_jail,
};

int plan_machine(struct arena *arena, const struct config *config, const struct extension *extension,
		 const struct plan_host *host, struct plan *ret, struct err *err)
{
	static const struct config_linux no_linux;
	struct dividing d = {
		.arena = arena,
		.config = config,
		.os = config->linux_ ? config->linux_ : &no_linux,
		.extension = extension,
		.host = host,
		.vm = ARENA_NEW(arena, struct plan_vm),
		.start = ARENA_NEW(arena, struct guest_start),
	};
	int r = d.vm && d.start ? 0 : no_memory(&d, err);

	if (r == 0)
		d.vm->start = d.start;
	for (size_t i = 0; i < ARRAY_SIZE(parts) && r == 0; i++)
		r = parts[i](&d, err);
	if (r == 0)
		r = plan_container(arena, d.jail, d.jail_extension, host, ret, err);
	if (r < 0)
		return r;
	finish(&d, ret);
	r = check_room(&d, err);
	if (r == 0)
		r = plan_vm_join_kvm(&d, ret, err);
	return r < 0 ? r : arena_check(arena, err);
}

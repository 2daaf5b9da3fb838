/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A machine's plan: how large it is, what is refused, and the whole of it: the jail (plan_vm_jail.c) is planned as any
 * container is, beside it is what the guest is told (plan_vm_guest.c).
 */
#include "runtime/spec/plan_vm.h"

#include <inttypes.h>
#include <string.h>

#include "runtime/spec/plan_vm_parts.h"

#define MEMORY_STEP ((uint64_t)2 << 20)
#define PERIOD_US   100000
#define MIB	    ((uint64_t)1 << 20)

int plan_vm_no_memory(const struct dividing *d, struct err *err)
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
	const char *said_by = "isolation vm"; /* or the member that the size is from */
	uint64_t bytes = PLAN_VM_MEMORY_BYTES;

	if (resources && resources->memory.limit.set && resources->memory.limit.value > 0) {
		bytes = (uint64_t)resources->memory.limit.value;
		said_by = "linux.resources.memory.limit";
	}
	if (vm && vm->hw_config.memory.set) {
		bytes = vm->hw_config.memory.value;
		said_by = "vm.hwConfig.memory";
	}
	if (bytes < PLAN_VM_MEMORY_MIN_BYTES)
		return err_say(err, EINVAL,
			       "%s: %" PRIu64 " bytes of memory are too little for a machine: want 64m or more",
			       said_by, bytes);
	if (bytes < d->host->vm->least_bytes && !(vm && vm->kernel && vm->kernel->path))
		return err_say(err, EINVAL,
			       "%s: %" PRIu64
			       " bytes of memory are too little for a machine with this kernel: want %" PRIu64
			       "m or more",
			       said_by, bytes, (d->host->vm->least_bytes + MIB - 1) / MIB);
	if (bytes > VM_MAX_MEMORY_BYTES)
		return err_say(err, EINVAL, "%s: %" PRIu64 " bytes are more memory than a machine can have", said_by,
			       bytes);
	d->vm->memory_bytes = (bytes + MEMORY_STEP - 1) / MEMORY_STEP * MEMORY_STEP;
	return 0;
}

/* Half a CPU is one, half of the time. */
static int size_cpus(struct dividing *d, struct err *err)
{
	const struct config_cpu *cpu = d->os->resources ? &d->os->resources->cpu : &(struct config_cpu){0};
	const struct config_vm *vm = d->config->vm;
	uint64_t period = cpu->period.set && cpu->period.value ? cpu->period.value : PERIOD_US, cpus = 1;
	const char *said_by = "linux.resources.cpu.quota";

	if (cpu->quota.set && cpu->quota.value > 0)
		cpus = ((uint64_t)cpu->quota.value + period - 1) / period;
	if (vm && vm->hw_config.vcpus.set) {
		cpus = vm->hw_config.vcpus.value;
		said_by = "vm.hwConfig.vcpus";
	}
	if (cpus == 0 || cpus > VM_MAX_CPUS)
		return err_say(err, EINVAL, "%s: a machine has 1 to %u CPUs, not %" PRIu64, said_by, VM_MAX_CPUS, cpus);
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
		return plan_vm_no_memory(d, err);
	return 0;
}

/* --- The whole ---------------------------------------------------------------------------------------------------- */

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
	check_namespaces, check_network,      check_rest,    size_memory,     size_cpus,
	choose_programs,  plan_vm_jail_begin, plan_vm_guest, plan_vm_cmdline, plan_vm_jail,
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
	int r = d.vm && d.start ? 0 : plan_vm_no_memory(&d, err);

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

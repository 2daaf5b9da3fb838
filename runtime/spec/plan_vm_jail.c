// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A machine's jail, as a bundle of its own: what the monitor finds by name there, the volumes that are served to the
 * guest, who runs, and how much of the host that may take.
 */
#include <string.h>

#include "runtime/spec/plan_vm.h"
#include "runtime/spec/plan_vm_parts.h"
#include "runtime/vm/fs_server.h"

/* --- Volumes ------------------------------------------------------------------------------------------------------ */

static int add_volume(struct dividing *d, bool read_only, struct err *err)
{
	size_t number = d->vm->volumes.count;
	struct vm_volume *volume = LIST_ADD(d->arena, &d->vm->volumes);
	struct guest_volume *inside = LIST_ADD(d->arena, &d->start->volumes);

	if (number >= VM_MAX_VOLUMES)
		return err_say(err, ENOTSUP, "a machine has %u volumes at most", VM_MAX_VOLUMES);
	if (!volume || !inside)
		return plan_vm_no_memory(d, err);
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

/* --- What is seen in it ------------------------------------------------------------------------------------------- */

static int add_mount(struct dividing *d, const char *destination, const char *type, const char *source,
		     const char *options, struct err *err)
{
	struct config_mount *mount = LIST_ADD(d->arena, &d->jail->mounts);

	if (!mount || strv_split(d->arena, &mount->options, options, ",", false) < 0)
		return plan_vm_no_memory(d, err);
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
			return plan_vm_no_memory(d, err);
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

/* --- Who runs, and how much they may take ------------------------------------------------------------------------- */

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
		return plan_vm_no_memory(d, err);
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
			return plan_vm_no_memory(d, err);
	d->jail->process = process;
	return 0;
}

/* The guest's memory and CPUs are the bound; what the monitor needs itself is added. */
static int add_jail_limits(struct dividing *d, struct err *err)
{
	struct config_resources *resources = ARENA_NEW(d->arena, struct config_resources);
	uint64_t overhead = d->vm->backend == VM_BACKEND_QEMU ? PLAN_VM_OVERHEAD_QEMU : PLAN_VM_OVERHEAD_KVM;

	if (!resources)
		return plan_vm_no_memory(d, err);
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

/* --- The whole ---------------------------------------------------------------------------------------------------- */

int plan_vm_jail_begin(struct dividing *d, struct err *err)
{
	d->jail = ARENA_NEW(d->arena, struct config);
	d->jail_os = ARENA_NEW(d->arena, struct config_linux);
	if (!d->jail || !d->jail_os)
		return plan_vm_no_memory(d, err);
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
		return plan_vm_no_memory(d, err);
	*d->jail->root = (struct config_root){.path = "/", .readonly = true};
	if (!d->extension)
		return 0;
	d->jail_extension = ARENA_NEW(d->arena, struct extension);
	if (!d->jail_extension)
		return plan_vm_no_memory(d, err);
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

int plan_vm_jail(struct dividing *d, struct err *err)
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

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The guest's half of a machine's plan: config.json without what the machine itself stands for, and the command line of
 * its kernel.
 */
#include <inttypes.h>
#include <string.h>

#include "namespaces/mount_options.h"
#include "namespaces/sysctl.h"
#include "runtime/spec/plan_vm.h"
#include "runtime/spec/plan_vm_parts.h"
#include "runtime/vm/agent_protocol.h"

#define ROOT_TAG "root"

/* Namespaces that the guest's own kernel is in the place of: the program has them with the machine. */
static const char *const given_by_machine[] = {"user", "network", "time"};

static bool is_given(const char *type)
{
	for (size_t i = 0; i < ARRAY_SIZE(given_by_machine); i++)
		if (strcmp(given_by_machine[i], type) == 0)
			return true;
	return false;
}

static int take_namespaces(struct dividing *d, struct config_linux *to, struct err *err)
{
	to->namespaces.items = NULL;
	to->namespaces.count = 0;
	for (size_t i = 0; i < d->os->namespaces.count; i++) {
		const struct config_namespace *from = &d->os->namespaces.items[i];
		struct config_namespace *copy;

		if (is_given(from->type))
			continue;
		copy = LIST_ADD(d->arena, &to->namespaces);
		if (!copy)
			return plan_vm_no_memory(d, err);
		*copy = *from;
		copy->path = NULL;
	}
	return 0;
}

/*
 * The machine's size is the bound on memory and CPUs; who it is that reads its disks the guest cannot know. Of huge
 * pages it is the guest's own that a program takes: the monitor has none of the host's. And files of cgroup v2 are
 * those of the program's cgroup, which a guest always has.
 */
static int take_resources(struct dividing *d, struct config_linux *to, struct err *err)
{
	struct config_resources *resources;
	struct cg_limits limits;

	if (!d->os->resources)
		return 0;
	resources = ARENA_NEW(d->arena, struct config_resources);
	if (!resources)
		return plan_vm_no_memory(d, err);
	resources->pids = d->os->resources->pids;
	resources->devices = d->os->resources->devices;
	resources->hugepage_limits = d->os->resources->hugepage_limits;
	resources->unified = d->os->resources->unified;
	to->resources = resources;
	/* What makes no sense is said here, and not by the guest. */
	return plan_limits(d->arena, resources, &limits, err);
}

/*
 * Any name: what is refused to a container, since it would change the host (kernel.core_pattern, vm.max_map_count), is
 * in a machine a parameter of its own kernel, which nobody else has and nobody outside trusts. Whether that kernel
 * knows it, only itself can say: what is no name, and a value that cannot arrive, are refused here.
 */
static int check_sysctls(const struct dividing *d, struct err *err)
{
	const uint64_t own = ns_clone_flag(NS_NET) | ns_clone_flag(NS_IPC) | ns_clone_flag(NS_UTS) | SYSCTL_OWN_KERNEL;

	for (size_t i = 0; i < d->os->sysctl.count; i++) {
		const struct strpair *pair = &d->os->sysctl.items[i];

		if (sysctl_check(pair->key, own, err) < 0 || sysctl_check_value(pair->key, pair->value, err) < 0)
			return err_wrap(err, "linux.sysctl");
	}
	return 0;
}

/*
 * A profile or label of the host's says nothing to another kernel. Who asked for it by name is told so; engines give
 * one to every container, for a kernel that is shared, which this one is not.
 */
static int take_process(struct dividing *d, struct config *to, struct err *err)
{
	const struct config_process *from = d->config->process;
	const char *profile = text_is_empty(from->apparmor_profile) ? from->selinux_label : from->apparmor_profile;
	struct config_process *process = ARENA_NEW(d->arena, struct config_process);

	if (!process)
		return plan_vm_no_memory(d, err);
	if (d->extension && !text_is_empty(profile) && strcmp(profile, "unconfined") != 0)
		return err_say(err, ENOTSUP,
			       "isolation vm: '%s': not possible, since profiles and labels are of the host's kernel",
			       profile);
	*process = *from;
	process->apparmor_profile = process->selinux_label = NULL;
	to->process = process;
	return 0;
}

/* --- Mounts ------------------------------------------------------------------------------------------------------- */

static bool is_bind(const struct config_mount *mount)
{
	return (mount->type && strcmp(mount->type, "bind") == 0) || strv_has(&mount->options, "bind") ||
	       strv_has(&mount->options, "rbind");
}

/* How mounts spread is between namespaces of one kernel. */
static bool is_about_kernel(const char *option)
{
	return mount_propagation_parse(option) >= 0 || strcmp(option, "bind") == 0 || strcmp(option, "rbind") == 0 ||
	       strcmp(option, "idmap") == 0 || strcmp(option, "ridmap") == 0;
}

static struct config_mount *add_bind(struct dividing *d, const char *destination, const char *source,
				     const struct strv *options)
{
	struct config_mount *mount = LIST_ADD(d->arena, &d->start->config->mounts);

	if (!mount || strv_add(d->arena, &mount->options, "rbind") < 0 ||
	    strv_add(d->arena, &mount->options, "rprivate") < 0)
		return NULL;
	mount->destination = destination;
	mount->type = "bind";
	mount->source = source;
	for (size_t i = 0; i < options->count; i++)
		if (!is_about_kernel(options->items[i]) && strv_add(d->arena, &mount->options, options->items[i]) < 0)
			return NULL;
	return mount;
}

static int take_bundle_bind(struct dividing *d, const struct config_mount *from, struct err *err)
{
	bool read_only = strv_has(&from->options, "ro") || strv_has(&from->options, "rro");
	struct config_mount *in_jail;
	struct plan_vm_place place;
	int r;

	if (text_is_empty(from->source))
		return err_say(err, EINVAL, "mounts: '%s': a bind mount needs a source", from->destination);
	if (text_starts(from->source, "/dev/"))
		return err_say(err, ENOTSUP, "'%s': a machine has no devices of the host's", from->source);
	r = plan_vm_place(d, from->source, read_only, &place, err);
	if (r < 0)
		return r;
	in_jail = LIST_ADD(d->arena, &d->jail->mounts);
	if (!in_jail || !add_bind(d, from->destination, place.in_guest, &from->options))
		return plan_vm_no_memory(d, err);
	*in_jail = *from;
	in_jail->destination = place.in_jail;
	return 0;
}

/*
 * Memory of the host's kernel cannot be shared with a program of another: the guest has its own, as large as that is.
 */
static int take_shm(struct dividing *d, const struct config_mount *from, struct err *err)
{
	static const uint64_t usual = (uint64_t)64 << 20;
	uint64_t (*room_bytes)(const char *path) = d->host->vm->room_bytes;
	uint64_t bytes = room_bytes && from->source ? room_bytes(from->source) : 0;
	struct config_mount *mount = LIST_ADD(d->arena, &d->start->config->mounts);
	const char *size = arena_printf(d->arena, "size=%" PRIu64, bytes ? bytes : usual);

	if (!mount || !size || strv_split(d->arena, &mount->options, "nosuid,nodev,noexec,mode=1777", ",", false) < 0 ||
	    strv_add(d->arena, &mount->options, size) < 0)
		return plan_vm_no_memory(d, err);
	mount->destination = from->destination;
	mount->type = "tmpfs";
	mount->source = "shm";
	return 0;
}

static int take_mounts(struct dividing *d, struct err *err)
{
	d->start->config->mounts.items = NULL;
	d->start->config->mounts.count = 0;
	for (size_t i = 0; i < d->config->mounts.count; i++) {
		const struct config_mount *from = &d->config->mounts.items[i];
		struct config_mount *copy;
		int r = 0;

		if (is_bind(from) && strcmp(from->destination, "/dev/shm") == 0) {
			r = take_shm(d, from, err);
		} else if (is_bind(from)) {
			r = take_bundle_bind(d, from, err);
		} else {
			copy = LIST_ADD(d->arena, &d->start->config->mounts);
			if (!copy)
				return plan_vm_no_memory(d, err);
			*copy = *from;
		}
		if (r < 0)
			return r;
	}
	return 0;
}

static int take_tmpfs(struct dividing *d, const struct extension_volume *from, struct err *err)
{
	struct config_mount *mount = LIST_ADD(d->arena, &d->start->config->mounts);

	if (!mount || strv_split(d->arena, &mount->options, "nosuid,nodev", ",", false) < 0 ||
	    strv_add_list(d->arena, &mount->options, &from->options) < 0 ||
	    (from->read_only && strv_add(d->arena, &mount->options, "ro") < 0))
		return plan_vm_no_memory(d, err);
	mount->destination = from->destination;
	mount->type = mount->source = "tmpfs";
	return 0;
}

static int take_volume(struct dividing *d, const struct extension_volume *from, struct err *err)
{
	struct extension_volume *in_jail;
	struct config_mount *mount;
	struct plan_vm_place place;
	int r;

	if (from->kind == VOLUME_TMPFS)
		return take_tmpfs(d, from, err);
	if (from->chown && from->read_only)
		return err_say(err, ENOTSUP,
			       "volume '%s': 'U' and 'ro' together: not possible for machines, whose user only the "
			       "guest knows",
			       from->destination);
	if (text_is_empty(from->source))
		return err_say(err, EINVAL, "volume '%s' has no source", from->destination);
	r = plan_vm_place(d, from->source, from->read_only, &place, err);
	if (r < 0)
		return r;
	in_jail = LIST_ADD(d->arena, &d->jail_extension->volumes);
	mount = add_bind(d, from->destination, place.in_guest, &from->options);
	if (!in_jail || !mount || (from->read_only && strv_add(d->arena, &mount->options, "ro") < 0))
		return plan_vm_no_memory(d, err);
	/*
	 * What the host does makes them all the jail's root's, whose server can give them to whomever the guest says.
	 */
	if (from->chown && strv_add(d->arena, &d->start->own, place.in_guest) < 0)
		return plan_vm_no_memory(d, err);
	if (from->kind == VOLUME_NAMED && !from->read_only)
		d->start->volumes.items[d->start->volumes.count - 1].fill = true;
	*in_jail = *from;
	in_jail->destination = place.in_jail;
	return 0;
}

static unsigned depth_of(const char *path)
{
	unsigned depth = 0;

	for (const char *at = path; *at; at++)
		depth += *at == '/' && at[1] && at[1] != '/';
	return depth;
}

/* Those of shorter destinations first, as in a container: one for /data must not hide one for /data/cache. */
static int take_volumes(struct dividing *d, struct err *err)
{
	size_t count = d->extension ? d->extension->volumes.count : 0, taken = 0;
	int r = 0;

	for (unsigned depth = 0; taken < count && r == 0; depth++)
		for (size_t i = 0; i < count && r == 0; i++) {
			const struct extension_volume *volume = &d->extension->volumes.items[i];

			if (depth_of(volume->destination) != depth)
				continue;
			r = take_volume(d, volume, err);
			taken++;
		}
	return r;
}

/* --- Root --------------------------------------------------------------------------------------------------------- */

static int add_disk(struct dividing *d, const struct plan_vm_disk *from, struct err *err)
{
	struct plan_vm_disk *disk = LIST_ADD(d->arena, &d->vm->disks);

	if (!disk || !from->serial)
		return plan_vm_no_memory(d, err);
	if (d->vm->disks.count > VM_MAX_DISKS)
		return err_say(err, ENOTSUP, "a machine has %u disks at most: layers, what is written, an image",
			       VM_MAX_DISKS);
	*disk = *from;
	return 0;
}

/* The machine's own root. Who makes bundles by hand says so in config.json, and who runs images beside it. */
static int take_image(struct dividing *d, struct err *err)
{
	const struct config_vm_image *image = d->config->vm ? d->config->vm->image : NULL;
	struct plan_vm_disk disk = {.serial = "image", .read_only = true, .member = "vm.image.path"};

	if (!image && d->extension)
		image = d->extension->vm.image;
	if (!image)
		return 0;
	if (plan_want_absolute(disk.member, image->path, err) < 0)
		return -EINVAL;
	if (disk_format_parse(image->format, &disk.format) < 0)
		return err_say(err, EINVAL, "vm.image.format: '%s' is not known", image->format);
	if (disk.format != DISK_FORMAT_RAW && d->vm->backend != VM_BACKEND_QEMU)
		return err_say(err, ENOTSUP, "vm.image.format: '%s' is for backend 'qemu': 'kvm' reads raw images",
			       image->format);
	disk.path = image->path;
	d->start->image = disk.serial;
	return add_disk(d, &disk, err);
}

static int share_root(struct dividing *d, struct err *err)
{
	struct vm_volume *shared = LIST_ADD(d->arena, &d->vm->volumes);
	struct config_mount *mount = LIST_ADD(d->arena, &d->jail->mounts);

	if (!d->config->root || text_is_empty(d->config->root->path))
		return err_say(err, EINVAL, "root: the member is missing");
	if (!shared || !mount || strv_split(d->arena, &mount->options, "rbind,rprivate,nodev", ",", false) < 0)
		return plan_vm_no_memory(d, err);
	*shared = (struct vm_volume){.tag = ROOT_TAG, .path = PLAN_VM_SHARED, .read_only = d->config->root->readonly};
	mount->destination = PLAN_VM_SHARED;
	mount->type = "bind";
	mount->source = d->config->root->path;
	/* A range of its own does not know the ids of the folder's files. */
	if (d->extension && d->extension->id_range && strv_add(d->arena, &mount->options, "ridmap") < 0)
		return plan_vm_no_memory(d, err);
	d->start->root.shared = ROOT_TAG;
	return 0;
}

static int take_root(struct dividing *d, struct err *err)
{
	const struct strv *layers = &d->host->vm->layers;
	struct guest_root *root = &d->start->root;
	int r = 0;

	root->read_only = d->config->root && d->config->root->readonly;
	if (layers->count == 0)
		return share_root(d, err);
	for (size_t i = 0; i < layers->count && r == 0; i++) {
		const struct plan_vm_disk layer = {.path = layers->items[i],
						   .serial = arena_printf(d->arena, "layer%zu", i),
						   .read_only = true,
						   .member = "disk"};

		r = add_disk(d, &layer, err);
		if (r == 0 && strv_add(d->arena, &root->layers, layer.serial) < 0)
			return plan_vm_no_memory(d, err);
	}
	if (r == 0 && d->host->vm->upper) {
		const struct plan_vm_disk upper = {.path = d->host->vm->upper, .serial = "upper", .member = "disk"};

		root->upper = upper.serial;
		r = add_disk(d, &upper, err);
	}
	return r;
}

/* --- The whole ---------------------------------------------------------------------------------------------------- */

static int take_config(struct dividing *d, struct err *err)
{
	struct config *config = ARENA_NEW(d->arena, struct config);
	struct config_linux *os = ARENA_NEW(d->arena, struct config_linux);
	int r;

	if (!config || !os)
		return plan_vm_no_memory(d, err);
	*config = *d->config;
	*os = *d->os;
	config->root = NULL;
	config->hooks = (struct config_hooks){0};
	config->vm = NULL;
	config->linux_ = os;
	os->uid_mappings.count = os->gid_mappings.count = 0;
	os->time_offsets = (struct config_time_offsets){0};
	os->devices.count = 0;
	os->cgroups_path = NULL;
	os->resources = NULL;
	os->rootfs_propagation = NULL;
	d->start->config = config;
	r = check_sysctls(d, err);
	if (r == 0)
		r = take_namespaces(d, os, err);
	if (r == 0)
		r = take_process(d, config, err);
	return r < 0 ? r : take_resources(d, os, err);
}

int plan_vm_guest(struct dividing *d, struct err *err)
{
	struct guest_start *start = d->start;
	int r;

	start->version = GUEST_VERSION;
	start->id = d->host->id;
	start->interactive = true;
	if (d->extension) {
		start->user.user_words = d->extension->user_words;
		start->user.group_words = d->extension->group_words;
		start->default_seccomp = d->extension->default_seccomp;
		start->init = d->extension->init;
		start->interactive = d->extension->interactive;
	}
	r = take_config(d, err);
	if (r == 0)
		r = take_root(d, err);
	if (r == 0)
		r = take_image(d, err);
	if (r == 0)
		r = take_mounts(d, err);
	return r < 0 ? r : take_volumes(d, err);
}

/* --- The command line --------------------------------------------------------------------------------------------- */

int plan_vm_cmdline(struct dividing *d, struct err *err)
{
	const struct config_vm_kernel *kernel = d->config->vm ? d->config->vm->kernel : NULL;
	CLEANUP_TEXT struct text words = {.max_bytes = VM_MAX_CMDLINE_BYTES};

	text_add(&words, PLAN_VM_CMDLINE);
	text_add(&words, d->vm->backend == VM_BACKEND_KVM ? PLAN_VM_REBOOT_KVM : PLAN_VM_REBOOT_QEMU);
	for (size_t i = 0; kernel && i < kernel->parameters.count; i++)
		text_addf(&words, " %s", kernel->parameters.items[i]);
	if (words.failed)
		return err_say(err, E2BIG, "vm.kernel.parameters: longer than %d characters", VM_MAX_CMDLINE_BYTES);
	if (d->vm->backend != VM_BACKEND_KVM && agent_is_by_vsock(text_get(&words)))
		return err_say(err, ENOTSUP, "vm.kernel.parameters: '" AGENT_VSOCK_WORD "' is for backend 'kvm'");
	d->vm->cmdline = arena_strdup(d->arena, text_get(&words));
	return d->vm->cmdline ? 0 : plan_vm_no_memory(d, err);
}

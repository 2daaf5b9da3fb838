// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * /dev/kvm in the jail of a machine that QEMU runs. QEMU opens it by name, as one of nobody's users: the node is bound,
 * and where its group has it, the jail's user namespace knows that group, by an id that nobody in it has but QEMU. (Our
 * own monitor is given it as a descriptor, and needs none of this.)
 */
#include <errno.h>

#include "runtime/spec/plan_vm.h"
#include "runtime/spec/plan_vm_parts.h"

/* Behind all that are mapped. */
static uint32_t free_gid(const struct idmap *map)
{
	uint32_t free = 0;

	for (size_t i = 0; i < map->gid_count; i++)
		if (map->gids[i].inside + map->gids[i].count > free)
			free = map->gids[i].inside + map->gids[i].count;
	return free;
}

static int map_group(struct arena *arena, uint32_t gid, struct idmap *map, uint32_t *ret_inside, struct err *err)
{
	struct idmap_range *gids = arena_array(arena, map->gid_count + 1, sizeof(*gids));

	if (!gids)
		return arena_check(arena, err);
	for (size_t i = 0; i < map->gid_count; i++)
		gids[i] = map->gids[i];
	*ret_inside = free_gid(map);
	gids[map->gid_count++] = (struct idmap_range){.inside = *ret_inside, .outside = gid, .count = 1};
	map->gids = gids;
	return idmap_check(map, err);
}

int plan_vm_join_kvm(const struct dividing *d, struct plan *plan, struct err *err)
{
	const struct plan_vm_host *host = d->host->vm;
	uint32_t inside = host->kvm_gid, *group;
	int r = 0;

	if (!d->vm->accelerated || host->kvm_access != PLAN_VM_KVM_GROUP)
		return 0;
	if (plan->idmap.gid_count > 0)
		r = map_group(d->arena, host->kvm_gid, &plan->idmap, &inside, err);
	group = r < 0 ? NULL : LIST_ADD(d->arena, &plan->process.groups);
	if (!group)
		return r < 0 ? r : plan_vm_no_memory(d, err);
	*group = inside;
	return 0;
}

int plan_vm_accelerate(struct dividing *d, struct err *err)
{
	const struct plan_vm_host *host = d->host->vm;
	bool is_owner = d->jail_os->uid_mappings.count == 0;
	struct config_mount *mount;

	if (d->vm->backend != VM_BACKEND_QEMU || host->kvm_access == PLAN_VM_KVM_NONE ||
	    (host->kvm_access == PLAN_VM_KVM_OWNER && !is_owner))
		return 0;
	mount = LIST_ADD(d->arena, &d->jail->mounts);
	if (!mount || strv_split(d->arena, &mount->options, "bind,rprivate,nosuid,noexec", ",", false) < 0)
		return plan_vm_no_memory(d, err);
	mount->destination = mount->source = "/dev/kvm";
	mount->type = "bind";
	d->vm->accelerated = true;
	return 0;
}

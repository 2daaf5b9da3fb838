/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which namespaces an instance has for itself, which ids mean what in there, and what is set in them: names, sysctls,
 * clocks.
 */
#include <limits.h>
#include <sched.h>
#include <string.h>

#include "namespaces/sysctl.h"
#include "runtime/spec/plan_parts.h"

#define KERNEL_NAME_MAX 64 /* __NEW_UTS_LEN */

uint64_t plan_own_namespaces(const struct planning *p)
{
	uint64_t own = 0;

	for (int kind = 0; kind < NS_COUNT; kind++)
		if (p->plan->namespaces.kind[kind].how != NS_HOST)
			own |= ns_clone_flag((enum ns_kind)kind);
	return own;
}

bool plan_has_user_namespace(const struct planning *p)
{
	return p->plan->namespaces.kind[NS_USER].how != NS_HOST;
}

const struct idmap_range *plan_ranges(struct arena *arena, const config_id_mappings *mappings)
{
	struct idmap_range *ranges = arena_array(arena, mappings->count + 1, sizeof(*ranges));

	for (size_t i = 0; ranges && i < mappings->count; i++)
		ranges[i] = (struct idmap_range){
			.inside = mappings->items[i].container_id,
			.outside = mappings->items[i].host_id,
			.count = mappings->items[i].size,
		};
	return ranges;
}

static int take_configured(struct planning *p, struct ns_set *set, struct err *err)
{
	bool seen[NS_COUNT] = {false};

	for (size_t i = 0; i < p->os->namespaces.count; i++) {
		const struct config_namespace *wanted = &p->os->namespaces.items[i];
		int kind = ns_parse(wanted->type);

		if (kind < 0)
			return err_say(err, EINVAL, "linux.namespaces[%zu].type: '%s' is no kind of namespace", i,
				       wanted->type);
		if (seen[kind])
			return err_say(err, EINVAL, "linux.namespaces[%zu]: the %s namespace is there twice", i,
				       wanted->type);
		seen[kind] = true;
		if (text_is_empty(wanted->path)) {
			set->kind[kind].how = NS_FRESH;
			continue;
		}
		if (wanted->path[0] != '/')
			return err_say(err, EINVAL, "linux.namespaces[%zu].path: '%s' is no absolute path", i,
				       wanted->path);
		set->kind[kind] = (struct ns_choice){.how = NS_JOIN,
						     .path = wanted->path,
						     .inode = kind == NS_MOUNT ? p->host->mount_join.inode : 0};
	}
	return 0;
}

/* Another instance's namespaces are named by its id in hull.json: their paths hold only for as long as it runs. */
static int take_joined(struct planning *p, struct ns_set *set, struct err *err)
{
	for (size_t i = 0; p->extension && i < p->extension->joins.count; i++) {
		const struct extension_join *join = &p->extension->joins.items[i];
		int kind = ns_parse(join->type);

		if (kind < 0)
			return err_say(err, EINVAL, "hull.json: joins[%zu].type: '%s' is no kind of namespace", i,
				       join->type);
		if (set->kind[kind].how != NS_HOST)
			return err_say(err, EINVAL, "hull.json: joins[%zu]: the %s namespace is there twice", i,
				       join->type);
		if (!p->host->joined[kind])
			return err_say(err, ENOENT, "container '%s' does not run: its %s namespace cannot be joined",
				       join->container, join->type);
		set->kind[kind] = (struct ns_choice){.how = NS_JOIN,
						     .path = p->host->joined[kind],
						     .inode = p->host->joined_inodes[kind]};
	}
	return 0;
}

static int check_kernel(const struct planning *p, const struct ns_set *set, struct err *err)
{
	static const enum ns_kind optional[] = {NS_USER, NS_TIME, NS_CGROUP};

	for (size_t i = 0; i < ARRAY_SIZE(optional); i++)
		if (set->kind[optional[i]].how != NS_HOST && p->host->has_namespaces &&
		    !p->host->has_namespaces(optional[i]))
			return err_say(err, ENOTSUP, "linux.namespaces: this kernel has no %s namespaces",
				       ns_name(optional[i]));
	return 0;
}

int plan_namespaces(struct planning *p, struct err *err)
{
	struct ns_set *set = &p->plan->namespaces;
	int r = take_configured(p, set, err);

	if (r == 0)
		r = take_joined(p, set, err);
	if (r == 0)
		r = check_kernel(p, set, err);
	if (r < 0)
		return r;
	if (p->host->rootless && set->kind[NS_USER].how == NS_HOST)
		return err_say(err, EPERM, "linux.namespaces: an unprivileged caller needs a user namespace");
	return 0;
}

/*
 * hull.json's range is what the allocator has given; config.json's mappings are what is written. They must be the same.
 */
static int check_id_range(const struct planning *p, struct err *err)
{
	const struct extension_id_range *range = p->extension ? p->extension->id_range : NULL;
	const config_id_mappings *sides[] = {&p->os->uid_mappings, &p->os->gid_mappings};

	for (size_t i = 0; range && i < ARRAY_SIZE(sides); i++) {
		const struct config_id_mapping *one = sides[i]->items;

		if (sides[i]->count != 1 || one->container_id != 0 || one->host_id != range->base ||
		    one->size != range->size)
			return err_say(err, EINVAL, "hull.json: idRange is not what config.json's linux.%s says",
				       i ? "gidMappings" : "uidMappings");
	}
	return 0;
}

/*
 * The kernel lets an unprivileged process map its own group alone, and only once setgroups is denied for good: else a
 * program could leave a group that it was put into to be kept out of something.
 */
static bool may_set_groups(const struct planning *p, const struct idmap *map)
{
	return !(p->host->rootless && map->gid_count == 1 && map->gids[0].count == 1 &&
		 map->gids[0].outside == p->host->gid);
}

int plan_ids(struct planning *p, struct err *err)
{
	const struct config_linux *os = p->os;
	enum ns_how how = p->plan->namespaces.kind[NS_USER].how;
	struct idmap *map = &p->plan->idmap;
	bool uids = os->uid_mappings.count > 0, gids = os->gid_mappings.count > 0;
	int r = check_id_range(p, err);

	if (r < 0)
		return r;
	p->plan->set_groups_allowed = true;
	if (how == NS_HOST && (uids || gids))
		return err_say(err, EINVAL, "linux.%s: needs a user namespace in linux.namespaces",
			       uids ? "uidMappings" : "gidMappings");
	if (how == NS_HOST)
		return 0;
	if (uids != gids)
		return err_say(err, EINVAL, "linux.%s: missing, although the other one is there",
			       uids ? "gidMappings" : "uidMappings");
	if (!uids && how == NS_FRESH)
		return err_say(err, EINVAL, "linux.uidMappings: a new user namespace needs mappings");
	if (!uids) {
		*map = p->host->joined_idmap;
		return 0;
	}
	*map = (struct idmap){
		.uids = plan_ranges(p->arena, &os->uid_mappings),
		.uid_count = os->uid_mappings.count,
		.gids = plan_ranges(p->arena, &os->gid_mappings),
		.gid_count = os->gid_mappings.count,
	};
	if (!map->uids || !map->gids)
		return plan_no_memory(p, err);
	p->plan->set_groups_allowed = may_set_groups(p, map);
	r = idmap_check(map, err);
	return r < 0 ? err_wrap(err, "linux.uidMappings and gidMappings") : 0;
}

static int check_kernel_name(const struct planning *p, const char *member, const char *name, struct err *err)
{
	if (p->plan->namespaces.kind[NS_UTS].how == NS_HOST)
		return err_say(err, EINVAL, "%s: needs a uts namespace in linux.namespaces, or it would be the host's",
			       member);
	if (strlen(name) > KERNEL_NAME_MAX)
		return err_say(err, EINVAL, "%s: longer than %d characters", member, KERNEL_NAME_MAX);
	return 0;
}

static int take_offset(const struct planning *p, const char *clock, const struct config_time_offset *from,
		       struct plan_time_offset *to, struct err *err)
{
	if (!from)
		return 0;
	if (p->plan->namespaces.kind[NS_TIME].how != NS_FRESH)
		return err_say(err, EINVAL, "linux.timeOffsets.%s: needs a new time namespace in linux.namespaces",
			       clock);
	if (from->nanosecs >= 1000000000)
		return err_say(err, EINVAL, "linux.timeOffsets.%s.nanosecs: %u is a second or more", clock,
			       from->nanosecs);
	*to = (struct plan_time_offset){.set = true, .secs = from->secs, .nanosecs = from->nanosecs};
	return 0;
}

/* Members of the document that say the same as a sysctl: of two values the order of writing would choose one. */
static int check_told_once(const struct planning *p, struct err *err)
{
	const struct {
		const char *sysctl, *member, *value;
	} twins[] = {
		{"kernel.hostname", "hostname", p->plan->hostname},
		{"kernel/hostname", "hostname", p->plan->hostname},
		{"kernel.domainname", "domainname", p->plan->domainname},
		{"kernel/domainname", "domainname", p->plan->domainname},
	};

	for (size_t i = 0; i < ARRAY_SIZE(twins); i++) {
		const char *other = strmap_get(&p->os->sysctl, twins[i].sysctl);

		if (other && twins[i].value && strcmp(other, twins[i].value) != 0)
			return err_say(err, EINVAL, "linux.sysctl: '%s' is '%s', which contradicts %s: '%s'",
				       twins[i].sysctl, other, twins[i].member, twins[i].value);
	}
	return 0;
}

static int take_sysctls(struct planning *p, struct err *err)
{
	const struct strmap *wanted = &p->os->sysctl;

	for (size_t i = 0; i < wanted->count; i++)
		if (sysctl_check(wanted->items[i].key, plan_own_namespaces(p), err) < 0)
			return err_wrap(err, "linux.sysctl");
	p->plan->sysctls = *wanted;
	return check_told_once(p, err);
}

int plan_names(struct planning *p, struct err *err)
{
	const struct config *config = p->config;
	const struct config_time_offsets *offsets = &p->os->time_offsets;
	int r = 0;

	if (!text_is_empty(config->hostname)) {
		p->plan->hostname = config->hostname;
		r = check_kernel_name(p, "hostname", config->hostname, err);
	}
	if (r == 0 && !text_is_empty(config->domainname)) {
		p->plan->domainname = config->domainname;
		r = check_kernel_name(p, "domainname", config->domainname, err);
	}
	if (r == 0)
		r = take_offset(p, "boottime", offsets->boottime, &p->plan->boottime, err);
	if (r == 0)
		r = take_offset(p, "monotonic", offsets->monotonic, &p->plan->monotonic, err);
	return r < 0 ? r : take_sysctls(p, err);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Everything mounted below the root, in order: config.json's mounts as they are listed, then hull.json's volumes and
 * files, those of shorter destinations first, so that a volume for /data does not hide one for /data/cache.
 */
#include <stdlib.h>
#include <string.h>

#include "runtime/base/path.h"
#include "runtime/spec/plan_parts.h"

/* What the plan collects before it becomes an array of requests. */
typedef LIST_OF(struct mount_request) mount_list;

/* --- config.json's mounts ----------------------------------------------------------------------------------------- */

/* File systems that show a namespace: a user namespace may mount one afresh only for a namespace that belongs to it. */
static const struct {
	const char *type;
	enum ns_kind kind;
} shown[] = {
	{"proc", NS_PID},
	{"sysfs", NS_NET},
	{"mqueue", NS_IPC},
};

static int check_shown(const struct planning *p, const char *where, const char *type, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(shown); i++)
		if (strcmp(type, shown[i].type) == 0 && plan_has_user_namespace(p) &&
		    p->plan->namespaces.kind[shown[i].kind].how == NS_HOST)
			return err_say(err, EPERM,
				       "%s: with a user namespace and the host's %s namespace, %s cannot be mounted "
				       "afresh: "
				       "bind the host's",
				       where, ns_name(shown[i].kind), type);
	return 0;
}

static int take_destination(struct planning *p, const char *where, const char *from, const char **to, struct err *err)
{
	const char *clean;

	if (text_is_empty(from))
		return err_say(err, EINVAL, "%s.destination: the path is empty", where);
	*to = from;
	if (from[0] != '/') {
		plan_warn(p->arena, &p->plan->warnings, "%s.destination: '%s' is not absolute: taken as '/%s'", where,
			  from, from);
		*to = arena_printf(p->arena, "/%s", from);
	}
	clean = *to ? path_clean(p->arena, *to) : NULL;
	if (!clean)
		return plan_no_memory(p, err);
	if (strcmp(clean, "/") == 0)
		return err_say(err, EINVAL, "%s.destination: a mount over '/' would hide the root", where);
	return 0;
}

/* The specification has two ways to say 'bind': the options, and (by custom) the type. Options are what is read. */
static int take_options(struct planning *p, const char *where, const char *type, const struct strv *from,
			struct mount_options *to, struct err *err)
{
	struct strv words = {0};
	int r;

	if (type && strcmp(type, "bind") == 0 && !strv_has(from, "bind") && !strv_has(from, "rbind") &&
	    strv_add(p->arena, &words, "bind") < 0)
		return plan_no_memory(p, err);
	if (strv_add_list(p->arena, &words, from) < 0)
		return plan_no_memory(p, err);
	r = mount_options_parse(p->arena, &words, to, err);
	return r < 0 ? err_wrap(err, "%s.options", where) : 0;
}

static int take_mount_idmap(struct planning *p, const char *where, const struct config_mount *from,
			    struct mount_request *to, struct err *err)
{
	struct idmap *map;
	int r;

	if (!from->uid_mappings.count != !from->gid_mappings.count)
		return err_say(err, EINVAL, "%s: uidMappings and gidMappings go together", where);
	if (!from->uid_mappings.count && to->options.idmap == MOUNT_IDMAP_UNSAID)
		return 0;
	if (!to->options.bind)
		return err_say(err, EINVAL, "%s: ids are mapped for bind mounts only", where);
	if (p->host->rootless)
		return err_say(err, EPERM, "%s: an unprivileged caller cannot map the ids of mounts", where);
	if (!p->host->idmapped_mounts)
		return err_say(err, ENOTSUP, "%s: this kernel has no id-mapped mounts (Linux 5.12 has)", where);
	if (!from->uid_mappings.count) {
		to->idmap_container = true;
		return plan_has_user_namespace(p)
			       ? 0
			       : err_say(err, EINVAL, "%s: 'idmap' needs mappings, or a user namespace whose it takes",
					 where);
	}
	map = ARENA_NEW(p->arena, struct idmap);
	if (!map)
		return plan_no_memory(p, err);
	*map = (struct idmap){
		.uids = plan_ranges(p->arena, &from->uid_mappings),
		.uid_count = from->uid_mappings.count,
		.gids = plan_ranges(p->arena, &from->gid_mappings),
		.gid_count = from->gid_mappings.count,
	};
	if (!map->uids || !map->gids)
		return plan_no_memory(p, err);
	/* containerd sends mappings without the option. */
	if (to->options.idmap == MOUNT_IDMAP_UNSAID)
		to->options.idmap = MOUNT_IDMAP_ONE;
	to->idmap = map;
	r = idmap_check(map, err);
	return r < 0 ? err_wrap(err, "%s", where) : 0;
}

static int take_source(struct planning *p, const char *where, const struct config_mount *from, struct mount_request *to,
		       struct err *err)
{
	to->source = from->source;
	if (to->options.bind && !to->options.remount) {
		if (text_is_empty(from->source))
			return err_say(err, EINVAL, "%s.source: a bind mount needs one", where);
		to->source = plan_host_path(p, from->source);
		return to->source ? 0 : plan_no_memory(p, err);
	}
	if (text_is_empty(from->type) && !to->options.remount)
		return err_say(err, EINVAL, "%s.type: missing, and it is no bind mount", where);
	return from->type ? check_shown(p, where, from->type, err) : 0;
}

static int take_mount(struct planning *p, const char *where, const struct config_mount *from, struct mount_request *to,
		      struct err *err)
{
	int r;

	to->type = from->type;
	r = take_destination(p, where, from->destination, &to->destination, err);
	if (r == 0)
		r = take_options(p, where, from->type, &from->options, &to->options, err);
	if (r == 0)
		r = take_source(p, where, from, to, err);
	if (r == 0)
		r = take_mount_idmap(p, where, from, to, err);
	return r;
}

static int take_mounts(struct planning *p, mount_list *list, struct err *err)
{
	char where[32];

	for (size_t i = 0; i < p->config->mounts.count; i++) {
		struct mount_request *mount = LIST_ADD(p->arena, list);
		int r;

		if (!mount)
			return plan_no_memory(p, err);
		(void)snprintf(where, sizeof(where), "mounts[%zu]", i);
		r = take_mount(p, where, &p->config->mounts.items[i], mount, err);
		if (r < 0)
			return r;
	}
	return 0;
}

int plan_more_mounts(struct arena *arena, const struct config *config, const struct config_mounts *from,
		     const struct plan_host *host, struct mount_request **ret, struct strv *ret_warnings,
		     struct err *err)
{
	static const struct config_linux nothing;
	struct plan plan;
	struct planning planning = {
		.arena = arena,
		.config = config,
		.os = config->linux_ ? config->linux_ : &nothing,
		.host = host,
		.plan = &plan,
	};
	char where[32];
	int r = plan_inside(arena, config, NULL, host, &plan, err);

	*ret = arena_array(arena, from->mounts.count + 1, sizeof(**ret));
	if (r == 0 && !*ret)
		r = plan_no_memory(&planning, err);
	for (size_t i = 0; r == 0 && i < from->mounts.count; i++) {
		(void)snprintf(where, sizeof(where), "mounts[%zu]", i);
		r = take_mount(&planning, where, &from->mounts.items[i], &(*ret)[i], err);
	}
	if (r == 0 && strv_add_list(arena, ret_warnings, &plan.warnings) < 0)
		r = plan_no_memory(&planning, err);
	return r;
}

/* --- hull.json's -------------------------------------------------------------------------------------------------- */

/* The option words of a volume, before those that the user gave; one row a kind. */
static const struct {
	const char *type;
	const char *words[4];
} volume_defaults[] = {
	[VOLUME_NAMED] = {NULL, {"bind", "rprivate"}},
	[VOLUME_HOST] = {NULL, {"rbind", "rprivate"}},
	[VOLUME_TMPFS] = {"tmpfs", {"nosuid", "nodev"}},
};

static int check_volume(const struct planning *p, const char *where, const struct extension_volume *volume,
			struct err *err)
{
	if (volume->destination[0] != '/')
		return err_say(err, EINVAL, "%s.destination: '%s' is no absolute path", where, volume->destination);
	if (volume->kind == VOLUME_TMPFS)
		return volume->source || volume->idmap || volume->chown
			       ? err_say(err, EINVAL, "%s: a tmpfs has no source, no idmap and no chown", where)
			       : 0;
	if (text_is_empty(volume->source) || volume->source[0] != '/')
		return err_say(err, EINVAL, "%s.source: want an absolute path", where);
	if (volume->kind == VOLUME_NAMED && text_is_empty(volume->name))
		return err_say(err, EINVAL, "%s.name: a named volume has one", where);
	if (volume->idmap && plan_has_user_namespace(p) && !p->host->idmapped_mounts)
		return err_say(err, ENOTSUP, "%s: this kernel has no id-mapped mounts (Linux 5.12 has)", where);
	return 0;
}

static int volume_words(struct planning *p, const struct extension_volume *volume, bool mapped, struct strv *words)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(volume_defaults[0].words); i++)
		if (volume_defaults[volume->kind].words[i])
			r = strv_add(p->arena, words, volume_defaults[volume->kind].words[i]);
	if (r == 0 && mapped)
		r = strv_add(p->arena, words, volume->kind == VOLUME_HOST ? "ridmap" : "idmap");
	if (r == 0)
		r = strv_add_list(p->arena, words, &volume->options);
	/* A read-only volume is so with everything mounted below it, where the kernel can say that. */
	if (r == 0 && volume->read_only)
		r = strv_add(p->arena, words, p->host->idmapped_mounts && volume->kind != VOLUME_TMPFS ? "rro" : "ro");
	return r;
}

static int take_volume(struct planning *p, const char *where, const struct extension_volume *volume, mount_list *list,
		       struct err *err)
{
	/* Without a user namespace the container's ids are those on disk already. */
	bool mapped = volume->idmap && plan_has_user_namespace(p);
	struct strv words = {0};
	struct mount_request *mount;
	int r = check_volume(p, where, volume, err);

	if (r < 0)
		return r;
	mount = LIST_ADD(p->arena, list);
	if (!mount || volume_words(p, volume, mapped, &words) < 0)
		return plan_no_memory(p, err);
	mount->type = volume_defaults[volume->kind].type;
	mount->source = volume->kind == VOLUME_TMPFS ? "tmpfs" : volume->source;
	mount->idmap_container = mapped;
	r = take_destination(p, where, volume->destination, &mount->destination, err);
	if (r == 0)
		r = mount_options_parse(p->arena, &words, &mount->options, err);
	if (r < 0)
		return err_wrap(err, "%s", where);
	if (volume->kind == VOLUME_NAMED && !volume->read_only)
		mount->options.copy_up = true;
	if (volume->chown) {
		struct plan_chown *chown = LIST_ADD(p->arena, &p->plan->chowns);

		if (!chown)
			return plan_no_memory(p, err);
		*chown = (struct plan_chown){.source = volume->source, .idmap = volume->idmap};
	}
	return 0;
}

/* /etc/hosts and its like belong to the container's root, though they are the host's root's on disk. */
static int take_file(struct planning *p, const char *source, const char *destination, mount_list *list, struct err *err)
{
	bool mapped = plan_has_user_namespace(p);
	struct mount_request *mount;
	struct strv words = {0};

	if (!source)
		return 0;
	if (plan_want_absolute("hull.json: network.files", source, err) < 0)
		return -EINVAL;
	mount = LIST_ADD(p->arena, list);
	if (!mount || strv_split(p->arena, &words, "bind,rprivate,nosuid,nodev,noexec", ",", false) < 0 ||
	    (mapped && strv_add(p->arena, &words, "idmap") < 0))
		return plan_no_memory(p, err);
	*mount = (struct mount_request){.destination = destination, .source = source, .idmap_container = mapped};
	return mount_options_parse(p->arena, &words, &mount->options, err);
}

static unsigned depth_of(const char *path)
{
	unsigned depth = 0;

	for (const char *at = path; *at; at++)
		depth += *at == '/' && at[1] && at[1] != '/';
	return depth;
}

/* Insertion sort: stable, so that of two volumes for one place the later stays the one that is seen. */
static void sort_by_depth(struct mount_request *mounts, size_t count)
{
	for (size_t i = 1; i < count; i++) {
		struct mount_request moving = mounts[i];
		size_t to = i;

		for (; to > 0 && depth_of(mounts[to - 1].destination) > depth_of(moving.destination); to--)
			mounts[to] = mounts[to - 1];
		mounts[to] = moving;
	}
}

static int take_extension(struct planning *p, mount_list *list, struct err *err)
{
	const struct extension *extension = p->extension;
	size_t first = list->count;
	char where[48];
	int r = 0;

	if (!extension)
		return 0;
	r = take_file(p, extension->network.files.hosts, "/etc/hosts", list, err);
	if (r == 0)
		r = take_file(p, extension->network.files.hostname, "/etc/hostname", list, err);
	if (r == 0)
		r = take_file(p, extension->network.files.resolv_conf, "/etc/resolv.conf", list, err);
	for (size_t i = 0; r == 0 && i < extension->volumes.count; i++) {
		(void)snprintf(where, sizeof(where), "hull.json: volumes[%zu]", i);
		r = take_volume(p, where, &extension->volumes.items[i], list, err);
	}
	if (r == 0 && list->count > first)
		sort_by_depth(list->items + first, list->count - first);
	return r;
}

/* --- cgroup mounts ------------------------------------------------------------------------------------------------ */

/* What a mount of type "cgroup" shows is the host's layout, as the cgroups' folder tells it. */
static int take_cgroup_view(struct planning *p, struct err *err)
{
	enum ns_how how = p->plan->namespaces.kind[NS_CGROUP].how;
	struct cg_mount_view view = {0};
	struct cgroup_view *entries;
	size_t count = 0;
	bool afresh;
	int r;

	if (!p->host->cgroup_view)
		return 0;
	r = p->host->cgroup_view(p->plan->cgroup.driver, p->plan->cgroup.path, p->arena, &view, err);
	if (r < 0)
		return r;
	/*
	 * A tree that is mounted afresh in a cgroup namespace begins with the namespace's own folder. Without a
	 * namespace that would show the host's whole tree: only the own folder is bound. So are those of v1, though the
	 * same is seen: the mount of one waits for, and walks over, every cgroup of the host.
	 */
	afresh = how == NS_JOIN || (how == NS_FRESH && !view.tmpfs);
	entries = arena_array(p->arena, view.mount_count + view.link_count + 1, sizeof(*entries));
	if (!entries)
		return plan_no_memory(p, err);
	for (size_t i = 0; i < view.mount_count; i++) {
		const struct cg_mount *mount = &view.mounts[i];

		entries[count++] = afresh ? (struct cgroup_view){.folder = mount->name,
								 .type = mount->type,
								 .data = mount->options}
					  : (struct cgroup_view){.folder = mount->name, .bind = mount->host_folder};
	}
	for (size_t i = 0; i < view.link_count; i++)
		entries[count++] = (struct cgroup_view){.folder = view.links[i].name, .link = view.links[i].target};
	p->plan->root.cgroups = entries;
	p->plan->root.cgroup_count = count;
	return 0;
}

int plan_mounts(struct planning *p, struct err *err)
{
	mount_list list = {0};
	int r = take_mounts(p, &list, err);

	if (r == 0)
		r = take_extension(p, &list, err);
	if (r < 0)
		return r;
	p->plan->root.mounts = list.items;
	p->plan->root.mount_count = list.count;
	for (size_t i = 0; i < list.count; i++)
		if (list.items[i].type && !list.items[i].options.bind && text_starts(list.items[i].type, "cgroup"))
			return take_cgroup_view(p, err);
	return 0;
}

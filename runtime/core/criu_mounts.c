// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/core/criu_mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "namespaces/devices.h"
#include "runtime/base/fd.h"
#include "runtime/base/file.h"
#include "runtime/base/path.h"

#define MOUNTINFO_MAX_BYTES ((size_t)16 << 20)
#define MASK_KEY	    "/dev/null"

/* --- What is mounted ---------------------------------------------------------------------------------------------- */

/* mountinfo writes space, tab, newline and backslash as \ooo. */
static void unescape(char *words)
{
	char *to = words;

	for (const char *from = words; *from; to++) {
		unsigned byte;

		if (sscanf(from, "\\%3o", &byte) == 1) {
			*to = (char)byte;
			from += 4;
		} else {
			*to = *from++;
		}
	}
	*to = '\0';
}

/* "36 35 98:0 /root /place options optional - type source options" */
static int parse_line(struct arena *arena, char *line, mounts_seen *ret, struct err *err)
{
	char *fields[5], *rest = line, *type = strstr(line, " - ");
	struct mount_seen *mount = LIST_ADD(arena, ret);

	if (!mount)
		return arena_check(arena, err);
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		fields[i] = strsep(&rest, " ");
	if (!type || !rest || text_u64(fields[0], &mount->id) < 0)
		return err_say(err, EBADMSG, "a line of mountinfo makes no sense");
	unescape(fields[4]);
	mount->place = fields[4];
	type += strlen(" - ");
	mount->type = arena_strndup(arena, type, strcspn(type, " "));
	return arena_check(arena, err);
}

int mounts_seen_parse(struct arena *arena, char *mountinfo, mounts_seen *ret, struct err *err)
{
	int result = 0;

	*ret = (mounts_seen){0};
	for (char *line; result >= 0 && (line = strsep(&mountinfo, "\n"));)
		if (*line)
			result = parse_line(arena, line, ret, err);
	return result;
}

int mounts_seen_of(struct arena *arena, pid_t pid, mounts_seen *ret, struct err *err)
{
	const char *path = pid ? arena_printf(arena, "/proc/%d/mountinfo", pid) : "/proc/self/mountinfo";
	char *text;
	size_t len;
	int result = path ? file_read(arena, AT_FDCWD, path, MOUNTINFO_MAX_BYTES, &text, &len, err)
			  : arena_check(arena, err);

	return result < 0 ? result : mounts_seen_parse(arena, text, ret, err);
}

/* What `place` has behind `folder`: "" for the folder itself, "/rest" for what is below, NULL for all else. */
static const char *below(const char *place, const char *folder)
{
	size_t len = strcmp(folder, "/") == 0 ? 0 : strlen(folder);

	if (strncmp(place, folder, len) != 0)
		return NULL;
	return place[len] == '\0' || place[len] == '/' ? place + len : NULL;
}

static int add_pair(struct arena *arena, criu_pairs *to, const char *first, const char *second, struct err *err)
{
	struct criu_pair *pair = first && second ? LIST_ADD(arena, to) : NULL;

	if (!pair)
		return arena_check(arena, err);
	*pair = (struct criu_pair){.first = first, .second = second};
	return 0;
}

/* --- What comes from the host, by the plan ------------------------------------------------------------------------ */

/* A place inside that shows something of the host. */
struct shared {
	const char *destination; /* as it was asked for, cleaned */
	const char *key;
	const char *source; /* for a restore */
	bool is_bind;	    /* of root.mounts[mount]: a view is made of it */
	size_t mount;
};
typedef LIST_OF(struct shared) shared_list;

static int add_shared(struct arena *arena, shared_list *to, const struct shared *what, struct err *err)
{
	struct shared *item = what->destination && what->source ? LIST_ADD(arena, to) : NULL;

	if (!item)
		return arena_check(arena, err);
	*item = *what;
	return 0;
}

static int add_binds(struct arena *arena, const struct plan *plan, shared_list *to, struct err *err)
{
	int result = 0;

	for (size_t i = 0; i < plan->root.mount_count && result >= 0; i++) {
		const struct mount_request *mount = &plan->root.mounts[i];
		const char *clean = path_clean(arena, mount->destination);

		if (mount->options.bind)
			result = add_shared(arena, to,
					    &(struct shared){.destination = clean,
							     .key = clean,
							     .source = "",
							     .is_bind = true,
							     .mount = i},
					    err);
	}
	return result;
}

static bool is_cgroup(const struct mount_request *mount)
{
	return !mount->options.bind && mount->type && text_starts(mount->type, "cgroup");
}

/* Without a cgroup namespace the container sees its own folders of the host's trees. */
static int add_cgroups(struct arena *arena, const struct plan *plan, shared_list *to, struct err *err)
{
	int result = 0;

	for (size_t i = 0; i < plan->root.mount_count; i++) {
		const char *clean = path_clean(arena, plan->root.mounts[i].destination);

		for (size_t k = 0; is_cgroup(&plan->root.mounts[i]) && k < plan->root.cgroup_count && result >= 0;
		     k++) {
			const struct cgroup_view *view = &plan->root.cgroups[k];
			const char *place = *view->folder ? arena_printf(arena, "%s/%s", clean, view->folder) : clean;

			if (view->bind)
				result = add_shared(arena, to,
						    &(struct shared){.destination = place,
								     .key = place,
								     .source = view->bind},
						    err);
		}
	}
	return result;
}

/* Where nodes cannot be made, those of the host are bound. */
static int add_devices(struct arena *arena, const struct plan *plan, const char *stage, shared_list *to,
		       struct err *err)
{
	size_t default_count = 0;
	const struct device_request *defaults = devices_default(&default_count);
	int result = 0;

	if (!plan->root.bind_devices)
		return 0;
	for (size_t i = 0; i < default_count + plan->root.device_count && result >= 0; i++) {
		const char *path = i < default_count ? defaults[i].path : plan->root.devices[i - default_count].path;

		result = add_shared(arena, to,
				    &(struct shared){.destination = path,
						     .key = path,
						     .source = arena_printf(arena, "%s/%c%zu", stage, STAGE_DEVICE, i)},
				    err);
	}
	return result;
}

static int list_shared(struct arena *arena, const struct plan *plan, const char *stage, shared_list *ret,
		       struct err *err)
{
	int result = add_binds(arena, plan, ret, err);

	if (result >= 0)
		result = add_cgroups(arena, plan, ret, err);
	return result < 0 ? result : add_devices(arena, plan, stage, ret, err);
}

/* --- The dump's side ---------------------------------------------------------------------------------------------- */

/*
 * The mount that one comes to by a path inside, links and all, and what kind of file it shows; NULL when that is
 * nothing that is mounted there.
 */
static const struct mount_seen *find_mount(int root_fd, const char *path, const mounts_seen *inside, mode_t *ret_kind)
{
	struct err ignored = ERR_INIT;
	CLEANUP_FD int fd = path_open(root_fd, path, O_PATH | O_CLOEXEC, 0, &ignored);
	struct statx what;
	uint64_t id;

	if (fd < 0 || fd_mount_id(fd, &id) < 0 || statx(fd, "", AT_EMPTY_PATH, STATX_TYPE, &what) < 0 ||
	    !(what.stx_attributes & STATX_ATTR_MOUNT_ROOT))
		return NULL;
	*ret_kind = what.stx_mode & S_IFMT;
	for (size_t i = 0; i < inside->count; i++)
		if (inside->items[i].id == id)
			return &inside->items[i];
	return NULL;
}

/* Whether another entry of config.json has put something there later, or deeper: then it is that one's. */
static bool is_of_another(const struct plan *plan, const struct shared *owner, const char *place, struct arena *arena)
{
	for (size_t i = 0; i < plan->root.mount_count; i++) {
		const char *clean = path_clean(arena, plan->root.mounts[i].destination);

		if (clean && below(place, clean) && strlen(clean) > strlen(owner->destination))
			return true;
	}
	return false;
}

static int add_with_tree(struct arena *arena, const struct plan *plan, const struct shared *shared,
			 const struct mount_seen *top, const mounts_seen *inside, criu_pairs *ret, struct err *err)
{
	int result = 0;

	for (size_t i = 0; i < inside->count && result >= 0; i++) {
		const char *place = inside->items[i].place, *rest = below(place, top->place);

		if (!rest || (*rest && (!shared->is_bind || is_of_another(plan, shared, place, arena))))
			continue;
		result = add_pair(arena, ret, place, arena_printf(arena, "%s%s", shared->key, rest), err);
	}
	return result;
}

/* A masked folder has an empty file system of its own, which is saved like others. */
static int add_masks(struct arena *arena, const struct plan *plan, int root_fd, const mounts_seen *inside,
		     criu_pairs *ret, struct err *err)
{
	int result = 0;

	for (size_t i = 0; i < plan->root.masked_count && result >= 0; i++) {
		mode_t kind = 0;
		const struct mount_seen *mount = find_mount(root_fd, plan->root.masked_paths[i], inside, &kind);

		if (mount && kind == S_IFCHR)
			result = add_pair(arena, ret, mount->place, MASK_KEY, err);
	}
	return result;
}

int criu_mounts_inside(struct arena *arena, const struct plan *plan, int root_fd, const mounts_seen *inside,
		       criu_pairs *ret, struct err *err)
{
	shared_list shared = {0};
	int result = list_shared(arena, plan, "", &shared, err);

	for (size_t i = 0; i < shared.count && result >= 0; i++) {
		mode_t kind;
		const struct mount_seen *top = find_mount(root_fd, shared.items[i].destination, inside, &kind);

		if (top && strcmp(top->place, "/") != 0)
			result = add_with_tree(arena, plan, &shared.items[i], top, inside, ret, err);
	}
	return result < 0 ? result : add_masks(arena, plan, root_fd, inside, ret, err);
}

/* --- The restore's side ------------------------------------------------------------------------------------------- */

static int add_view(struct arena *arena, const struct shared *shared, const char *stage, const char *rest,
		    criu_pairs *ret, criu_views *ret_views, struct err *err)
{
	struct criu_view *view = LIST_ADD(arena, ret_views);

	if (!view)
		return arena_check(arena, err);
	view->mount = shared->mount;
	view->rest = rest;
	view->name = arena_printf(arena, "m%zu", ret_views->count);
	return add_pair(arena, ret, arena_printf(arena, "%s%s", shared->key, rest),
			arena_printf(arena, "%s/%s", stage, view->name), err);
}

/* A bind, and what of the host is mounted below its source. */
static int add_views(struct arena *arena, const struct plan *plan, const struct shared *shared, const char *stage,
		     const mounts_seen *host, criu_pairs *ret, criu_views *ret_views, struct err *err)
{
	const struct mount_request *mount = &plan->root.mounts[shared->mount];
	CLEANUP_FREE char *source = mount->options.bind_tree ? realpath(mount->source, NULL) : NULL;
	int result = add_view(arena, shared, stage, "", ret, ret_views, err);

	for (size_t i = 0; source && i < host->count && result >= 0; i++) {
		const char *rest = below(host->items[i].place, source);

		if (rest && *rest)
			result = add_view(arena, shared, stage, rest, ret, ret_views, err);
	}
	return result;
}

int criu_mounts_outside(struct arena *arena, const struct plan *plan, const char *stage, const mounts_seen *host,
			criu_pairs *ret, criu_views *ret_views, struct err *err)
{
	shared_list shared = {0};
	int result = list_shared(arena, plan, stage, &shared, err);

	for (size_t i = 0; i < shared.count && result >= 0; i++) {
		const struct shared *item = &shared.items[i];

		result = item->is_bind ? add_views(arena, plan, item, stage, host, ret, ret_views, err)
				       : add_pair(arena, ret, item->key, item->source, err);
	}
	return result < 0 ? result : add_pair(arena, ret, MASK_KEY, arena_printf(arena, "%s/" STAGE_NULL, stage), err);
}

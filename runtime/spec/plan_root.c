/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The root: a directory, or layers with an upper. The paths in it that are hidden or sealed, and its devices.
 */
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "runtime/base/path.h"
#include "runtime/spec/plan_parts.h"

#define MAX_MAJOR 0xfff
#define MAX_MINOR 0xfffff

static int check_paths(const char *member, const struct strv *paths, struct err *err)
{
	for (size_t i = 0; i < paths->count; i++)
		if (plan_want_absolute(member, paths->items[i], err) < 0)
			return -EINVAL;
	return 0;
}

static int take_layers(struct planning *p, struct root_request *root, struct err *err)
{
	const struct extension_root *from = &p->extension->root;
	int r = check_paths("hull.json: root.lowers", &from->lowers, err);

	if (r < 0)
		return r;
	if (!from->upper != !from->work)
		return err_say(err, EINVAL, "hull.json: root: upper and work go together");
	if (from->upper && (plan_want_absolute("hull.json: root.upper", from->upper, err) < 0 ||
			    plan_want_absolute("hull.json: root.work", from->work, err) < 0))
		return -EINVAL;
	root->lowers = (const char *const *)from->lowers.items;
	root->lower_count = from->lowers.count;
	root->upper = from->upper;
	root->work = from->work;
	return 0;
}

static int take_directory(struct planning *p, struct root_request *root, struct err *err)
{
	if (p->extension && (p->extension->root.upper || p->extension->root.work))
		return err_say(err, EINVAL, "hull.json: root: an upper without lowers");
	if (!p->config->root)
		return err_say(err, EINVAL, "root: the member is missing");
	if (text_is_empty(p->config->root->path))
		return err_say(err, EINVAL, "root.path: the path is empty");
	root->path = plan_host_path(p, p->config->root->path);
	return root->path ? 0 : plan_no_memory(p, err);
}

static int take_propagation(struct planning *p, struct root_request *root, struct err *err)
{
	const char *words = p->os->rootfs_propagation;
	int64_t flags;

	if (text_is_empty(words))
		return 0;
	flags = mount_propagation_parse(words);
	if (flags < 0)
		return err_say(err, EINVAL, "linux.rootfsPropagation: '%s' is no kind of mount propagation", words);
	root->propagation = (uint64_t)flags;
	return 0;
}

/*
 * Layers and `--rootfs` folders are hull run's, and shared by containers of different ranges: one copy on disk, ids
 * mapped for each.
 */
static bool wants_idmap(const struct planning *p)
{
	return p->extension && plan_has_user_namespace(p);
}

int plan_root(struct planning *p, struct err *err)
{
	struct root_request *root = &p->plan->root;
	int r;

	*root = (struct root_request){
		.readonly = p->config->root && p->config->root->readonly,
		.volatile_upper = p->extension && p->extension->auto_remove,
		.idmap_lowers = wants_idmap(p),
		.default_devices = true,
		.user_namespace = plan_has_user_namespace(p),
		.late_cgroups = !plan_has_user_namespace(p) || p->plan->namespaces.kind[NS_CGROUP].how != NS_HOST,
		/* mknod(2) is refused outside of the first user namespace, whatever capabilities are held inside. */
		.bind_devices = plan_has_user_namespace(p) || p->host->rootless || p->host->nested,
		.masked_paths = (const char *const *)p->os->masked_paths.items,
		.masked_count = p->os->masked_paths.count,
		.readonly_paths = (const char *const *)p->os->readonly_paths.items,
		.readonly_count = p->os->readonly_paths.count,
	};
	if (p->extension && p->extension->root.lowers.count)
		r = take_layers(p, root, err);
	else
		r = take_directory(p, root, err);
	if (r == 0)
		r = take_propagation(p, root, err);
	if (r == 0)
		r = check_paths("linux.maskedPaths", &p->os->masked_paths, err);
	if (r == 0)
		r = check_paths("linux.readonlyPaths", &p->os->readonly_paths, err);
	if (r < 0 || text_is_empty(p->os->mount_label))
		return r;
	if (!p->host->selinux)
		return err_say(err, ENOTSUP, "linux.mountLabel: SELinux is not enabled on this host");
	root->mount_label = p->os->mount_label;
	return 0;
}

/* --- devices ------------------------------------------------------------------------------------------------------ */

static int check_device_path(size_t row, const char *path, struct err *err)
{
	if (path[0] != '/' || !path_is_plain(path + 1))
		return err_say(err, EINVAL, "linux.devices[%zu].path: '%s' is no plain absolute path", row, path);
	return 0;
}

static int take_device_numbers(const struct config_device *from, size_t row, struct device_request *to, struct err *err)
{
	if (to->type == 'p')
		return 0;
	if (!from->major.set || !from->minor.set)
		return err_say(err, EINVAL, "linux.devices[%zu]: '%s' needs major and minor", row, from->path);
	if (from->major.value < 0 || from->major.value > MAX_MAJOR || from->minor.value < 0 ||
	    from->minor.value > MAX_MINOR)
		return err_say(err, EINVAL, "linux.devices[%zu]: %" PRId64 ":%" PRId64 " is no device number", row,
			       from->major.value, from->minor.value);
	to->major = (uint32_t)from->major.value;
	to->minor = (uint32_t)from->minor.value;
	return 0;
}

static int take_device_owner(const struct planning *p, const struct config_device *from, size_t row,
			     struct device_request *to, struct err *err)
{
	const struct idmap *map = &p->plan->idmap;
	uint32_t ignored;

	to->uid = from->uid.set ? (uint32_t)from->uid.value : 0;
	to->gid = from->gid.set ? (uint32_t)from->gid.value : 0;
	if (map->uid_count &&
	    (idmap_to_host_uid(map, to->uid, &ignored) < 0 || idmap_to_host_gid(map, to->gid, &ignored) < 0))
		return err_say(err, EINVAL, "linux.devices[%zu]: the owner %u:%u is not in the id mappings", row,
			       to->uid, to->gid);
	return 0;
}

static int take_device(const struct planning *p, const struct config_device *from, size_t row,
		       struct device_request *to, struct err *err)
{
	uint64_t mode = from->file_mode.set ? from->file_mode.value : 0666;
	int r = check_device_path(row, from->path, err);

	if (r < 0)
		return r;
	if (strlen(from->type) != 1 || !strchr("cubp", from->type[0]))
		return err_say(err, EINVAL, "linux.devices[%zu].type: '%s' is none of c, b, u, p", row, from->type);
	/* Callers hand on st_mode whole: the kind of the file is in `type` already. */
	mode &= ~(uint64_t)S_IFMT;
	if (mode > 07777)
		return err_say(err, EINVAL, "linux.devices[%zu].fileMode: %" PRIu64 " is no mode", row, mode);
	*to = (struct device_request){
		.path = from->path,
		.type = from->type[0] == 'u' ? 'c' : from->type[0],
		.mode = (mode_t)mode,
	};
	r = take_device_numbers(from, row, to, err);
	return r < 0 ? r : take_device_owner(p, from, row, to, err);
}

/* Generated lists often repeat the devices that are always there. */
static bool is_default(const struct device_request *device)
{
	size_t count;
	const struct device_request *defaults = devices_default(&count);

	for (size_t i = 0; i < count; i++)
		if (strcmp(defaults[i].path, device->path) == 0 && defaults[i].type == device->type &&
		    defaults[i].major == device->major && defaults[i].minor == device->minor &&
		    defaults[i].mode == device->mode && device->uid == 0 && device->gid == 0)
			return true;
	return false;
}

int plan_devices(struct planning *p, struct err *err)
{
	size_t wanted = p->os->devices.count;
	struct device_request *devices = arena_array(p->arena, wanted + 1, sizeof(*devices));
	size_t count = 0;

	if (!devices)
		return plan_no_memory(p, err);
	for (size_t i = 0; i < wanted; i++) {
		int r = take_device(p, &p->os->devices.items[i], i, &devices[count], err);

		if (r < 0)
			return r;
		for (size_t before = 0; before < count; before++)
			if (strcmp(devices[before].path, devices[count].path) == 0)
				return err_say(err, EINVAL, "linux.devices[%zu]: '%s' is there twice", i,
					       devices[count].path);
		if (!is_default(&devices[count]))
			count++;
	}
	p->plan->root.devices = devices;
	p->plan->root.device_count = count;
	return 0;
}

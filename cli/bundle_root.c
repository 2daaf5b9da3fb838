// SPDX-License-Identifier: GPL-2.0-or-later
/* The root, the basic mounts, the devices. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "cli/bundle_parts.h"
#include "cli/defaults.h"

/* --- Root --------------------------------------------------------------------------------------------------------- */

static int make_root(struct bundling *b, struct err *err)
{
	const struct overlay *overlay = &b->request->overlay;

	b->config->root = ARENA_NEW(b->arena, struct config_root);
	if (!b->config->root)
		return arena_check(b->arena, err);
	b->config->root->readonly = b->options->read_only;
	b->config->root->path = b->request->image ? "rootfs" : b->request->image_name;
	if (!b->request->image)
		return 0;
	for (size_t i = 0; i < overlay->lower_count; i++)
		(void)strv_add(b->arena, &b->extension->root.lowers, overlay->lowers[i]);
	b->extension->root.upper = overlay->upper;
	b->extension->root.work = overlay->work;
	return arena_check(b->arena, err);
}

/* --- Basic mounts ------------------------------------------------------------------------------------------------- */

/*
 * File systems that show a namespace can be mounted afresh only by who owns the namespace. Where it is the host's, and
 * this has a user namespace of its own, the host's mount is bound instead, read-only: the masks lie over it all the
 * same.
 */
static const struct {
	const char *destination, *namespace, *options;
} shown[] = {
	{"/proc", "pid", "rbind,nosuid,noexec,nodev"},
	{"/sys", "network", "rbind,nosuid,noexec,nodev,rro"},
	{"/dev/mqueue", "ipc", "bind,nosuid,noexec,nodev"},
};

static bool is_hosts(const struct bundling *b, const char *namespace)
{
	const char *mode = strcmp(namespace, "pid") == 0       ? b->options->pid
			   : strcmp(namespace, "network") == 0 ? b->options->network
							       : b->options->ipc;

	return bundle_is_host(mode);
}

static int bind_hosts(struct bundling *b, struct config_mount *mount, struct err *err)
{
	for (size_t i = 0; b->user_namespace && i < ARRAY_SIZE(shown); i++) {
		if (strcmp(mount->destination, shown[i].destination) != 0 || !is_hosts(b, shown[i].namespace))
			continue;
		mount->type = "bind";
		mount->source = shown[i].destination;
		mount->options = (struct strv){0};
		if (strv_split(b->arena, &mount->options, shown[i].options, ",", false) < 0)
			return arena_check(b->arena, err);
	}
	return 0;
}

/* Not every host mounts every one of them: what is not there cannot be shared. */
static void leave_out_missing(struct bundling *b)
{
	size_t kept = 0;

	for (size_t i = 0; i < b->config->mounts.count; i++) {
		const struct config_mount *mount = &b->config->mounts.items[i];
		bool missing = false;

		for (size_t n = 0; b->user_namespace && n < ARRAY_SIZE(shown); n++)
			missing |= strcmp(mount->destination, shown[n].destination) == 0 &&
				   is_hosts(b, shown[n].namespace) && access(shown[n].destination, F_OK) < 0;
		if (!missing)
			b->config->mounts.items[kept++] = *mount;
	}
	b->config->mounts.count = kept;
}

/* Shared memory segments and /dev/shm are two halves of the same thing. */
static int adjust_shm(struct bundling *b, struct config_mount *mount, struct err *err)
{
	uint64_t bytes;

	if (strcmp(mount->destination, "/dev/shm") != 0)
		return 0;
	if (bundle_is_host(b->options->ipc)) {
		mount->type = "bind";
		mount->source = "/dev/shm";
		mount->options = (struct strv){0};
		return strv_split(b->arena, &mount->options, "bind,nosuid,noexec,nodev", ",", false) < 0
			       ? arena_check(b->arena, err)
			       : 0;
	}
	if (!b->options->shm_size)
		return 0;
	(void)text_size(b->options->shm_size, &bytes); /* was checked */
	for (size_t i = 0; i < mount->options.count; i++)
		if (text_starts(mount->options.items[i], "size="))
			mount->options.items[i] = arena_printf(b->arena, "size=%llu", (unsigned long long)bytes);
	return arena_check(b->arena, err);
}

/* Privileged: /sys and the cgroups can be written. */
static void make_writable(struct arena *arena, struct config_mount *mount)
{
	for (size_t i = 0; i < mount->options.count; i++)
		if (strcmp(mount->options.items[i], "ro") == 0)
			mount->options.items[i] = arena_strdup(arena, "rw");
}

static int make_mounts(struct bundling *b, struct err *err)
{
	int result = defaults_add_mounts(b->arena, b->config, err);

	leave_out_missing(b);
	for (size_t i = 0; result >= 0 && i < b->config->mounts.count; i++) {
		struct config_mount *mount = &b->config->mounts.items[i];

		result = bind_hosts(b, mount, err);
		if (result >= 0)
			result = adjust_shm(b, mount, err);
		if (b->options->privileged)
			make_writable(b->arena, mount);
	}
	return result;
}

/* --- Devices ------------------------------------------------------------------------------------------------------ */

static int add_node(struct bundling *b, const char *inside, const struct stat *node, struct err *err)
{
	struct config_device *device = LIST_ADD(b->arena, &b->os->devices);

	if (device)
		*device = (struct config_device){
			.type = S_ISBLK(node->st_mode) ? "b" : "c",
			.path = inside,
			.major = {true, major(node->st_rdev)},
			.minor = {true, minor(node->st_rdev)},
			.file_mode = {true, node->st_mode & 0777},
		};
	return arena_check(b->arena, err);
}

static int add_rule(struct bundling *b, const struct stat *node, const char *access, struct err *err)
{
	struct config_device_rule *rule = LIST_ADD(b->arena, &b->resources->devices);

	if (rule)
		*rule = (struct config_device_rule){
			.allow = true,
			.type = S_ISBLK(node->st_mode) ? "b" : "c",
			.major = {true, major(node->st_rdev)},
			.minor = {true, minor(node->st_rdev)},
			.access = access,
		};
	return arena_check(b->arena, err);
}

/* HOST[:INSIDE[:rwm]] */
static int add_device(struct bundling *b, const char *words, struct err *err)
{
	struct strv parts = {0};
	const char *host, *inside, *access;
	struct stat node;
	int result;

	if (strv_split(b->arena, &parts, words, ":", true) < 0)
		return arena_check(b->arena, err);
	host = parts.items[0];
	inside = parts.count > 1 && parts.items[1][0] == '/' ? parts.items[1] : host;
	access = parts.count > 2 ? parts.items[2] : parts.count == 2 && inside == host ? parts.items[1] : "rwm";
	if (parts.count > 3 || host[0] != '/' || strspn(access, "rwm") != strlen(access) || !*access)
		return err_say(err, EINVAL, "option '--device': '%s': want HOST[:INSIDE[:rwm]] with absolute paths",
			       words);
	result = bundle_check_inside("--device", inside, err);
	if (result < 0)
		return result;
	if (stat(host, &node) < 0)
		return err_set(err, errno, "option '--device': '%s'", host);
	if (!S_ISCHR(node.st_mode) && !S_ISBLK(node.st_mode))
		return err_say(err, ENODEV, "option '--device': '%s' is no device", host);
	result = add_rule(b, &node, access, err);
	if (result < 0)
		return result;
	/* No node can be made in a user namespace; the host's own is bound, and the cgroup decides who may open it. */
	if (b->user_namespace)
		return defaults_add_mount(b->arena, b->config, inside, "bind", host, "bind,nosuid,noexec", err);
	return add_node(b, inside, &node, err);
}

static struct bundling *walking; /* nftw(3) hands no context to its callback */

/* All of the host's devices but the terminals, and what has a mount of its own. */
static int add_hosts_node(const char *path, const struct stat *node, int type, struct FTW *where)
{
	static const char *const own[] = {"/dev/pts", "/dev/shm", "/dev/mqueue", "/dev/console"};
	struct err ignored = ERR_INIT;

	(void)where;
	for (size_t i = 0; i < ARRAY_SIZE(own); i++) {
		size_t length = strlen(own[i]);

		if (strncmp(path, own[i], length) == 0 && (path[length] == '\0' || path[length] == '/'))
			return 0;
	}
	if (type == FTW_F && (S_ISCHR(node->st_mode) || S_ISBLK(node->st_mode)))
		(void)add_node(walking, arena_strdup(walking->arena, path), node, &ignored);
	return 0;
}

static int add_all_devices(struct bundling *b, struct err *err)
{
	struct config_device_rule *rule = LIST_ADD(b->arena, &b->resources->devices);

	if (rule)
		*rule = (struct config_device_rule){.allow = true, .access = "rwm"};
	/* The nodes of a machine's own devices its agent makes. */
	if (bundle_is_machine(b->options))
		return arena_check(b->arena, err);
	walking = b;
	(void)nftw("/dev", add_hosts_node, 16, FTW_PHYS | FTW_MOUNT);
	return arena_check(b->arena, err);
}

int bundle_root(struct bundling *b, struct err *err)
{
	int result = make_root(b, err);

	if (result >= 0)
		result = make_mounts(b, err);
	if (result >= 0)
		result = b->options->privileged ? add_all_devices(b, err)
						: defaults_add_device_rules(b->arena, b->resources, err);
	for (size_t i = 0; result >= 0 && i < b->options->devices.count; i++)
		result = add_device(b, b->options->devices.items[i], err);
	return result;
}

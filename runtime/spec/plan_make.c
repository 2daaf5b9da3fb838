/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime/spec/plan.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "namespaces/lsm.h"
#include "runtime/base/host.h"
#include "runtime/base/process.h"
#include "runtime/spec/plan_parts.h"

#define NEWEST_MINOR 3 /* of ociVersion 1.x: CONFIG_OCI_VERSION's */

static const char *const hook_names[HOOK_KIND_COUNT] = {
	[HOOK_PRESTART] = "prestart",
	[HOOK_CREATE_RUNTIME] = "createRuntime",
	[HOOK_CREATE_CONTAINER] = "createContainer",
	[HOOK_START_CONTAINER] = "startContainer",
	[HOOK_POSTSTART] = "poststart",
	[HOOK_POSTSTOP] = "poststop",
};

const char *plan_hook_name(enum plan_hook_kind kind)
{
	return hook_names[kind];
}

void plan_warn(struct arena *arena, struct strv *warnings, const char *fmt, ...)
{
	CLEANUP_TEXT struct text line = {.max_bytes = ERR_MSG_BYTES};
	va_list args;

	va_start(args, fmt);
	text_vaddf(&line, fmt, args);
	va_end(args);
	if (warnings)
		(void)strv_add(arena, warnings, text_get(&line));
}

int plan_no_memory(const struct planning *p, struct err *err)
{
	int r = arena_check(p->arena, err);

	return r < 0 ? r : err_set(err, ENOMEM, "cannot make the plan");
}

int plan_want_absolute(const char *member, const char *path, struct err *err)
{
	if (text_is_empty(path))
		return err_say(err, EINVAL, "%s: the path is empty", member);
	if (path[0] != '/')
		return err_say(err, EINVAL, "%s: '%s' is no absolute path", member, path);
	return 0;
}

const char *plan_host_path(const struct planning *p, const char *path)
{
	return path[0] == '/' ? path : arena_printf(p->arena, "%s/%s", p->host->bundle, path);
}

/* Semantic versioning: a suffix such as "-rc.1" or "+dev" says nothing about what the document may contain. */
static int plan_version(struct planning *p, struct err *err)
{
	const char *version = p->config->oci_version;
	unsigned major, minor, patch;
	int end = 0;

	if (sscanf(version, "%3u.%3u.%3u%n", &major, &minor, &patch, &end) != 3 ||
	    (version[end] && version[end] != '-' && version[end] != '+'))
		return err_say(err, EINVAL, "ociVersion: '%s' is no version: want one such as \"%s\"", version,
			       CONFIG_OCI_VERSION);
	if (major != 1)
		return err_say(err, ENOTSUP, "ociVersion: '%s' is not supported: 1.0.0 to %s are", version,
			       CONFIG_OCI_VERSION);
	/*
	 * Minor versions only add, and callers write the newest that they were built with, whether they use what it has
	 * or not.
	 */
	if (minor > NEWEST_MINOR)
		plan_warn(p->arena, &p->plan->warnings,
			  "ociVersion: '%s' is newer than %s: what it added is not known here", version,
			  CONFIG_OCI_VERSION);
	return 0;
}

static int plan_identity(struct planning *p, struct err *err)
{
	const struct plan_host *host = p->host;
	struct plan *plan = p->plan;

	if (text_is_empty(host->id))
		return err_say(err, EINVAL, "an instance needs an id");
	if (plan_want_absolute("the bundle's folder", host->bundle, err) < 0)
		return -EINVAL;
	plan->id = host->id;
	plan->bundle = host->bundle;
	plan->oci_version = p->config->oci_version;
	plan->rootless = host->rootless;
	plan->annotations = p->config->annotations;
	plan->backend = "ns";
	if (p->extension)
		plan->name = p->extension->name;
	if (p->config->vm)
		plan_warn(p->arena, &plan->warnings, "vm: ignored, since this instance is a container");
	return 0;
}

static int (*const parts[])(struct planning *p, struct err *err) = {
	plan_version,
	plan_identity,
	plan_unsupported,
	plan_namespaces,
	plan_ids,
	plan_names,
	plan_cgroup,
	plan_root,
	plan_devices,
	plan_mounts,
	plan_sysctls, /* after names and mounts */
	plan_container_process,
	plan_hooks,
	plan_network,
	plan_net_devices,
	plan_keeping,
};

static int run_parts(struct planning *planning, int (*const run[])(struct planning *p, struct err *err), size_t count,
		     struct err *err)
{
	*planning->plan = (struct plan){0};
	for (size_t i = 0; i < count; i++) {
		int r = run[i](planning, err);

		if (r < 0)
			return r;
	}
	return arena_check(planning->arena, err);
}

static const struct config_linux no_linux;

int plan_make(struct arena *arena, const struct config *config, const struct extension *extension,
	      const struct plan_host *host, struct plan *ret, struct err *err)
{
	if (host->vm)
		return plan_machine(arena, config, extension, host, ret, err);
	if (extension && extension->isolation == ISOLATION_VM)
		return err_say(err, ENOTSUP, "hull.json: isolation: 'vm': this caller makes containers only");
	return plan_container(arena, config, extension, host, ret, err);
}

int plan_container(struct arena *arena, const struct config *config, const struct extension *extension,
		   const struct plan_host *host, struct plan *ret, struct err *err)
{
	struct planning planning = {
		.arena = arena,
		.config = config,
		.os = config->linux_ ? config->linux_ : &no_linux,
		.extension = extension,
		.host = host,
		.plan = ret,
	};

	int r = run_parts(&planning, parts, ARRAY_SIZE(parts), err);

	return r < 0 ? r : plan_apart(&planning, err);
}

int plan_inside(struct arena *arena, const struct config *config, const struct extension *extension,
		const struct plan_host *host, struct plan *ret, struct err *err)
{
	static int (*const inside[])(struct planning * p, struct err * err) = {plan_namespaces, plan_ids};
	struct plan_host there = *host;
	struct planning planning = {
		.arena = arena,
		.config = config,
		.os = config->linux_ ? config->linux_ : &no_linux,
		.extension = extension,
		.host = &there,
		.plan = ret,
	};

	for (int kind = 0; kind < NS_COUNT; kind++)
		if (!there.joined[kind])
			there.joined[kind] = "/";
	return run_parts(&planning, inside, ARRAY_SIZE(inside), err);
}

static bool has_namespaces(enum ns_kind kind)
{
	switch (kind) {
	case NS_USER:
		return host_has(HOST_USER_NS);
	case NS_TIME:
		return host_has(HOST_TIME_NS);
	case NS_CGROUP:
		return host_has(HOST_CGROUP_NS);
	default:
		return true;
	}
}

void plan_host_probe(struct plan_host *ret)
{
	uid_t uid = geteuid();
	uint64_t caps = host_caps_permitted();

	*ret = (struct plan_host){
		.cgroup_driver = CG_DRIVER_CGROUPFS,
		.net_state_dir = NET_STATE_DIR,
		.rootless = uid != 0 || !(caps & CAPS_BIT(21 /* CAP_SYS_ADMIN */)),
		.nested = host_in_user_namespace(),
		.uid = uid,
		.gid = getegid(),
		.caps = caps,
		.cap_last = host_cap_last(),
		.seccomp = host_has(HOST_SECCOMP),
		.idmapped_mounts = host_has(HOST_MOUNT_SETATTR),
		.apparmor = lsm_has_apparmor(),
		.selinux = lsm_has_selinux(),
		.has_namespaces = has_namespaces,
		.check_cgroup = cg_check,
		.may_make_cgroup = cg_may_make,
		.cgroup_view = cg_mount_view,
	};
}

static const char *path_of(const struct config *config, enum ns_kind kind)
{
	for (size_t i = 0; config->linux_ && i < config->linux_->namespaces.count; i++)
		if (ns_parse(config->linux_->namespaces.items[i].type) == (int)kind)
			return config->linux_->namespaces.items[i].path;
	return NULL;
}

void plan_host_probe_mounts(const struct config *config, struct plan_host *host)
{
	const char *path = path_of(config, NS_MOUNT), *user_path = path_of(config, NS_USER);
	struct plan_mount_join *found = &host->mount_join;
	CLEANUP_FD int fd = text_is_empty(path) ? -1 : ns_open_path(NS_MOUNT, path, &found->why);
	struct stat mounts, user;

	if (fd < 0)
		return;
	if (fstat(fd, &mounts) < 0) {
		(void)err_set(&found->why, errno, "mount namespace '%s'", path);
		return;
	}
	found->inode = mounts.st_ino;
	found->is_callers = mounts.st_ino == ns_own(NS_MOUNT);
	/* What cannot be looked at cannot be joined either, which is told then. */
	if (text_is_empty(user_path) || stat(user_path, &user) < 0)
		user.st_ino = ns_own(NS_USER);
	found->is_foreign = !ns_is_below(fd, user.st_ino);
}

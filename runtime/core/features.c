// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/core/features.h"

#include "cgroups/cg.h"
#include "namespaces/caps.h"
#include "namespaces/limits.h"
#include "namespaces/mount_options.h"
#include "namespaces/ns.h"
#include "namespaces/seccomp.h"
#include "runtime/base/arena.h"
#include "runtime/base/json.h"
#include "runtime/base/scope.h"
#include "runtime/core/criu.h"
#include "runtime/spec/plan.h"

#define CAPABILITY_BITS 64

static void put_words(struct json_writer *w, const char *key, const char *const *words)
{
	json_open_array(w, key);
	for (; *words; words++)
		json_put_string(w, NULL, *words);
	json_close_array(w);
}

/* Objects that hold nothing but whether there is such a thing. */
static void put_enabled(struct json_writer *w, const char *key, bool enabled)
{
	json_open(w, key);
	json_put_bool(w, "enabled", enabled);
	json_close(w);
}

static void put_hooks(struct json_writer *w)
{
	json_open_array(w, "hooks");
	for (int kind = 0; kind < HOOK_KIND_COUNT; kind++)
		json_put_string(w, NULL, plan_hook_name((enum plan_hook_kind)kind));
	json_close_array(w);
}

static void put_namespaces(struct json_writer *w)
{
	json_open_array(w, "namespaces");
	for (int kind = 0; kind < NS_COUNT; kind++)
		json_put_string(w, NULL, ns_name((enum ns_kind)kind));
	json_close_array(w);
}

static void put_capabilities(struct json_writer *w)
{
	json_open_array(w, "capabilities");
	for (int number = 0; number < CAPABILITY_BITS; number++)
		if (caps_name(number))
			json_put_string(w, NULL, caps_name(number));
	json_close_array(w);
}

static void put_cgroup(struct json_writer *w, const struct cg_host *host)
{
	json_open(w, "cgroup");
	json_put_bool(w, "v1", true);
	json_put_bool(w, "v2", true);
	json_put_bool(w, "systemd", host->systemd_driver);
	json_put_bool(w, "systemdUser", host->systemd_driver);
	json_put_bool(w, "rdma", true);
	json_close(w);
}

static void put_seccomp(struct json_writer *w)
{
	json_open(w, "seccomp");
	json_put_bool(w, "enabled", true);
	put_words(w, "actions", seccomp_action_words());
	put_words(w, "operators", seccomp_op_words());
	put_words(w, "archs", seccomp_arch_words());
	put_words(w, "knownFlags", seccomp_flag_words());
	json_open_array(w, "supportedFlags");
	for (const char *const *word = seccomp_flag_words(); *word; word++)
		if (seccomp_flag_is_supported(*word))
			json_put_string(w, NULL, *word);
	json_close_array(w);
	json_close(w);
}

static void put_memory_policy(struct json_writer *w)
{
	json_open(w, "memoryPolicy");
	put_words(w, "modes", limits_memory_mode_words());
	put_words(w, "flags", limits_memory_flag_words());
	json_close(w);
}

static void put_linux(struct json_writer *w, const struct cg_host *host)
{
	json_open(w, "linux");
	put_namespaces(w);
	put_capabilities(w);
	put_cgroup(w, host);
	put_seccomp(w);
	put_enabled(w, "apparmor", true);
	put_enabled(w, "selinux", true);
	put_memory_policy(w);
	put_enabled(w, "intelRdt", false);
	json_open(w, "mountExtensions");
	put_enabled(w, "idmap", true);
	json_close(w);
	put_enabled(w, "netDevices", true);
	json_close(w);
}

/* Values of annotations are strings, always. */
static void put_annotations(struct json_writer *w, const struct cg_host *cgroups, struct arena *arena)
{
	struct err ignored = ERR_INIT;
	struct plan_host host;
	const char *criu;

	plan_host_probe(&host);

	const struct {
		const char *name;
		bool is_there;
	} facts[] = {
		{"io.hull.host.apparmor", host.apparmor},
		{"io.hull.host.idmappedMounts", host.idmapped_mounts},
		{"io.hull.host.seccomp", host.seccomp},
		{"io.hull.host.selinux", host.selinux},
		{"io.hull.host.timeNamespaces", host.has_namespaces(NS_TIME)},
		{"io.hull.host.userNamespaces", host.has_namespaces(NS_USER)},
	};

	json_open(w, "annotations");
	/* The name that engines look for, whichever runtime says it. */
	json_put_string(w, "org.opencontainers.runc.checkpoint.enabled",
			criu_find(arena, NULL, &criu, &ignored) < 0 ? "false" : "true");
	json_put_string(w, "io.hull.version", HULL_VERSION);
	json_put_string(w, "io.hull.host.cgroups", cgroups->layout_name);
	for (size_t i = 0; i < ARRAY_SIZE(facts); i++)
		json_put_string(w, facts[i].name, facts[i].is_there ? "true" : "false");
	json_close(w);
}

int features_json(struct text *out, struct err *err)
{
	CLEANUP_ARENA struct arena arena = ARENA_INIT;
	struct json_writer w = {.out = out, .indent = true};
	struct cg_host cgroups;
	int result = cg_host(&arena, &cgroups, err);

	if (result < 0)
		return result;
	json_open(&w, NULL);
	json_put_string(&w, "ociVersionMin", CONFIG_OCI_VERSION_MIN);
	json_put_string(&w, "ociVersionMax", CONFIG_OCI_VERSION);
	put_hooks(&w);
	put_words(&w, "mountOptions", mount_options_known());
	put_linux(&w, &cgroups);
	put_annotations(&w, &cgroups, &arena);
	json_open_array(&w, "potentiallyUnsafeConfigAnnotations");
	json_put_string(&w, NULL, PLAN_UNIT_PROPERTY);
	json_close_array(&w);
	json_close(&w);
	text_add(out, "\n");
	return text_check(out, err);
}

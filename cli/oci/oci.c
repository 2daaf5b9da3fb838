// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/oci/oci.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/verbs.h"
#include "net/ahead.h"
#include "runtime/base/file.h"
#include "runtime/base/host.h"
#include "runtime/base/log.h"
#include "runtime/core/cgroup_driver.h"
#include "runtime/core/control.h"
#include "runtime/core/sealed.h"
#include "runtime/spec/plan_vm.h"

#define DEFAULT_ROOT "/run/hull-oci"
#define ROOT_NAME    "hull-oci"

static const char *const log_formats[] = {"text", "json", NULL};
static const char *const cgroup_managers[] = {"cgroupfs", "systemd", "disabled", NULL};
static const char *const rootless_words[] = {"auto", "true", "false", NULL};

static int check_level(const char *words, struct err *err)
{
	enum log_level level;

	return log_level_parse(words, &level) < 0
		       ? err_say(err, EINVAL, "'%s' is no level: error, warn, info or debug", words)
		       : 0;
}

const struct option_row oci_globals[] = {
	{"root", 0, OPTION_STRING, offsetof(struct oci, root), "DIR",
	 "state directory (default " DEFAULT_ROOT ", or " ROOT_NAME
	 " in XDG_RUNTIME_DIR for who is not the host's root)",
	 NULL, NULL},
	{"log", 0, OPTION_STRING, offsetof(struct oci, log), "FILE", "also write log lines there", NULL, NULL},
	{"log-format", 0, OPTION_STRING, offsetof(struct oci, log_format), "FORMAT", "of log lines", log_formats, NULL},
	{"log-level", 0, OPTION_CHECKED, offsetof(struct oci, log_level), "LEVEL",
	 "least of what is written: error, warn (default), info or debug", NULL, check_level},
	{"debug", 0, OPTION_FLAG, offsetof(struct oci, debug), NULL, "the same as --log-level debug", NULL, NULL},
	{"systemd-cgroup", 0, OPTION_FLAG, offsetof(struct oci, systemd_cgroup), NULL, "ask systemd for cgroups", NULL,
	 NULL},
	{"cgroup-manager", 0, OPTION_STRING, offsetof(struct oci, cgroup_manager), "DRIVER", "how cgroups are made",
	 cgroup_managers, NULL},
	{"rootless", 0, OPTION_STRING, offsetof(struct oci, rootless), "WHEN",
	 "go without a cgroup where none may be made and no limit is asked for; auto: for who is not the host's root",
	 rootless_words, NULL},
	{"criu", 0, OPTION_STRING, offsetof(struct oci, criu), "PROGRAM",
	 "the criu(8) that makes checkpoints (default: criu, where systems keep such programs)", NULL, NULL},
	{"kernels", 0, OPTION_STRING, offsetof(struct oci, kernels), "DIR",
	 "hull-vm-oci: where 'hull kernel import' puts kernels (default " OCI_DEFAULT_KERNELS ")", NULL, NULL},
	{"version", 'v', OPTION_FLAG, offsetof(struct oci, version), NULL, "show the version", NULL, NULL},
	OPTIONS_END,
};

const struct command *const oci_commands[] = {
	&oci_create,	 &oci_start,   &oci_run,    &oci_state,	     &oci_list,
	&oci_kill,	 &oci_delete,  &oci_pause,  &oci_resume,     &oci_exec,
	&oci_ps,	 &oci_update,  &oci_events, &oci_mounts_add, &oci_mounts_remove,
	&oci_checkpoint, &oci_restore, &oci_spec,   &oci_features,   &verb_complete,
	&verb_man,	 NULL,
};

int oci_prepare(struct command_call *call, struct err *err)
{
	const struct oci *oci = call->globals;
	enum log_format format = LOG_FORMAT_TEXT;
	enum log_level level = LOG_LEVEL_WARN;
	int fd = -1;

	if (oci->version) {
		printf("%s version %s\nspec: %s\n", call->program->name, HULL_VERSION, CONFIG_OCI_VERSION);
		(void)fflush(stdout);
		exit(0);
	}
	if (oci->log_format)
		(void)log_format_parse(oci->log_format, &format);
	if (oci->log_level)
		(void)log_level_parse(oci->log_level, &level);
	if (oci->debug)
		level = LOG_LEVEL_DEBUG;
	if (oci->log) {
		fd = open(oci->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
		if (fd < 0)
			return err_set(err, errno, "option '--log': open the log '%s'", oci->log);
	}
	log_setup(call->program->name, fd, format, level);
	return 0;
}

bool oci_is_rootless(void)
{
	return geteuid() != 0 || host_in_user_namespace();
}

const char *oci_root(const struct command_call *call)
{
	const struct oci *oci = call->globals;
	const char *runtime = getenv("XDG_RUNTIME_DIR");

	if (oci->root)
		return oci->root;
	if (!text_is_empty(runtime) && oci_is_rootless())
		return arena_printf(call->arena, "%s/" ROOT_NAME, runtime);
	return DEFAULT_ROOT;
}

int oci_open_store(const struct command_call *call, struct store *ret, struct err *err)
{
	const char *root = oci_root(call);

	return root ? store_open(root, true, ret, err) : arena_check(call->arena, err);
}

enum cg_driver_kind oci_cgroup_driver(const struct command_call *call)
{
	const struct oci *oci = call->globals;

	return oci->systemd_cgroup ? CG_DRIVER_SYSTEMD : cgroup_driver_parse(oci->cgroup_manager);
}

const char *oci_seccomp_cache(const struct command_call *call, const struct store *store)
{
	return arena_printf(call->arena, "%s/.seccomp", store->path);
}

static bool has_user_namespace(const struct config *config)
{
	for (size_t i = 0; config->linux_ && i < config->linux_->namespaces.count; i++)
		if (strcmp(config->linux_->namespaces.items[i].type, "user") == 0)
			return true;
	return false;
}

static bool is_machine(const struct config *config)
{
	return oci_find_machine && plan_vm_pod_of(config) != PLAN_VM_POD_SANDBOX;
}

/*
 * Whether something of the bundle's comes to run where it could reach this process's program. In a user namespace of
 * its own it could do nothing with it. And a machine's jail is a process namespace of its own with the monitor alone in
 * it, which is executed from a view that is sealed: this process's child becomes that, and nothing of the bundle's ever
 * runs outside of the guest's kernel.
 */
static bool has_to_be_sealed(const struct config *config)
{
	return !is_machine(config) && !has_user_namespace(config);
}

static bool wants_network_namespace(const struct config *config)
{
	for (size_t i = 0; config->linux_ && i < config->linux_->namespaces.count; i++) {
		const struct config_namespace *wanted = &config->linux_->namespaces.items[i];

		if (strcmp(wanted->type, "network") == 0)
			return text_is_empty(wanted->path);
	}
	return false;
}

static bool has_sysfs(const struct config *config)
{
	for (size_t i = 0; i < config->mounts.count; i++)
		if (config->mounts.items[i].type && strcmp(config->mounts.items[i].type, "sysfs") == 0)
			return true;
	return false;
}

/* A monitor looks at no network of its own, and raises none. */
static unsigned what_ahead(const struct config *config)
{
	return is_machine(config) ? 0 : NET_AHEAD_LOOPBACK | (has_sysfs(config) ? NET_AHEAD_SYSFS : 0);
}

int oci_find_bundle(const struct command_call *call, const struct store *store, const char **ret, struct err *err)
{
	struct control_view view;
	int result = control_look(store, call->arena, call->operands.items[0], false, &view, err);

	*ret = result < 0 ? NULL : view.record.bundle;
	return result;
}

int oci_read_bundle(const struct command_call *call, const struct store *store, const struct config **ret,
		    struct plan_host *ret_host, struct err *err)
{
	const char *path;
	CLEANUP_FD int bundle = -1;
	int result = oci_find_bundle(call, store, &path, err);

	if (result < 0)
		return result;
	bundle = file_open_dir(AT_FDCWD, path, err);
	result = bundle < 0 ? bundle : config_read(call->arena, bundle, "config.json", ret, NULL, err);
	if (result < 0)
		return result;
	plan_host_probe(ret_host);
	ret_host->id = call->operands.items[0];
	ret_host->bundle = path;
	return 0;
}

int oci_seal(const struct command_call *call, const struct config *config, struct err *err)
{
	return has_user_namespace(config) ? 0 : sealed_self(call->argv, err);
}

/* An engine that says how cgroups are made has made up its mind. */
static bool cgroup_is_optional(const struct command_call *call)
{
	const struct oci *oci = call->globals;

	if (oci->rootless && strcmp(oci->rootless, "auto") != 0)
		return strcmp(oci->rootless, "true") == 0;
	return !oci->cgroup_manager && oci_is_rootless();
}

static int seal(const struct command_call *call, const struct config *config, struct err *err)
{
	return has_to_be_sealed(config) ? sealed_self(call->argv, err) : 0;
}

/*
 * What a child is going to need. Sealing comes before the network namespace, whose helper is in the memory that moves:
 * on another processor it would have to be interrupted for each segment, which costs more than it has begun earlier.
 */
static int begin_creation(const struct command_call *call, const struct config *config, struct err *err)
{
	int result = has_to_be_sealed(config) ? sealed_self_begin(call->argv, err) : 0;

	if (result >= 0 && wants_network_namespace(config) && !has_user_namespace(config))
		net_ahead_start(what_ahead(config));
	return result;
}

static int make_plan(const struct command_call *call, const char *id, const char *bundle, bool creates,
		     struct plan *ret, struct err *err)
{
	const struct config *config;
	struct plan_host host;
	char path[4096];
	int fd, result;

	if (!realpath(bundle ? bundle : ".", path))
		return err_set(err, errno, "bundle '%s'", bundle ? bundle : ".");
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_set(err, errno, "open the bundle '%s'", path);
	result = config_read(call->arena, fd, "config.json", &config, NULL, err);
	(void)close(fd);
	if (result < 0)
		return result;
	result = creates ? begin_creation(call, config, err) : seal(call, config, err);
	if (result < 0)
		return result;
	plan_host_probe(&host);
	plan_host_probe_mounts(config, &host);
	host.id = id;
	host.bundle = arena_strdup(call->arena, path);
	host.cgroup_driver = oci_cgroup_driver(call);
	host.cgroup_optional = cgroup_is_optional(call);
	if (oci_find_machine)
		result = oci_find_machine(call, config, &host, err);
	if (result < 0)
		return result;
	result = plan_make(call->arena, config, NULL, &host, ret, err);
	for (size_t i = 0; result >= 0 && i < ret->warnings.count; i++)
		log_line(LOG_LEVEL_WARN, "%s", ret->warnings.items[i]);
	return result;
}

int oci_plan(const struct command_call *call, const char *id, const char *bundle, struct plan *ret, struct err *err)
{
	return make_plan(call, id, bundle, false, ret, err);
}

int oci_plan_creation(const struct command_call *call, const char *id, const char *bundle, struct plan *ret,
		      struct err *err)
{
	return make_plan(call, id, bundle, true, ret, err);
}

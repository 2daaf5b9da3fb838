// SPDX-License-Identifier: GPL-2.0-or-later
/* spec */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/defaults.h"
#include "cli/oci/oci.h"
#include "namespaces/caps.h"
#include "runtime/base/file.h"

struct spec_options {
	const char *bundle;
	bool rootless;
};
static const struct option_row spec_rows[] = {
	{"bundle", 'b', OPTION_STRING, offsetof(struct spec_options, bundle), "DIR",
	 "where to write it (default: here)", NULL, NULL},
	{"rootless", 0, OPTION_FLAG, offsetof(struct spec_options, rootless), NULL,
	 "with a user namespace, for this user", NULL, NULL},
	OPTIONS_END,
};

#define SPEC_CAPS (CAPS_BIT(29) | CAPS_BIT(5) | CAPS_BIT(10)) /* audit_write, kill, net_bind_service: as runc's */

static const char *const namespaces[] = {"pid", "network", "ipc", "uts", "mount", "cgroup"};

static int add_id(struct arena *arena, config_id_mappings *to, uint32_t id, struct err *err)
{
	struct config_id_mapping *mapping = LIST_ADD(arena, to);

	if (mapping)
		*mapping = (struct config_id_mapping){.container_id = 0, .host_id = id, .size = 1};
	return arena_check(arena, err);
}

/* Only one group is mapped: a file system that is to belong to another cannot be mounted. */
static void drop_other_groups(struct config *config)
{
	for (size_t i = 0; i < config->mounts.count; i++) {
		struct strv *options = &config->mounts.items[i].options;
		size_t kept = 0;

		for (size_t word = 0; word < options->count; word++)
			if (!text_starts(options->items[word], "gid="))
				options->items[kept++] = options->items[word];
		options->count = kept;
		if (options->items)
			options->items[kept] = NULL;
	}
}

static int fill(struct arena *arena, bool rootless, struct config *config, struct err *err)
{
	struct config_process *process = config->process;
	struct config_rlimit *nofile = LIST_ADD(arena, &process->rlimits);

	process->terminal = true;
	process->cwd = "/";
	process->no_new_privileges = true;
	(void)strv_add(arena, &process->args, "sh");
	(void)strv_add(arena, &process->env, DEFAULT_PATH_ENV);
	(void)strv_add(arena, &process->env, "TERM=xterm");
	if (nofile)
		*nofile = (struct config_rlimit){.type = "RLIMIT_NOFILE", .soft = 1024, .hard = 1024};
	(void)defaults_set_caps(arena, SPEC_CAPS, process, err);
	(void)defaults_add_mounts(arena, config, err);
	(void)defaults_add_masks(arena, config->linux_, err);
	for (size_t i = 0; i < ARRAY_SIZE(namespaces); i++)
		(void)defaults_add_namespace(arena, config->linux_, namespaces[i], NULL, err);
	if (rootless) {
		drop_other_groups(config);
		(void)defaults_add_namespace(arena, config->linux_, "user", NULL, err);
		(void)add_id(arena, &config->linux_->uid_mappings, geteuid(), err);
		(void)add_id(arena, &config->linux_->gid_mappings, getegid(), err);
	} else {
		struct config_device_rule *rule = LIST_ADD(arena, &config->linux_->resources->devices);

		if (rule)
			*rule = (struct config_device_rule){.allow = false, .access = "rwm"};
	}
	return arena_check(arena, err);
}

static int run_spec(struct command_call *call, struct err *err)
{
	const struct spec_options *options = call->options;
	struct config config = {
		.oci_version = CONFIG_OCI_VERSION,
		.root = ARENA_NEW(call->arena, struct config_root),
		.process = ARENA_NEW(call->arena, struct config_process),
		.linux_ = ARENA_NEW(call->arena, struct config_linux),
		.hostname = "hull",
	};
	CLEANUP_TEXT struct text words = TEXT_INIT;
	CLEANUP_FD int bundle = -1;
	int result = arena_check(call->arena, err);

	if (result < 0)
		return result;
	config.root->path = "rootfs";
	config.root->readonly = true;
	config.linux_->resources = options->rootless ? NULL : ARENA_NEW(call->arena, struct config_resources);
	result = fill(call->arena, options->rootless, &config, err);
	if (result >= 0)
		result = config_write(&config, &words, err);
	if (result < 0)
		return result;
	bundle = file_open_dir(AT_FDCWD, options->bundle ? options->bundle : ".", err);
	if (bundle < 0)
		return err_wrap(err, "bundle '%s'", options->bundle ? options->bundle : ".");
	if (file_is_there(bundle, "config.json"))
		return err_say(err, EEXIST, "config.json is there already: remove it first");
	return file_replace(bundle, "config.json", text_get(&words), words.len, 0644, FILE_VOLATILE, err);
}

const struct command oci_spec = {
	.name = "spec",
	.operands = "",
	.summary = "Write a config.json to start from",
	.options = spec_rows,
	.options_bytes = sizeof(struct spec_options),
	.run = run_spec,
};

// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/hull.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/reword.h"
#include "cli/verbs.h"
#include "runtime/base/installed.h"
#include "runtime/base/log.h"

#define DEFAULT_ROOT "/run/hull"
#define DEFAULT_DATA "/var/lib/hull"

static const struct option_row globals[] = {
	{"root", 0, OPTION_STRING, offsetof(struct hull, root), "DIR",
	 "state that dies with the boot (default " DEFAULT_ROOT ")", NULL, NULL},
	{"data", 0, OPTION_STRING, offsetof(struct hull, data), "DIR",
	 "images, volumes, containers (default " DEFAULT_DATA ")", NULL, NULL},
	{"log-level", 0, OPTION_STRING, offsetof(struct hull, log_level), "LEVEL", "error, warn, info or debug", NULL,
	 NULL},
	{"version", 'v', OPTION_FLAG, offsetof(struct hull, version), NULL, "show the version", NULL, NULL},
	OPTIONS_END,
};

static int prepare(struct command_call *call, struct err *err)
{
	struct hull *hull = hull_of(call);
	enum log_level level = LOG_LEVEL_WARN;

	if (hull->version) {
		printf("hull version %s\n", HULL_VERSION);
		(void)fflush(stdout);
		exit(0);
	}
	if (hull->log_level && log_level_parse(hull->log_level, &level) < 0)
		return err_say(err, EINVAL, "unknown log level '%s': error, warn, info or debug", hull->log_level);
	log_setup("hull", -1, LOG_FORMAT_TEXT, level);
	hull->root = hull->root ? hull->root : DEFAULT_ROOT;
	hull->data = hull->data ? hull->data : DEFAULT_DATA;
	if (hull->root[0] != '/' || hull->data[0] != '/')
		return err_say(err, EINVAL, "'--root' and '--data' want absolute paths");
	hull->images = arena_printf(call->arena, "%s/images", hull->data);
	hull->volumes = arena_printf(call->arena, "%s/volumes", hull->data);
	hull->kernels = arena_printf(call->arena, "%s/kernels", hull->data);
	hull->idranges = arena_printf(call->arena, "%s/idranges", hull->data);
	hull->net_state = arena_printf(call->arena, "%s/net", hull->root);
	hull->seccomp_cache = arena_printf(call->arena, "%s/seccomp", hull->root);
	return arena_check(call->arena, err);
}

int stores_open(const struct command_call *call, struct stores *ret, struct err *err)
{
	const struct hull *hull = hull_of(call);
	const char *instances = arena_printf(call->arena, "%s/instances", hull->root);
	int result = arena_check(call->arena, err);

	*ret = STORES_INIT;
	if (result >= 0 && geteuid() != 0)
		result = err_say(err, EPERM, "containers are made by root: run it with sudo");
	if (result >= 0)
		result = store_open(instances, false, &ret->store, err);
	if (result >= 0)
		result = definitions_open(hull->data, &ret->definitions, err);
	if (result < 0)
		stores_close(ret);
	return result;
}

void stores_close(struct stores *stores)
{
	store_close(&stores->store);
	definitions_close(&stores->definitions);
}

const char *hull_data_dir(const struct command_call *call, const char *id)
{
	return arena_printf(call->arena, "%s/instances/%s", hull_of(call)->data, id);
}

int hull_unmake_command(const struct command_call *call, struct arena *arena, const char *id, struct strv *ret)
{
	const struct hull *hull = hull_of(call);
	char self[INSTALLED_PATH_BYTES];
	struct err ignored = ERR_INIT;
	int result = installed_self(self, &ignored);
	const char *words[] = {self, "--root", hull->root, "--data", hull->data, "__unmake", id};

	if (result < 0)
		return result;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strv_add(arena, ret, words[i]) < 0)
			return -ENOMEM;
	return 0;
}

int main(int argc, char **argv)
{
	static const struct program hull = {
		.name = "hull",
		.summary = "Runs programs in isolation: containers, from an image to an exit code.",
		.commands = hull_commands,
		.absent = hull_absent,
		.globals = globals,
		.globals_bytes = sizeof(struct hull),
		.failure = ERR_EXIT_FAILED,
		.prepare = prepare,
		.reword = reword_error,
	};

	return program_main(&hull, argc, argv);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* mounts add, mounts remove */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "cli/oci/oci.h"
#include "runtime/base/file.h"
#include "runtime/base/log.h"
#include "runtime/core/mounts.h"

#define MOUNTS_MAX_BYTES ((size_t)1 << 20)

static int read_mounts(struct command_call *call, const struct config_mounts **ret, struct err *err)
{
	const char *path = call->operands.items[1];
	bool is_input = strcmp(path, "-") == 0;
	const char *what = is_input ? "standard input" : path;
	char *data;
	size_t len;
	int result = is_input ? file_read_fd(call->arena, STDIN_FILENO, what, MOUNTS_MAX_BYTES, &data, &len, err)
			      : file_read(call->arena, AT_FDCWD, path, MOUNTS_MAX_BYTES, &data, &len, err);

	return result < 0 ? result : config_parse_mounts(call->arena, data, len, what, ret, err);
}

/* Relative sources are taken from the bundle, as config.json's are. */
static int plan(struct command_call *call, const struct store *store, const struct config_mounts *mounts,
		struct mount_request **ret, struct err *err)
{
	const struct config *config;
	struct plan_host host;
	struct strv warnings = {0};
	int result = oci_read_bundle(call, store, &config, &host, err);

	if (result < 0)
		return result;
	result = plan_more_mounts(call->arena, config, mounts, &host, ret, &warnings, err);
	for (size_t i = 0; result >= 0 && i < warnings.count; i++)
		log_line(LOG_LEVEL_WARN, "%s", warnings.items[i]);
	return result;
}

static int run_add(struct command_call *call, struct err *err)
{
	CLEANUP_STORE struct store store = {.fd = -1};
	const struct config_mounts *mounts;
	struct mount_request *requests;
	int result = oci_open_store(call, &store, err);

	if (result >= 0)
		result = read_mounts(call, &mounts, err);
	if (result >= 0)
		result = plan(call, &store, mounts, &requests, err);
	return result < 0 ? result : mounts_add(&store, call->operands.items[0], requests, mounts->mounts.count, err);
}

static int run_remove(struct command_call *call, struct err *err)
{
	CLEANUP_STORE struct store store = {.fd = -1};
	const struct config_mounts *mounts;
	struct strv destinations = {0};
	int result = oci_open_store(call, &store, err);

	if (result >= 0)
		result = read_mounts(call, &mounts, err);
	for (size_t i = 0; result >= 0 && i < mounts->mounts.count; i++)
		if (strv_add(call->arena, &destinations, mounts->mounts.items[i].destination) < 0)
			result = arena_check(call->arena, err);
	return result < 0 ? result : mounts_remove(&store, call->operands.items[0], &destinations, err);
}

const struct command oci_mounts_add = {
	.name = "mounts add",
	.operands = "ID FILE",
	.summary = "Bind files and folders of the host into a running container",
	.description = "FILE has an array of mounts as config.json has it; -: standard input. Only bind mounts. All of "
		       "them come in, or none.",
	.min_operands = 2,
	.max_operands = 2,
	.run = run_add,
};
const struct command oci_mounts_remove = {
	.name = "mounts remove",
	.operands = "ID FILE",
	.summary = "Take away mounts that were added to a running container",
	.description = "FILE has an array of mounts, of which the destinations count; -: standard input. Only what "
		       "'mounts add' has put there is removed.",
	.min_operands = 2,
	.max_operands = 2,
	.run = run_remove,
};

// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/instance_settle.h"

#include <errno.h>
#include <sys/file.h>

#include "cli/instance.h"
#include "cli/instance_start.h"
#include "cli/lost.h"
#include "images/catalog.h"
#include "namespaces/idrange.h"
#include "net/network.h"
#include "runtime/base/log.h"
#include "runtime/core/engine.h"

struct settling {
	const struct command_call *call;
	const struct stores *stores;
	bool found; /* something was set right: so look for what nobody holds, too */
};

static void complain(const char *id, const struct err *err)
{
	log_line(LOG_LEVEL_WARN, "container '%.12s': %s", id, err->msg);
}

static int unmake_command(void *user, struct arena *arena, const char *id, struct strv *ret)
{
	const struct settling *settling = user;

	return hull_unmake_command(settling->call, arena, id, ret);
}

static void after_unmade(void *user, const char *id, const struct engine_unmade *what)
{
	struct settling *settling = user;
	struct instance_starting again = {.id = id, .is_restart = true};
	struct err err = ERR_INIT;
	int result = 0;

	settling->found = true;
	if (what->remove)
		result = instance_remove(settling->call, settling->stores, id, true, &err);
	else if (what->restart)
		result = instance_start(settling->call, settling->stores, &again, NULL, &err);
	if (result < 0 && result != -ECANCELED)
		complain(id, &err);
}

/* A folder that nobody is at, and that never got its bundle; or one made with --rm that does not run any more. */
static bool is_left_over(const struct command_call *call, const struct stores *stores, const char *id)
{
	struct err ignored = ERR_INIT;
	CLEANUP_FD int folder = definition_open(&stores->definitions, id, &ignored);
	CLEANUP_FD int state = -1;
	const struct extension *extension;
	int result;

	if (folder < 0 || flock(folder, LOCK_EX | LOCK_NB) < 0)
		return false;
	result = extension_read(call->arena, folder, EXTENSION_FILE, &extension, &ignored);
	if (result == -ENOENT)
		return lost_half_made(folder);
	if (result < 0 || !extension->auto_remove)
		return false;
	state = store_find(&stores->store, id, &ignored);
	return state == -ENOENT;
}

static void settle_definitions(struct settling *settling)
{
	struct strv ids = {0};
	struct err err = ERR_INIT;

	if (definition_list(&settling->stores->definitions, settling->call->arena, &ids, &err) < 0) {
		log_err(&err);
		return;
	}
	for (size_t i = 0; i < ids.count; i++) {
		if (!is_left_over(settling->call, settling->stores, ids.items[i]))
			continue;
		settling->found = true;
		if (instance_remove(settling->call, settling->stores, ids.items[i], true, &err) < 0)
			complain(ids.items[i], &err);
	}
	(void)definition_sweep(&settling->stores->definitions, &err);
}

static bool has_state(const char *id, void *context)
{
	const struct settling *settling = context;
	struct err ignored = ERR_INIT;
	CLEANUP_FD int folder = store_find(&settling->stores->store, id, &ignored);

	return folder != -ENOENT;
}

/* One whose definition is lost has its image and its ids for as long as it runs. */
static bool is_there(const char *id, void *context)
{
	const struct settling *settling = context;
	struct err ignored = ERR_INIT;
	CLEANUP_FD int folder = definition_open(&settling->stores->definitions, id, &ignored);

	return folder != -ENOENT || has_state(id, context);
}

void instance_settle(const struct command_call *call, const struct stores *stores)
{
	const struct hull *hull = hull_of(call);
	struct settling settling = {.call = call, .stores = stores};
	struct engine_settling how = {
		.store = &stores->store,
		.unmake_command = unmake_command,
		.complain = complain,
		.unmade = after_unmade,
		.user = &settling,
	};
	struct err err = ERR_INIT;

	if (engine_settle(&how, &err) < 0)
		log_err(&err);
	settle_definitions(&settling);
	(void)net_collect(hull->net_state, has_state, &settling, &err);
	(void)idrange_collect(hull->idranges, is_there, &settling, &err);
	(void)catalog_sweep_holds(hull->images, is_there, &settling, &err);
}

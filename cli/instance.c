// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/instance.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/lost.h"
#include "cli/volume.h"
#include "images/catalog.h"
#include "images/overlay.h"
#include "namespaces/idrange.h"
#include "runtime/base/log.h"
#include "runtime/core/control.h"
#include "runtime/core/lifecycle.h"

/* --- Looking ------------------------------------------------------------------------------------------------------ */

/*
 * What the definition says of an instance that has no state folder: it never ran, or it was unmade, or the machine was
 * booted since.
 */
static void look_at_rest(int folder, struct instance_view *view)
{
	struct err ignored = ERR_INIT;
	bool may_restart =
		view->extension->restart.policy != RESTART_NO && definition_is_wanted_running(view->data_dir);

	view->now.status = RECORD_STOPPED;
	view->never_ran = definition_exit_read(folder, &view->last, &ignored) == -ENOENT;
	view->now.exit = view->last.exit;
	view->now.finished = view->last.finished;
	view->restarting = may_restart && !view->never_ran && definition_is_held(folder);
}

static int look_by_id(const struct command_call *call, const struct stores *stores, const char *id,
		      struct instance_view *ret, struct err *err)
{
	CLEANUP_FD int folder = definition_open(&stores->definitions, id, err);
	struct control_view view;
	struct err ignored = ERR_INIT;
	int result;

	if (folder == -ENOENT && lost_look(call, stores, id, ret) == 0) {
		err_clear(err);
		return 0;
	}
	if (folder < 0)
		return folder;
	*ret = (struct instance_view){.data_dir = hull_data_dir(call, id)};
	(void)text_copy(ret->id, sizeof(ret->id), id);
	result = extension_read(call->arena, folder, EXTENSION_FILE, &ret->extension, err);
	if (result < 0 && lost_look_damaged(call, stores, id, folder, ret) == 0) {
		err_clear(err);
		result = 0;
	}
	if (result == -ENOENT)
		return err_say(err, ENOENT, "no container '%.12s': its creation was interrupted", id);
	if (result < 0)
		return result;
	look_at_rest(folder, ret);
	if (control_look(&stores->store, call->arena, id, true, &view, &ignored) < 0)
		return arena_check(call->arena, err);
	ret->has_record = true;
	ret->never_ran = ret->restarting = false;
	ret->record = view.record;
	ret->now = view.now;
	return arena_check(call->arena, err);
}

int instance_look(const struct command_call *call, const struct stores *stores, const char *words,
		  struct instance_view *ret, struct err *err)
{
	char id[DEFINITION_ID_BYTES];
	int result = definition_find(&stores->definitions, words, id, err);

	if (result == -ENOENT && lost_find(call, stores, words, ret) == 0) {
		err_clear(err);
		return 0;
	}
	if (result < 0)
		return result;
	result = look_by_id(call, stores, id, ret, err);
	return result == -ENOENT ? err_say(err, ENOENT, "no container '%s': see 'hull ps -a'", words) : result;
}

bool instance_is_up(const struct instance_view *view)
{
	return view->has_record && (view->now.status == RECORD_RUNNING || view->now.status == RECORD_PAUSED);
}

int instance_check_running(const struct instance_view *view, const char *words, const char *hint, struct err *err)
{
	if (view->has_record && view->now.status != RECORD_STOPPED)
		return 0;
	return err_say(err, EINVAL, "container '%s' is not running: %s", words, hint);
}

static int compare_created(const void *a, const void *b)
{
	const struct instance_view *left = a, *right = b;

	if (left->extension->created != right->extension->created)
		return left->extension->created < right->extension->created ? 1 : -1;
	return strcmp(left->id, right->id);
}

int instance_list(const struct command_call *call, const struct stores *stores, struct instance_view **ret,
		  size_t *ret_count, struct err *err)
{
	struct strv ids = {0};
	int result = definition_list(&stores->definitions, call->arena, &ids, err);

	if (result >= 0)
		result = lost_list(call, stores, &ids, err);
	if (result < 0)
		return result;
	*ret_count = 0;
	*ret = arena_array(call->arena, ids.count + 1, sizeof(**ret));
	for (size_t i = 0; *ret && i < ids.count; i++) {
		struct err gone = ERR_INIT;

		if (look_by_id(call, stores, ids.items[i], &(*ret)[*ret_count], &gone) >= 0)
			(*ret_count)++;
	}
	result = arena_check(call->arena, err);
	if (result >= 0)
		qsort(*ret, *ret_count, sizeof(**ret), compare_created);
	return result;
}

bool instance_has_host_ids(const struct extension *extension)
{
	for (size_t i = 0; i < extension->joins.count; i++)
		if (strcmp(extension->joins.items[i].type, "user") == 0)
			return false;
	return !extension->id_range;
}

bool instance_has_volume(const struct extension *extension, const char *name)
{
	for (size_t i = 0; i < extension->volumes.count; i++) {
		const struct extension_volume *volume = &extension->volumes.items[i];

		if (volume->kind == VOLUME_NAMED && strcmp(volume->name, name) == 0)
			return true;
	}
	return false;
}

/* --- Removing ----------------------------------------------------------------------------------------------------- */

static bool is_anonymous(const struct extension_volume *volume)
{
	return volume->kind == VOLUME_NAMED && volume_is_anonymous(volume->name);
}

static bool has_anonymous(const struct extension *extension)
{
	for (size_t i = 0; i < extension->volumes.count; i++)
		if (is_anonymous(&extension->volumes.items[i]))
			return true;
	return false;
}

static bool has_other_user(const struct instance_view *views, size_t count, const char *id, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(views[i].id, id) != 0 && instance_has_volume(views[i].extension, name))
			return true;
	return false;
}

/* What cannot be removed stays, for 'hull volume prune'. */
static void remove_volumes(const struct command_call *call, const struct stores *stores, const char *id,
			   const struct extension *extension)
{
	struct err failure = ERR_INIT;
	CLEANUP_FD int lock = has_anonymous(extension) ? volume_lock(hull_of(call), FILE_LOCK_EXCLUSIVE, &failure) : -1;
	struct instance_view *views;
	size_t count;

	if (lock < 0 || instance_list(call, stores, &views, &count, &failure) < 0) {
		if (failure.code)
			log_err(&failure);
		return;
	}
	for (size_t i = 0; i < extension->volumes.count; i++) {
		const struct extension_volume *volume = &extension->volumes.items[i];

		if (is_anonymous(volume) && !has_other_user(views, count, id, volume->name) &&
		    volume_remove(hull_of(call), volume->name, &failure) < 0 && failure.code != ENOENT)
			log_err(&failure);
	}
}

static int remove_claimed(const struct command_call *call, const struct stores *stores, const char *id, bool volumes,
			  struct err *err)
{
	const struct hull *hull = hull_of(call);
	const char *data_dir = hull_data_dir(call, id), *name = NULL;
	const struct extension *extension;
	struct err ignored = ERR_INIT;
	CLEANUP_FD int folder = definition_open(&stores->definitions, id, &ignored);
	int result = arena_check(call->arena, err);

	if (result >= 0 && folder >= 0 &&
	    extension_read(call->arena, folder, EXTENSION_FILE, &extension, &ignored) >= 0) {
		name = extension->name;
		if (volumes)
			remove_volumes(call, stores, id, extension);
	}
	if (result >= 0)
		result = overlay_remove(data_dir, err);
	if (result >= 0)
		result = definition_remove(&stores->definitions, id, name, err);
	/* Only when nothing that belongs to the range is left on the disk. */
	if (result >= 0)
		result = idrange_release(hull->idranges, id, err);
	if (result >= 0)
		result = catalog_release(hull->images, id, err);
	return result;
}

/* An id that nobody works on. Whoever does is waited for; -EBUSY when there is an instance after that. */
static int claim_id(const struct command_call *call, const struct store *store, const char *id, struct err *err)
{
	for (;;) {
		int claim = store_claim(store, id, err);
		CLEANUP_FD int other = -1;
		struct record record;
		struct err missing = ERR_INIT;

		if (claim != -EEXIST)
			return claim;
		err_clear(err);
		other = store_find_locked(store, id, &missing);
		if (other == -ENOENT)
			continue;
		if (other >= 0 && lifecycle_read(call->arena, other, id, &record, &missing) == -ENOENT &&
		    store_remove_claim(store, id, other, &missing) >= 0)
			continue;
		return err_say(err, EBUSY, "container '%.12s' has been started again meanwhile", id);
	}
}

/*
 * Holds the id meanwhile, as a start would. One that got in between would run on with its files gone, unseen by every
 * command, and with ids that the next container gets, too.
 */
int instance_remove(const struct command_call *call, const struct stores *stores, const char *id, bool volumes,
		    struct err *err)
{
	CLEANUP_FD int claim = claim_id(call, &stores->store, id, err);
	struct err ignored = ERR_INIT;
	int result = claim;

	if (result >= 0)
		result = remove_claimed(call, stores, id, volumes, err);
	if (claim >= 0)
		(void)store_remove_claim(&stores->store, id, claim, &ignored);
	return result;
}

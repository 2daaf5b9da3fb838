// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/lost.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "runtime/base/file.h"
#include "runtime/base/scope.h"
#include "runtime/core/control.h"

static bool is_defined(const struct stores *stores, const char *id)
{
	struct err ignored = ERR_INIT;
	CLEANUP_FD int folder = definition_open(&stores->definitions, id, &ignored);

	return folder != -ENOENT;
}

/* What a definition would say, as far as it can be told without it. NULL without memory. */
static struct extension *make_up(struct arena *arena, const char *id, const char *name)
{
	struct extension *unknown = ARENA_NEW(arena, struct extension);

	if (!unknown)
		return NULL;
	unknown->name = name ? name : arena_printf(arena, "%.12s", id);
	unknown->image.name = "(definition lost)";
	unknown->network.mode = NETWORK_NONE;
	return unknown->name ? unknown : NULL;
}

int lost_look(const struct command_call *call, const struct stores *stores, const char *id, struct instance_view *ret)
{
	const char *data_dir = hull_data_dir(call, id);
	struct extension *unknown;
	struct err ignored = ERR_INIT;
	struct control_view view;

	if (!data_dir)
		return -ENOMEM;
	/* A plain OCI bundle's record names no data folder, another hull's names another. */
	if (control_look(&stores->store, call->arena, id, true, &view, &ignored) < 0 || !view.record.data_dir ||
	    strcmp(view.record.data_dir, data_dir) != 0 || is_defined(stores, id))
		return -ENOENT;
	unknown = make_up(call->arena, id, view.record.name);
	if (!unknown)
		return -ENOMEM;
	unknown->created = view.record.created;
	*ret = (struct instance_view){
		.data_dir = data_dir,
		.extension = unknown,
		.has_record = true,
		.lost = true,
		.record = view.record,
		.now = view.now,
	};
	return text_copy(ret->id, sizeof(ret->id), id);
}

bool lost_half_made(int folder)
{
	CLEANUP_DIR DIR *upper = NULL;
	CLEANUP_FD int fd = -1;
	struct dirent *entry;

	if (file_is_there(folder, EXTENSION_FILE))
		return false;
	fd = openat(folder, "upper", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	upper = fd < 0 ? NULL : fdopendir(fd);
	if (!upper)
		return errno == ENOENT;
	(void)fd_take(&fd);
	while ((entry = readdir(upper)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			return false;
	return true;
}

int lost_look_damaged(const struct command_call *call, const struct stores *stores, const char *id, int folder,
		      struct instance_view *ret)
{
	const struct extension *unknown =
		make_up(call->arena, id, definition_name_of(&stores->definitions, call->arena, id));

	if (lost_half_made(folder))
		return -ENOENT;
	*ret = (struct instance_view){
		.data_dir = hull_data_dir(call, id),
		.extension = unknown,
		.lost = true,
	};
	return unknown && ret->data_dir ? text_copy(ret->id, sizeof(ret->id), id) : -ENOMEM;
}

int lost_list(const struct command_call *call, const struct stores *stores, struct strv *ids, struct err *err)
{
	struct strv states = {0};
	int result = store_list(&stores->store, call->arena, &states, err);

	for (size_t i = 0; result >= 0 && i < states.count; i++)
		if (!strv_has(ids, states.items[i]) && !is_defined(stores, states.items[i]) &&
		    strv_add(call->arena, ids, states.items[i]) < 0)
			result = arena_check(call->arena, err);
	return result;
}

int lost_find(const struct command_call *call, const struct stores *stores, const char *words,
	      struct instance_view *ret)
{
	struct strv ids = {0};
	struct err ignored = ERR_INIT;

	if (lost_list(call, stores, &ids, &ignored) < 0)
		return -ENOENT;
	for (size_t i = 0; i < ids.count; i++)
		if (lost_look(call, stores, ids.items[i], ret) == 0 &&
		    (strcmp(ret->extension->name, words) == 0 || (*words && text_starts(ret->id, words))))
			return 0;
	return -ENOENT;
}

int lost_refuse(const char *words, struct err *err)
{
	return err_say(err, ENOENT, "container '%s': its definition is lost: 'hull rm --force' removes it", words);
}

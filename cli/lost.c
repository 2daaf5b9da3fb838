// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/lost.h"

#include <errno.h>
#include <string.h>

#include "runtime/core/control.h"

static bool is_defined(const struct stores *stores, const char *id)
{
	struct err ignored = ERR_INIT;
	CLEANUP_FD int folder = definition_open(&stores->definitions, id, &ignored);

	return folder != -ENOENT;
}

int lost_look(const struct command_call *call, const struct stores *stores, const char *id, struct instance_view *ret)
{
	struct extension *unknown = ARENA_NEW(call->arena, struct extension);
	const char *data_dir = arena_printf(call->arena, "%s/instances/%s", hull_of(call)->data, id);
	struct err ignored = ERR_INIT;
	struct control_view view;

	if (!unknown || !data_dir)
		return -ENOMEM;
	/* A plain OCI bundle's record names no data folder, another hull's names another. */
	if (control_look(&stores->store, call->arena, id, true, &view, &ignored) < 0 || !view.record.data_dir ||
	    strcmp(view.record.data_dir, data_dir) != 0 || is_defined(stores, id))
		return -ENOENT;
	unknown->name = view.record.name ? view.record.name : arena_printf(call->arena, "%.12s", id);
	unknown->created = view.record.created;
	unknown->image.name = "(definition lost)";
	unknown->network.mode = NETWORK_NONE;
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

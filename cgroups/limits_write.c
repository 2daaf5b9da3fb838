/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Listing the writes that limits become, and performing them.
 *
 * Several limits bound one another: memory below memory and swap, quota over period, burst below quota. Which must go
 * first depends on whether values rise or fall. The kernel knows: a write that it refuses waits until the others are
 * done, and is tried again, as long as anything moves.
 */
#include "cgroups/limits_write.h"

#include <errno.h>
#include <string.h>

#include "runtime/base/file.h"

struct cg_write *cg_add_write(struct cg_writes *writes, const char *limit, enum cg_controller controller,
			      const struct cg_tree *tree, const char *file, const char *value, struct err *err)
{
	if (!file || !value || writes->count == CG_MAX_WRITES) {
		err_set(err, writes->count == CG_MAX_WRITES ? E2BIG : ENOMEM, "list the limit '%s'", limit);
		return NULL;
	}
	writes->needed |= CG_BIT(controller) & (CG_BIT(CG_CONTROLLER_COUNT) - 1);
	writes->items[writes->count] = (struct cg_write){.limit = limit, .tree = tree, .file = file, .value = value};
	return &writes->items[writes->count++];
}

const struct cg_tree *cg_want_tree(const struct cg_writes *writes, const char *limit, enum cg_controller controller,
				   struct err *err)
{
	const struct cg_tree *tree = cg_layout_tree(writes->layout, controller);
	const char *v1 = cg_controller_name(controller, false), *v2 = cg_controller_name(controller, true);

	if (!tree)
		err_say(err, ENOTSUP, "limit '%s': this host's cgroups (%s) have no '%s' controller", limit,
			cg_layout_name(writes->layout->kind), v2 && writes->layout->kind == CG_LAYOUT_V2 ? v2 : v1);
	return tree;
}

int cg_say_wrong_layout(const char *limit, bool v2, struct err *err)
{
	return err_say(err, ENOTSUP, "limit '%s': cgroup %s has no such limit", limit, v2 ? "v2" : "v1");
}

static int write_one(const struct cg_folder *folder, const struct cg_write *write)
{
	int r = file_write_value(folder->fd, write->file, write->value);

	if (r == -ENOENT && write->other_file)
		r = file_write_value(folder->fd, write->other_file, write->other_value);
	return r == -ENOENT && write->may_be_missing ? 0 : r;
}

int cg_say_no_file(const struct cg_write *write, struct err *err)
{
	return err_say(err, ENOTSUP, "limit '%s': this kernel has no %s%s%s", write->limit, write->file,
		       write->other_file ? " or " : "", write->other_file ? write->other_file : "");
}

static int say_refused(const struct cg_folder *folder, const struct cg_write *write, int code, struct err *err)
{
	if (code == ENOENT)
		return cg_say_no_file(write, err);
	err_set(err, code, "limit '%s': write '%s' to %s of cgroup '%s'", write->limit, write->value, write->file,
		folder->below);
	if (code == EBUSY && strcmp(write->limit, "memory.limit") == 0)
		return err_hint(err, "more is in use, and cannot be given back");
	return -err->code;
}

int cg_limits_write(const struct cg *cg, const struct cg_writes *writes, struct err *err)
{
	bool done[CG_MAX_WRITES] = {false};
	size_t left = writes->count, before = 0;

	while (left > 0) {
		const struct cg_write *refused = NULL;
		int code = 0;

		before = left;
		for (size_t i = 0; i < writes->count; i++) {
			const struct cg_folder *folder = cg_folder_in(cg, writes->items[i].tree);
			int r;

			if (done[i])
				continue;
			r = folder ? write_one(folder, &writes->items[i]) : -ENOENT;
			done[i] = r == 0;
			left -= r == 0;
			if (r < 0 && !refused) {
				refused = &writes->items[i];
				code = -r;
			}
		}
		if (left == before) {
			const struct cg_folder *folder = cg_folder_in(cg, refused->tree);

			return folder ? say_refused(folder, refused, code, err)
				      : err_say(err, ENOENT, "limit '%s': the cgroup is gone from its tree",
						refused->limit);
		}
	}
	return 0;
}

// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/core/usage.h"

#include <errno.h>

#include "runtime/core/backend.h"
#include "runtime/core/control.h"

/* Without a lock: what is found is old when it is shown anyway. */
static int look(const struct store *store, struct arena *arena, const char *id, struct control_view *ret_view,
		const struct backend_ops **ret_backend, struct err *err)
{
	int result = control_look(store, arena, id, true, ret_view, err);

	if (result >= 0)
		result = backend_of(&ret_view->record, ret_backend, err);
	if (result < 0)
		return result;
	if (ret_view->now.status != RECORD_RUNNING && ret_view->now.status != RECORD_PAUSED)
		return err_say(err, EINVAL, "container '%s' is %s: nothing runs in it", id,
			       record_status_name(ret_view->now.status));
	return 0;
}

int usage_read(const struct store *store, struct arena *arena, const char *id, struct usage *ret, struct err *err)
{
	const struct backend_ops *backend;
	struct control_view view;
	int result = look(store, arena, id, &view, &backend, err);

	*ret = (struct usage){0};
	if (result < 0)
		return result;
	return backend->stat ? backend->stat(store, &view, arena, ret, err) : backend_lacks(backend, "stats", err);
}

int usage_processes(const struct store *store, struct arena *arena, const char *id, process_rows *ret, struct err *err)
{
	const struct backend_ops *backend;
	struct control_view view;
	int result = look(store, arena, id, &view, &backend, err);

	*ret = (process_rows){0};
	if (result < 0)
		return result;
	return backend->processes ? backend->processes(store, &view, arena, ret, err)
				  : backend_lacks(backend, "top", err);
}

int usage_dirty_rate(const struct store *store, struct arena *arena, const char *id, const char *name, uint64_t time_ms,
		     struct dirty_rate *ret, struct err *err)
{
	const struct backend_ops *backend;
	struct control_view view;
	int result = look(store, arena, id, &view, &backend, err);

	if (result < 0)
		return result;
	if (!backend->dirty_rate)
		return err_say(err, ENOTSUP, "container '%s' is no machine: what 'hull run --isolation vm' runs is one",
			       name);
	return backend->dirty_rate(store, &view, name, time_ms, ret, err);
}

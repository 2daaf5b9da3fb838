// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/core/bundle_hooks.h"

#include <errno.h>
#include <fcntl.h>

#include "runtime/base/file.h"
#include "runtime/base/log.h"
#include "runtime/core/hooks.h"

static int read_config(struct arena *arena, const struct record *record, const struct config **ret, struct err *err)
{
	CLEANUP_FD int bundle = file_open_dir(AT_FDCWD, record->bundle, err);

	return bundle < 0 ? bundle : config_read(arena, bundle, "config.json", ret, NULL, err);
}

void bundle_run_hooks(struct arena *arena, const struct record *record, enum plan_hook_kind kind,
		      enum record_status status)
{
	CLEANUP_TEXT struct text state = TEXT_INIT;
	plan_hook_list hooks[HOOK_KIND_COUNT] = {0};
	struct err ignored = ERR_INIT, failure = ERR_INIT;
	const struct config *config;
	int result = record->late_hooks ? read_config(arena, record, &config, &ignored) : -ENOENT;

	if (result < 0 || plan_config_hooks(arena, config, hooks, &ignored) < 0 || hooks[kind].count == 0)
		return;
	result = record_state_json(record, status, status == RECORD_STOPPED ? 0 : record->init.pid, false, &state,
				   &failure);
	if (result >= 0)
		result = hooks_run(&hooks[kind], kind, text_get(&state), state.len, &failure);
	if (result < 0)
		log_err(&failure);
}

int bundle_send_listener(struct arena *arena, const struct record *record, int listener, struct err *err)
{
	CLEANUP_TEXT struct text state = TEXT_INIT;
	const struct config *config;
	const struct config_seccomp *seccomp;
	int result = read_config(arena, record, &config, err);

	if (result < 0)
		return result;
	seccomp = config->linux_ ? config->linux_->seccomp : NULL;
	if (!seccomp || !seccomp->listener_path)
		return 0;
	result = record_process_state_json(record, RECORD_RUNNING, record->init.pid, seccomp->listener_metadata, &state,
					   err);
	return result < 0 ? result
			  : seccomp_listener_send(seccomp->listener_path, listener, text_get(&state), state.len, err);
}

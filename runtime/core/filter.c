// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/core/filter.h"

#include <fcntl.h>

#include "runtime/base/file.h"

int filter_compile(const struct seccomp_profile *profile, const char *cache, struct arena *arena,
		   struct confine_filter *ret, struct err *err)
{
	CLEANUP_FD int folder = -1;

	if (!profile)
		return 0;
	if (!cache)
		return seccomp_compile(profile, arena, ret, NULL, err);
	folder = open(cache, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder < 0) {
		int result = file_make_dirs(cache, 0700, err);

		if (result < 0)
			return result;
		folder = file_open_dir(AT_FDCWD, cache, err);
	}
	return folder < 0 ? folder : seccomp_cached(folder, profile, arena, ret, NULL, NULL, err);
}

int filter_take_listener(struct sync *sync, unsigned stage, const struct seccomp_profile *profile,
			 const struct record *record, pid_t pid, struct err *err)
{
	CLEANUP_TEXT struct text state = TEXT_INIT;
	CLEANUP_FD int listener = -1;
	unsigned fd_count = 1;
	size_t len = 0;
	int result = sync_wait_data(sync, stage, NULL, &len, &listener, &fd_count, err);

	if (result < 0 || fd_count == 0 || !profile || !profile->listener_path)
		return result;
	result = record_process_state_json(record, RECORD_RUNNING, pid, profile->listener_metadata, &state, err);
	if (result < 0)
		return result;
	return seccomp_listener_send(profile->listener_path, listener, text_get(&state), state.len, err);
}

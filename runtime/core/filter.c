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

// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/core/cgroup_options.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "namespaces/mount.h"
#include "runtime/base/file.h"
#include "runtime/base/text.h"

/* "30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate" */
static bool parse(const char *line, struct cgroup_options *ret)
{
	const char *type = strstr(line, " - cgroup2 ");

	return type && sscanf(line, "%*s %*s %*s %*s %4095s", ret->place) == 1 &&
	       sscanf(type, " - cgroup2 %*s %255s", ret->words) == 1;
}

void cgroup_options_keep(struct cgroup_options *ret)
{
	CLEANUP_FILE FILE *file = fopen("/proc/self/mountinfo", "re");
	char line[8192];

	while (file && fgets(line, sizeof(line), file))
		if (parse(line, ret))
			return;
	*ret = CGROUP_OPTIONS_INIT;
}

/* Of the file system alone: a remount by its place would change what this one mount may do, too. */
void cgroup_options_restore(struct cgroup_options *kept)
{
	struct err ignored = ERR_INIT;
	struct cgroup_options now;
	CLEANUP_FD int fd = -1;

	if (!*kept->place)
		return;
	cgroup_options_keep(&now);
	if (strcmp(now.words, kept->words) == 0)
		return;
	fd = file_open_dir(AT_FDCWD, kept->place, &ignored);
	if (fd >= 0)
		(void)mount_reconfigure(fd, "cgroup2", text_starts(kept->words, "rw,") ? kept->words + 3 : NULL, 0,
					&ignored);
}

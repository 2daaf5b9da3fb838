// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/core/cgroup_options.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "namespaces/mount.h"
#include "runtime/base/fd.h"
#include "runtime/base/file.h"
#include "runtime/base/process.h"
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

/* Nothing that is the caller's stays open: who reads the other end of its output must not wait for this process. */
static _Noreturn void guard(struct cgroup_options *kept, int pidfd)
{
	enum { PIDFD = STDERR_FILENO + 1 };
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), own = fd_dup(pidfd, PIDFD + 1);

	proc_reset_signals();
	if (setsid() < 0 || null < 0 || own < 0 || fd_place(own, PIDFD) < 0)
		_exit(1);
	for (int fd = 0; fd < PIDFD; fd++)
		if (fd_place(null, fd) < 0)
			_exit(1);
	if (fd_close_from(PIDFD + 1, NULL) < 0 || proc_wait_end(PIDFD, -1) < 0)
		_exit(1);
	cgroup_options_restore(kept);
	_exit(0);
}

pid_t cgroup_options_guard(struct cgroup_options *kept, int pidfd)
{
	pid_t pid;

	if (!*kept->place || pidfd < 0)
		return 0;
	pid = proc_clone(&(struct proc_clone){.cgroup_fd = -1});
	if (pid == 0)
		guard(kept, pidfd);
	return pid < 0 ? 0 : pid;
}

// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/core/pid_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "runtime/base/file.h"

int pid_file_write(const char *path, pid_t pid, struct err *err)
{
	struct stat there;
	char words[16];
	int len = snprintf(words, sizeof(words), "%d", pid);

	if (!path)
		return 0;
	if (stat(path, &there) == 0 && !S_ISREG(there.st_mode))
		return err_say(err, EEXIST, "pid file '%s': it is there already, and no ordinary file", path);
	return file_replace(AT_FDCWD, path, words, (size_t)len, 0644, FILE_VOLATILE, err) < 0
		       ? err_wrap(err, "pid file '%s'", path)
		       : 0;
}

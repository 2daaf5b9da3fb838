// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/core/exit_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>

#include "runtime/base/file.h"

#define EXIT_FILE_BYTES 128

int exit_file_write(int state_fd, const struct exit_file *exit, struct err *err)
{
	char line[EXIT_FILE_BYTES];
	int len = snprintf(line, sizeof(line),
			   "known=%d code=%" PRId32 " signal=%" PRId32 " oom=%d finished_ns=%" PRIu64 "\n", exit->known,
			   exit->code, exit->signal, exit->oom, exit->finished_ns);

	return file_replace(state_fd, EXIT_FILE, line, (size_t)len, 0600, FILE_VOLATILE, err);
}

int exit_file_read(int state_fd, struct exit_file *ret)
{
	char line[EXIT_FILE_BYTES];
	ssize_t len = file_read_line(state_fd, EXIT_FILE, line, sizeof(line));
	int known, oom;

	if (len < 0)
		return (int)len;
	if (sscanf(line, "known=%d code=%" SCNd32 " signal=%" SCNd32 " oom=%d finished_ns=%" SCNu64, &known, &ret->code,
		   &ret->signal, &oom, &ret->finished_ns) != 5)
		return -EINVAL;
	ret->known = known != 0;
	ret->oom = oom != 0;
	return 0;
}

// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/core/exit_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "runtime/base/file.h"

#define NO_CAUSE	"-"
#define EXIT_FILE_BYTES (128 + LAST_WORDS_CAUSE_BYTES + LAST_WORDS_BYTES)

int exit_file_write(int state_fd, const struct exit_file *exit, struct err *err)
{
	char line[EXIT_FILE_BYTES];
	int len = snprintf(line, sizeof(line),
			   "known=%d code=%" PRId32 " signal=%" PRId32 " oom=%d finished_ns=%" PRIu64
			   " cause=%s words=%s\n",
			   exit->known, exit->code, exit->signal, exit->oom, exit->finished_ns,
			   exit->cause[0] ? exit->cause : NO_CAUSE, exit->words);

	return file_replace(state_fd, EXIT_FILE, line, (size_t)len, 0600, FILE_VOLATILE, err);
}

int exit_file_read(int state_fd, struct exit_file *ret)
{
	char line[EXIT_FILE_BYTES];
	ssize_t len = file_read_line(state_fd, EXIT_FILE, line, sizeof(line));
	int known, oom, words = 0;

	if (len < 0)
		return (int)len;
	if (sscanf(line,
		   "known=%d code=%" SCNd32 " signal=%" SCNd32 " oom=%d finished_ns=%" SCNu64 " cause=%15s words=%n",
		   &known, &ret->code, &ret->signal, &oom, &ret->finished_ns, ret->cause, &words) != 6 ||
	    words == 0)
		return -EINVAL;
	if (strcmp(ret->cause, NO_CAUSE) == 0)
		ret->cause[0] = '\0';
	(void)snprintf(ret->words, sizeof(ret->words), "%s", line + words);
	ret->known = known != 0;
	ret->oom = oom != 0;
	return 0;
}

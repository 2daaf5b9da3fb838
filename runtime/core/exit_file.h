/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How an instance ended, as the process that saw it wrote it down: one line in the instance's state folder. The keeper
 * writes it (it knows no JSON), the life cycle folds it into the record.
 */
#ifndef HULL_RUNTIME_CORE_EXIT_FILE_H
#define HULL_RUNTIME_CORE_EXIT_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/err.h"
#include "runtime/vm/last_words.h"

#define EXIT_FILE "exit"

struct exit_file {
	bool known;	/* false: it ended, and nobody saw how */
	int32_t code;	/* exit code, or 128 + signal; 0 when unknown */
	int32_t signal; /* 0: ended by itself */
	/* a machine's kernel killed in the container for want of memory; what this host's did, its cgroup knows */
	bool oom;
	uint64_t finished_ns; /* since the epoch */
	/*
	 * Of a machine that ended without its program's exit code, as its monitor said it (runtime/vm/last_words.h);
	 * "": there is nothing to say.
	 */
	char cause[LAST_WORDS_CAUSE_BYTES];
	char words[LAST_WORDS_BYTES];
};

/* Atomically. No heap. 0 or -errno. */
int exit_file_write(int state_fd, const struct exit_file *exit, struct err *err);
/*
 * 0; -ENOENT when there is none; -EINVAL when it is no such line. Of one that an older hull's keeper wrote, what it did
 * not know is false, or "".
 */
int exit_file_read(int state_fd, struct exit_file *ret);

#endif

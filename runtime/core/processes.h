/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Processes as /proc shows them: read where they run, and told to who runs elsewhere. */
#ifndef HULL_RUNTIME_CORE_PROCESSES_H
#define HULL_RUNTIME_CORE_PROCESSES_H

#include "runtime/spec/fields.h"

struct process_row {
	int32_t host_pid; /* 0: it is no process of this host's */
	uint32_t uid;
	uint32_t pid; /* inside: the innermost of its numbers */
	uint64_t cpu_seconds;
	const char *command;
};
typedef LIST_OF(struct process_row) process_rows;

/* These; those that have ended meanwhile are left out. Ids are as their own user namespace has them. In the arena. 0 or -ENOMEM. */
int processes_read(struct arena *arena, const pid_t *pids, size_t count, process_rows *ret, struct err *err);

/* How a guest tells: a JSON object a line. Reading takes lines of the guest's choice: -EINVAL with words. */
void processes_write(const process_rows *rows, struct text *out);
int processes_parse(struct arena *arena, char *lines, process_rows *ret, struct err *err);

#endif
